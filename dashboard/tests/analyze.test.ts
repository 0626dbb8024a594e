// A video and a picture are judged to a result with graphs, a file that is neither is refused with the reason, and an
// analysis is removed: all in the real program.

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Locator } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launch, open, type Watched } from "./browser";
import { CLIPS, Program } from "./program";

/** Judging a clip of 20 s on a busy machine. */
const JUDGED_MS = 240_000;

let program: Program;
let browser: Browser;
let desk: Watched;
const folder = mkdtempSync(join(tmpdir(), "truevision-files-"));
const video = join(CLIPS, "manipulated.mp4");
const picture = join(folder, "portrait.jpg");
const text = join(folder, "holiday.mp4");

beforeAll(async () => {
  writeFileSync(text, "Not a film, whatever its name says.\n");
  // One frame of the demo's clip.
  const still = [
    "filesrc",
    `location=${video}`,
    "!",
    "decodebin",
    "!",
    "videoconvert",
    "!",
    "jpegenc",
    "snapshot=true",
  ];
  execFileSync("gst-launch-1.0", ["-q", ...still, "!", "filesink", `location=${picture}`]);
  [program, browser] = await Promise.all([Program.start({}), launch()]);
  desk = await open(browser, `${program.url}#/analyze`);
});

afterAll(async () => {
  await browser?.close();
  await program?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const give = (...files: string[]) => desk.page.locator('input[type="file"]').setInputFiles(files);
const row = (name: string): Locator => desk.page.locator(".job[data-id]", { hasText: name });

test("a file that is neither picture nor video is refused with the reason, whatever its name", async () => {
  await desk.page.getByText("No file was judged yet").waitFor();
  await give(text);
  await desk.page.getByText(/^Refused: .{10,}/).waitFor();
  await desk.page.getByRole("button", { name: "Dismiss holiday.mp4" }).click();
  expect(await desk.page.getByText(/^Refused/).count()).toBe(0);
});

test(
  "several files are queued and judged",
  async () => {
    await give(video, picture);
    for (const name of ["manipulated.mp4", "portrait.jpg"]) {
      await row(name).getByText("Done").waitFor({ timeout: JUDGED_MS });
    }
  },
  JUDGED_MS + 10_000,
);

test("a video's result has verdict, graphs and pictures, and the line seeks the picture", async () => {
  const { page } = desk;
  await row("manipulated.mp4").getByRole("link").click();
  await page.getByRole("img", { name: /^(REAL|FAKE|UNCERTAIN), fake confidence \d+ %/ }).waitFor();
  const line = page.getByRole("slider", { name: /^Fake confidence\./ });
  await line.focus();
  await page.keyboard.press("Home");
  await expect.poll(() => page.locator(".viewer-bar").textContent()).toContain("picture 1 of");
  const shown = () => page.locator(".viewer-picture img").evaluate((image) => (image as HTMLImageElement).naturalWidth);
  await expect.poll(shown).toBeGreaterThan(100);
  await page.keyboard.press("End");
  await expect.poll(() => page.locator(".viewer-bar").textContent()).not.toContain("picture 1 of");
  expect(await page.locator(".sha").textContent()).toMatch(/SHA-256 [0-9a-f]{64}$/);
  const download = await page.request.get((await page.getByRole("link", { name: "JSON" }).getAttribute("href")) ?? "");
  expect(download.headers()["content-disposition"]).toContain("attachment");
  expect(((await download.json()) as { result: { windows: number } }).result.windows).toBeGreaterThan(10);
  await page.getByRole("link", { name: "All analyses" }).click();
});

test("a picture has the same graphs", async () => {
  const { page } = desk;
  await row("portrait.jpg").getByRole("link").click();
  await page.getByRole("img", { name: /^(REAL|FAKE|UNCERTAIN), fake confidence/ }).waitFor();
  for (const title of ["Fake confidence over time", "Real against fake", "What limited this judgement"]) {
    await page.getByRole("heading", { name: title }).waitFor();
  }
  await page.getByRole("link", { name: "All analyses" }).click();
});

test("an analysis is removed for good", async () => {
  const { page } = desk;
  await page.getByRole("button", { name: "Remove portrait.jpg" }).click();
  await row("portrait.jpg").waitFor({ state: "detached" });
  await page.reload();
  await row("manipulated.mp4").waitFor();
  expect(await row("portrait.jpg").count()).toBe(0);
});

test("no console error but the refusal, no request to another host", () => {
  expect(desk.errors.map((error) => /status of (\d+)/.exec(error)?.[1] ?? error)).toEqual(["415"]);
  expect(desk.strangers).toEqual([]);
});
