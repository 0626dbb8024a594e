// Which page is shown, by the part of the address after #. In: the address. Out: page, id and query, and addresses to
// link to. Used by App.tsx and wherever one page links to another.

import { useSyncExternalStore } from "react";

export const PAGES = [
  "live",
  "streams",
  "events",
  "analyze",
  "health",
  "model",
  "settings",
  "alerts",
  "about",
  "api",
] as const;
export type PageName = (typeof PAGES)[number];

export interface Route {
  page: PageName;
  /** What stands behind the page's name: a stream, an analysis. */
  id: string | null;
  query: URLSearchParams;
}

/** An address that names no page leads to the wall. */
export function parseRoute(hash: string): Route {
  const [path = "", search = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [name = "", id] = path.split("/");
  const page = PAGES.find((known) => known === name) ?? "live";
  return { page, id: id ? decoded(id) : null, query: new URLSearchParams(search) };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export const to = (page: PageName, id?: string): string =>
  id === undefined ? `#/${page}` : `#/${page}/${encodeURIComponent(id)}`;

function subscribe(listener: () => void): () => void {
  addEventListener("hashchange", listener);
  return () => removeEventListener("hashchange", listener);
}

export function useRoute(): Route {
  return parseRoute(useSyncExternalStore(subscribe, () => location.hash));
}
