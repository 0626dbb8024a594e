// Sound and browser notification on or off, in this browser. Used by AlertsPage.tsx and settings/SettingsPage.tsx.

import { useState } from "react";
import { setWish, type Wish, wished } from "./bell";

const WORDS: Record<Wish, string> = {
  sound: "Play a sound when an alert opens",
  notify: "Show a notification of the browser when an alert opens",
};

export function BellSwitches() {
  return (
    <div>
      <Switch wish="sound" />
      <Switch wish="notify" />
      <p className="soft">Kept in this browser only; a page must be open for either.</p>
    </div>
  );
}

function Switch({ wish }: { wish: Wish }) {
  const [on, setOn] = useState(wished(wish));
  const [refused, setRefused] = useState(false);
  return (
    <label className="check">
      <input
        type="checkbox"
        checked={on}
        onChange={async (event) => {
          const wanted = event.target.checked;
          // Shown at once: the browser may ask its user first, and a box that does not move when clicked looks dead.
          setOn(wanted);
          const allowed = await setWish(wish, wanted);
          setRefused(!allowed);
          if (!allowed) setOn(false);
        }}
      />
      {WORDS[wish]}
      {refused && <span className="field-error">The browser does not allow it.</span>}
    </label>
  );
}
