// Word of what the server keeps (analyses, periods, alerts) to the pages that show it, past the board.
// In: events of the link. Out: each news to those who subscribed to its type. Used by live.ts (fills) and hooks.ts.

import type { Event, NewsOf } from "../wire/event";

export type Topic = keyof NewsOf;
type Listener = (event: NewsOf[Topic]) => void;

export class News {
  #listeners: Record<Topic, Set<Listener>> = { analysis: new Set(), period: new Set(), alert: new Set() };

  subscribe<T extends Topic>(topic: T, listener: (event: NewsOf[T]) => void): () => void {
    const listeners = this.#listeners[topic];
    listeners.add(listener as Listener);
    return () => listeners.delete(listener as Listener);
  }

  apply(event: Event): void {
    if (event.type === "analysis" || event.type === "period" || event.type === "alert") {
      for (const listener of this.#listeners[event.type]) listener(event);
    }
  }
}
