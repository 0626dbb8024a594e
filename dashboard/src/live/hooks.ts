// How components read the live side. In: the Live of the page (a context). Out: views that re-render a component
// only when its own part changed. Used by every component that shows live data.

import { createContext, useCallback, useContext, useEffect, useRef, useSyncExternalStore } from "react";
import type { NewsOf } from "../wire/event";
import type { Overview, StreamView } from "./board";
import type { Live } from "./live";
import type { Topic } from "./news";

export const LiveContext = createContext<Live | null>(null);

export function useLive(): Live {
  const live = useContext(LiveContext);
  // main.tsx provides it around the whole page.
  if (!live) throw new Error("no LiveContext above this component");
  return live;
}

export function useOverview(): Overview {
  const { board } = useLive();
  return useSyncExternalStore(board.subscribeOverview, board.overview);
}

export function useStreamView(id: string): StreamView | undefined {
  const { board } = useLive();
  const subscribe = useCallback((listener: () => void) => board.subscribe(id, listener), [board, id]);
  return useSyncExternalStore(subscribe, () => board.stream(id));
}

/** The time by the page's clock, ms; re-renders its component with every tick, so use it in small ones. */
export function useNow(): number {
  const { clock } = useLive();
  return useSyncExternalStore(clock.subscribe, clock.now);
}

/** Calls `listener` with every news of this topic while the component is shown. */
export function useNews<T extends Topic>(topic: T, listener: (event: NewsOf[T]) => void): void {
  const { news } = useLive();
  const newest = useRef(listener);
  newest.current = listener;
  useEffect(() => news.subscribe(topic, (event) => newest.current(event)), [news, topic]);
}
