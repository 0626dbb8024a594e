// The line's memory: a minute of it, bounded, with its gaps.

import { expect, test } from "vitest";
import { SPAN_SECS, Trace } from "./trace";

function filled(secs: number, hz: number): Trace {
  const trace = new Trace();
  for (let at = 0; at < secs * hz; at += 1) trace.add(at / hz, 0.5);
  return trace;
}

test("points come back as they were put in", () => {
  const trace = new Trace();
  trace.add(10, 0.2);
  trace.add(10.125, 0.3);
  trace.add(10.25, null);
  expect(trace.columns()).toEqual([
    [10, 10.125, 10.25],
    [0.2, 0.3, null],
  ]);
  expect(trace.newest).toBe(10.25);
});

test("only the last minute is kept", () => {
  const [times] = filled(200, 8).columns();
  expect(times.at(-1)).toBe(200 - 1 / 8);
  expect(times[0]).toBe(200 - 1 / 8 - SPAN_SECS);
});

test("a faster stream takes no more room, and its newest value is the one shown", () => {
  const trace = filled(120, 50);
  trace.add(120 - 1 / 50 + 0.001, 0.9);
  const [times, values] = trace.columns();
  expect(times.length).toBeLessThanOrEqual(600);
  expect(values).toHaveLength(times.length);
  expect(values.at(-1)).toBe(0.9);
});

test("a pause is a gap and not a line across it", () => {
  const trace = new Trace();
  trace.add(10, 0.2);
  trace.add(15, 0.8);
  const [times, values] = trace.columns();
  expect(values).toEqual([0.2, null, 0.8]);
  expect(times[1]).toBeGreaterThan(10);
  expect(times[1]).toBeLessThan(15);
});

test("time that runs backwards starts afresh", () => {
  const trace = filled(10, 8);
  trace.add(1, 0.7);
  expect(trace.columns()).toEqual([[1], [0.7]]);
});
