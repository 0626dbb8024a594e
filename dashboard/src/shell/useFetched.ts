// What a page asks the server for, once or again and again. In: the call, a key that names what is asked, an interval.
// Out: the newest answer, the error if the newest try failed, and a way to ask again. Used by the pages.

import { useCallback, useEffect, useRef, useState } from "react";
import { ApiError } from "../wire/call";

export interface Fetched<T> {
  /** The newest answer under this key; null: none yet. */
  data: T | null;
  error: ApiError | null;
  reload: () => void;
  /** Puts in an answer that came some other way. */
  put: (data: T) => void;
}

/** After an error the server is asked no oftener. */
const CALM_MS = 10_000;

/** `key` null: nothing is asked. `everyMs` 0: once. Nothing is asked while the tab is hidden. */
export function useFetched<T>(load: (signal: AbortSignal) => Promise<T>, key: string | null, everyMs = 0): Fetched<T> {
  const [state, setState] = useState<{ key: string | null; data: T | null; error: ApiError | null }>({
    key,
    data: null,
    error: null,
  });
  const [round, setRound] = useState(0);
  const loadNow = useRef(load);
  loadNow.current = load;

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new round asks again
  useEffect(() => {
    if (key === null) return;
    const control = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const again = (ms: number) => {
      if (everyMs > 0 && !control.signal.aborted) timer = setTimeout(work, ms);
    };
    const work = async () => {
      if (document.hidden && everyMs > 0) return again(everyMs);
      try {
        const data = await loadNow.current(control.signal);
        if (control.signal.aborted) return;
        setState({ key, data, error: null });
        again(everyMs);
      } catch (fault) {
        if (control.signal.aborted) return;
        const error = fault instanceof ApiError ? fault : new ApiError("page", String(fault), null);
        setState((old) => ({ key, data: old.key === key ? old.data : null, error }));
        again(Math.max(everyMs, CALM_MS));
      }
    };
    void work();
    return () => {
      control.abort();
      clearTimeout(timer);
    };
  }, [key, everyMs, round]);

  const reload = useCallback(() => setRound((old) => old + 1), []);
  const put = useCallback((data: T) => setState({ key, data, error: null }), [key]);
  const fresh = state.key === key;
  return { data: fresh ? state.data : null, error: fresh ? state.error : null, reload, put };
}
