// The calls that change streams, and those that open the door. In: what the user wants. Out: nothing, or an ApiError.
// Used by the dialogs and by live/live.ts.

import { API, call } from "./call";

/** What POST /streams takes; what is left out has the server's default. */
export interface NewStream {
  id: string;
  url: string;
  name?: string;
  user?: string;
  password?: string;
  transport?: string;
  repeat?: boolean;
  no_frames_secs?: number;
}

const at = (id: string) => `${API}/streams/${encodeURIComponent(id)}`;

export const addStream = (stream: NewStream) => call("POST", `${API}/streams`, stream);
export const removeStream = (id: string) => call("DELETE", at(id));
export const restartStream = (id: string) => call("POST", `${at(id)}/restart`);
export const login = (token: string) => call("POST", `${API}/login`, { token });

/** Whether the server refuses this browser until a token is given. */
export async function needsToken(): Promise<boolean> {
  try {
    return (await fetch(`${API}/status`, { signal: AbortSignal.timeout(15_000) })).status === 401;
  } catch {
    return false;
  }
}
