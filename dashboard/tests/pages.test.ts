// Every page with much on it (the contract's answers are put before it: stage.ts): whole on each width, reachable by
// keyboard, nothing serious for axe in either theme, and a plain word where the server has no such part.

import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findings } from "./axe";
import { launch, open, PHONE, type Watched } from "./browser";
import { DEMO, Program } from "./program";
import { stage } from "./stage";

const PAGES: [string, string][] = [
  ["live", "Demo: untouched"],
  ["streams/manipulated", "Newest window of each face"],
  ["events", "Show older events"],
  ["events/41", "All events"],
  ["analyze", "interview.mp4"],
  ["analyze/a1", "What limited this judgement"],
  ["analyze/a2", "Being judged"],
  ["analyze/a4", "one picture, one point"],
  ["alerts", "Deliveries given up"],
  ["health", "Frames not looked at"],
  ["model", "Model card"],
  ["settings", "Where alerts go"],
  ["about", "What is stored"],
  ["api", "Shapes"],
];

let program: Program;
let browser: Browser;
let desk: Watched;

beforeAll(async () => {
  [program, browser] = await Promise.all([Program.start(DEMO), launch()]);
  desk = await open(browser, program.url);
  await stage(desk.page);
});

afterAll(async () => {
  await browser?.close();
  await program?.stop();
});

async function visit(page: Page, path: string, words: string): Promise<void> {
  await page.evaluate((hash) => {
    location.hash = hash;
  }, `#/${path}`);
  await page.locator("main").getByText(words, { exact: false }).first().waitFor();
}

describe.each(["dark", "light"])("in the %s theme", (theme) => {
  beforeAll(async () => {
    const root = desk.page.locator("html");
    if ((await root.getAttribute("data-theme")) !== theme) {
      await desk.page.getByRole("button", { name: `Switch to the ${theme} theme` }).click();
    }
  });

  test.each(PAGES)("axe finds nothing serious on %s", async (path, words) => {
    await visit(desk.page, path, words);
    expect(await findings(desk.page)).toEqual([]);
  });
});

describe.each([1440, 1024, 768, PHONE.width])("%i px wide", (width) => {
  test.each(PAGES)("%s scrolls nowhere sideways", async (path, words) => {
    await desk.page.setViewportSize({ width, height: 780 });
    await visit(desk.page, path, words);
    const overflow = () => desk.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect(await overflow()).toBeLessThanOrEqual(0);
  });
});

test("on a phone the rest of the pages is under More, by keyboard too", async () => {
  const { page } = desk;
  await page.setViewportSize(PHONE);
  await page.getByRole("button", { name: "More" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").getByRole("link", { name: "Health" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Health", level: 2 }).waitFor();
  expect(await page.getByRole("dialog").count()).toBe(0);
  await page.setViewportSize({ width: 1440, height: 900 });
});

test("the keyboard seeks the picture of a video", async () => {
  const { page } = desk;
  await visit(page, "analyze/a1", "What limited this judgement");
  const line = page.getByRole("slider", { name: /^Fake confidence\./ });
  await line.focus();
  await page.keyboard.press("Home");
  const place = page.locator(".viewer-bar");
  await expect.poll(() => place.textContent()).toContain("picture 1 of 60");
  await page.keyboard.press("PageUp");
  await expect.poll(() => place.textContent()).toMatch(/picture [56] of 60/);
  await page.keyboard.press("End");
  await expect.poll(() => place.textContent()).toContain("picture 60 of 60");
});

test("a page that follows a link begins at its top, with the focus on it and its name in the title", async () => {
  const { page } = desk;
  await page.getByRole("link", { name: "Model" }).first().click();
  await page.getByRole("heading", { name: "Model", level: 2, exact: true }).waitFor();
  expect(await page.title()).toBe("Model · TrueVision");
  expect(await page.evaluate(() => document.activeElement?.tagName)).toBe("MAIN");
});

