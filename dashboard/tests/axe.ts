// What axe holds against a page. In: a page. Out: serious and critical findings, with where they are.
// Used by wall.test.ts and pages.test.ts.

import axe from "axe-core";
import type { Page } from "playwright-core";

export async function findings(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => (globalThis as unknown as { axe: typeof axe }).axe.run());
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
}
