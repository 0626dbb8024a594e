// Puts the contract's answers (answers.ts) before a page of the real program, for states that it does not reach quickly:
// a failed delivery, a day of history. In: a page. Out: its calls under /api/v1 are answered from here; the wall, its
// pictures and the page's own files stay the program's. Used by pages.test.ts.

import type { Page } from "playwright-core";
import { answers, isPicture, JPEG } from "./answers";

export async function stage(page: Page): Promise<void> {
  await page.route("**/api/v1/**", (route) => {
    const path = new URL(route.request().url()).pathname.replace("/api/v1", "");
    if (isPicture(path)) return route.fulfill({ body: JPEG, contentType: "image/jpeg" });
    if (path in answers) return route.fulfill({ json: answers[path] });
    return route.continue();
  });
}
