// One alert: which stream, since when, how sure, what was sent, and the decisions open to the user.
// In: the alert. Out: acknowledge, resolve, false. Used by AlertsPage.tsx.

import type { IconDefinition } from "@fortawesome/fontawesome-common-types";
import { faBell } from "@fortawesome/free-solid-svg-icons/faBell";
import { faCheck } from "@fortawesome/free-solid-svg-icons/faCheck";
import { faCheckDouble } from "@fortawesome/free-solid-svg-icons/faCheckDouble";
import { faHourglassHalf } from "@fortawesome/free-solid-svg-icons/faHourglassHalf";
import { faThumbsDown } from "@fortawesome/free-solid-svg-icons/faThumbsDown";
import { useState } from "react";
import { to } from "../route";
import { Icon } from "../shell/Icon";
import { useAction } from "../shell/useAction";
import { type Alert, type AlertAction, type AlertState, actOn, evidenceFile } from "../wire/alert";
import { bytes, moment, percent } from "../words";

export const STATES: Record<AlertState, { word: string; icon: IconDefinition; ink: string }> = {
  pending: { word: "Pending", icon: faHourglassHalf, ink: "uncertain" },
  open: { word: "Open", icon: faBell, ink: "fake" },
  acknowledged: { word: "Acknowledged", icon: faCheck, ink: "accent" },
  resolved: { word: "Resolved", icon: faCheckDouble, ink: "real" },
  false: { word: "False alarm", icon: faThumbsDown, ink: "stale" },
};

const DELIVERY = { waiting: "waiting", delivered: "delivered", dead: "given up" } as const;

/** What is kept of an alert: its files, or why there are none. */
function Evidence({ alert, of }: { alert: string; of: NonNullable<Alert["evidence"]> }) {
  const because = of.reason ? `: ${of.reason}` : "";
  if (of.state === "writing") return <span>Evidence is being written</span>;
  if (of.state === "none") return <span>No evidence{because}</span>;
  if (of.state === "removed") return <span>Evidence removed{because}</span>;
  return (
    <span className="row">
      <span title={of.manifest ? `SHA-256 of the manifest: ${of.manifest}` : undefined}>
        Evidence, {bytes(of.bytes)}
        {because}
      </span>
      {[...of.clips, "scores.json", "manifest.json"].map((file) => (
        <a key={file} href={evidenceFile(alert, file)} download={`${alert}-${file}`}>
          {file}
        </a>
      ))}
    </span>
  );
}

export function AlertCard({ alert, onChange }: { alert: Alert; onChange: (alert: Alert) => void }) {
  const action = useAction();
  const [note, setNote] = useState("");
  const state = STATES[alert.state];
  const over = alert.state === "resolved" || alert.state === "false";
  const act = (what: AlertAction) => async () => {
    if (await action.run(async () => onChange(await actOn(alert.id, what, note)))) setNote("");
  };
  return (
    <li className="alert glass" data-state={alert.state} data-id={alert.id}>
      <div className="row">
        <span className="chip" data-state={alert.state}>
          <Icon of={state.icon} /> {state.word}
        </span>
        <a href={to("streams", alert.stream)}>{alert.stream_name}</a>
        {alert.track !== null && <span className="soft">face {alert.track}</span>}
        <span className="soft">
          {alert.opened ? `opened ${moment(alert.opened)}` : `last news ${moment(alert.updated)}`}
          {alert.resolved && ` · over ${moment(alert.resolved)}`}
        </span>
        <b className="alert-peak">{percent(alert.peak_confidence)} fake</b>
      </div>
      {alert.deliveries.length > 0 && (
        <ul className="row" aria-label="Sent to">
          {alert.deliveries.map((delivery) => (
            <li
              key={delivery.target}
              className="chip"
              data-delivery={delivery.state}
              title={delivery.error ?? undefined}
            >
              {delivery.target}: {DELIVERY[delivery.state]}
              {delivery.attempts > 1 && `, ${delivery.attempts} tries`}
            </li>
          ))}
        </ul>
      )}
      <p className="row soft">{alert.evidence && <Evidence alert={alert.id} of={alert.evidence} />}</p>
      {alert.note && <p className="alert-said">“{alert.note}”</p>}
      {!over && (
        <div className="row">
          <input
            className="input alert-note"
            aria-label={`Note on the alert of ${alert.stream_name}`}
            placeholder="Note"
            maxLength={500}
            value={note}
            onChange={(event) => setNote(event.target.value)}
          />
          {alert.state !== "acknowledged" && (
            <button type="button" className="button small" disabled={action.busy} onClick={act("acknowledge")}>
              <Icon of={faCheck} /> Acknowledge
            </button>
          )}
          <button type="button" className="button small" disabled={action.busy} onClick={act("resolve")}>
            <Icon of={faCheckDouble} /> Resolve
          </button>
          <button type="button" className="button small" disabled={action.busy} onClick={act("false")}>
            <Icon of={faThumbsDown} /> Mark false
          </button>
        </div>
      )}
      {action.error && (
        <p className="field-error" role="alert">
          Not done: {action.error.message}
        </p>
      )}
    </li>
  );
}
