// The wall with two live streams: what is on it, for the eye, for the keyboard's and screen reader's user, and on
// every width.

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findings } from "./axe";
import { decided, launch, open, PHONE, tile, type Watched } from "./browser";
import { boxOnItsFrame } from "./pixels";
import { DEMO, Program } from "./program";

let program: Program;
let browser: Browser;
let desk: Watched;

beforeAll(async () => {
  [program, browser] = await Promise.all([Program.start(DEMO), launch()]);
  desk = await open(browser, program.url);
});

afterAll(async () => {
  await browser?.close();
  await program?.stop();
});

describe.each(DEMO.names)("%s", (name) => {
  test("is live, with a verdict on evidence of now", async () => {
    const shown = tile(desk.page, name);
    const words = () => shown.locator(".verdict").textContent();
    await expect.poll(words).toMatch(/^(REAL|FAKE|UNCERTAIN)\d+ % fake[\d.]+ s old$/);
    // A busy machine may be silent for a moment, and then the tile rightly says so.
    await expect.poll(() => shown.locator(".state").textContent()).toBe("Live");
  });

  test("shows each picture with the box of that very frame", async () => {
    await boxOnItsFrame(desk, name);
  });

  test("goes on: frame after frame, and the line grows", async () => {
    const canvas = tile(desk.page, name).locator("canvas.picture");
    const first = Number(await canvas.getAttribute("data-frame"));
    await expect.poll(async () => Number(await canvas.getAttribute("data-frame")) - first).toBeGreaterThan(25);
    expect(await tile(desk.page, name).locator(".line canvas").evaluate(inked)).toBeGreaterThan(50);
  });
});

test("the model is named, and a trial model is said to be one", async () => {
  const { model } = (await (await fetch(`${program.url}api/status`)).json()) as {
    model: { name: string; trial: boolean };
  };
  expect(await desk.page.locator(".model").textContent()).toContain(model.name);
  expect(await desk.page.getByText("TRIAL MODEL").count()).toBe(model.trial ? 1 : 0);
});

test("a second browser sees the same frames at the same time", async () => {
  const second = await open(browser, program.url);
  for (const name of DEMO.names) await decided(second.page, name).waitFor();
  const common = () => second.pictures.filter((picture) => desk.pictures.some((other) => other.equals(picture)));
  await expect.poll(() => common().length).toBeGreaterThan(5);
  await second.page.context().close();
});

test.each([1440, 1024, 768, PHONE.width])("%i px wide, nothing scrolls sideways", async (width) => {
  await desk.page.setViewportSize({ width, height: 780 });
  const overflow = await desk.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect(overflow).toBeLessThanOrEqual(0);
  await desk.page.getByRole("button", { name: "Add stream" }).click();
  const dialog = await desk.page.getByRole("dialog").boundingBox();
  expect(dialog?.x).toBeGreaterThanOrEqual(0);
  expect((dialog?.x ?? 0) + (dialog?.width ?? 0)).toBeLessThanOrEqual(width);
  await desk.page.keyboard.press("Escape");
  await desk.page.getByRole("dialog").waitFor({ state: "detached" });
});

describe.each(["dark", "light"])("in the %s theme", (theme) => {
  beforeAll(async () => {
    const root = desk.page.locator("html");
    if ((await root.getAttribute("data-theme")) !== theme) {
      await desk.page.getByRole("button", { name: `Switch to the ${theme} theme` }).click();
    }
    expect(await root.getAttribute("data-theme")).toBe(theme);
  });

  test("axe finds nothing serious on the wall", async () => {
    expect(await findings(desk.page)).toEqual([]);
  });

  test("axe finds nothing serious in the dialog", async () => {
    await desk.page.getByRole("button", { name: "Add stream" }).click();
    await desk.page.getByText("Sign-in and more").click();
    expect(await findings(desk.page)).toEqual([]);
    await desk.page.keyboard.press("Escape");
  });
});

test("a chosen theme outlives the page", async () => {
  await desk.page.reload();
  expect(await desk.page.locator("html").getAttribute("data-theme")).toBe("light");
});

test("through all of this: no console error, no request to another host", () => {
  expect(desk.errors).toEqual([]);
  expect(desk.strangers).toEqual([]);
});

/** How many pixels of a canvas something was drawn on. */
function inked(canvas: SVGElement | HTMLElement): number {
  const { width, height } = canvas as HTMLCanvasElement;
  const pixels = (canvas as HTMLCanvasElement).getContext("2d")?.getImageData(0, 0, width, height).data ?? [];
  return pixels.filter((value, at) => at % 4 === 3 && value > 0).length;
}
