// The way from page to page: a sidebar on a desk, a rail of icons on a tablet, a bar at the bottom of a phone, where
// "More" opens the rest. In: the page shown, open alerts. Used by App.tsx.

import type { IconDefinition } from "@fortawesome/fontawesome-common-types";
import { faBell } from "@fortawesome/free-solid-svg-icons/faBell";
import { faBrain } from "@fortawesome/free-solid-svg-icons/faBrain";
import { faClockRotateLeft } from "@fortawesome/free-solid-svg-icons/faClockRotateLeft";
import { faCode } from "@fortawesome/free-solid-svg-icons/faCode";
import { faEllipsis } from "@fortawesome/free-solid-svg-icons/faEllipsis";
import { faEye } from "@fortawesome/free-solid-svg-icons/faEye";
import { faGear } from "@fortawesome/free-solid-svg-icons/faGear";
import { faHeartPulse } from "@fortawesome/free-solid-svg-icons/faHeartPulse";
import { faMicroscope } from "@fortawesome/free-solid-svg-icons/faMicroscope";
import { faTableCellsLarge } from "@fortawesome/free-solid-svg-icons/faTableCellsLarge";
import { faUserShield } from "@fortawesome/free-solid-svg-icons/faUserShield";
import { useState } from "react";
import { type PageName, to } from "../route";
import { Dialog } from "./Dialog";
import { Icon } from "./Icon";

export interface Entry {
  page: PageName;
  word: string;
  icon: IconDefinition;
}

/** In the order of use; a phone's bar has room for the first four. */
export const ENTRIES: Entry[] = [
  { page: "live", word: "Live", icon: faTableCellsLarge },
  { page: "events", word: "Events", icon: faClockRotateLeft },
  { page: "analyze", word: "Analyze", icon: faMicroscope },
  { page: "alerts", word: "Alerts", icon: faBell },
  { page: "health", word: "Health", icon: faHeartPulse },
  { page: "model", word: "Model", icon: faBrain },
  { page: "settings", word: "Settings", icon: faGear },
  { page: "about", word: "Privacy", icon: faUserShield },
  { page: "api", word: "API", icon: faCode },
];
const ON_THE_BAR = 4;

export function Nav({ page }: { page: PageName }) {
  const [more, setMore] = useState(false);
  // A stream's own page belongs to the wall.
  const shown = page === "streams" ? "live" : page;
  const folded = ENTRIES.findIndex((entry) => entry.page === shown) >= ON_THE_BAR;
  return (
    <nav className="nav glass" aria-label="Pages">
      <h1 className="brand">
        <Icon of={faEye} />
        <span className="brand-word">
          True<span>Vision</span>
        </span>
      </h1>
      <ul>
        {ENTRIES.map((entry, at) => (
          <li key={entry.page} data-folded={at >= ON_THE_BAR}>
            <NavLink entry={entry} current={entry.page === shown} />
          </li>
        ))}
        <li className="nav-more">
          <button type="button" className="nav-link" data-current={folded} onClick={() => setMore(true)}>
            <Icon of={faEllipsis} />
            <span>More</span>
          </button>
        </li>
      </ul>
      {more && (
        <Dialog title="More" onClose={() => setMore(false)}>
          <ul className="more">
            {ENTRIES.slice(ON_THE_BAR).map((entry) => (
              <li key={entry.page}>
                <NavLink entry={entry} current={entry.page === shown} onGo={() => setMore(false)} />
              </li>
            ))}
          </ul>
        </Dialog>
      )}
    </nav>
  );
}

function NavLink({ entry, current, onGo }: { entry: Entry; current: boolean; onGo?: () => void }) {
  return (
    <a
      className="nav-link"
      href={to(entry.page)}
      title={entry.word}
      aria-current={current ? "page" : undefined}
      data-current={current}
      onClick={onGo}
    >
      <Icon of={entry.icon} />
      <span>{entry.word}</span>
    </a>
  );
}
