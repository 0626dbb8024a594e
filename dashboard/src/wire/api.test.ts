// What the server refuses reaches the form with its field; what does not answer is said so.

import { afterEach, expect, test, vi } from "vitest";
import { golden } from "../../tests/golden";
import { addStream, needsToken, removeStream } from "./api";

const answer = (status: number, body?: string) =>
  vi.stubGlobal(
    "fetch",
    vi.fn(async () => new Response(body ?? null, { status })),
  );

afterEach(() => vi.unstubAllGlobals());

test.each(golden.errors)("the golden error $code is read whole", async (error) => {
  answer(400, JSON.stringify(error));
  await expect(addStream({ id: "attic", url: "test" })).rejects.toMatchObject(error);
});

test("an error that is not in the server's form still says its status", async () => {
  answer(502, "<h1>Bad gateway</h1>");
  const refused = { code: "unknown", message: "The server refused with status 502.", field: null };
  await expect(removeStream("lobby")).rejects.toMatchObject(refused);
});

test("a server that does not answer is told apart from one that refuses", async () => {
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("connection refused")));
  await expect(removeStream("lobby")).rejects.toMatchObject({ code: "unreachable", field: null });
  expect(await needsToken()).toBe(false);
});

test("only a 401 asks for a token", async () => {
  answer(401, "{}");
  expect(await needsToken()).toBe(true);
  answer(503, "{}");
  expect(await needsToken()).toBe(false);
});

test("an id is one part of the address, whatever is in it", async () => {
  answer(204);
  await removeStream("a/b?c");
  expect(fetch).toHaveBeenCalledWith("/api/v1/streams/a%2Fb%3Fc", expect.objectContaining({ method: "DELETE" }));
});
