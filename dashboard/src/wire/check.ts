// Checks that what came over the wire has the shape the page was written for.
// In: parsed JSON. Out: a typed copy that holds only known keys, or a WireError that names the path.
// Used by event.ts and api.ts; a type is derived from its check, so the two cannot differ.

export class WireError extends Error {}

export type Check<T> = (value: unknown, path: string) => T;
export type Checked<C> = C extends Check<infer T> ? T : never;

function refuse(path: string, expected: string, got: unknown): never {
  const seen = JSON.stringify(got) ?? "nothing";
  throw new WireError(`${path}: expected ${expected}, got ${seen.slice(0, 60)}`);
}

export const text: Check<string> = (value, path) => (typeof value === "string" ? value : refuse(path, "text", value));

export const number: Check<number> = (value, path) =>
  typeof value === "number" && Number.isFinite(value) ? value : refuse(path, "a number", value);

export const flag: Check<boolean> = (value, path) =>
  typeof value === "boolean" ? value : refuse(path, "true or false", value);

/** An identifier, which the server may number: text for the page. */
export const key: Check<string> = (value, path) => (typeof value === "number" ? String(value) : text(value, path));

/** Anything, to be looked at later. */
export const anything: Check<unknown> = (value) => value;

export const nullable =
  <T>(check: Check<T>): Check<T | null> =>
  (value, path) =>
    value === null ? null : check(value, path);

export const oneOf =
  <const T extends string>(...words: T[]): Check<T> =>
  (value, path) =>
    words.includes(value as T) ? (value as T) : refuse(path, `one of ${words.join(", ")}`, value);

export const list =
  <T>(check: Check<T>): Check<T[]> =>
  (value, path) =>
    Array.isArray(value) ? value.map((item, i) => check(item, `${path}[${i}]`)) : refuse(path, "a list", value);

export const record =
  <T>(check: Check<T>): Check<Record<string, T>> =>
  (value, path) => {
    const out: Record<string, T> = {};
    for (const [key, item] of Object.entries(asObject(value, path))) out[key] = check(item, `${path}.${key}`);
    return out;
  };

export function object<F extends Record<string, Check<unknown>>>(fields: F): Check<{ [K in keyof F]: Checked<F[K]> }> {
  const entries = Object.entries(fields);
  return (value, path) => {
    const source = asObject(value, path);
    const out: Record<string, unknown> = {};
    for (const [key, check] of entries) out[key] = check(source[key], `${path}.${key}`);
    return out as { [K in keyof F]: Checked<F[K]> };
  };
}

export function asObject(value: unknown, path: string): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : refuse(path, "an object", value);
}
