// The golden messages that Rust and TypeScript tests share. In: tests/golden/events.json of the repository.
// Out: its events as the server would send them. Used by the unit tests only; no part of the page.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Event, parseEvent, type Stream, type Verdict } from "../src/wire/event";

const ROOT = join(import.meta.dirname, "../..");

export const document = (path: string): string => readFileSync(join(ROOT, path), "utf8");

interface Golden {
  events: { type: string; id?: string | number }[];
  errors: { code: string; message: string; field: string | null }[];
}

export const golden: Golden = JSON.parse(document("tests/golden/events.json"));

/** The text of each golden event. */
export const messages: string[] = golden.events.map((event) => JSON.stringify(event));
export const events: Event[] = messages.map(parseEvent);

/** The golden stream that is live and judged, changed as told. */
export function liveStream(change: Partial<Stream> = {}): Stream {
  const stream = events[0]?.type === "snapshot" ? events[0].streams[0] : undefined;
  if (!stream) throw new Error("the first golden event is no snapshot with a stream");
  return { ...structuredClone(stream), ...change };
}

export function verdict(change: Partial<Verdict> = {}): Verdict {
  const { verdict } = liveStream();
  if (!verdict) throw new Error("the first golden stream has no verdict");
  return { ...verdict, ...change };
}
