// Addresses name pages, and nonsense leads to the wall.

import { expect, test } from "vitest";
import { parseRoute, to } from "./route";

test.each([
  ["", "live", null],
  ["#/", "live", null],
  ["#/nowhere/7", "live", "7"],
  ["#/events", "events", null],
  ["#/streams/side%20door", "streams", "side door"],
  ["#/streams/50%", "streams", "50%"],
])("%j is %s %s", (hash, page, id) => {
  expect(parseRoute(hash)).toMatchObject({ page, id });
});

test("a query is read", () => {
  expect(parseRoute("#/events?stream=lobby").query.get("stream")).toBe("lobby");
});

test("an address made is the address read", () => {
  expect(parseRoute(to("analyze", "a/b?c#d"))).toMatchObject({ page: "analyze", id: "a/b?c#d" });
});
