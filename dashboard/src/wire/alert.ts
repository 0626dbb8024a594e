// Alerts and what was sent because of them. In: filters and actions. Out: typed answers. Used by alerts/ and settings/.

import { API, ask, call, get, query } from "./call";
import { type Checked, flag, key, list, nullable, number, object, oneOf, text } from "./check";

const state = oneOf("pending", "open", "acknowledged", "resolved", "false");
export type AlertState = Checked<typeof state>;

export const alertFields = {
  id: key,
  stream: text,
  stream_name: text,
  track: nullable(number),
  state,
  began: text,
  opened: nullable(text),
  updated: text,
  resolved: nullable(text),
  peak_confidence: nullable(number),
  note: text,
  deliveries: list(
    object({
      target: text,
      state: oneOf("waiting", "delivered", "dead"),
      attempts: number,
      error: nullable(text),
    }),
  ),
  evidence: nullable(
    object({
      state: oneOf("writing", "kept", "none", "removed"),
      reason: nullable(text),
      bytes: number,
      clips: list(text),
      manifest: nullable(text),
    }),
  ),
};
const alert = object(alertFields);
export type Alert = Checked<typeof alert>;

const alerts = object({ alerts: list(alert), next: nullable(text) });
export const alertsOf = (wanted: string, cursor: string | null, signal?: AbortSignal) =>
  get(alerts, `${API}/alerts${query({ state: wanted, cursor, limit: 30 })}`, signal);

export type AlertAction = "acknowledge" | "resolve" | "false";
export const actOn = (id: string, action: AlertAction, note: string) =>
  ask(alert, "POST", `${API}/alerts/${encodeURIComponent(id)}/${action}`, note ? { note } : {});

/** Where a file of an alert's evidence is to be had. */
export const evidenceFile = (alert: string, file: string) =>
  `${API}/alerts/${encodeURIComponent(alert)}/evidence/${encodeURIComponent(file)}`;

const evidence = object({
  on: flag,
  fault: nullable(text),
  alerts: number,
  bytes: number,
  oldest: nullable(text),
  before_secs: number,
  after_secs: number,
  keep_days: number,
  keep_mb: number,
});
export const evidenceNow = (signal?: AbortSignal) => get(evidence, `${API}/evidence`, signal);

const targets = object({
  targets: list(
    object({
      name: text,
      kind: text,
      address: text,
      waiting: number,
      delivered: number,
      dead: number,
      last_error: nullable(text),
    }),
  ),
});
export const targetsNow = (signal?: AbortSignal) => get(targets, `${API}/targets`, signal);

const deliveries = object({
  deliveries: list(object({ id: key, target: text, state: text, attempts: number, error: nullable(text) })),
  next: nullable(text),
});
export const deadDeliveries = (signal?: AbortSignal) => get(deliveries, `${API}/deliveries?state=dead`, signal);
export const replay = (id: string) => call("POST", `${API}/deliveries/${encodeURIComponent(id)}/replay`);
