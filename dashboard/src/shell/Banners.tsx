// What concerns the whole page: no connection, a trial model. In: the overview. Used by App.tsx.

import { faFlask } from "@fortawesome/free-solid-svg-icons/faFlask";
import { faPlugCircleXmark } from "@fortawesome/free-solid-svg-icons/faPlugCircleXmark";
import { useLive, useOverview } from "../live/hooks";
import { Countdown } from "./Header";
import { Icon } from "./Icon";

export function Banners() {
  const { link } = useLive();
  const { server, link: state } = useOverview();
  // The very first connecting is no loss: there is nothing on the page yet that could be old.
  const lost = state.kind === "waiting" || state.kind === "denied" || (state.kind === "connecting" && server !== null);
  return (
    <div className="banners">
      <div role="alert">
        {lost && (
          <div className="banner" data-kind="lost">
            <Icon of={faPlugCircleXmark} />
            <p>
              <strong>Disconnected.</strong>{" "}
              {server ? "Everything below is old and says nothing about now" : "No data yet"}
              {state.kind === "waiting" && `: ${state.why}`}.{" "}
              {state.kind === "waiting" && (
                <span aria-hidden="true">
                  Next try in <Countdown until={state.until} />.
                </span>
              )}
              {state.kind === "connecting" && "Trying now…"}
            </p>
            {state.kind === "waiting" && (
              <button type="button" className="button" onClick={() => link.connect()}>
                Try now
              </button>
            )}
          </div>
        )}
      </div>
      {server?.model.trial && (
        <div className="banner" data-kind="trial" role="note">
          <Icon of={faFlask} />
          <p>
            <strong>TRIAL MODEL</strong> {server.model.note}
          </p>
        </div>
      )}
    </div>
  );
}
