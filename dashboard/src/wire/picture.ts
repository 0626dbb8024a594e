// One picture of the server: the JPEG of a frame, and the verdict of that very frame.
// In: a binary WebSocket message (u32 little-endian header length, JSON header, JPEG). Out: both parts, typed.
// Used by link.ts.

import { WireError } from "./check";
import { parseVerdict, type Verdict } from "./event";

export interface Picture {
  header: Verdict;
  jpeg: Blob;
}

export function parsePicture(message: ArrayBuffer): Picture {
  if (message.byteLength < 4) throw new WireError(`picture: expected at least 4 bytes, got ${message.byteLength}`);
  const length = new DataView(message).getUint32(0, true);
  if (length > message.byteLength - 4) {
    throw new WireError(`picture: its header says ${length} bytes, the message has ${message.byteLength - 4}`);
  }
  const header = parseVerdict(JSON.parse(new TextDecoder().decode(new Uint8Array(message, 4, length))));
  return { header, jpeg: new Blob([new Uint8Array(message, 4 + length)], { type: "image/jpeg" }) };
}
