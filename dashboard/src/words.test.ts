// Every code that the documents promise has words of its own, and figures read well.

import { expect, test } from "vitest";
import { document } from "../tests/golden";
import { bytes, clockTime, codecWords, dropWords, duration, percent, reasonWords, whole } from "./words";

/** The codes in backquotes that stand in a piece of a document. */
const codes = (text: string): string[] => [...text.matchAll(/`([a-z_]+)`/g)].map(([, code]) => code ?? "");

const section = (path: string, from: RegExp): string => from.exec(document(path))?.[1] ?? "";

/** First cells of the table in docs/api.md that explains the reasons. */
const reasons = section("docs/api.md", /\| reason \| in words \|\n\|[-|]+\|\n((?:\|.*\n)+)/)
  .split("\n")
  .flatMap((row) => codes(row.split("|")[1] ?? ""));

const drops = codes(section("docs/metrics.md", /- `reason` of dropped frames: (.*)/)).filter(
  (code) => code !== "reason",
);

test("the documents name the reasons", () => {
  expect(reasons).toHaveLength(15);
  expect(drops).toContain("overwritten");
});

test.each(reasons)("%s has words for people", (code) => {
  expect(reasonWords(code)).not.toBe(spelled(code));
});

test.each(drops)("dropped frames: %s has words for people", (code) => {
  expect(dropWords(code)).not.toBe(spelled(code).toLowerCase());
});

test("a code of a newer server is spelled out", () => {
  expect(reasonWords("lens_covered")).toBe("Lens covered");
  expect(dropWords("out_of_paper")).toBe("out of paper");
});

test("figures are short", () => {
  expect([null, 0, 0.304, 1].map(percent)).toEqual(["–", "0 %", "30 %", "100 %"]);
  expect([-1, 0.44, 9.96, 119, 120, 7_200].map(duration)).toEqual(["0.0 s", "0.4 s", "10 s", "119 s", "2 min", "2 h"]);
  expect([0, 999, 1_234_567].map(whole)).toEqual(["0", "999", "1\u202f234\u202f567"]);
  expect(["video/x-h264", "image/jpeg"].map(codecWords)).toEqual(["H264", "JPEG"]);
});

/** What a code without words of its own is shown as. */
function spelled(code: string): string {
  const words = code.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

test.each([
  [999, "999 B"],
  [1_536_000, "1.5 MB"],
  [250_000_000, "250 MB"],
])("%i bytes are %s", (n, words) => expect(bytes(n)).toBe(words));

test.each([
  [7.44, "0:07.4"],
  [59.97, "1:00.0"],
  [723, "12:03.0"],
])("%d seconds of a recording are %s", (secs, words) => expect(clockTime(secs)).toBe(words));
