// Deliveries that were given up, with the last error, and a button that tries again. In: /deliveries?state=dead.
// Used by AlertsPage.tsx.

import { faRotateRight } from "@fortawesome/free-solid-svg-icons/faRotateRight";
import { faTruck } from "@fortawesome/free-solid-svg-icons/faTruck";
import { Icon } from "../shell/Icon";
import { Panel, Waiting } from "../shell/Page";
import { useAction } from "../shell/useAction";
import { useFetched } from "../shell/useFetched";
import { deadDeliveries, replay } from "../wire/alert";

export function Dead({ onReplayed }: { onReplayed: () => void }) {
  const { data, error, reload } = useFetched(deadDeliveries, "dead", 30_000);
  const action = useAction();
  return (
    <Panel title="Deliveries given up" icon={faTruck} note="after all tries failed; nothing is lost">
      {!data ? (
        <Waiting error={error} absent="This server delivers nothing." />
      ) : data.deliveries.length === 0 ? (
        <p className="soft">None: every message arrived or is still being tried.</p>
      ) : (
        <ul className="list">
          {data.deliveries.map((delivery) => (
            <li key={delivery.id} className="card row">
              <b>{delivery.target}</b>
              <span className="soft">
                {delivery.attempts} tries · {delivery.error ?? "no reason given"}
              </span>
              <button
                type="button"
                className="button small"
                disabled={action.busy}
                onClick={async () => {
                  if (!(await action.run(() => replay(delivery.id)))) return;
                  reload();
                  onReplayed();
                }}
              >
                <Icon of={faRotateRight} /> Try again
              </button>
            </li>
          ))}
        </ul>
      )}
      {action.error && (
        <p className="field-error" role="alert">
          {action.error.message}
        </p>
      )}
    </Panel>
  );
}
