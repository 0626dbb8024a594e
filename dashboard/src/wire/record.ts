// What the server keeps: periods, the seconds behind them, storage, settings, and what thresholds would have done.
// In: filters and changes. Out: typed answers. Used by the pages events, stream, model, settings and about.

import { API, ask, get, query } from "./call";
import { type Checked, flag, key, list, nullable, number, object, oneOf, record, text } from "./check";

const review = oneOf("none", "reviewed", "confirmed", "false");
export type Review = Checked<typeof review>;

export const periodFields = {
  id: key,
  stream: text,
  stream_name: text,
  track: number,
  label: oneOf("FAKE", "UNCERTAIN", "REAL", "STALE"),
  began: text,
  ended: nullable(text),
  secs: number,
  peak_confidence: nullable(number),
  peak_at: nullable(text),
  mean_confidence: nullable(number),
  windows: number,
  reasons: list(text),
  review,
  note: text,
  reviewed_at: nullable(text),
  thumbnail: flag,
  model: text,
};
const period = object(periodFields);
export type Period = Checked<typeof period>;

export interface PeriodFilter {
  stream: string;
  label: string;
  review: string;
  from: string;
  to: string;
}

const periods = object({ events: list(period), next: nullable(text) });
const filters = (filter: PeriodFilter) => ({ ...filter });

export const periodsOf = (filter: PeriodFilter, cursor: string | null, signal?: AbortSignal) =>
  get(periods, `${API}/events${query({ ...filters(filter), cursor, limit: 30 })}`, signal);
export const periodAt = (id: string, signal?: AbortSignal) =>
  get(period, `${API}/events/${encodeURIComponent(id)}`, signal);
export const reviewPeriod = (id: string, change: { review?: Review; note?: string }) =>
  ask(period, "PATCH", `${API}/events/${encodeURIComponent(id)}`, change);
export const thumbnailOf = (id: string) => `${API}/events/${encodeURIComponent(id)}/thumbnail`;
export const exportOf = (filter: PeriodFilter, format: "json" | "csv") =>
  `${API}/events/export${query({ format, ...filters(filter) })}`;

const history = object({
  points: list(
    object({
      at: text,
      track: number,
      fake_confidence: nullable(number),
      synthetic_confidence: nullable(number),
      quality: nullable(number),
    }),
  ),
});
export type HistoryPoint = Checked<typeof history>["points"][number];
export const historyOf = (stream: string, secs: number, signal?: AbortSignal) =>
  get(history, `${API}/streams/${encodeURIComponent(stream)}/history${query({ secs })}`, signal);

const effect = object({
  fake_at: number,
  real_at: number,
  secs: record(number),
  fake_periods: number,
  streams_flagged: number,
});
export type Effect = Checked<typeof effect>;
const effects = object({ hours_kept: number, now: effect, proposed: effect });
export const effectOf = (fakeAt: number, realAt: number, hours: number, signal?: AbortSignal) =>
  get(effects, `${API}/thresholds/effect${query({ fake_at: fakeAt, real_at: realAt, hours })}`, signal);

const settings = object({
  settings: list(
    object({
      key: text,
      value: nullable(number),
      default: nullable(number),
      changed: flag,
      unit: nullable(text),
      low: nullable(number),
      high: nullable(number),
      meaning: text,
    }),
  ),
});
export type Setting = Checked<typeof settings>["settings"][number];
export const settingsNow = (signal?: AbortSignal) => get(settings, `${API}/settings`, signal);
/** null puts a key back to the settings file's value. */
export const changeSettings = (changes: Record<string, number | null>) =>
  ask(settings, "PATCH", `${API}/settings`, changes);

const storage = object({
  database_bytes: number,
  thumbnails: number,
  periods: number,
  oldest: nullable(text),
  keep_days: number,
  keep_mb: number,
  path_note: text,
});
export const storageNow = (signal?: AbortSignal) => get(storage, `${API}/storage`, signal);
