// Many streams share the pictures of a second; few get all of theirs; the last one of each is always shown.

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { verdict } from "../../tests/golden";
import { PICTURES_A_SEC, Pictures } from "./pictures";

/** The model's rate: so often a stream has a picture. */
const EVERY_MS = 125;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("createImageBitmap", async () => ({ close: () => {} }));
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** The frames painted of each of so many streams that send for so long, and then some time more. */
async function painted(streams: number, secs: number): Promise<number[][]> {
  const pictures = new Pictures();
  const frames: number[][] = Array.from({ length: streams }, () => []);
  frames.forEach((seen, n) => {
    pictures.attach(`s${n}`, (_, header) => seen.push(header.frame));
  });
  for (let frame = 0; frame < (secs * 1000) / EVERY_MS; frame += 1) {
    for (let n = 0; n < streams; n += 1) {
      pictures.show({ header: verdict({ id: `s${n}`, frame }), jpeg: new Blob() });
    }
    await vi.advanceTimersByTimeAsync(EVERY_MS);
  }
  await vi.advanceTimersByTimeAsync(2_000);
  return frames;
}

test("up to four streams get every picture", async () => {
  for (const seen of await painted(4, 5)) expect(seen.length).toBeGreaterThanOrEqual(38);
});

test.each([16, 64])("%i streams share what the page can afford, evenly, and end on the newest", async (streams) => {
  const secs = 10;
  const all = await painted(streams, secs);
  const total = all.reduce((sum, seen) => sum + seen.length, 0);
  expect(total).toBeLessThanOrEqual(PICTURES_A_SEC * (secs + 1) + 2 * streams);
  const least = Math.floor((PICTURES_A_SEC * secs) / streams) - 1;
  for (const seen of all) {
    expect(seen.length).toBeGreaterThanOrEqual(least);
    expect(seen.at(-1)).toBe((secs * 1000) / EVERY_MS - 1);
  }
});

test("a stream that the page no longer shows is not painted", async () => {
  const pictures = new Pictures();
  const seen: number[] = [];
  const leave = pictures.attach("a", (_, header) => seen.push(header.frame));
  pictures.show({ header: verdict({ id: "a", frame: 1 }), jpeg: new Blob() });
  await vi.advanceTimersByTimeAsync(10);
  pictures.show({ header: verdict({ id: "a", frame: 2 }), jpeg: new Blob() });
  leave();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(seen).toEqual([1]);
});
