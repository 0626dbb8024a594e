// A verdict is shown only for as long as the page itself can vouch for it.

import { expect, test } from "vitest";
import { liveStream, verdict } from "../../tests/golden";
import type { Stream } from "../wire/event";
import { evidenceAge, lostWhy, SILENT_MS, shownLabel } from "./freshness";

const STALE_SECS = 2;
const HEARD_AT = 10_000;
const heard = (change: Partial<Stream> = {}) => ({ stream: liveStream(change), verdictAt: HEARD_AT });

test("a verdict that just came is fresh", () => {
  expect(lostWhy(heard(), true, HEARD_AT, STALE_SECS)).toBeNull();
});

test("without a link everything is lost, whatever the server said last", () => {
  expect(lostWhy(heard(), false, HEARD_AT, STALE_SECS)).toBe("link");
});

test("a live stream that falls silent looks lost by the page's own clock", () => {
  expect(lostWhy(heard(), true, HEARD_AT + SILENT_MS, STALE_SECS)).toBeNull();
  expect(lostWhy(heard(), true, HEARD_AT + SILENT_MS + 1, STALE_SECS)).toBe("silent");
});

test.each(["REAL", "FAKE"] as const)("%s on evidence that grew too old is stale", (label) => {
  const view = heard({ verdict: verdict({ label, evidence_age_secs: 1.5 }) });
  expect(lostWhy(view, true, HEARD_AT + 400, STALE_SECS)).toBeNull();
  expect(lostWhy(view, true, HEARD_AT + 600, STALE_SECS)).toBe("stale");
});

test("UNCERTAIN claims nothing, so old evidence does not make it stale", () => {
  const view = heard({ verdict: verdict({ label: "UNCERTAIN", evidence_age_secs: 60 }) });
  expect(lostWhy(view, true, HEARD_AT, STALE_SECS)).toBeNull();
});

test("the server's own STALE is kept", () => {
  expect(lostWhy(heard({ verdict: verdict({ label: "STALE" }) }), true, HEARD_AT, STALE_SECS)).toBe("stale");
});

test.each(["fault", "ended"] as const)("a stream in state %s is lost, though its verdict is new", (state) => {
  expect(lostWhy(heard({ state }), true, HEARD_AT, STALE_SECS)).toBe(state);
});

test("a stream that was never judged is waited for", () => {
  const view = { stream: liveStream({ verdict: null }), verdictAt: null };
  expect(lostWhy(view, true, 1e9, STALE_SECS)).toBeNull();
  expect(shownLabel(view.stream, null)).toBeNull();
});

test("a lost stream shows STALE instead of its last verdict", () => {
  expect(shownLabel(liveStream(), "silent")).toBe("STALE");
  expect(shownLabel(liveStream(), null)).toBe("FAKE");
});

test("evidence ages while nothing comes, and never backwards", () => {
  expect(evidenceAge(heard(), HEARD_AT + 1_500)).toBe(1.75);
  expect(evidenceAge(heard(), HEARD_AT - 500)).toBe(0.25);
  expect(evidenceAge(heard({ verdict: verdict({ evidence_age_secs: null }) }), HEARD_AT)).toBeNull();
});
