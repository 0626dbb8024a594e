// Judging files: upload, progress, result. In: a file, an id. Out: typed jobs, and the server's refusal with its reason.
// Used by the page analyze/.

import { API, type ApiError, call, faultIn, get, query, unreachable } from "./call";
import { type Check, type Checked, key, list, nullable, number, object, oneOf, record, text } from "./check";

const label = oneOf("REAL", "FAKE", "UNCERTAIN", "STALE");
const rect = object({ x: number, y: number, width: number, height: number });

const timelineFace = object({
  track: number,
  rect,
  verdict: label,
  fake_confidence: nullable(number),
  window_confidence: nullable(number),
  synthetic_confidence: nullable(number),
  attention: list(number),
  reasons: list(text),
});

const result = object({
  verdict: label,
  fake_confidence: nullable(number),
  reasons: list(text),
  duration_secs: nullable(number),
  frames: number,
  analysed: number,
  faces: number,
  windows: number,
  damage: nullable(text),
  width: number,
  height: number,
  fake_at: number,
  real_at: number,
  tracks: list(
    object({
      track: number,
      verdict: label,
      fake_confidence: nullable(number),
      synthetic_confidence: nullable(number),
      windows: number,
      first_secs: number,
      last_secs: number,
      reasons: record(number),
    }),
  ),
  timeline: list(
    object({ pts_secs: number, verdict: label, fake_confidence: nullable(number), faces: list(timelineFace) }),
  ),
  pictures: list(
    object({ pts_secs: number, width: number, height: number, faces: list(object({ track: number, rect })) }),
  ),
});
export type Result = Checked<typeof result>;
export type Moment = Result["timeline"][number];

export const jobFields = {
  id: key,
  name: text,
  kind: oneOf("image", "video"),
  container: text,
  bytes: number,
  sha256: text,
  state: oneOf("queued", "running", "done", "failed", "cancelled"),
  stage: nullable(text),
  frames_done: number,
  frames_total: nullable(number),
  progress: nullable(number),
  eta_secs: nullable(number),
  created: text,
  started: nullable(text),
  finished: nullable(text),
  processing_secs: nullable(number),
  error: nullable(object({ code: text, message: text })),
  model: object({ name: text, version: text }),
};
const job = object(jobFields);
export type Job = Checked<typeof job>;
const analysis = object({ ...jobFields, result: nullable(result) });
export type Analysis = Checked<typeof analysis>;

const jobs = object({ analyses: list(job), next: nullable(text) });

const at = (id: string) => `${API}/analyses/${encodeURIComponent(id)}`;

export const jobsNow = (cursor: string | null, signal?: AbortSignal) =>
  get(jobs, `${API}/analyses${query({ cursor, limit: 30 })}`, signal);
export const analysisAt = (id: string, signal?: AbortSignal) => get(analysis, at(id), signal);
/** Cancels what is queued or running, removes what is over. */
export const dropAnalysis = (id: string) => call("DELETE", at(id));
export const downloadOf = (id: string) => `${at(id)}?download=1`;
export const pictureOf = (id: string, n: number) => `${at(id)}/pictures/${n}`;

export interface Upload {
  done: Promise<Job>;
  abort(): void;
}

/** Sends a file; `onSent` hears the share sent, 0-1. An abort rejects with code `aborted`. */
export function upload(file: File, onSent: (share: number) => void): Upload {
  const request = new XMLHttpRequest();
  const done = new Promise<Job>((resolve, reject: (fault: ApiError) => void) => {
    request.open("POST", `${API}/analyses${query({ name: file.name })}`);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.onprogress = ({ loaded, total }) => onSent(total > 0 ? loaded / total : 0);
    request.onload = () => {
      if (request.status >= 300) return reject(faultIn(request.status, request.responseText));
      try {
        resolve((job as Check<Job>)(JSON.parse(request.responseText), "analysis"));
      } catch {
        reject(faultIn(request.status, ""));
      }
    };
    request.onerror = () => reject(unreachable());
    request.onabort = () => reject(Object.assign(unreachable(), { code: "aborted" }));
    request.send(file);
  });
  return { done, abort: () => request.abort() };
}
