// The board: events in, views and words to subscribers out, on a clock of the test's own.

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { events, liveStream, verdict } from "../../tests/golden";
import type { Event } from "../wire/event";
import { Board, FLUSH_MS } from "./board";
import { SILENT_MS } from "./freshness";

const snapshot = events[0] as Extract<Event, { type: "snapshot" }>;
let board: Board;

beforeEach(() => {
  vi.useFakeTimers();
  board = new Board();
  board.setLink({ kind: "open" });
  board.apply(snapshot);
  vi.advanceTimersByTime(FLUSH_MS);
});

afterEach(() => vi.useRealTimers());

const judge = (change: Parameters<typeof verdict>[0]) =>
  board.apply({ v: 1, seq: 42, type: "verdict", ...verdict({ frame: 9_000, ...change }) });

test("a snapshot fills the wall in the server's order and counts what is shown", () => {
  expect(board.overview().ids).toEqual(["lobby", "gate"]);
  expect(board.overview().counts).toEqual({ FAKE: 1, UNCERTAIN: 0, REAL: 0, STALE: 0, NONE: 1 });
});

test("a verdict tells its own stream's subscribers only, however many come at once", () => {
  const [lobby, gate] = [vi.fn(), vi.fn()];
  board.subscribe("lobby", lobby);
  board.subscribe("gate", gate);
  for (let frame = 1; frame < 20; frame += 1) judge({ frame, label: "REAL", fake_confidence: 0.1 });
  vi.advanceTimersByTime(FLUSH_MS);
  expect(lobby).toHaveBeenCalledTimes(1);
  expect(gate).not.toHaveBeenCalled();
  expect(board.stream("lobby")?.label).toBe("REAL");
});

test("a stream's figures repeat its verdict and do not make it fresh again", () => {
  vi.advanceTimersByTime(SILENT_MS + 1);
  board.apply({ v: 1, seq: 42, type: "stream", ...liveStream({ analyses_per_sec: 7.1 }) });
  expect(board.stream("lobby")).toMatchObject({ lost: "silent", label: "STALE" });
});

test("what was judged long before the page came is no news", () => {
  const fresh = new Board();
  fresh.setLink({ kind: "open" });
  fresh.apply({ ...snapshot, now: "2026-11-24T11:05:41.000Z" });
  expect(fresh.stream("lobby")?.label).toBe("STALE");
});

test("a lost link makes everything stale at once, without a new message", () => {
  judge({});
  board.setLink({ kind: "waiting", until: 0, why: "the connection broke" });
  expect(board.stream("lobby")).toMatchObject({ lost: "link", label: "STALE" });
  expect(board.overview().counts.STALE).toBe(1);
});

test("an unchanged fault, told again, does not start its countdown anew", () => {
  const due = board.stream("gate")?.retryAt;
  vi.advanceTimersByTime(1_000);
  for (const gate of snapshot.streams.slice(1)) board.apply({ v: 1, seq: 42, type: "stream", ...gate });
  expect(due).toBeTypeOf("number");
  expect(board.stream("gate")?.retryAt).toBe(due);
});

test("a removed stream is forgotten", () => {
  board.apply({ v: 1, seq: 42, type: "removed", id: "gate" });
  vi.advanceTimersByTime(FLUSH_MS);
  expect(board.stream("gate")).toBeUndefined();
  expect(board.overview().ids).toEqual(["lobby"]);
});

test("the line has a gap while a verdict is stale", () => {
  judge({ label: "STALE", captured: "2026-11-24T11:05:31.500Z", evidence_age_secs: 0.2 });
  expect(board.stream("lobby")?.trace.columns()[1]).toEqual([0.91, null]);
});

test("on a wall of many, what goes silent is told without waiting for the others", () => {
  const streams = Array.from({ length: 16 }, (_, n) => liveStream({ id: `s${n}` }));
  board.apply({ ...snapshot, streams });
  vi.advanceTimersByTime(1_000);
  const told = vi.fn();
  board.subscribe("s3", told);
  judge({ id: "s4" });
  vi.advanceTimersByTime(SILENT_MS + 1 - 1_000);
  board.tick();
  expect(told).toHaveBeenCalledTimes(1);
  expect(board.stream("s3")?.lost).toBe("silent");
});
