// Every colour, space and duration is a variable of tokens.css, so that a theme is one file. In: the style sheets and
// sources as text. Out: the lines that have a value of their own.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const SOURCES = join(import.meta.dirname, "..");
const files = readdirSync(SOURCES, { recursive: true, encoding: "utf8" });

/** The lines of all files with this ending (comments left out) that the pattern fits. */
function lines(ending: string, pattern: RegExp): string[] {
  return files
    .filter((file) => file.endsWith(ending) && !/tokens\.css$|\.test\.tsx?$/.test(file))
    .flatMap((file) => {
      const text = readFileSync(join(SOURCES, file), "utf8").replace(/\/\*[\s\S]*?\*\//g, "");
      return text.split("\n").map((line) => `${file}: ${line.trim()}`);
    })
    .filter((line) => pattern.test(line.slice(line.indexOf(":") + 1)));
}

const COLOUR = /#[0-9a-f]{3,8}\b(?!\))|\b(?:rgba?|hsla?|oklch|lab)\(|:\s*(?:black|white|red|green|blue|gr[ae]y)\b/i;

test("the sheets are looked at", () => {
  expect(lines(".css", /var\(--/).length).toBeGreaterThan(100);
});

test("no colour stands outside the theme", () => {
  expect(lines(".css", COLOUR)).toEqual([]);
  expect(lines(".tsx", /["'`]#[0-9a-f]{3,8}["'`]|["'`](?:rgba?|hsla?)\(/i)).toEqual([]);
  expect(lines(".ts", /["'`]#[0-9a-f]{3,8}["'`]|["'`](?:rgba?|hsla?)\(/i)).toEqual([]);
});

test("no space has a length of its own", () => {
  expect(lines(".css", /^\s*(?:padding|margin|gap|row-gap|column-gap)[a-z-]*:.*\d(?:px|rem|em)\b/)).toEqual([]);
});

test("no motion has a duration of its own", () => {
  expect(lines(".css", /(?:transition|animation)[a-z-]*:.*\b[\d.]+m?s\b|^\s*[a-z-]+ [\d.]+m?s[,;]/)).toEqual([]);
});

test("who wants less motion gets none", () => {
  const tokens = readFileSync(join(SOURCES, "style/tokens.css"), "utf8");
  const durations = [...tokens.matchAll(/--([a-z]+): \d+ms;/g)].map(([, name]) => name);
  const still = /prefers-reduced-motion: reduce\) \{([\s\S]*?)\n\}/.exec(tokens)?.[1] ?? "";
  for (const name of durations) expect(still).toContain(`--${name}: 0ms;`);
});
