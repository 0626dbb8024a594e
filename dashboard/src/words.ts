// The words people read for what the server says in codes, and how figures are written.
// In: codes and numbers of the wire. Out: text. Used by all components.

import type { Lost } from "./live/freshness";
import type { Stream } from "./wire/event";

const REASONS: Record<string, string> = {
  no_face: "No face in the picture",
  face_too_small: "Face too small or too far away",
  blurred: "Face out of focus or moving too fast",
  turned: "Face turned away",
  dark: "Face too dark",
  overexposed: "Face too bright",
  cut_off: "Face cut off at the edge of the picture",
  incomplete_window: "Gathering the first frames of this face",
  track_switch: "A new face took the place of another",
  source_stale: "No new picture from the source",
  detector_degraded: "The detector failed or cannot keep up",
  heads_disagree: "The detector's two opinions disagree",
  between_thresholds: "Neither clearly real nor clearly fake",
  still_picture: "One still picture shows too little to be sure",
  too_small_for_real: "Looks real, but a live swap this small would too",
};

const DROPS: Record<string, string> = {
  overwritten: "replaced by a newer frame",
  damaged: "arrived with holes",
  detector_behind: "detector behind: stream rested",
  detector_queue_full: "too many frames at once",
  not_analysable: "could not be analysed",
  board_queue_full: "server busy",
};

const KINDS: Record<string, string> = {
  file: "File",
  rtsp: "RTSP camera",
  http: "Web stream",
  srt: "SRT stream",
  v4l2: "Webcam",
  screen: "Screen",
  test: "Test picture",
};

const STATES: Record<Stream["state"], string> = {
  connecting: "Connecting",
  live: "Live",
  fault: "Fault",
  ended: "Ended",
};

const LOST: Record<Exclude<Lost, null>, string> = {
  link: "No connection to the server",
  stale: "Evidence too old",
  silent: "Nothing new from this stream",
  fault: "Source lost",
  ended: "File played to its end",
};

/** `some_code` of a newer server as "Some code". */
function spelledOut(code: string): string {
  const words = code.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

export const reasonWords = (code: string): string => REASONS[code] ?? spelledOut(code);
export const dropWords = (code: string): string => DROPS[code] ?? spelledOut(code).toLowerCase();
export const kindWords = (kind: string): string => KINDS[kind] ?? kind;
export const stateWords = (state: Stream["state"]): string => STATES[state];
export const lostWords = (lost: Exclude<Lost, null>): string => LOST[lost];

/** A share of 1 in whole percent; null: none yet. */
export const percent = (share: number | null): string => (share === null ? "–" : `${Math.round(share * 100)} %`);

/** Seconds as people say them: "0.4 s", "12 s", "3 min", "2 h". */
export function duration(secs: number): string {
  if (secs < 9.95) return `${Math.max(0, secs).toFixed(1)} s`;
  if (secs < 119.5) return `${Math.round(secs)} s`;
  if (secs < 7_200) return `${Math.round(secs / 60)} min`;
  return `${Math.round(secs / 3_600)} h`;
}

/** A decoder by GStreamer's name, and where it runs: NVIDIA's begin with nv. */
export const decoderWords = (decoder: string): string => `${decoder} (${/^nv.*dec$/.test(decoder) ? "GPU" : "CPU"})`;

/** "video/x-h264" as "H264". */
export const codecWords = (codec: string): string => codec.replace(/^\w+\/(x-)?/, "").toUpperCase();

/** A number a person wrote or the server counted, with thin spaces between thousands. */
export const whole = (n: number): string =>
  Math.round(n)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, "\u202f");

const STAGES: Record<string, string> = {
  faces: "Finding faces",
  crops: "Cutting faces out",
  queue: "Waiting for the detector",
  encode: "Reading each face",
  head: "Judging the window",
  end_to_end: "Frame to verdict",
  queued: "Waiting its turn",
  decoding: "Decoding",
  scoring: "Judging faces",
  finishing: "Finishing",
};
export const stageWords = (stage: string): string => STAGES[stage] ?? spelledOut(stage);

/** A moment as this browser's people write it, to the second. */
export const moment = (at: string): string =>
  new Date(at).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });

const UNITS = ["B", "KB", "MB", "GB", "TB"];

/** 1,536,000 as "1.5 MB". */
export function bytes(n: number): string {
  let unit = 0;
  let shown = n;
  while (shown >= 1000 && unit < UNITS.length - 1) {
    shown /= 1000;
    unit += 1;
  }
  return `${unit === 0 || shown >= 100 ? Math.round(shown) : shown.toFixed(1)} ${UNITS[unit]}`;
}

export const millis = (ms: number | null): string =>
  ms === null ? "–" : `${ms < 9.95 ? ms.toFixed(1) : Math.round(ms)} ms`;

/** Seconds of a recording: "0:07.4", "12:03.0". */
export function clockTime(secs: number): string {
  const tenths = Math.round(secs * 10);
  const minutes = Math.floor(tenths / 600);
  return `${minutes}:${((tenths - minutes * 600) / 10).toFixed(1).padStart(4, "0")}`;
}
