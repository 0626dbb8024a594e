// What a chart says without being seen.

import { expect, test } from "vitest";
import { percent } from "../words";
import { nearest, rows, summary } from "./words";

const line = (values: (number | null)[]) => ({ name: "Fake confidence", ink: "cyan", values });

test("a line is summed up by its last, lowest and highest value", () => {
  expect(summary([line([0.2, null, 0.9, 0.4, null])], percent)).toBe(
    "Fake confidence: last 40 %, lowest 20 %, highest 90 %.",
  );
  expect(summary([line([null])], percent)).toBe("Fake confidence: no values.");
});

test("a long series is thinned and keeps its end", () => {
  const secs = Array.from({ length: 1_000 }, (_, at) => at);
  const table = rows(secs, [line(secs)]);
  expect(table.length).toBeLessThan(65);
  expect(table.at(-1)).toEqual({ at: 999, values: [999] });
});

test.each([
  [-5, 0],
  [0.4, 0],
  [0.6, 1],
  [2.9, 2],
  [99, 2],
])("nearest to %d is point %i", (at, index) => {
  expect(nearest([0, 1, 3], at)).toBe(index);
});
