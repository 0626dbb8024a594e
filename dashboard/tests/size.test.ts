// What a browser must fetch before it shows the wall: everything that index.html names, and what that needs at once.

import { gzipSync } from "node:zlib";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launch, open } from "./browser";
import { Program } from "./program";

const MOST_BYTES = 500_000;

let program: Program;
let browser: Browser;

beforeAll(async () => {
  [program, browser] = await Promise.all([Program.start({}), launch()]);
});

afterAll(async () => {
  await browser?.close();
  await program?.stop();
});

test("the first load is under 500 KB compressed", async () => {
  const { page } = await open(browser, program.url);
  await page.getByRole("heading", { name: "No streams yet" }).waitFor();
  const names = await page.evaluate(() => [
    location.href,
    ...performance.getEntriesByType("resource").map(({ name }) => name),
  ]);
  const own = [...new Set(names)].filter((name) => !/\/(api|ws)/.test(name));
  let bytes = 0;
  for (const name of own) bytes += gzipSync(Buffer.from(await (await fetch(name)).arrayBuffer())).length;
  expect(own.length).toBeGreaterThan(3);
  expect(bytes).toBeLessThan(MOST_BYTES);
});
