// A chart in words and as rows, for those who cannot see it. Pure. In: columns. Out: text, rows, the nearest point.
// Used by Lines.tsx and the pages that seek.

import type { Line } from "./Lines";

/** More rows than this nobody reads: longer series are thinned. */
const ROWS = 60;

export function summary(lines: Line[], format: (value: number) => string): string {
  return lines
    .map(({ name, values }) => {
      const known = values.filter((value) => value !== null);
      const newest = known.at(-1);
      if (newest === undefined) return `${name}: no values.`;
      let [low, high] = [newest, newest];
      for (const value of known) {
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
      return `${name}: last ${format(newest)}, lowest ${format(low)}, highest ${format(high)}.`;
    })
    .join(" ");
}

export function rows(secs: number[], lines: Line[]): { at: number; values: (number | null)[] }[] {
  const step = Math.max(1, Math.ceil(secs.length / ROWS));
  return secs
    .map((at, n) => ({ at, values: lines.map(({ values }) => values[n] ?? null) }))
    .filter((_, n) => n % step === 0 || n === secs.length - 1);
}

/** Index of the point nearest to a moment; `secs` ascends. */
export function nearest(secs: number[], at: number): number {
  let low = 0;
  let high = secs.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((secs[middle] ?? 0) < at) low = middle + 1;
    else high = middle;
  }
  const before = low > 0 ? at - (secs[low - 1] ?? 0) : Number.POSITIVE_INFINITY;
  return before < (secs[low] ?? 0) - at ? low - 1 : low;
}
