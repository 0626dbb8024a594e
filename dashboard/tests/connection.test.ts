// The server dies, hangs and comes back: the page says so, shows nothing old as new, and recovers by itself.

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { decided, launch, open, tile, type Watched } from "./browser";
import { DEMO, Program } from "./program";

/** Within so long an operator must see that the page no longer tells of now. */
const NOTICED_MS = 3_000;

let program: Program;
let browser: Browser;
let desk: Watched;

beforeAll(async () => {
  [program, browser] = await Promise.all([Program.start(DEMO), launch()]);
  desk = await open(browser, program.url);
});

afterAll(async () => {
  await browser?.close();
  await program?.kill();
});

const banner = () => desk.page.getByRole("alert").getByText("Disconnected.");

async function live(): Promise<void> {
  for (const name of DEMO.names) await decided(desk.page, name).waitFor();
  await banner().waitFor({ state: "detached" });
  // A busy machine may be silent for a moment, and then a tile rightly says so.
  await expect.poll(() => desk.page.locator(".tile[data-lost]").count()).toBe(0);
  await expect.poll(() => desk.page.locator(".connection").textContent()).toBe("Connected");
}

async function looksLost(): Promise<void> {
  const limit = { timeout: NOTICED_MS };
  await banner().waitFor(limit);
  for (const name of DEMO.names) {
    const shown = tile(desk.page, name);
    await shown.getByText("No connection to the server").waitFor(limit);
    expect(await shown.locator(".verdict strong").textContent()).toBe("STALE");
    expect(await shown.locator(".face b").allInnerTexts()).not.toContain("REAL");
  }
  const counts = await desk.page.getByRole("list", { name: "Streams by verdict" }).textContent();
  expect(counts).toContain("Stale 2");
}

test("a server that hangs with its connections open is noticed, and taken up again where it was", async () => {
  await live();
  program.freeze();
  await looksLost();
  program.thaw();
  await live();
});

test("a killed server is noticed; started again on its port, the page comes back by itself", async () => {
  await program.kill();
  await looksLost();
  program = await Program.start({ ...DEMO, port: program.port });
  await live();
});

test("who does not want to wait can try at once", async () => {
  await program.kill();
  const again = desk.page.getByRole("button", { name: "Try now" });
  // The third wait is long enough to be cut short.
  await expect.poll(() => desk.page.locator(".connection").textContent()).toMatch(/in [2-8] s/);
  program = await Program.start({ ...DEMO, port: program.port });
  await again.click();
  await live();
});

test("nothing went wrong on the page but the connection", () => {
  const others = desk.errors.filter((error) => !/ERR_CONNECTION_REFUSED|WebSocket connection/.test(error));
  expect(others).toEqual([]);
  expect(desk.strangers).toEqual([]);
});
