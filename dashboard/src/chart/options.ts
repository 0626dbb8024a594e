// How a chart of lines looks, in the colours of the theme in force. In: the chart's newest properties, its width, who
// wants to know which point the pointer is at. Out: uPlot's options. Used by Lines.tsx.

import type uPlot from "uplot";
import { colour } from "../shell/theme";
import type { LinesProps } from "./Lines";

/** Room for "1,000 ms". */
const AXIS = 58;

export function options(
  newest: { current: LinesProps },
  width: number,
  onPoint: (index: number | null | undefined) => void,
): uPlot.Options {
  const { lines, height = 160, range = [0, 1], clock = false, format, marks } = newest.current;
  const axis = {
    font: `11px ${colour("font-text")}`,
    stroke: colour("text-soft"),
    ticks: { show: false },
    grid: { stroke: colour("grid"), width: 1 },
  };
  return {
    width,
    height,
    padding: [8, 10, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { size: 7 }, drag: { x: false, y: false } },
    scales: {
      x: { time: clock },
      y: { range: (_, low, high) => [range[0] ?? Math.min(low, 0), range[1] ?? headroom(high)] },
    },
    axes: [
      {
        ...axis,
        size: 26,
        ...(clock ? { values: "{HH}:{mm}:{ss}", space: 90 } : { values: (_, at) => at.map((s) => `${s} s`) }),
      },
      {
        ...axis,
        size: AXIS,
        gap: 6,
        values: (_, splits) => splits.map(format),
        ...(range[1] === 1 ? { splits: [0, 0.25, 0.5, 0.75, 1] } : { space: 36 }),
      },
    ],
    series: [
      {},
      ...lines.map(({ name, ink, dash, fill }) => ({
        label: name,
        stroke: colour(ink),
        width: 2,
        ...(dash ? { dash } : {}),
        ...(fill ? { fill: `color-mix(in srgb, ${colour(ink)} 14%, transparent)` } : {}),
        points: { show: (plot: uPlot) => plot.data[0].length < 3, size: 8 },
      })),
    ],
    hooks: {
      setCursor: [(plot) => onPoint(plot.cursor.idx)],
      draw: [
        (plot) => {
          for (const mark of marks ?? []) level(plot, mark);
          const { at } = newest.current;
          if (at !== undefined) moment(plot, at);
        },
      ],
      ready: [
        (plot) =>
          plot.over.addEventListener("click", () => {
            const { onSeek } = newest.current;
            if (onSeek && plot.cursor.left != null) onSeek(plot.posToVal(plot.cursor.left, "x"));
          }),
      ],
    },
  };
}

/** Some room above the highest point, and a scale even where all is zero. */
const headroom = (high: number | null): number => (high && high > 0 ? high * 1.15 : 1);

function level({ ctx, bbox, valToPos }: uPlot, value: number): void {
  const y = Math.round(valToPos(value, "y", true)) + 0.5;
  stroke(ctx, colour("line-grid"), [6, 6], [bbox.left, y, bbox.left + bbox.width, y]);
}

function moment({ ctx, bbox, valToPos }: uPlot, secs: number): void {
  const x = valToPos(secs, "x", true);
  if (x < bbox.left - 1 || x > bbox.left + bbox.width + 1) return;
  stroke(ctx, colour("text"), [], [x, bbox.top, x, bbox.top + bbox.height]);
}

type Ends = [number, number, number, number];

function stroke(ctx: CanvasRenderingContext2D, ink: string, dash: number[], [x1, y1, x2, y2]: Ends): void {
  ctx.save();
  ctx.strokeStyle = ink;
  ctx.lineWidth = 1.5 * devicePixelRatio;
  ctx.setLineDash(dash);
  ctx.beginPath();
  ctx.moveTo(x1, y1);
  ctx.lineTo(x2, y2);
  ctx.stroke();
  ctx.restore();
}
