// One request to the server. In: method, path under /api/v1, what to send, the check of the answer. Out: the answer,
// typed, or an ApiError as the server words it (`{code, message, field}`). Used by the other files of wire/.

import { asObject, type Check, nullable, text } from "./check";

/** Where the documented routes begin. */
export const API = "/api/v1";
const TIMEOUT_MS = 15_000;

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

export const unreachable = (): ApiError =>
  new ApiError("unreachable", "The server does not answer; nothing was changed. Try again when it is back.", null);

/** The error in a refusal's body; a body in any other form still says its status. */
export function faultIn(status: number, body: string): ApiError {
  try {
    const fault = asObject(JSON.parse(body), "error");
    return new ApiError(text(fault.code, "code"), text(fault.message, "message"), nullable(text)(fault.field, "field"));
  } catch {
    return new ApiError("unknown", `The server refused with status ${status}.`, null);
  }
}

export async function call(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
  const limit = AbortSignal.timeout(TIMEOUT_MS);
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
      ...(body === undefined ? {} : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }),
    });
  } catch {
    throw unreachable();
  }
  if (!response.ok) throw faultIn(response.status, await response.text().catch(() => ""));
  return response;
}

/** Asks, and reads the answer. */
export async function ask<T>(
  check: Check<T>,
  method: string,
  path: string,
  body?: unknown,
  signal?: AbortSignal,
): Promise<T> {
  const response = await call(method, path, body, signal);
  let answer: unknown;
  try {
    answer = await response.json();
  } catch {
    throw new ApiError("unreadable", "The server's answer could not be read.", null);
  }
  try {
    return check(answer, path);
  } catch (fault) {
    throw new ApiError("unreadable", `The server answers in a form this page does not know: ${fault}`, null);
  }
}

export const get = <T>(check: Check<T>, path: string, signal?: AbortSignal): Promise<T> =>
  ask(check, "GET", path, undefined, signal);

/** Only what is set goes into the address. */
export function query(values: Record<string, string | number | null | undefined>): string {
  const out = new URLSearchParams();
  for (const [key, value] of Object.entries(values)) {
    if (value != null && value !== "") out.set(key, String(value));
  }
  const words = out.toString();
  return words && `?${words}`;
}
