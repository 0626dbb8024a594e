// A server with a token: the page asks for it, refuses a wrong one, and stays signed in.

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { decided, launch, open, tile, type Watched } from "./browser";
import { DEMO, Program } from "./program";

const TOKEN = "for this test only";

let program: Program;
let browser: Browser;
let desk: Watched;

beforeAll(async () => {
  [program, browser] = await Promise.all([Program.start({ ...DEMO, token: TOKEN }), launch()]);
  desk = await open(browser, program.url);
});

afterAll(async () => {
  await browser?.close();
  await program?.stop();
});

const dialog = () => desk.page.getByRole("dialog", { name: "Access token" });

async function offer(token: string): Promise<void> {
  await dialog().getByLabel("Token").fill(token);
  await desk.page.keyboard.press("Enter");
}

test("a browser without the token is asked for it and sees no stream", async () => {
  await dialog().waitFor();
  expect(await desk.page.locator(".tile").count()).toBe(0);
  expect((await fetch(`${program.url}api/streams`)).status).toBe(401);
});

test("the prompt cannot be waved away", async () => {
  await desk.page.keyboard.press("Escape");
  expect(await dialog().isVisible()).toBe(true);
});

test("a wrong token is refused at its field", async () => {
  await offer("a guess");
  await dialog().locator(".field-error:not(:empty)").waitFor();
  expect(await dialog().getByLabel("Token").getAttribute("aria-invalid")).toBe("true");
  expect(await desk.page.locator(".tile").count()).toBe(0);
});

test("the right token lets the browser in, pictures included", async () => {
  await offer(TOKEN);
  await dialog().waitFor({ state: "detached" });
  for (const name of DEMO.names) {
    await decided(desk.page, name).waitFor();
    await tile(desk.page, name).locator("canvas.picture[data-frame]").waitFor();
  }
});

test("the browser stays signed in, and no script can read what it is signed in with", async () => {
  await desk.page.reload();
  await decided(desk.page, DEMO.names[0]).waitFor();
  expect(await dialog().count()).toBe(0);
  expect(await desk.page.evaluate(() => document.cookie)).toBe("");
});

test("no request to another host, and no error but the refusals", () => {
  expect(desk.strangers).toEqual([]);
  expect(desk.errors.filter((error) => !/status of 401|HTTP Authentication failed/.test(error))).toEqual([]);
});
