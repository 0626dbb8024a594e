// The top of the page: connection, streams by verdict, model, theme, "Add stream".
// In: the overview. Out: what the user wants added. Used by App.tsx.

import { faLink } from "@fortawesome/free-solid-svg-icons/faLink";
import { faLinkSlash } from "@fortawesome/free-solid-svg-icons/faLinkSlash";
import { faMicrochip } from "@fortawesome/free-solid-svg-icons/faMicrochip";
import { faMoon } from "@fortawesome/free-solid-svg-icons/faMoon";
import { faPlus } from "@fortawesome/free-solid-svg-icons/faPlus";
import { faRotate } from "@fortawesome/free-solid-svg-icons/faRotate";
import { faSun } from "@fortawesome/free-solid-svg-icons/faSun";
import { useState } from "react";
import type { Counts } from "../live/board";
import { useNow, useOverview } from "../live/hooks";
import type { LinkState } from "../wire/link";
import { Icon, LABEL_ICONS } from "./Icon";
import { theme, toggleTheme } from "./theme";

const COUNTED: [keyof Counts, string][] = [
  ["FAKE", "Fake"],
  ["UNCERTAIN", "Uncertain"],
  ["REAL", "Real"],
  ["STALE", "Stale"],
  ["NONE", "Waiting"],
];

export function Header({ onAdd }: { onAdd: () => void }) {
  const { server, link, counts } = useOverview();
  return (
    <header className="header glass">
      <Connection link={link} />
      <ul className="counts" aria-label="Streams by verdict">
        {COUNTED.map(([label, word]) => (
          <li key={label} className="count" data-label={label} data-none={counts[label] === 0}>
            <Icon of={LABEL_ICONS[label]} />
            <span className="count-word">{word}</span> <b>{counts[label]}</b>
          </li>
        ))}
      </ul>
      {server && (
        <p className="model" title={`TrueVision ${server.version}`}>
          <Icon of={faMicrochip} />
          <span>
            {server.model.name} {server.model.version} · {server.provider}
          </span>
        </p>
      )}
      <div className="header-buttons">
        <ThemeButton />
        <button type="button" className="button primary" aria-label="Add stream" onClick={onAdd}>
          <Icon of={faPlus} />
          <span>
            Add<span className="wide-only"> stream</span>
          </span>
        </button>
      </div>
    </header>
  );
}

function Connection({ link }: { link: LinkState }) {
  const open = link.kind === "open";
  return (
    <p className="connection" data-state={link.kind} role="status">
      <Icon of={open ? faLink : link.kind === "denied" ? faLinkSlash : faRotate} />
      {open && "Connected"}
      {link.kind === "connecting" && "Connecting…"}
      {link.kind === "denied" && "Disconnected"}
      {link.kind === "waiting" && (
        <>
          Reconnecting
          {/* The seconds tick for the eye only: a screen reader is told once. */}
          <span aria-hidden="true">
            {" "}
            in <Countdown until={link.until} />
          </span>
        </>
      )}
    </p>
  );
}

/** Whole seconds left until a moment of performance.now(). */
export function Countdown({ until }: { until: number }) {
  return <>{Math.max(0, Math.ceil((until - useNow()) / 1000))} s</>;
}

function ThemeButton() {
  const [shown, setShown] = useState(theme);
  const other = shown === "dark" ? "light" : "dark";
  return (
    <button
      type="button"
      className="icon-button"
      aria-label={`Switch to the ${other} theme`}
      title={`Switch to the ${other} theme`}
      onClick={() => {
        toggleTheme();
        setShown(theme());
      }}
    >
      <Icon of={shown === "dark" ? faSun : faMoon} />
    </button>
  );
}
