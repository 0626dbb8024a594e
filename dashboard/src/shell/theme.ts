// Dark or light. In: the system's preference, and the user's choice, which is kept. Out: `data-theme` on the page's
// root, and the colours that canvases need. Used by main.tsx, Header.tsx and everything that paints.

export type Theme = "dark" | "light";

const KEY = "truevision.theme";
const system = matchMedia("(prefers-color-scheme: light)");
const paper = matchMedia("print");
let printing = false;
const listeners = new Set<() => void>();
/** Asking the browser for a style is dear, and canvases ask with every picture. */
const colours = new Map<string, string>();

function chosen(): Theme | null {
  const kept = localStorage.getItem(KEY);
  return kept === "dark" || kept === "light" ? kept : null;
}

export const theme = (): Theme => chosen() ?? (system.matches ? "light" : "dark");

/** Whether what is drawn now goes on paper, which is white whatever the theme. */
export const onPaper = (): boolean => printing || paper.matches;

export function onTheme(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function apply(): void {
  document.documentElement.dataset.theme = onPaper() ? "light" : theme();
  colours.clear();
  for (const listener of listeners) listener();
}

export function startTheme(): void {
  system.addEventListener("change", apply);
  paper.addEventListener("change", apply);
  // Canvases have to be drawn anew before the page is laid out for paper.
  for (const [name, now] of [
    ["beforeprint", true],
    ["afterprint", false],
  ] as const) {
    addEventListener(name, () => {
      printing = now;
      apply();
    });
  }
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
