// `npm run screenshots`: the pictures of the documents, taken of the running product with its demo.
// In: the release binary and the clips that set-up makes. Out: docs/images/*.png, one of every page.

import { execFileSync } from "node:child_process";
import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { DESKTOP, decided, launch, open, PHONE } from "../tests/browser";
import { CLIPS, DEMO, Program } from "../tests/program";

const ROOT = join(import.meta.dirname, "../..");
const IMAGES = join(ROOT, "docs/images");
/** Pillow of set-up's Python: 256 colours, dithered where that does not make the picture too large. */
const PYTHON = join(ROOT, ".cache/venv/bin/python");
const REDUCE = `
import os, sys
from PIL import Image
path, most = sys.argv[1], int(sys.argv[2])
full = Image.open(path).convert("RGB")
for dither in (Image.Dither.FLOYDSTEINBERG, Image.Dither.NONE):
    full.quantize(palette=full.quantize(256), dither=dither).save(path, optimize=True)
    if os.path.getsize(path) <= most:
        break
`;
/** Who reads the documents should not wait for a picture. */
const MOST_BYTES = 300_000;
/** So long the line grows before it is worth a picture. */
const LINE_MS = 25_000;
/** Judging a clip on a busy machine, and the slowest of the rest. */
const JUDGED_MS = 240_000;

/** Each page, with what must be on it before it is worth a picture. */
const PAGES: [file: string, hash: string, selector: string][] = [
  ["stream", "streams/manipulated", ".page:has(.stream-picture:not([data-lost])):has(.strip img)"],
  ["events", "events", ".period"],
  ["analyze", "analyze", ".job[data-id] .chip[data-state='done']"],
  ["health", "health", ".chart"],
  ["model", "model", ".markdown"],
  ["settings", "settings", ".setting"],
  ["alerts", "alerts", ".panel"],
  ["privacy", "about", ".pairs"],
  ["api", "api", ".operation"],
];

async function shoot(page: Page, file: string): Promise<void> {
  const path = join(IMAGES, `${file}.png`);
  await page.screenshot({ path });
  execFileSync(PYTHON, ["-c", REDUCE, path, String(MOST_BYTES)]);
  const { size } = statSync(path);
  if (size > MOST_BYTES) throw new Error(`${path} has ${size} bytes, more than ${MOST_BYTES}`);
  console.log(`${file}.png ${size} bytes`);
}

/** Goes on when both streams carry a verdict and none is waiting for the first frames of a face. */
async function settled(page: Page): Promise<void> {
  await page.bringToFront();
  await page.waitForTimeout(LINE_MS);
  for (const name of DEMO.names) await decided(page, name).filter({ hasNotText: "Gathering" }).waitFor();
}

mkdirSync(IMAGES, { recursive: true });
const [program, browser] = await Promise.all([Program.start(DEMO), launch()]);
try {
  const { page } = await open(browser, program.url, { viewport: DESKTOP });
  page.setDefaultTimeout(JUDGED_MS);
  await settled(page);
  await shoot(page, "live");
  await page.goto(`${program.url}#/analyze`);
  await page.locator('input[type="file"]').setInputFiles(join(CLIPS, "manipulated.mp4"));
  await page.locator(".job[data-id] .chip[data-state='done']").waitFor();
  for (const [file, hash, selector] of PAGES) {
    await page.goto(`${program.url}#/${hash}`);
    await page.locator(selector).first().waitFor();
    // The lines of a chart come with the next answers.
    await page.waitForTimeout(3_000);
    await shoot(page, file);
  }
  await page.goto(`${program.url}#/analyze`);
  await page.locator(".job[data-id]").getByRole("link").first().click();
  await page.locator(".viewer img").waitFor();
  await page.waitForTimeout(1_500);
  await shoot(page, "analysis");
  const phone = await open(browser, program.url, { viewport: PHONE, deviceScaleFactor: 1.5 });
  await settled(phone.page);
  await shoot(phone.page, "phone");
  await phone.page.context().close();
  const light = await open(browser, program.url, { viewport: DESKTOP, colorScheme: "light" });
  await settled(light.page);
  await shoot(light.page, "light");
} finally {
  await browser.close();
  await program.stop();
}
