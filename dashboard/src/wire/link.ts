// The WebSocket to the server, kept alive for ever.
// In: the address of /ws and who wants to know. Out: events in sequence without holes (a hole, a silence or a break
// leads to a new connection that resumes where this one ended), pictures, and the state of the connection.
// Used by live/live.ts.

import { type Event, parseEvent } from "./event";
import { type Picture, parsePicture } from "./picture";

export type LinkState =
  | { kind: "connecting" }
  | { kind: "open" }
  /** Lost; the next try is due at `until` on the clock of performance.now(). */
  | { kind: "waiting"; until: number; why: string }
  /** The server wants a token. */
  | { kind: "denied" };

export interface Listener {
  onEvent(event: Event): void;
  onPicture(picture: Picture): void;
  onState(state: LinkState): void;
}

/** The server sends a heartbeat every second; a link that says nothing for so long is dead, whatever TCP thinks. */
export const SILENCE_MS = 1_800;
/** Delay before each try, ms; the last one repeats. */
export const BACK_OFF_MS = [250, 1_000, 2_000, 4_000, 8_000];
/** Delays vary by so much either way, so that many pages do not come back at the same moment. */
const JITTER = 0.2;

export class Link {
  readonly #url: string;
  readonly #listener: Listener;
  readonly #needsToken: () => Promise<boolean>;
  #socket: WebSocket | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;
  #boot: string | null = null;
  #seq = 0;
  #watched = "[]";

  /** `needsToken` is asked after a connection was refused: browsers do not tell a page the reason. */
  constructor(url: string, listener: Listener, needsToken: () => Promise<boolean>) {
    this.#url = url;
    this.#listener = listener;
    this.#needsToken = needsToken;
  }

  /** Connects now, giving up a connection or a wait that is under way. */
  connect(): void {
    this.#drop();
    this.#listener.onState({ kind: "connecting" });
    const resumed = this.#boot !== null;
    const socket = new WebSocket(resumed ? `${this.#url}?boot=${this.#boot}&seq=${this.#seq}` : this.#url);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    let opened = false;
    let delivered = false;
    socket.onopen = () => {
      opened = true;
      this.#listener.onState({ kind: "open" });
      this.#expectWord();
      this.#say(this.#watched);
    };
    socket.onmessage = ({ data }) => {
      this.#expectWord();
      try {
        if (data instanceof ArrayBuffer) return this.#listener.onPicture(parsePicture(data));
        const event = parseEvent(String(data));
        if (!this.#follows(event)) {
          // A resume that starts with a hole will do so again: take a snapshot instead.
          if (resumed && !delivered) this.#boot = null;
          return this.connect();
        }
        delivered = true;
        this.#failures = 0;
      } catch (error) {
        this.#boot = null;
        this.#retryLater(`a message could not be read (${error instanceof Error ? error.message : error})`);
      }
    };
    socket.onclose = async () => {
      if (!opened && (await this.#needsToken())) {
        if (this.#socket === socket) this.close();
        return;
      }
      if (this.#socket === socket) this.#retryLater(opened ? "the connection broke" : "the server does not answer");
    };
  }

  /** Asks for pictures of these streams, now and after every reconnect. */
  watch(streams: string[]): void {
    const wanted = JSON.stringify(streams);
    if (wanted === this.#watched) return;
    this.#watched = wanted;
    this.#say(wanted);
  }

  /** Ends the link until connect() is called again. */
  close(): void {
    this.#drop();
    this.#listener.onState({ kind: "denied" });
  }

  /** Delivers the event when it is the next one; false: some are missing. */
  #follows(event: Event): boolean {
    if (event.type === "snapshot") this.#boot = event.boot;
    else if (event.type === "heartbeat") return event.seq === this.#seq;
    else if (this.#boot === null || event.seq !== this.#seq + 1) return false;
    this.#seq = event.seq;
    this.#listener.onEvent(event);
    return true;
  }

  #say(watched: string): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(`{"type":"watch","streams":${watched}}`);
  }

  #expectWord(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#retryLater("the server went silent"), SILENCE_MS);
  }

  #retryLater(why: string): void {
    this.#drop();
    const step = BACK_OFF_MS[Math.min(this.#failures, BACK_OFF_MS.length - 1)] ?? 0;
    const delay = step * (1 + JITTER * (2 * Math.random() - 1));
    this.#failures += 1;
    this.#listener.onState({ kind: "waiting", until: performance.now() + delay, why });
    this.#timer = setTimeout(() => this.connect(), delay);
  }

  /** A dead socket's own close can take minutes, so it is let go of, not waited for. */
  #drop(): void {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }
}
