// A picture's header and its JPEG are cut apart at the right byte.

import { expect, test } from "vitest";
import { verdict } from "../../tests/golden";
import { parsePicture } from "./picture";

const JPEG = new Uint8Array([0xff, 0xd8, 1, 2, 3, 0xff, 0xd9]);

/** A message whose first four bytes claim `length` bytes of header; the true number without it. */
function message(header: unknown, length?: number): ArrayBuffer {
  const json = new TextEncoder().encode(JSON.stringify(header));
  const bytes = new Uint8Array(4 + json.length + JPEG.length);
  new DataView(bytes.buffer).setUint32(0, length ?? json.length, true);
  bytes.set(json, 4);
  bytes.set(JPEG, 4 + json.length);
  return bytes.buffer;
}

test("the header is the verdict of the frame, the rest its JPEG", async () => {
  const header = verdict({ id: "Eingang Süd" });
  const picture = parsePicture(message(header));
  expect(picture.header).toEqual(header);
  expect(picture.jpeg.type).toBe("image/jpeg");
  expect(new Uint8Array(await picture.jpeg.arrayBuffer())).toEqual(JPEG);
});

test("a header longer than the message is refused", () => {
  expect(() => parsePicture(message(verdict(), 1_000_000))).toThrow(/says 1000000 bytes/);
});

test("a message without room for a length is refused", () => {
  expect(() => parsePicture(new ArrayBuffer(3))).toThrow(/at least 4 bytes, got 3/);
});

test("a header that is no verdict is refused", () => {
  expect(() => parsePicture(message({ id: "lobby" }))).toThrow(/verdict.frame: expected a number/);
});
