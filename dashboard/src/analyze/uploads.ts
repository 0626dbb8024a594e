// Files on their way to the server, one after the other; they go on while another page is shown. In: files, a way to
// send one. Out: an immutable list of what is not there yet (waiting, being sent, refused) and word of changes; what
// the server took is handed to `onTaken` and leaves the list. Used by Desk.tsx.

import type { Job, Upload } from "../wire/analysis";
import { ApiError } from "../wire/call";

export interface Sending {
  key: number;
  file: File;
  state: "waiting" | "sending" | "refused";
  /** Share sent, 0-1. */
  sent: number;
  /** The server's reason. */
  why: string | null;
}

type Send = (file: File, onSent: (share: number) => void) => Upload;

export class Uploads {
  onTaken: (job: Job) => void = () => {};
  #send: Send;
  #list: readonly Sending[] = [];
  #listeners = new Set<() => void>();
  #keys = 0;
  #now: { key: number; upload: Upload } | null = null;

  constructor(send: Send) {
    this.#send = send;
  }

  list = (): readonly Sending[] => this.#list;

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  add(files: Iterable<File>): void {
    const more = [...files].map((file): Sending => ({ key: ++this.#keys, file, state: "waiting", sent: 0, why: null }));
    this.#show([...this.#list, ...more]);
    void this.#work();
  }

  /** Stops what is being sent, forgets what waits or was refused. */
  drop(key: number): void {
    if (this.#now?.key === key) this.#now.upload.abort();
    this.#show(this.#list.filter((item) => item.key !== key));
  }

  async #work(): Promise<void> {
    if (this.#now) return;
    const next = this.#list.find(({ state }) => state === "waiting");
    if (!next) return;
    const { key } = next;
    this.#change(key, { state: "sending" });
    const upload = this.#send(next.file, (sent) => this.#change(key, { sent }));
    this.#now = { key, upload };
    try {
      const job = await upload.done;
      this.#show(this.#list.filter((item) => item.key !== key));
      this.onTaken(job);
    } catch (fault) {
      const why = fault instanceof ApiError ? fault.message : String(fault);
      this.#change(key, { state: "refused", why });
    }
    this.#now = null;
    void this.#work();
  }

  #change(key: number, change: Partial<Sending>): void {
    this.#show(this.#list.map((item) => (item.key === key ? { ...item, ...change } : item)));
  }

  #show(list: readonly Sending[]): void {
    this.#list = list;
    for (const listener of this.#listeners) listener();
  }
}
