// The link: sequence, holes, silence, back-off and token, on a clock of the test's own and a socket it plays.

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { messages } from "../../tests/golden";
import type { Event } from "./event";
import { BACK_OFF_MS, Link, type LinkState, SILENCE_MS } from "./link";

/** The server's end of one connection. */
class Socket {
  static readonly OPEN = 1;
  static opened: Socket[] = [];
  readyState = 0;
  sent: string[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: unknown }) => void) | null = null;
  onclose: (() => void) | null = null;
  readonly url: string;

  constructor(url: string) {
    this.url = url;
    Socket.opened.push(this);
  }

  accept(): void {
    this.readyState = Socket.OPEN;
    this.onopen?.();
  }

  say(event: object): void {
    this.onmessage?.({ data: JSON.stringify({ v: 1, ...event }) });
  }

  /** The connection ends, by the network or the server. */
  break(): void {
    this.readyState = 3;
    this.onclose?.();
  }

  send = (text: string) => this.sent.push(text);
  close = () => {
    this.readyState = 3;
  };
}

const snapshot = JSON.parse(messages[0] ?? "");
const removed = (seq: number) => ({ seq, type: "removed", id: "gate" });
const heartbeat = (seq: number) => ({ seq, type: "heartbeat", now: "2026-11-24T11:05:36.000Z" });

let events: Event[];
let states: LinkState[];
let needsToken: boolean;
let link: Link;

beforeEach(() => {
  vi.useFakeTimers();
  // No jitter: the middle of its range.
  vi.spyOn(Math, "random").mockReturnValue(0.5);
  vi.stubGlobal("WebSocket", Socket);
  Socket.opened = [];
  events = [];
  states = [];
  needsToken = false;
  const listener = {
    onEvent: (event: Event) => events.push(event),
    onPicture: () => {},
    onState: (state: LinkState) => states.push(state),
  };
  link = new Link("ws://host/ws", listener, async () => needsToken);
  link.connect();
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const newest = (): Socket => Socket.opened.at(-1) as Socket;

/** A connection that has its snapshot, whose seq is 41. */
function online(): Socket {
  newest().accept();
  newest().say(snapshot);
  return newest();
}

test("a first connection asks for everything, and events follow in order", () => {
  const socket = online();
  socket.say(removed(42));
  socket.say(heartbeat(42));
  expect(socket.url).toBe("ws://host/ws");
  expect(events.map(({ type, seq }) => [type, seq])).toEqual([
    ["snapshot", 41],
    ["removed", 42],
  ]);
  expect(states).toEqual([{ kind: "connecting" }, { kind: "open" }]);
});

test.each([
  ["an event is missing", removed(43)],
  ["an event comes twice", removed(41)],
  ["a heartbeat knows of more", heartbeat(42)],
])("%s: it reconnects at once and resumes behind the last event it had", (_, event) => {
  const socket = online();
  socket.say(event);
  expect(events).toHaveLength(1);
  expect(socket.readyState).toBe(3);
  expect(newest().url).toBe(`ws://host/ws?boot=${snapshot.boot}&seq=41`);
  newest().accept();
  newest().say(removed(42));
  expect(events.at(-1)).toMatchObject({ seq: 42 });
});

test("a resume that begins with a hole takes a snapshot instead of trying for ever", () => {
  online().say(removed(43));
  newest().accept();
  newest().say(removed(50));
  expect(newest().url).toBe("ws://host/ws");
});

test("a snapshot in mid-stream replaces the sequence, as after falling behind", () => {
  const socket = online();
  socket.say({ ...snapshot, seq: 900, boot: "later" });
  socket.say(removed(901));
  expect(events.map(({ seq }) => seq)).toEqual([41, 900, 901]);
});

test("events before the first snapshot are not believed", () => {
  newest().accept();
  newest().say(removed(1));
  expect(events).toEqual([]);
  expect(Socket.opened).toHaveLength(2);
});

test("a link that says nothing is dead; heartbeats keep it alive", () => {
  const socket = online();
  for (let beat = 0; beat < 5; beat += 1) {
    vi.advanceTimersByTime(SILENCE_MS - 1);
    socket.say(heartbeat(41));
  }
  expect(states.at(-1)).toEqual({ kind: "open" });
  vi.advanceTimersByTime(SILENCE_MS);
  expect(states.at(-1)).toMatchObject({ kind: "waiting", why: "the server went silent" });
  socket.say(removed(42));
  expect(events).toHaveLength(1);
});

test("each try waits longer than the one before, up to a limit, for ever", async () => {
  for (const step of [...BACK_OFF_MS, BACK_OFF_MS.at(-1) ?? 0]) {
    const tries = Socket.opened.length;
    newest().break();
    await vi.advanceTimersByTimeAsync(step - 1);
    expect(states.at(-1)).toMatchObject({ kind: "waiting", why: "the server does not answer" });
    expect(Socket.opened).toHaveLength(tries);
    await vi.advanceTimersByTimeAsync(1);
    expect(Socket.opened).toHaveLength(tries + 1);
  }
});

test("a server that is back is trusted again only once it delivers", async () => {
  newest().break();
  await vi.advanceTimersByTimeAsync(BACK_OFF_MS[0] ?? 0);
  newest().accept();
  newest().break();
  await vi.advanceTimersByTimeAsync(BACK_OFF_MS[1] ?? 0);
  online().break();
  await vi.advanceTimersByTimeAsync(BACK_OFF_MS[0] ?? 0);
  expect(newest().url).toContain("seq=41");
  expect(Socket.opened).toHaveLength(4);
});

test("delays vary by a fifth either way", async () => {
  vi.mocked(Math.random).mockReturnValue(1);
  newest().break();
  await vi.advanceTimersByTimeAsync(0);
  expect(states.at(-1)).toMatchObject({ until: performance.now() + 1.2 * (BACK_OFF_MS[0] ?? 0) });
});

test("a message that cannot be read is said, and everything is asked for anew", () => {
  online().say({ seq: 42, type: "removed" });
  expect(states.at(-1)).toMatchObject({ kind: "waiting", why: expect.stringContaining("removed.id: expected text") });
  vi.advanceTimersByTime(BACK_OFF_MS[0] ?? 0);
  expect(newest().url).toBe("ws://host/ws");
});

test("a refusal for want of a token stops the tries until the page connects again", async () => {
  needsToken = true;
  newest().break();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(states.at(-1)).toEqual({ kind: "denied" });
  expect(Socket.opened).toHaveLength(1);
  link.connect();
  expect(Socket.opened).toHaveLength(2);
});

test("what is watched is asked for once, and again after a reconnect", () => {
  link.watch(["lobby"]);
  const socket = online();
  link.watch(["lobby"]);
  link.watch(["gate", "lobby"]);
  const both = '{"type":"watch","streams":["gate","lobby"]}';
  expect(socket.sent).toEqual(['{"type":"watch","streams":["lobby"]}', both]);
  socket.say(removed(50));
  newest().accept();
  expect(newest().sent).toEqual([both]);
});
