// The top of a tile: name, connection state, and the buttons enlarge, restart and remove (which asks first).
// In: the stream. Out: REST calls; the server's refusal is shown in place. Used by Tile.tsx.

import { faCompress } from "@fortawesome/free-solid-svg-icons/faCompress";
import { faExpand } from "@fortawesome/free-solid-svg-icons/faExpand";
import { faRotateRight } from "@fortawesome/free-solid-svg-icons/faRotateRight";
import { faTrashCan } from "@fortawesome/free-solid-svg-icons/faTrashCan";
import { useState } from "react";
import type { StreamView } from "../live/board";
import { to } from "../route";
import { Dialog } from "../shell/Dialog";
import { Icon } from "../shell/Icon";
import { useAction } from "../shell/useAction";
import { removeStream, restartStream } from "../wire/api";
import type { Stream } from "../wire/event";
import { kindWords, stateWords } from "../words";

interface Props {
  view: StreamView;
  large: boolean;
  onEnlarge: (id: string | null) => void;
}

export function TileHead({ view, large, onEnlarge }: Props) {
  const [asking, setAsking] = useState(false);
  const restart = useAction();
  const { stream } = view;
  const state = shownState(view);
  const size = large ? "Show at normal size" : "Enlarge";
  return (
    <>
      <header className="tile-head">
        <h2 title={`${stream.name} · ${stream.source}`}>
          <a href={to("streams", stream.id)}>{stream.name}</a>
        </h2>
        <span className="state" data-state={state.kind} title={`${kindWords(stream.kind)} ${stream.source}`}>
          <span className="state-dot" aria-hidden="true" />
          {state.word}
        </span>
        <div className="tile-buttons">
          <button
            type="button"
            className="icon-button"
            aria-label={`${size}: ${stream.name}`}
            title={size}
            aria-pressed={large}
            onClick={() => onEnlarge(large ? null : stream.id)}
          >
            <Icon of={large ? faCompress : faExpand} />
          </button>
          <button
            type="button"
            className="icon-button"
            aria-label={`Restart ${stream.name}`}
            title="Restart"
            disabled={restart.busy}
            onClick={() => restart.run(() => restartStream(stream.id))}
          >
            <Icon of={faRotateRight} />
          </button>
          <button
            type="button"
            className="icon-button danger"
            aria-label={`Remove ${stream.name}`}
            title="Remove"
            onClick={() => setAsking(true)}
          >
            <Icon of={faTrashCan} />
          </button>
        </div>
      </header>
      {restart.error && (
        <p className="tile-error" role="alert">
          Not restarted: {restart.error.message}
        </p>
      )}
      {asking && <RemoveDialog stream={stream} onClose={() => setAsking(false)} />}
    </>
  );
}

/** A page that hears nothing of a stream cannot say that it is live. */
function shownState({ stream, lost }: StreamView): { kind: string; word: string } {
  if (lost === "link") return { kind: "lost", word: "Unknown" };
  if (lost === "stale" || lost === "silent") return { kind: "lost", word: "No news" };
  return { kind: stream.state, word: stateWords(stream.state) };
}

function RemoveDialog({ stream, onClose }: { stream: Stream; onClose: () => void }) {
  const remove = useAction();
  return (
    <Dialog title="Remove this stream?" onClose={onClose}>
      <p>
        <strong>{stream.name}</strong> is no longer watched and leaves the wall. A stream from the settings file comes
        back when the server starts again.
      </p>
      <p className="field-error" role="alert">
        {remove.error?.message}
      </p>
      <div className="form-buttons">
        <button type="button" className="button" onClick={onClose}>
          Keep it
        </button>
        <button
          type="button"
          className="button danger"
          disabled={remove.busy}
          onClick={async () => {
            if (await remove.run(() => removeStream(stream.id))) onClose();
          }}
        >
          Remove
        </button>
      </div>
    </Dialog>
  );
}
