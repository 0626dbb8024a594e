// One stream on the wall. In: its id, whether it is the enlarged one. Out: picture, verdict, line, faces, facts and
// buttons. Used by Wall.tsx; re-renders only when the board has news of this stream.

import { memo } from "react";
import type { StreamView } from "../live/board";
import { evidenceAge } from "../live/freshness";
import { useNow, useOverview, useStreamView } from "../live/hooks";
import { Icon, LABEL_ICONS } from "../shell/Icon";
import { duration, percent, reasonWords } from "../words";
import { ConfidenceLine } from "./ConfidenceLine";
import { Faces } from "./Faces";
import { Facts } from "./Facts";
import { LostCover } from "./LostCover";
import { TileHead } from "./TileHead";
import { TilePicture } from "./TilePicture";

interface Props {
  id: string;
  large: boolean;
  onEnlarge: (id: string | null) => void;
}

export const Tile = memo(function Tile({ id, large, onEnlarge }: Props) {
  const view = useStreamView(id);
  const { server } = useOverview();
  if (!view || !server) return null;
  const { stream, lost, label } = view;
  return (
    <article
      className="tile glass"
      data-id={id}
      data-label={label ?? "NONE"}
      data-lost={lost ?? undefined}
      data-large={large}
    >
      <TileHead view={view} large={large} onEnlarge={onEnlarge} />
      <div className="screen">
        <TilePicture id={id} name={stream.name} lost={lost !== null} />
        <LostCover view={view} />
      </div>
      <div className="tile-body">
        <VerdictLine view={view} />
        <ConfidenceLine id={id} fakeAt={server.fake_at} realAt={server.real_at} />
        <Reasons view={view} />
        <Faces view={view} />
        <Facts stream={stream} />
      </div>
    </article>
  );
});

function VerdictLine({ view }: { view: StreamView }) {
  const { label, lost, stream } = view;
  const confidence = stream.verdict?.fake_confidence ?? null;
  return (
    <p className="verdict" data-label={label ?? "NONE"}>
      <Icon of={LABEL_ICONS[label ?? "NONE"]} />
      <strong>{label ?? "NO VERDICT YET"}</strong>
      {confidence !== null && (
        <span className="verdict-confidence">
          {lost ? "was " : ""}
          {percent(confidence)} fake
        </span>
      )}
      <Age view={view} />
    </p>
  );
}

export function Age({ view }: { view: StreamView }) {
  const age = evidenceAge(view, useNow());
  return (
    <span className="age" title="Age of the newest evidence behind the verdict">
      {age === null ? "no evidence" : `${duration(age)} old`}
    </span>
  );
}

export function Reasons({ view }: { view: StreamView }) {
  // Of a lost stream only the server's own reasons for STALE still hold.
  const reasons = view.lost === null || view.lost === "stale" ? (view.stream.verdict?.reasons ?? []) : [];
  return (
    <ul className="reasons" aria-label="Why">
      {reasons.map((code) => (
        <li key={code}>{reasonWords(code)}</li>
      ))}
    </ul>
  );
}
