// A long list that grows page by page. In: the call for one page, a key that names the list. Out: what was loaded so
// far, whether there is more, and ways to go on, to start anew and to put in a changed item. Used by the lists of
// events, alerts and analyses.

import { useCallback, useEffect, useRef, useState } from "react";
import { ApiError } from "../wire/call";

interface PageOf<T> {
  items: T[];
  next: string | null;
}

interface Paged<T> {
  /** null: nothing came yet. */
  items: T[] | null;
  more: boolean;
  busy: boolean;
  error: ApiError | null;
  onMore: () => void;
  reload: () => void;
  /** Replaces the item with the same id; one that is not shown is put in front with `front`. */
  put: (item: T, front?: boolean) => void;
  remove: (id: string) => void;
}

export function usePaged<T extends { id: string }>(
  load: (cursor: string | null, signal: AbortSignal) => Promise<PageOf<T>>,
  key: string,
): Paged<T> {
  const [state, setState] = useState<PageOf<T> & { key: string | null }>({ items: [], next: null, key: null });
  const [error, setError] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const [round, setRound] = useState(0);
  const control = useRef(new AbortController());
  const loadNow = useRef(load);
  loadNow.current = load;

  const fetchPage = useCallback(
    async (cursor: string | null) => {
      control.current.abort();
      const own = new AbortController();
      control.current = own;
      setBusy(true);
      try {
        const page = await loadNow.current(cursor, own.signal);
        if (own.signal.aborted) return;
        setError(null);
        setState((old) => {
          if (cursor === null || old.key !== key) return { ...page, key };
          const known = new Set(old.items.map(({ id }) => id));
          return { items: [...old.items, ...page.items.filter(({ id }) => !known.has(id))], next: page.next, key };
        });
      } catch (fault) {
        if (own.signal.aborted) return;
        setError(fault instanceof ApiError ? fault : new ApiError("page", String(fault), null));
      }
      setBusy(false);
    },
    [key],
  );

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new round asks again
  useEffect(() => {
    void fetchPage(null);
    return () => control.current.abort();
  }, [fetchPage, round]);

  return {
    items: state.key === key ? state.items : null,
    more: state.key === key && state.next !== null,
    busy,
    error,
    onMore: () => void fetchPage(state.next),
    reload: useCallback(() => setRound((old) => old + 1), []),
    put: useCallback((item, front = false) => {
      setState((old) => {
        const at = old.items.findIndex(({ id }) => id === item.id);
        if (at >= 0) return { ...old, items: old.items.with(at, item) };
        return front ? { ...old, items: [item, ...old.items] } : old;
      });
    }, []),
    remove: useCallback((id) => {
      setState((old) => ({ ...old, items: old.items.filter((item) => item.id !== id) }));
    }, []),
  };
}
