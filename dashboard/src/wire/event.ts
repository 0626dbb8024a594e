// The server's messages, version 1, as `src/publish/event.rs` defines them (the same golden JSON tests both).
// In: the text of one WebSocket message. Out: a typed Event. Used by link.ts and picture.ts.

import { alertFields } from "./alert";
import { jobFields } from "./analysis";
import { asObject, type Checked, flag, list, nullable, number, object, oneOf, record, text, WireError } from "./check";
import { periodFields } from "./record";

export const VERSION = 1;

const label = oneOf("REAL", "FAKE", "UNCERTAIN", "STALE");
export type Label = Checked<typeof label>;

const rect = object({ x: number, y: number, width: number, height: number });

const quality = object({
  side_px: number,
  sharpness: number,
  luma: number,
  yaw_deg: number,
  pitch_deg: number,
  outside: number,
  weight: number,
});

// Reasons stay plain text: a newer server may know more of them, and words.ts spells unknown ones out.
const face = object({
  track: number,
  rect,
  label,
  fake_confidence: nullable(number),
  window_confidence: nullable(number),
  synthetic_confidence: nullable(number),
  attention: list(number),
  windows: number,
  quality,
  reasons: list(text),
});
export type Face = Checked<typeof face>;

const verdictFields = {
  id: text,
  frame: number,
  pts_secs: number,
  captured: text,
  latency_ms: number,
  width: number,
  height: number,
  label,
  fake_confidence: nullable(number),
  reasons: list(text),
  evidence_age_secs: nullable(number),
  faces: list(face),
};
const verdict = object(verdictFields);
export type Verdict = Checked<typeof verdict>;

const fault = object({ code: text, message: text, retry_in_secs: nullable(number) });

const streamFields = {
  id: text,
  name: text,
  kind: text,
  source: text,
  state: oneOf("connecting", "live", "fault", "ended"),
  fault: nullable(fault),
  since: text,
  width: number,
  height: number,
  fps: nullable(number),
  codec: nullable(text),
  decoder: nullable(text),
  reconnects: number,
  dropped: record(number),
  analyses_per_sec: number,
  verdict: nullable(verdict),
};
const stream = object(streamFields);
export type Stream = Checked<typeof stream>;

const server = object({
  version: text,
  model: object({ name: text, version: text, trial: flag, note: text }),
  provider: text,
  /** What it would rather run on, and why it cannot. */
  passed_over: list(object({ provider: text, why: text })),
  fake_at: number,
  real_at: number,
  stale_secs: number,
});
export type Server = Checked<typeof server>;

const envelope = { v: number, seq: number };
const bodies = {
  snapshot: object({ ...envelope, type: oneOf("snapshot"), boot: text, now: text, server, streams: list(stream) }),
  stream: object({ ...envelope, type: oneOf("stream"), ...streamFields }),
  removed: object({ ...envelope, type: oneOf("removed"), id: text }),
  verdict: object({ ...envelope, type: oneOf("verdict"), ...verdictFields }),
  // Says that nothing happened; repeats the newest sequence number.
  heartbeat: object({ ...envelope, type: oneOf("heartbeat"), now: text }),
};
/** News of what the server keeps. The wall lives without them: one that cannot be read only counts. */
const news = {
  analysis: object({ ...envelope, type: oneOf("analysis"), ...jobFields }),
  period: object({ ...envelope, type: oneOf("period"), ...periodFields }),
  alert: object({ ...envelope, type: oneOf("alert"), ...alertFields }),
};
export type NewsOf = { [K in keyof typeof news]: Checked<(typeof news)[K]> };
type Bodies = { [K in keyof typeof bodies]: Checked<(typeof bodies)[K]> };
/** A type that this page does not know yet counts in the sequence and is otherwise ignored. */
export type Event = Bodies[keyof Bodies] | NewsOf[keyof NewsOf] | { type: "unknown"; v: number; seq: number };

export const parseVerdict = (value: unknown): Verdict => verdict(value, "verdict");

export function parseEvent(message: string): Event {
  const value = asObject(JSON.parse(message), "event");
  if (value.v !== VERSION) throw new WireError(`this page speaks version ${VERSION}, the server ${value.v}; reload it`);
  const type = text(value.type, "event.type");
  if (Object.hasOwn(bodies, type)) return bodies[type as keyof Bodies](value, type);
  if (Object.hasOwn(news, type)) {
    try {
      return news[type as keyof NewsOf](value, type);
    } catch {
      // Falls through: the pages that show it ask the server anyway.
    }
  }
  return { type: "unknown", v: VERSION, seq: number(value.seq, "event.seq") };
}
