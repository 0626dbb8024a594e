// How much the newest verdict of a stream is still worth, by the page's own clock: a page that hears nothing more
// must not go on showing REAL. Pure. In: stream, when it was heard of, the link. Out: age and what to show.
// Used by board.ts and wall/Tile.tsx.

import type { Label, Stream } from "../wire/event";

/** A live stream that was not judged for so long looks stale, even while the server says nothing about it. */
export const SILENT_MS = 1_500;

export interface Heard {
  stream: Stream;
  /** performance.now() when the newest verdict came; null: none yet. */
  verdictAt: number | null;
}

/** Why a tile looks lost; null: it is fresh. */
export type Lost = "link" | "stale" | "silent" | "fault" | "ended" | null;

export function lostWhy(heard: Heard, linkOpen: boolean, now: number, staleSecs: number): Lost {
  if (!linkOpen) return "link";
  const { state, verdict } = heard.stream;
  if (state === "fault" || state === "ended") return state;
  if (verdict === null || heard.verdictAt === null || state === "connecting") return null;
  if (verdict.label === "STALE") return "stale";
  if (now - heard.verdictAt > SILENT_MS) return "silent";
  const judged = verdict.label === "REAL" || verdict.label === "FAKE";
  return judged && (evidenceAge(heard, now) ?? 0) > staleSecs ? "stale" : null;
}

/** Age of the newest evidence in seconds, growing while nothing comes; null: there is none. */
export function evidenceAge({ stream, verdictAt }: Heard, now: number): number | null {
  const age = stream.verdict?.evidence_age_secs;
  return age == null || verdictAt === null ? null : age + Math.max(0, now - verdictAt) / 1000;
}

/** The word to show for a stream; null: nothing was judged yet. */
export function shownLabel(stream: Stream, lost: Lost): Label | null {
  if (stream.verdict === null) return null;
  return lost === null ? stream.verdict.label : "STALE";
}