test("a moved threshold shows its effect before it is applied", async () => {
  const { page } = desk;
  await visit(page, "model", "Model card");
  const apply = page.getByRole("button", { name: /^Apply/ });
  expect(await apply.isDisabled()).toBe(true);
  await page.getByRole("slider", { name: "FAKE from" }).focus();
  for (let step = 0; step < 10; step += 1) await page.keyboard.press("ArrowRight");
  await page.getByText("As you would have it").waitFor();
  expect(await apply.isDisabled()).toBe(false);
});

test("a report on paper is black on white: picture, verdict, model and hash, and nothing to click", async () => {
  const { page } = desk;
  const theme = await page.locator("html").getAttribute("data-theme");
  await visit(page, "analyze/a1", "What limited this judgement");
  await page.emulateMedia({ media: "print" });
  for (const gone of [".nav", ".header", ".page-actions", ".viewer-bar", ".chart-table"]) {
    expect(await page.locator(gone).first().isVisible()).toBe(false);
  }
  for (const there of [".viewer-picture img", ".doughnut", ".chart-box canvas", ".sha"]) {
    expect(await page.locator(there).first().isVisible()).toBe(true);
  }
  expect(await page.locator(".sha").textContent()).toMatch(/SHA-256 [0-9a-f]{64}$/);
  expect(await page.locator(".pairs", { hasText: "Model" }).textContent()).toContain("trial-112 0.0.1");
  const style = (name: string) => page.evaluate((name) => getComputedStyle(document.body).getPropertyValue(name), name);
  expect(await style("color")).toBe("rgb(0, 0, 0)");
  expect(await style("background-color")).toBe("rgb(255, 255, 255)");
  // The lines are drawn anew: none is wider than the paper, none in the ink of a dark screen.
  const widths = () =>
    page.locator(".chart-box canvas").evaluateAll((all) => all.map((canvas) => canvas.getBoundingClientRect().width));
  await expect.poll(async () => Math.max(...(await widths()))).toBeLessThanOrEqual(660);
  expect(await page.locator("html").getAttribute("data-theme")).toBe("light");
  expect((await page.pdf({ format: "A4" })).subarray(0, 5).toString()).toBe("%PDF-");
  await page.emulateMedia({ media: null });
  await expect.poll(() => page.locator("html").getAttribute("data-theme")).toBe(theme);
});

test("sound and notification are off until they are asked for, and the wish is kept", async () => {
  const { page } = desk;
  await visit(page, "alerts", "Deliveries given up");
  const sound = page.getByRole("checkbox", { name: /^Play a sound/ });
  const notify = page.getByRole("checkbox", { name: /^Show a notification/ });
  expect([await sound.isChecked(), await notify.isChecked()]).toEqual([false, false]);
  await page.context().grantPermissions(["notifications"]);
  await sound.check();
  await notify.check();
  await visit(page, "settings", "Where alerts go");
  expect([await sound.isChecked(), await notify.isChecked()]).toEqual([true, true]);
  await sound.uncheck();
  await visit(page, "alerts", "Deliveries given up");
  expect([await sound.isChecked(), await notify.isChecked()]).toEqual([false, true]);
});

test("who wants less motion gets none", async () => {
  const { page } = desk;
  await visit(page, "analyze/a1", "What limited this judgement");
  const moves = () =>
    page.evaluate(() =>
      [...document.querySelectorAll("*")].flatMap((element) => {
        const { transitionDuration, animationDuration } = getComputedStyle(element);
        return [transitionDuration, animationDuration]
          .flatMap((words) => words.split(", "))
          .filter((of) => of !== "0s");
      }),
    );
  expect((await moves()).length).toBeGreaterThan(0);
  await page.emulateMedia({ reducedMotion: "reduce" });
  expect((await moves()).filter((of) => Number.parseFloat(of) > 0)).toEqual([]);
  await page.emulateMedia({ reducedMotion: null });
});

test("no console error, no request to another host", () => {
  expect(desk.errors).toEqual([]);
  expect(desk.strangers).toEqual([]);
});
