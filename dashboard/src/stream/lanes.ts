// The kept seconds of a stream as one lane a face. Pure. In: history points. Out: columns for the chart, newest face
// first. Used by Lanes.tsx.

import type { HistoryPoint } from "../wire/record";

export interface Lane {
  track: number;
  secs: number[];
  fake: (number | null)[];
  synthetic: (number | null)[];
  quality: (number | null)[];
}

/** A longer pause is a gap in the line. */
const GAP_SECS = 3;

export function lanes(points: HistoryPoint[]): Lane[] {
  const found = new Map<number, Lane>();
  const ordered = [...points].sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  for (const point of ordered) {
    const secs = Date.parse(point.at) / 1000;
    let lane = found.get(point.track);
    if (!lane) {
      lane = { track: point.track, secs: [], fake: [], synthetic: [], quality: [] };
      found.set(point.track, lane);
    }
    const last = lane.secs.at(-1);
    if (last !== undefined && secs - last > GAP_SECS) push(lane, last + 1, null);
    push(lane, secs, point);
  }
  return [...found.values()].sort((a, b) => (b.secs.at(-1) ?? 0) - (a.secs.at(-1) ?? 0));
}

function push(lane: Lane, secs: number, point: HistoryPoint | null): void {
  lane.secs.push(secs);
  lane.fake.push(point?.fake_confidence ?? null);
  lane.synthetic.push(point?.synthetic_confidence ?? null);
  lane.quality.push(point?.quality ?? null);
}
