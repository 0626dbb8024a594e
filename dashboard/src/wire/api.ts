// REST calls of the page. In: what the user wants. Out: nothing, or an ApiError as the server words it
// (`{code, message, field}`), so that a form can show it at the field. Used by the dialogs and by live/live.ts.

import { asObject, nullable, text } from "./check";

export class ApiError extends Error {
  readonly code: string;
  /** Key of the request that the message is about. */
  readonly field: string | null;

  constructor(code: string, message: string, field: string | null) {
    super(message);
    this.code = code;
    this.field = field;
  }
}

/** What POST /api/streams takes; what is left out has the server's default. */
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

const TIMEOUT_MS = 15_000;

async function call(method: string, path: string, body?: unknown): Promise<void> {
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(body === undefined ? {} : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }),
    });
  } catch {
    throw new ApiError(
      "unreachable",
      "The server does not answer; nothing was changed. Try again when it is back.",
      null,
    );
  }
  if (!response.ok) throw await faultOf(response);
}

async function faultOf(response: Response): Promise<ApiError> {
  try {
    const body = asObject(await response.json(), "error");
    return new ApiError(text(body.code, "code"), text(body.message, "message"), nullable(text)(body.field, "field"));
  } catch {
    return new ApiError("unknown", `The server refused with status ${response.status}.`, null);
  }
}

const at = (id: string) => `/api/streams/${encodeURIComponent(id)}`;

export const addStream = (stream: NewStream) => call("POST", "/api/streams", stream);
export const removeStream = (id: string) => call("DELETE", at(id));
export const restartStream = (id: string) => call("POST", `${at(id)}/restart`);
export const login = (token: string) => call("POST", "/api/login", { token });

/** Whether the server refuses this browser until a token is given. */
export async function needsToken(): Promise<boolean> {
  try {
    return (await fetch("/api/status", { signal: AbortSignal.timeout(TIMEOUT_MS) })).status === 401;
  } catch {
    return false;
  }
}
