// The figures of a result as a page shows them. Pure. In: a result. Out: lines, bars, limits in words, the moment to
// show first. Used by Findings.tsx.

import type { Bar } from "../chart/Bars";
import type { Line } from "../chart/Lines";
import type { Result } from "../wire/analysis";
import { percent, reasonWords, whole } from "../words";

/** Lines of single faces; in a crowd those scored most. */
const MOST = 4;
const INKS = ["ink-synthetic", "ink-quality", "ink-second", "fake"];
const DASHES = [
  [8, 4],
  [2, 4],
  [12, 4, 2, 4],
  [5, 5],
];

export function series(result: Result): { fake: Line[]; synthetic: Line[] } {
  const tracks = [...result.tracks].sort((a, b) => b.windows - a.windows).slice(0, MOST);
  const line = (track: number, n: number, pick: (face: Face) => number | null): Line => ({
    name: `Face ${track}`,
    values: result.timeline.map(({ faces }) => {
      const face = faces.find((seen) => seen.track === track);
      return face ? pick(face) : null;
    }),
    ink: INKS[n] ?? "text-soft",
    ...(DASHES[n] ? { dash: DASHES[n] } : {}),
  });
  const whole: Line = {
    name: "Whole file",
    values: result.timeline.map(({ fake_confidence }) => fake_confidence),
    ink: "ink-fake",
    fill: true,
  };
  return {
    // A lone face's line is the file's.
    fake: [
      whole,
      ...(tracks.length > 1 ? tracks.map(({ track }, n) => line(track, n, (face) => face.fake_confidence)) : []),
    ],
    synthetic: tracks
      .map(({ track }, n) => line(track, n, (face) => face.synthetic_confidence))
      .filter(({ values }) => values.some((value) => value !== null)),
  };
}
type Face = Result["timeline"][number]["faces"][number];

export function shares(result: Result): Bar[] {
  const { fake_confidence: fake, timeline } = result;
  const of = (verdict: string) => timeline.filter((moment) => moment.verdict === verdict).length;
  const moments = (verdict: string, ink: string): Bar => ({
    name: `Moments judged ${verdict}`,
    value: timeline.length === 0 ? 0 : of(verdict) / timeline.length,
    words: `${whole(of(verdict))} of ${whole(timeline.length)}`,
    ink,
  });
  return [
    { name: "Speaks for fake", value: fake, ink: "fake" },
    { name: "Speaks for real", value: fake === null ? null : 1 - fake, ink: "real" },
    moments("FAKE", "fake"),
    moments("UNCERTAIN", "uncertain"),
    moments("REAL", "real"),
  ];
}

/** What a reader must know before believing the verdict. */
export function limits(result: Result): string[] {
  const out: string[] = [];
  if (result.damage) out.push(`The file is damaged: ${result.damage}.`);
  if (result.faces === 0) out.push("No face was found, so there was nothing to judge.");
  for (const reason of result.reasons) out.push(`${reasonWords(reason)}.`);
  const kept = new Map<string, number>();
  for (const { reasons } of result.tracks) {
    for (const [code, frames] of Object.entries(reasons)) kept.set(code, (kept.get(code) ?? 0) + frames);
  }
  for (const [code, frames] of [...kept].sort(([, a], [, b]) => b - a)) {
    if (result.reasons.includes(code)) continue;
    out.push(`${whole(frames)} ${frames === 1 ? "frame" : "frames"} not scored: ${reasonWords(code).toLowerCase()}.`);
  }
  if (result.windows > 0 && result.windows < 8) out.push(`Only ${result.windows} windows of frames stand behind it.`);
  out.push(
    `It judges faces only, not sound or the scene; ${percent(result.fake_confidence)} orders evidence and is no probability.`,
  );
  return out;
}

/** The moment that speaks most for fake: what a reader wants to see first. */
export function worst(result: Result): number {
  let found = result.timeline[0];
  for (const moment of result.timeline) {
    if ((moment.fake_confidence ?? -1) > (found?.fake_confidence ?? -1)) found = moment;
  }
  return found?.pts_secs ?? 0;
}
