// `npm run screenshots`: the pictures of the documents, taken of the running product with its demo.
// In: the release binary and the clips that set-up makes. Out: docs/images/live.png and phone.png.

import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { DESKTOP, decided, launch, open, PHONE } from "../tests/browser";
import { DEMO, Program } from "../tests/program";

const ROOT = join(import.meta.dirname, "../..");
const IMAGES = join(ROOT, "docs/images");
/** Pillow of set-up's Python: 256 colours make a picture half as large or less. */
const PYTHON = join(ROOT, ".cache/venv/bin/python");
const REDUCE = `
import sys
from PIL import Image
full = Image.open(sys.argv[1]).convert("RGB")
full.quantize(palette=full.quantize(256), dither=Image.Dither.FLOYDSTEINBERG).save(sys.argv[1], optimize=True)
`;
/** So long the line grows before it is worth a picture. */
const LINE_MS = 25_000;

/** Takes the picture when both streams carry a verdict and none is waiting for the first frames of a face. */
async function shoot(page: Page, file: string): Promise<void> {
  await page.bringToFront();
  await page.waitForTimeout(LINE_MS);
  for (const name of DEMO.names) await decided(page, name).filter({ hasNotText: "Gathering" }).waitFor();
  const path = join(IMAGES, file);
  await page.screenshot({ path });
  execFileSync(PYTHON, ["-c", REDUCE, path]);
}

mkdirSync(IMAGES, { recursive: true });
const [program, browser] = await Promise.all([Program.start(DEMO), launch()]);
try {
  const desk = await open(browser, program.url, { viewport: DESKTOP });
  await shoot(desk.page, "live.png");
  const phone = await open(browser, program.url, { viewport: PHONE, deviceScaleFactor: 2 });
  await shoot(phone.page, "phone.png");
} finally {
  await browser.close();
  await program.stop();
}
