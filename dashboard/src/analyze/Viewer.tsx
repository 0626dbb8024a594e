// The picture of the chosen moment with the faces found in it. In: the analysis, the moment. Out: the server's picture
// nearest to it, boxes over it (as text too), and buttons that step. Used by Findings.tsx.

import { faBackwardStep } from "@fortawesome/free-solid-svg-icons/faBackwardStep";
import { faForwardStep } from "@fortawesome/free-solid-svg-icons/faForwardStep";
import { faImage } from "@fortawesome/free-solid-svg-icons/faImage";
import { useMemo } from "react";
import { nearest } from "../chart/words";
import { Icon } from "../shell/Icon";
import { Nothing } from "../shell/Page";
import { type Analysis, type Moment, pictureOf, type Result } from "../wire/analysis";
import { clockTime, percent } from "../words";

interface Props {
  analysis: Analysis;
  result: Result;
  moment: Moment | undefined;
  at: number;
  onSeek: (secs: number) => void;
}

export function Viewer({ analysis, result, moment, at, onSeek }: Props) {
  const { pictures } = result;
  const times = useMemo(() => pictures.map(({ pts_secs }) => pts_secs), [pictures]);
  const index = nearest(times, at);
  const picture = pictures[index];
  if (!picture) {
    return (
      <section className="panel glass viewer">
        <Nothing icon={faImage} title="No picture was kept of this file" />
      </section>
    );
  }
  const { width, height } = picture;
  // A box belongs to the picture it was found in; the verdict is that of the nearest judged moment.
  const faces = picture.faces.map((face) => {
    const judged = moment?.faces.find(({ track }) => track === face.track);
    return { ...face, verdict: judged?.verdict ?? null, confidence: judged?.fake_confidence ?? null };
  });
  const words = faces.map((face) => `face ${face.track} ${face.verdict ?? "not judged"} ${percent(face.confidence)}`);
  const step = (by: number) => () => onSeek(times[index + by] ?? at);
  return (
    <section className="panel glass viewer">
      <div className="viewer-picture" style={{ aspectRatio: `${width} / ${height}` }}>
        <img
          src={pictureOf(analysis.id, index)}
          alt={`${analysis.name} at ${clockTime(picture.pts_secs)}: ${words.join(", ") || "no face"}`}
        />
        <svg viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
          {faces.map(({ track, rect, verdict }) => (
            <rect key={track} {...rect} data-label={verdict ?? "NONE"} />
          ))}
        </svg>
        {faces.map(({ track, rect, verdict, confidence }) => (
          <span
            key={track}
            className="viewer-tag"
            data-label={verdict ?? "NONE"}
            aria-hidden="true"
            style={{ left: share(rect.x, width), top: share(Math.max(rect.y, height / 12), height) }}
          >
            {verdict ?? "not judged"} {confidence !== null && percent(confidence)}
          </span>
        ))}
      </div>
      {pictures.length > 1 && (
        <div className="viewer-bar">
          <button
            type="button"
            className="icon-button"
            aria-label="Picture before"
            disabled={index === 0}
            onClick={step(-1)}
          >
            <Icon of={faBackwardStep} />
          </button>
          <span aria-live="polite">
            {clockTime(picture.pts_secs)}{" "}
            <span className="soft">
              picture {index + 1} of {pictures.length}
            </span>
          </span>
          <button
            type="button"
            className="icon-button"
            aria-label="Next picture"
            disabled={index === pictures.length - 1}
            onClick={step(1)}
          >
            <Icon of={faForwardStep} />
          </button>
        </div>
      )}
    </section>
  );
}

/** A place within a picture as CSS writes it, and never outside. */
const share = (at: number, whole: number): string => `${Math.min(92, Math.max(0, (100 * at) / whole))}%`;
