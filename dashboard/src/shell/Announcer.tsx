// Tells screen readers what changed on the wall: verdicts and lost streams, bundled, and only changes.
// In: the board. Out: one polite live region. Used by App.tsx.

import { useEffect, useState } from "react";
import type { Board } from "../live/board";
import { useLive } from "../live/hooks";
import { lostWords, percent } from "../words";

/** Changes are gathered for so long, so that a busy wall does not talk without end. */
const GATHER_MS = 2_000;
const MOST = 3;

function sayings(board: Board): Map<string, string> {
  const said = new Map<string, string>();
  for (const id of board.overview().ids) {
    const view = board.stream(id);
    if (!view?.label) continue;
    said.set(id, `${view.stream.name}: ${view.lost ? lostWords(view.lost) : view.label.toLowerCase()}`);
  }
  return said;
}

export function Announcer() {
  const { board } = useLive();
  const [message, setMessage] = useState("");
  useEffect(() => {
    let told = sayings(board);
    const timer = setInterval(() => {
      const now = sayings(board);
      const changed = [...now].filter(([id, words]) => told.get(id) !== words);
      told = now;
      if (changed.length === 0) return;
      const words = changed.slice(0, MOST).map(([id, saying]) => {
        const view = board.stream(id);
        const judged = view && !view.lost && view.stream.verdict?.fake_confidence != null;
        return judged ? `${saying}, fake confidence ${percent(view.stream.verdict?.fake_confidence ?? null)}` : saying;
      });
      if (changed.length > MOST) words.push(`and ${changed.length - MOST} more changes`);
      setMessage(words.join(". "));
    }, GATHER_MS);
    return () => clearInterval(timer);
  }, [board]);
  return (
    <p className="unseen" aria-live="polite">
      {message}
    </p>
  );
}
