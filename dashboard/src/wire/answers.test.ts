// Every answer of the contract is read whole, and one that lacks a key is refused with its path.

import { afterEach, expect, test, vi } from "vitest";
import { answers } from "../../tests/answers";
import { alertsOf, deadDeliveries, evidenceNow, targetsNow } from "./alert";
import { analysisAt, jobsNow } from "./analysis";
import { effectOf, historyOf, periodAt, periodsOf, settingsNow, storageNow } from "./record";
import { facesOf, healthNow, modelNow, openApi } from "./state";

afterEach(() => vi.unstubAllGlobals());

const serve = (change: (answer: unknown) => unknown = (answer) => answer) =>
  vi.stubGlobal(
    "fetch",
    vi.fn(async (address: string) => {
      const path = address.replace("/api/v1", "").split("?")[0] ?? "";
      return new Response(JSON.stringify(change(answers[path])), { status: path in answers ? 200 : 404 });
    }),
  );

const all = { stream: "", label: "", review: "", from: "", to: "" };
const STREAM = "manipulated";

test.each([
  ["/events", () => periodsOf({ ...all, label: "FAKE" }, "c1")],
  ["/events/41", () => periodAt("41")],
  [`/streams/${STREAM}/history`, () => historyOf(STREAM, 300)],
  [`/streams/${STREAM}/faces`, () => facesOf(STREAM)],
  ["/analyses", () => jobsNow(null)],
  ["/analyses/a1", () => analysisAt("a1")],
  ["/analyses/a2", () => analysisAt("a2")],
  ["/analyses/a4", () => analysisAt("a4")],
  ["/health", () => healthNow()],
  ["/model", () => modelNow()],
  ["/thresholds/effect", () => effectOf(0.8, 0.3, 24)],
  ["/settings", () => settingsNow()],
  ["/storage", () => storageNow()],
  ["/evidence", () => evidenceNow()],
  ["/alerts", () => alertsOf("open", null)],
  ["/targets", () => targetsNow()],
  ["/deliveries", () => deadDeliveries()],
  ["/openapi.json", () => openApi()],
])("%s", async (path, call) => {
  serve();
  expect(await call()).toEqual(answers[path]);
});

test("only filters that are set go into the address", async () => {
  serve();
  await periodsOf({ ...all, label: "FAKE" }, null);
  expect(fetch).toHaveBeenCalledWith("/api/v1/events?label=FAKE&limit=30", expect.anything());
});

test("an answer in another form is refused in words, with the place", async () => {
  serve((answer) => ({ ...(answer as object), keep_days: "thirty" }));
  await expect(storageNow()).rejects.toMatchObject({
    code: "unreadable",
    message: expect.stringContaining("keep_days: expected a number"),
  });
});
