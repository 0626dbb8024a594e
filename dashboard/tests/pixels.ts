// Looks whether picture and box on a tile belong together, in the pixels of its canvas.
// In: a page and the name of a stream. Out: nothing, or a failed expectation. Used by wall.test.ts.

import { expect } from "vitest";
import { parsePicture } from "../src/wire/picture";
import { tile, type Watched } from "./browser";

interface Rect {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** A stretch of the box's line counts as drawn up to here; UNCERTAIN's dashes leave two fifths open. */
const DRAWN = 0.4;

/**
 * Takes the canvas as it is at one moment and says of which received picture its pixels are: it must be the one whose
 * frame number the tile names, and the box of that picture's header must be drawn, there and not elsewhere.
 */
export async function boxOnItsFrame({ page, pictures }: Watched, name: string): Promise<void> {
  const shown = tile(page, name);
  const id = await shown.getAttribute("data-id");
  const ofStream = () =>
    pictures.map((message) => parsePicture(bytesOf(message))).filter(({ header }) => header.id === id);
  await expect
    .poll(async () => {
      const shot = await shown.locator("canvas.picture").evaluateHandle(take);
      const frame = await shot.evaluate((taken) => taken.frame);
      const candidates = ofStream();
      const own = candidates.find(({ header }) => header.frame === frame);
      const [face] = own?.header.faces ?? [];
      // Between two loops of the clip there is a moment without a face.
      if (!own || !face || candidates.length < 5) return "no face in this frame";
      const jpegs = await Promise.all(candidates.map(async ({ jpeg }) => base64(await jpeg.arrayBuffer())));
      const nearest = await page.evaluate(mostAlike, { shot, jpegs });
      expect(candidates[nearest]?.header.frame).toBe(frame);

      const scale = await shot.evaluate((taken, width) => taken.image.width / width, own.header.width);
      const box = scaled(face.rect, scale);
      const elsewhere = { ...box, x: box.x + box.width / 4, y: box.y + box.height / 4 };
      const ink = `--box-${face.label.toLowerCase()}`;
      expect(await page.evaluate(shareDrawn, { shot, box, ink })).toBeGreaterThan(DRAWN);
      expect(await page.evaluate(shareDrawn, { shot, box: elsewhere, ink })).toBeLessThan(DRAWN / 2);
      return "box and picture belong together";
    })
    .toBe("box and picture belong together");
}

const bytesOf = (message: Buffer): ArrayBuffer => new Uint8Array(message).buffer;
const base64 = (bytes: ArrayBuffer): string => Buffer.from(bytes).toString("base64");

const scaled = ({ x, y, width, height }: Rect, by: number): Rect => ({
  x: x * by,
  y: y * by,
  width: width * by,
  height: height * by,
});

// What follows runs in the page.

interface Shot {
  frame: number;
  image: ImageData;
}

/** Pixels and frame number of one moment. */
function take(element: SVGElement | HTMLElement): Shot {
  const canvas = element as HTMLCanvasElement;
  const image = canvas.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height);
  if (!image) throw new Error("the canvas has no pixels");
  return { frame: Number(canvas.dataset.frame), image };
}

/** Which of the JPEGs differs least from the shot. */
async function mostAlike({ shot, jpegs }: { shot: Shot; jpegs: string[] }): Promise<number> {
  const { width, height, data } = shot.image;
  const pen = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  if (!pen) throw new Error("no canvas");
  const differences: number[] = [];
  for (const jpeg of jpegs) {
    const bytes = Uint8Array.from(atob(jpeg), (letter) => letter.charCodeAt(0));
    const image = await createImageBitmap(new Blob([bytes], { type: "image/jpeg" }));
    pen.drawImage(image, 0, 0, width, height);
    const other = pen.getImageData(0, 0, width, height).data;
    let difference = 0;
    for (let at = 0; at < data.length; at += 1) difference += Math.abs((data[at] ?? 0) - (other[at] ?? 0));
    differences.push(difference);
  }
  return differences.indexOf(Math.min(...differences));
}

/** The share of a rectangle's upright edges that has the colour of a CSS variable. */
function shareDrawn({ shot, box, ink }: { shot: Shot; box: Rect; ink: string }): number {
  const colour = getComputedStyle(document.documentElement).getPropertyValue(ink);
  const wanted = [1, 3, 5].map((at) => Number.parseInt(colour.trim().slice(at, at + 2), 16));
  const { width, data } = shot.image;
  const isInk = (x: number, y: number) =>
    wanted.every((value, channel) => Math.abs((data[(y * width + x) * 4 + channel] ?? 0) - value) < 40);
  let drawn = 0;
  let looked = 0;
  for (const x of [Math.round(box.x), Math.round(box.x + box.width)]) {
    for (let y = Math.ceil(box.y); y < box.y + box.height; y += 1) {
      looked += 1;
      // A line of 1-3 pixels may lie on either side of the edge.
      if ([x - 1, x, x + 1].some((near) => isInk(near, y))) drawn += 1;
    }
  }
  return drawn / looked;
}
