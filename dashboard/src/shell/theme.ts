// Dark or light. In: the system's preference, and the user's choice, which is kept. Out: `data-theme` on the page's
// root, and the colours that canvases need. Used by main.tsx, Header.tsx and everything that paints.

export type Theme = "dark" | "light";

const KEY = "truevision.theme";
const system = matchMedia("(prefers-color-scheme: light)");
const listeners = new Set<() => void>();
/** Asking the browser for a style is dear, and canvases ask with every picture. */
const colours = new Map<string, string>();

function chosen(): Theme | null {
  const kept = localStorage.getItem(KEY);
  return kept === "dark" || kept === "light" ? kept : null;
}

export const theme = (): Theme => chosen() ?? (system.matches ? "light" : "dark");

export function onTheme(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function apply(): void {
  document.documentElement.dataset.theme = theme();
  colours.clear();
  for (const listener of listeners) listener();
}

export function startTheme(): void {
  system.addEventListener("change", apply);
  apply();
}

export function toggleTheme(): void {
  localStorage.setItem(KEY, theme() === "dark" ? "light" : "dark");
  apply();
}

/** The value of a CSS variable, for painting on a canvas. */
export function colour(name: string): string {
  let value = colours.get(name);
  if (value === undefined) {
    value = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
    colours.set(name, value);
  }
  return value;
}
