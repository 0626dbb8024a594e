// Shares side by side as bars, each with its words and its figure. In: names, values of 0-1 and their colours.
// Used by the pages analyze, stream, model and health.

import { percent } from "../words";

export interface Bar {
  name: string;
  value: number | null;
  /** A CSS variable's name, without dashes. */
  ink: string;
  /** Instead of the share in percent. */
  words?: string;
}

export function Bars({ title, of }: { title: string; of: Bar[] }) {
  return (
    <ul className="bars" aria-label={title}>
      {of.map(({ name, value, ink, words }) => (
        <li key={name}>
          <span>{name}</span>
          <b>{words ?? percent(value)}</b>
          <span className="bar" aria-hidden="true">
            <span style={{ width: `${100 * Math.min(1, value ?? 0)}%`, background: `var(--${ink})` }} />
          </span>
        </li>
      ))}
    </ul>
  );
}

/** The weights of a window's frames, oldest first, as small columns. */
export function Attention({ weights }: { weights: number[] }) {
  const most = Math.max(...weights, 1e-6);
  const words = weights.map((weight, at) => `frame ${at + 1} ${percent(weight)}`).join(", ");
  return (
    <div className="attention" role="img" aria-label={`Attention: ${words}`}>
      {weights.map((weight, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a frame has no other name than its place
        <span key={at} title={`frame ${at + 1}: ${percent(weight)}`}>
          <i style={{ height: `${(100 * weight) / most}%` }} />
          <small>{Math.round(weight * 100)}</small>
        </span>
      ))}
    </div>
  );
}
