// A card's Markdown becomes elements, and nothing in it becomes HTML.

import { renderToStaticMarkup } from "react-dom/server";
import { expect, test } from "vitest";
import { document } from "../../tests/golden";
import { Markdown } from "./Markdown";

const html = (text: string) => renderToStaticMarkup(<Markdown text={text} />);

test("the shipped model's card is read: heading, table, list of figures", () => {
  const shown = html(document("models/trial-112/card.md"));
  expect(shown).toContain("<h3>trial-112</h3>");
  expect(shown).toContain(">Celeb-DF</td>");
  expect(shown).toContain("<strong>Do not rely on its verdicts.</strong>");
});

test.each([
  "<script>alert(1)</script>",
  "a <img src=x onerror=alert(1)> b",
  "[go](javascript:alert(1))",
  "![x](http://evil.example/x.png)",
])("%s does nothing", (text) => expect(html(text)).not.toMatch(/<script|<img|<a |href=/));

test("signs that HTML escapes show once", () => {
  expect(html("`a < b` & c")).toContain("<code>a &lt; b</code> &amp; c");
});
