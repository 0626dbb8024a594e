// The rolling fake confidence of the last minute, with the thresholds in force. In: a stream's id. Out: a uPlot
// chart that draws itself twice a second (once on a wall of many) while it is on screen, past React. Used by Tile.tsx.

import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { MANY } from "../live/board";
import { useLive } from "../live/hooks";
import { SPAN_SECS } from "../live/trace";
import { colour, onTheme } from "../shell/theme";
import { percent } from "../words";

const HEIGHT = 72;
const DRAW_EVERY_TICKS = 2;
const DRAW_MANY_EVERY_TICKS = 4;
const AXIS_WIDTH = 38;

export function ConfidenceLine({ id, fakeAt, realAt }: { id: string; fakeAt: number; realAt: number }) {
  const { board, clock, watch } = useLive();
  const ref = useRef<HTMLDivElement>(null);

  useEffect(() => {
    const box = ref.current;
    if (!box) return;
    let plot = new uPlot(options(box.clientWidth, fakeAt, realAt), [[], []], box);
    let ticks = 0;
    const draw = () => {
      const view = board.stream(id);
      const newest = view?.trace.newest;
      if (!view || newest == null) return;
      // The line moves on by the page's clock even when nothing comes: a pause shows as a gap at the right.
      const edge = newest + (view.verdictAt === null ? 0 : (performance.now() - view.verdictAt) / 1000);
      plot.batch(() => {
        plot.setData(view.trace.columns(), false);
        plot.setScale("x", { min: edge - SPAN_SECS, max: edge });
      });
    };
    const resize = new ResizeObserver(() => plot.setSize({ width: box.clientWidth, height: HEIGHT }));
    resize.observe(box);
    const leave = [
      clock.subscribe(() => {
        ticks += 1;
        if (
          ticks % (board.overview().ids.length > MANY ? DRAW_MANY_EVERY_TICKS : DRAW_EVERY_TICKS) === 0 &&
          watch.isVisible(id)
        )
          draw();
      }),
      onTheme(() => {
        plot.destroy();
        plot = new uPlot(options(box.clientWidth, fakeAt, realAt), [[], []], box);
        draw();
      }),
      () => resize.disconnect(),
    ];
    draw();
    return () => {
      for (const step of leave) step();
      plot.destroy();
    };
  }, [id, fakeAt, realAt, board, clock, watch]);

  return (
    <div
      ref={ref}
      className="line"
      role="img"
      aria-label={`Fake confidence over the last minute; fake from ${percent(fakeAt)}, real up to ${percent(realAt)}`}
    />
  );
}

function options(width: number, fakeAt: number, realAt: number): uPlot.Options {
  return {
    width,
    height: HEIGHT,
    padding: [6, 2, 4, 0],
    legend: { show: false },
    cursor: { show: false },
    scales: { x: { time: false }, y: { range: [0, 1] } },
    axes: [
      { show: false },
      {
        size: AXIS_WIDTH,
        gap: 4,
        font: `10px ${colour("font-text")}`,
        stroke: colour("text-soft"),
        ticks: { show: false },
        splits: () => [realAt, fakeAt],
        values: (_, splits) => splits.map(percent),
        grid: { stroke: colour("line-grid"), width: 1, dash: [4, 4] },
      },
    ],
    series: [
      {},
      {
        stroke: colour("line-stroke"),
        fill: colour("line-fill"),
        width: 1.5,
        points: { show: false },
      },
    ],
  };
}
