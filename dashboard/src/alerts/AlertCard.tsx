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
import { type Alert, type AlertAction, type AlertState, actOn } from "../wire/alert";
import { bytes, moment, percent } from "../words";

export const STATES: Record<AlertState, { word: string; icon: IconDefinition; ink: string }> = {
  pending: { word: "Pending", icon: faHourglassHalf, ink: "uncertain" },
  open: { word: "Open", icon: faBell, ink: "fake" },
  acknowledged: { word: "Acknowledged", icon: faCheck, ink: "accent" },
  resolved: { word: "Resolved", icon: faCheckDouble, ink: "real" },
  false: { word: "False alarm", icon: faThumbsDown, ink: "stale" },
};

const DELIVERY = { waiting: "waiting", delivered: "delivered", dead: "given up" } as const;

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
      <p className="row soft">
        {alert.evidence && (
          <span>
            evidence kept: {alert.evidence.folder}, {bytes(alert.evidence.bytes)}
          </span>
        )}
      </p>
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
