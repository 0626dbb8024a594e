// The last minute of one stream's fake confidence, in bounded memory.
// In: each verdict's capture time and confidence. Out: two columns for the line (seconds, 0-1 or null for a gap).
// Used by board.ts (fills) and wall/ConfidenceLine.tsx (draws).

export const SPAN_SECS = 60;
/** Verdicts kept at most: a minute at 10 a second. Faster streams are thinned to that. */
const POINTS = 600;
const LEAST_STEP_SECS = SPAN_SECS / POINTS;
/** A longer pause between two verdicts is drawn as a gap and not as a line. */
const GAP_SECS = 2;

export class Trace {
  #times: number[] = [];
  #values: (number | null)[] = [];

  /** `secs`: unix seconds of capture. Time that runs backwards (a replayed file, a new clock) starts afresh. */
  add(secs: number, value: number | null): void {
    const last = this.#times.at(-1);
    if (last !== undefined) {
      if (secs < last) this.clear();
      else if (secs - last < LEAST_STEP_SECS && value !== null) {
        this.#values[this.#values.length - 1] = value;
        return;
      } else if (secs - last > GAP_SECS) this.#push(last + LEAST_STEP_SECS, null);
    }
    this.#push(secs, value);
    let old = 0;
    while ((this.#times[old] ?? secs) < secs - SPAN_SECS) old += 1;
    old = Math.max(old, this.#times.length - POINTS);
    if (old > 0) {
      this.#times.splice(0, old);
      this.#values.splice(0, old);
    }
  }

  clear(): void {
    this.#times = [];
    this.#values = [];
  }

  get newest(): number | null {
    return this.#times.at(-1) ?? null;
  }

  columns(): [number[], (number | null)[]] {
    return [this.#times, this.#values];
  }

  #push(secs: number, value: number | null): void {
    this.#times.push(secs);
    this.#values.push(value);
  }
}
