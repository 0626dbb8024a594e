// The faces of a stream's newest verdict, in words. In: the stream's view. Used by Tile.tsx.

import type { StreamView } from "../live/board";
import { Icon, LABEL_ICONS } from "../shell/Icon";
import { percent, reasonWords } from "../words";

export function Faces({ view }: { view: StreamView }) {
  const faces = view.stream.verdict?.faces ?? [];
  return (
    <ul className="faces" aria-label="Faces">
      {faces.map((face) => {
        const label = view.lost ? "STALE" : face.label;
        return (
          <li key={face.track} className="face" data-label={label}>
            <Icon of={LABEL_ICONS[label]} />
            <span>Face {face.track}</span>
            <b>{label}</b>
            <span>{percent(face.fake_confidence)}</span>
            {face.reasons.length > 0 && <small>{face.reasons.map(reasonWords).join(" · ")}</small>}
          </li>
        );
      })}
    </ul>
  );
}
