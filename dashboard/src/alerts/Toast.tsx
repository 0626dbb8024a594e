// An alert that opens is told on whatever page is shown, and rings if the user wishes. In: news of alerts.
// Used by App.tsx.

import { faBell } from "@fortawesome/free-solid-svg-icons/faBell";
import { faXmark } from "@fortawesome/free-solid-svg-icons/faXmark";
import { useState } from "react";
import { useNews } from "../live/hooks";
import { to } from "../route";
import { Icon } from "../shell/Icon";
import type { Alert } from "../wire/alert";
import { percent } from "../words";
import { ring } from "./bell";

export function Toast() {
  const [shown, setShown] = useState<Alert | null>(null);
  useNews("alert", (alert) => {
    if (alert.state === "open") {
      // Each further word of the same alert (a delivery, a higher peak) changes the text and rings no more.
      if (shown?.id !== alert.id) ring(alert);
      setShown(alert);
    } else if (shown?.id === alert.id) setShown(null);
  });
  return (
    <div role="alert" className="toasts">
      {shown && (
        <div className="toast glass" data-label="FAKE">
          <Icon of={faBell} />
          <p>
            <strong>FAKE on {shown.stream_name}</strong> {percent(shown.peak_confidence)} ·{" "}
            <a href={to("alerts")}>Look at it</a>
          </p>
          <button type="button" className="icon-button" aria-label="Dismiss" onClick={() => setShown(null)}>
            <Icon of={faXmark} />
          </button>
        </div>
      )}
    </div>
  );
}
