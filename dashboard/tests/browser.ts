// Debian's Chromium for the browser tests and the screenshots. In: an address. Out: a browser, and pages that collect
// what must not happen (console errors, requests to another host) and which pictures came over the WebSocket.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Browser, type BrowserContextOptions, chromium, type Locator, type Page } from "playwright-core";

/** The browser's own traffic is off, so that every request is the page's. */
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/**
 * While working on the page: its files come from dist/ as `npm run build` just made it and not from the program, which
 * would have to be built anew to hold them.
 */
const FRESH = process.env.TRUEVISION_FRESH_DIST !== undefined;
const DIST = join(import.meta.dirname, "../dist");

export const launch = (): Promise<Browser> =>
  chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    // A page that did not come from the loopback may not connect to it.
    args: FRESH ? [...FLAGS, "--disable-features=LocalNetworkAccessChecks"] : FLAGS,
  });

export const DESKTOP = { width: 1440, height: 900 };
export const PHONE = { width: 360, height: 780 };

/** A page and what was seen on it since it was opened. */
export interface Watched {
  page: Page;
  /** Console errors and uncaught exceptions. */
  errors: string[];
  /** Requests to any other host than the page's own. */
  strangers: string[];
  /** Newest pictures of all streams, oldest first, as they came over the WebSocket. */
  pictures: Buffer[];
}

/** A machine that others keep busy is ten times slower than it could be. */
const PATIENT_MS = 120_000;
/** More than a second of two streams. */
const PICTURES_KEPT = 40;

export async function open(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Watched> {
  const context = await browser.newContext({ viewport: DESKTOP, colorScheme: "dark", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENT_MS);
  const watched: Watched = { page, errors: [], strangers: [], pictures: [] };
  const { host } = new URL(url);
  const meet = (address: string) => {
    const { protocol, host: asked } = new URL(address);
    if (!["data:", "blob:"].includes(protocol) && asked !== host) watched.strangers.push(address);
  };
  page.on("pageerror", (error) => watched.errors.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") watched.errors.push(message.text());
  });
  page.on("request", (request) => meet(request.url()));
  page.on("websocket", (socket) => {
    meet(socket.url());
    socket.on("framereceived", ({ payload }) => {
      if (typeof payload === "string") return;
      watched.pictures.push(payload);
      if (watched.pictures.length > PICTURES_KEPT) watched.pictures.shift();
    });
  });
  if (FRESH) {
    await page.route(
      (address) => address.host === host && !/^\/(api|ws)/.test(address.pathname),
      (route) => {
        const { pathname } = new URL(route.request().url());
        const file = join(DIST, pathname === "/" ? "index.html" : pathname);
        return existsSync(file) ? route.fulfill({ path: file }) : route.continue();
      },
    );
  }
  await page.goto(url);
  return watched;
}

export const tile = (page: Page, name: string): Locator =>
  page.locator(".tile", { has: page.getByText(name, { exact: true }) });

/** The same, once it has a verdict with evidence of now behind it. */
export const decided = (page: Page, name: string): Locator =>
  tile(page, name).and(page.locator(".tile:not([data-lost]):has(.verdict-confidence)"));
