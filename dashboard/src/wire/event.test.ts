// The page reads every message the server can send, and names the place of what it cannot read.

import { expect, test } from "vitest";
import { events, golden, messages } from "../../tests/golden";
import { WireError } from "./check";
import { parseEvent } from "./event";

test("every golden message is read whole: no key is lost, none is made up", () => {
  // The number of a period is a name to the page.
  const sent = golden.events.map((event) => (event.type === "period" ? { ...event, id: String(event.id) } : event));
  expect(events).toEqual(sent);
});

test("the golden messages hold each kind of event this page knows", () => {
  const kinds = new Set(events.map(({ type }) => type));
  expect([...kinds].sort()).toEqual([
    "alert",
    "analysis",
    "heartbeat",
    "period",
    "removed",
    "snapshot",
    "stream",
    "verdict",
  ]);
});

test("a key that a newer server adds is passed over", () => {
  const heartbeat = { v: 1, seq: 7, type: "heartbeat", now: "2026-11-24T11:05:36.000Z" };
  expect(parseEvent(JSON.stringify({ ...heartbeat, weather: "fine" }))).toEqual(heartbeat);
});

test("a type that a newer server adds still counts in the sequence", () => {
  const message = JSON.stringify({ v: 1, seq: 48, type: "fanfare", loud: true });
  expect(parseEvent(message)).toEqual({ v: 1, seq: 48, type: "unknown" });
});

test("another version of the protocol is refused", () => {
  expect(() => parseEvent('{"v":2,"seq":1,"type":"heartbeat","now":""}')).toThrow(/speaks version 1, the server 2/);
});

test.each([
  [
    "a missing key",
    (text: string) => text.replace('"quality":', '"qualities":'),
    "faces[0].quality: expected an object",
  ],
  [
    "a wrong type",
    (text: string) => text.replace('"width":1280', '"width":"wide"'),
    'width: expected a number, got "wide"',
  ],
  ["an unknown verdict", (text: string) => text.replace('"REAL"', '"MAYBE"'), "label: expected one of REAL, FAKE"],
  [
    "a null where none may be",
    (text: string) => text.replace('"frame":8264', '"frame":null'),
    "frame: expected a number",
  ],
])("%s is named with its path", (_, damage, words) => {
  const text = damage(messages[1] ?? "");
  expect(() => parseEvent(text)).toThrow(WireError);
  expect(() => parseEvent(text)).toThrow(words);
});

test.each(["", "[]", "null", "7", "{", '{"v":1,"type":"removed","id":"gate"}'])("%j is no message", (text) => {
  expect(() => parseEvent(text)).toThrow();
});
