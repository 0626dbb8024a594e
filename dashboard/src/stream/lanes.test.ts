// Seconds that the server kept become lanes with honest gaps.

import { expect, test } from "vitest";
import { lanes } from "./lanes";

const point = (track: number, secs: number, fake: number | null = 0.5) => ({
  at: new Date(secs * 1000).toISOString(),
  track,
  fake_confidence: fake,
  synthetic_confidence: null,
  quality: 0.9,
});

test("each face has a lane, the one seen last first", () => {
  expect(lanes([point(1, 10), point(2, 11), point(1, 11), point(2, 12)]).map(({ track }) => track)).toEqual([2, 1]);
});

test("a pause is a gap and not a line", () => {
  const [lane] = lanes([point(1, 20), point(1, 10), point(1, 11)]);
  expect(lane?.secs).toEqual([10, 11, 12, 20]);
  expect(lane?.fake).toEqual([0.5, 0.5, null, 0.5]);
});

test("nothing kept, no lanes", () => expect(lanes([])).toEqual([]));
