// The faces of a stream's newest verdict, in words. In: the stream's view. Used by Tile.tsx.

import type { StreamView } from "../live/board";
import { Icon, LABEL_ICONS } from "../shell/Icon";
import { percent, reasonWords } from "../words";

export function Faces({ view }: { view: StreamView }) {
  const faces = view.stream.verdict?.faces ?? [];
  // A lone face's reasons are the stream's, which stand above.
  const said = view.stream.verdict?.reasons ?? [];
  return (
    <ul className="faces" aria-label="Faces">
      {faces.map((face) => {
        const label = view.lost ? "STALE" : face.label;
        const reasons = face.reasons.filter((code) => !said.includes(code));
        return (
          <li key={face.track} className="face" data-label={label}>
            <Icon of={LABEL_ICONS[label]} />
            <span>Face {face.track}</span>
            <b>{label}</b>
            {face.fake_confidence !== null && <span>{percent(face.fake_confidence)} fake</span>}
            {reasons.length > 0 && <small>{reasons.map(reasonWords).join(" · ")}</small>}
          </li>
        );
      })}
    </ul>
  );
}
