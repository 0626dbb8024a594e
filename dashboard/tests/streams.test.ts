// Adding, enlarging, restarting and removing a stream, by keyboard alone where a mouse would do.

import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launch, open, tile, type Watched } from "./browser";
import { Program } from "./program";

let program: Program;
let browser: Browser;
let desk: Watched;

beforeAll(async () => {
  [program, browser] = await Promise.all([Program.start({}), launch()]);
  desk = await open(browser, program.url);
});

afterAll(async () => {
  await browser?.close();
  await program?.stop();
});

/** Presses Tab until the control with this name has the focus, as a user without a mouse does. */
async function tabTo(page: Page, name: string | RegExp): Promise<void> {
  const wanted = page.getByLabel(name).or(page.getByRole("button", { name })).and(page.locator(":focus"));
  for (let presses = 0; presses < 30; presses += 1) {
    await page.keyboard.press("Tab");
    if ((await wanted.count()) > 0) return;
  }
  throw new Error(`Tab does not reach ${name}`);
}

const focused = (page: Page) => page.evaluate(() => document.activeElement?.getAttribute("aria-label"));

test("a wall without streams says how to get one", async () => {
  await desk.page.getByRole("heading", { name: "No streams yet" }).waitFor();
  expect(await desk.page.locator(".empty code").allInnerTexts()).toContain("rtsp://camera.local/stream");
});

test("what the server refuses stands at its field, and the form keeps what was typed", async () => {
  const { page } = desk;
  await tabTo(page, "Add stream");
  await page.keyboard.press("Enter");
  await page.keyboard.type("ftp://camera.local/live");
  await tabTo(page, "Name");
  await page.keyboard.type("Side Door");
  await page.keyboard.press("Enter");
  const address = page.getByLabel("Address");
  await page.locator('[aria-invalid="true"]').waitFor();
  expect(await address.getAttribute("aria-invalid")).toBe("true");
  const described = (await address.getAttribute("aria-describedby"))?.split(" ").at(-1) ?? "";
  expect(await page.locator(`[id="${described}"]`).textContent()).toMatch(
    /no such kind of source; write a file, rtsp:\/\//,
  );
  expect(await address.inputValue()).toBe("ftp://camera.local/live");
  expect(await page.locator(".tile").count()).toBe(0);
});

test("put right, the stream is added and shows its picture", async () => {
  const { page } = desk;
  await page.getByLabel("Address").focus();
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.type("test");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  const shown = tile(page, "Side Door");
  await shown.locator("canvas.picture[data-frame]").waitFor();
  expect(await shown.getAttribute("data-id")).toBe("side-door");
  await shown.getByText("No face in the picture").waitFor();
  expect(await focused(page)).toBe("Add stream");
});

test("an id that is taken is refused at the id", async () => {
  const { page } = desk;
  await page.keyboard.press("Enter");
  await page.keyboard.type("test");
  await page.getByLabel("Id", { exact: true }).fill("side-door");
  await page.keyboard.press("Enter");
  await page.locator('[aria-invalid="true"]').waitFor();
  expect(await page.getByLabel("Id", { exact: true }).getAttribute("aria-invalid")).toBe("true");
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  expect(await page.locator(".tile").count()).toBe(1);
});

test("a tile is enlarged by keyboard, and Escape puts it back", async () => {
  const { page } = desk;
  await tabTo(page, "Enlarge: Side Door");
  await page.keyboard.press("Enter");
  await page.locator('.tile[data-large="true"]').waitFor();
  await page.keyboard.press("Escape");
  await page.locator('.tile[data-large="false"]').waitFor();
});

test("a restarted stream begins anew", async () => {
  const { page } = desk;
  const canvas = tile(page, "Side Door").locator("canvas.picture");
  const frame = async () => Number(await canvas.getAttribute("data-frame"));
  await expect.poll(frame).toBeGreaterThan(30);
  await page.getByRole("button", { name: "Restart Side Door" }).click();
  await expect.poll(frame).toBeLessThan(30);
  await expect.poll(() => tile(page, "Side Door").locator(".state").textContent()).toBe("Live");
});

test("a stream is removed only after it was asked", async () => {
  const { page } = desk;
  await page.getByRole("button", { name: "Remove Side Door" }).click();
  await page.getByRole("button", { name: "Keep it" }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  expect(await page.locator(".tile").count()).toBe(1);
  await page.getByRole("button", { name: "Remove Side Door" }).click();
  await page.getByRole("button", { name: "Remove", exact: true }).click();
  await page.getByRole("heading", { name: "No streams yet" }).waitFor();
  const { streams } = (await (await fetch(`${program.url}api/streams`)).json()) as { streams: unknown[] };
  expect(streams).toEqual([]);
});

test("no console error but the two refusals, and no request to another host", () => {
  expect(desk.errors.map((error) => /status of (\d+)/.exec(error)?.[1] ?? error)).toEqual(["400", "409"]);
  expect(desk.strangers).toEqual([]);
});
