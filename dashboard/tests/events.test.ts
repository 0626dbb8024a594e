// What happened is listed, reviewed and noted, and the marks outlive the page; a setting is changed and refused: all in
// the real program.

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launch, open, type Watched } from "./browser";
import { DEMO, Program } from "./program";

let program: Program;
let browser: Browser;
let desk: Watched;

beforeAll(async () => {
  [program, browser] = await Promise.all([Program.start(DEMO), launch()]);
  desk = await open(browser, `${program.url}#/events`);
});

afterAll(async () => {
  await browser?.close();
  await program?.stop();
});

test("an event comes by itself, with the face", async () => {
  const first = desk.page.locator(".period").last();
  await first.waitFor({ timeout: 200_000 });
  expect(await first.locator(".chip").first().textContent()).toMatch(/REAL|FAKE|UNCERTAIN/);
});

test("an event is confirmed with a note, and both are there after a reload", async () => {
  const { page } = desk;
  const id = await page.locator(".period").last().getAttribute("data-id");
  const shown = page.locator(`.period[data-id="${id}"]`);
  await shown.getByRole("button", { name: "Confirm" }).click();
  await shown.locator('[data-review="confirmed"]').waitFor();
  await shown.getByRole("button", { name: "Note" }).click();
  await page.getByRole("dialog").getByLabel("Note").fill("Seen by the test");
  await page.getByRole("button", { name: "Keep note" }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.goto(`${program.url}#/events/${id}`);
  await page.reload();
  await shown.getByText("Seen by the test").waitFor();
  expect(await shown.locator(".period-review").getAttribute("data-review")).toBe("confirmed");
  const exported = await page.request.get(`${program.url}api/v1/events/export?format=json`);
  expect(await exported.text()).toContain("Seen by the test");
});

test("a filter that nothing fits says so", async () => {
  const { page } = desk;
  await page.goto(`${program.url}#/events`);
  await page.getByLabel("Review").selectOption("false");
  await page.getByText("No event fits these filters").waitFor();
});

test("a stream's own page shows its faces over time, its windows and its source", async () => {
  const { page } = desk;
  await page.goto(`${program.url}#/streams/manipulated`);
  await page
    .getByText(/^Face \d+ as a table$/)
    .first()
    .waitFor();
  await page.locator("canvas.picture[data-frame]").waitFor();
  await page.locator(".strip img").first().waitFor({ timeout: 200_000 });
  expect(await page.locator(".strip").first().locator("li").count()).toBe(8);
  await page.getByText("avdec_h264").first().waitFor();
});

test("a setting out of its bounds is refused at its field, one within them is kept", async () => {
  const { page } = desk;
  await page.goto(`${program.url}#/settings`);
  const setting = page.locator(".setting", { hasText: "record.keep_days" });
  await setting.getByRole("textbox").fill("-3");
  await setting.getByRole("button", { name: "Apply" }).click();
  await setting.locator(".field-error:not(:empty)").waitFor();
  await setting.getByRole("textbox").fill("12");
  await setting.getByRole("button", { name: "Apply" }).click();
  await setting.getByRole("button", { name: "Reset" }).and(page.locator(":not([disabled])")).waitFor();
  await page.reload();
  await expect.poll(() => setting.getByRole("textbox").inputValue()).toBe("12");
});

test("the API reads itself out", async () => {
  const { page } = desk;
  await page.goto(`${program.url}#/api`);
  await page.getByText("/api/v1/events/export").first().waitFor();
});

test("no console error but the refusal, no request to another host", () => {
  expect(desk.errors.filter((error) => !/status of 400/.test(error))).toEqual([]);
  expect(desk.strangers).toEqual([]);
});
