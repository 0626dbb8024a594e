// Runs a call to the server for a button or a form. In: the call. Out: whether it is under way, and the server's
// error if it failed. Used by the dialogs and the tile's buttons.

import { useState } from "react";
import { ApiError } from "../wire/call";

export interface Action {
  busy: boolean;
  error: ApiError | null;
  /** True when it went well. */
  run(call: () => Promise<unknown>): Promise<boolean>;
}

export function useAction(): Action {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  return {
    busy,
    error,
    async run(call) {
      setBusy(true);
      setError(null);
      try {
        await call();
        return true;
      } catch (fault) {
        setError(fault instanceof ApiError ? fault : new ApiError("page", String(fault), null));
        return false;
      } finally {
        setBusy(false);
      }
    },
  };
}
