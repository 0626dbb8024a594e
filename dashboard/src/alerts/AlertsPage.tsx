// Alerts with their state, what people decided, and what was sent where. In: a state to look at. Out: decisions and
// replays to the server. Shown at #/alerts.

import { faBell } from "@fortawesome/free-solid-svg-icons/faBell";
import { faBellSlash } from "@fortawesome/free-solid-svg-icons/faBellSlash";
import { useState } from "react";
import { useNews } from "../live/hooks";
import { Field } from "../shell/Field";
import { Nothing, Page, Panel, Waiting } from "../shell/Page";
import { usePaged } from "../shell/usePaged";
import { alertsOf } from "../wire/alert";
import { AlertCard, STATES } from "./AlertCard";
import { BellSwitches } from "./BellSwitches";
import { Dead } from "./Dead";
import "../style/alerts.css";

export default function AlertsPage() {
  const [state, setState] = useState("");
  const paged = usePaged(async (cursor, signal) => {
    const page = await alertsOf(state, cursor, signal);
    return { items: page.alerts, next: page.next };
  }, `alerts ${state}`);
  const { items, error, put, reload } = paged;
  useNews("alert", (alert) => put(alert, state === "" || state === alert.state));
  return (
    <Page title="Alerts" lead="A face that stays FAKE opens an alert. It waits here until someone says what it was.">
      <section className="panel glass filters" aria-label="Filters">
        <Field label="State">
          {(props) => (
            <select {...props} value={state} onChange={(event) => setState(event.target.value)}>
              <option value="">All</option>
              {Object.entries(STATES).map(([key, { word }]) => (
                <option key={key} value={key}>
                  {word}
                </option>
              ))}
            </select>
          )}
        </Field>
        <BellSwitches />
      </section>
      {!items || (error && items.length === 0) ? (
        <Panel title="Alerts" icon={faBell}>
          <Waiting error={error} absent="This server raises no alerts yet." />
        </Panel>
      ) : items.length === 0 ? (
        <Panel title="Alerts" icon={faBell}>
          <Nothing icon={faBellSlash} title={state === "" ? "No alert so far" : "No alert in this state"} />
        </Panel>
      ) : (
        <ul className="list" aria-label="Alerts">
          {items.map((alert) => (
            <AlertCard key={alert.id} alert={alert} onChange={put} />
          ))}
        </ul>
      )}
      {paged.more && (
        <button type="button" className="button" disabled={paged.busy} onClick={paged.onMore}>
          Show older alerts
        </button>
      )}
      {items && <Dead onReplayed={reload} />}
    </Page>
  );
}
