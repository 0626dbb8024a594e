// The page's one clock: whatever shows an age or a countdown moves with it, and no tile has a timer of its own.
// In: nothing. Out: the time of the newest tick (performance.now(), ms) and word of each tick. Used by hooks.ts.

export const TICK_MS = 250;

export class Clock {
  #now = performance.now();
  #listeners = new Set<() => void>();

  constructor() {
    setInterval(() => {
      this.#now = performance.now();
      for (const listener of this.#listeners) listener();
    }, TICK_MS);
  }

  now = (): number => this.#now;

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
}
