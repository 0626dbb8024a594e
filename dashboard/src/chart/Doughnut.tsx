// A verdict and its fake confidence as a ring. In: both, and the thresholds, which are marked on the ring.
// Used by the results of an analysis and by a stream's page.

import { Icon, LABEL_ICONS } from "../shell/Icon";
import type { Label } from "../wire/event";
import { percent } from "../words";

const RADIUS = 52;
const AROUND = 2 * Math.PI * RADIUS;

interface Props {
  label: Label | null;
  confidence: number | null;
  fakeAt: number;
  realAt: number;
}

export function Doughnut({ label, confidence, fakeAt, realAt }: Props) {
  const share = confidence ?? 0;
  const words = `${label ?? "No verdict"}, fake confidence ${percent(confidence)}; fake from ${percent(fakeAt)}, real up to ${percent(realAt)}`;
  return (
    <div className="doughnut" data-label={label ?? "NONE"} role="img" aria-label={words}>
      <svg viewBox="0 0 128 128" aria-hidden="true">
        <circle className="doughnut-track" cx="64" cy="64" r={RADIUS} />
        <circle
          className="doughnut-share"
          cx="64"
          cy="64"
          r={RADIUS}
          strokeDasharray={`${share * AROUND} ${AROUND}`}
          transform="rotate(-90 64 64)"
        />
        {[realAt, fakeAt].map((at) => (
          <line
            key={at}
            className="doughnut-mark"
            x1="64"
            y1="3"
            x2="64"
            y2="21"
            transform={`rotate(${at * 360} 64 64)`}
          />
        ))}
      </svg>
      <div className="doughnut-words">
        <strong>{percent(confidence)}</strong>
        <span>fake confidence</span>
        <b>
          <Icon of={LABEL_ICONS[label ?? "NONE"]} /> {label ?? "NONE"}
        </b>
      </div>
    </div>
  );
}
