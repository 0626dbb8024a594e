// The wall of live streams. In: the board's list of streams. Out: a grid of tiles that adapts to their number; one
// can be enlarged (Escape puts it back). Used by App.tsx.

import { type CSSProperties, useEffect, useState } from "react";
import { useOverview } from "../live/hooks";
import { Empty } from "./Empty";
import { Tile } from "./Tile";

/** Most tiles beside each other, by the number of streams; the style sheet takes fewer on a narrow screen. */
function columns(streams: number): number {
  if (streams <= 1) return 1;
  if (streams <= 4) return 2;
  if (streams <= 9) return 3;
  return streams <= 16 ? 4 : 6;
}

export function Wall({ onAdd }: { onAdd: () => void }) {
  const { ids, server } = useOverview();
  const [large, setLarge] = useState<string | null>(null);

  useEffect(() => {
    const put = (event: KeyboardEvent) => {
      if (event.key === "Escape" && !document.querySelector("dialog[open]")) setLarge(null);
    };
    addEventListener("keydown", put);
    return () => removeEventListener("keydown", put);
  }, []);

  if (!server) return <p className="waiting">Connecting to the server…</p>;
  if (ids.length === 0) return <Empty onAdd={onAdd} />;
  const style = { "--columns": columns(ids.length) } as CSSProperties;
  return (
    <section className="wall" aria-label="Live streams" style={style} data-many={ids.length > 4}>
      {ids.map((id) => (
        <Tile key={id} id={id} large={id === large} onEnlarge={setLarge} />
      ))}
    </section>
  );
}
