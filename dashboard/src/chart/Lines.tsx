// Lines over time, for the eye and for those who cannot see them. In: columns of numbers, how to write them, thresholds,
// and (where a moment can be chosen) the moment. Out: a uPlot chart with a legend that follows the pointer, a summary
// in words, the numbers as a table; with `onSeek` also a slider that click and arrow keys move. Used by the pages.

import { type KeyboardEvent, useEffect, useMemo, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { Table } from "../shell/Table";
import { onPaper, onTheme } from "../shell/theme";
import { options } from "./options";
import { nearest, rows, summary } from "./words";

/** A page of paper between its margins, CSS pixels: it is laid out only after what is drawn for it. */
const PAPER_WIDTH = 660;

export interface Line {
  name: string;
  values: (number | null)[];
  /** A CSS variable's name, without dashes. */
  ink: string;
  /** Lines differ by their dash too, not by colour alone. */
  dash?: number[];
  fill?: boolean;
}

export interface LinesProps {
  title: string;
  /** Seconds: unix time with `clock`, else from the beginning. Ascending. */
  secs: number[];
  lines: Line[];
  format: (value: number) => string;
  clock?: boolean;
  height?: number;
  /** null at an end: as the data has it. */
  range?: [number | null, number | null];
  span?: [number, number] | undefined;
  marks?: number[];
  at?: number | undefined;
  onSeek?: (secs: number) => void;
}

export function Lines(props: LinesProps) {
  const { title, secs, lines, format, clock = false, height = 160, span, at, onSeek } = props;
  const box = useRef<HTMLDivElement>(null);
  const values = useRef<HTMLUListElement>(null);
  const plot = useRef<uPlot | null>(null);
  const newest = useRef(props);
  newest.current = props;
  const shape = `${title}|${lines.map(({ name, ink }) => name + ink).join()}|${height}|${clock}|${props.range}|${props.marks}`;

  // biome-ignore lint/correctness/useExhaustiveDependencies: `shape` says when a plot of another kind is needed
  useEffect(() => {
    const holder = box.current;
    if (!holder) return;
    const show = (index: number | null | undefined) => {
      const { lines, secs, format } = newest.current;
      const point = index ?? lastKnown(lines, secs.length);
      lines.forEach((line, n) => {
        const cell = values.current?.children[n]?.querySelector("b");
        const value = line.values[point] ?? null;
        if (cell) cell.textContent = value === null ? "–" : format(value);
      });
    };
    const width = () => (onPaper() ? PAPER_WIDTH : holder.clientWidth);
    const build = () => {
      plot.current?.destroy();
      plot.current = new uPlot(options(newest, width(), show), columns(newest.current), holder);
    };
    build();
    show(null);
    const resize = new ResizeObserver(() => plot.current?.setSize({ width: width(), height }));
    resize.observe(holder);
    const leave = onTheme(build);
    return () => {
      leave();
      resize.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [shape]);

  useEffect(() => {
    const chart = plot.current;
    if (!chart) return;
    chart.setData(columns({ secs, lines }), span === undefined);
    if (span) chart.setScale("x", { min: span[0], max: span[1] });
    const point = lastKnown(lines, secs.length);
    lines.forEach((line, n) => {
      const cell = values.current?.children[n]?.querySelector("b");
      const value = line.values[point] ?? null;
      if (cell && chart.cursor.idx == null) cell.textContent = value === null ? "–" : format(value);
    });
  }, [secs, lines, span, format]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the moment is drawn by the plot's own hook
  useEffect(() => plot.current?.redraw(false), [at]);

  const words = useMemo(() => summary(lines, format), [lines, format]);
  const slider =
    onSeek && secs.length > 1
      ? {
          role: "slider",
          tabIndex: 0,
          "aria-valuemin": secs[0],
          "aria-valuemax": secs.at(-1),
          "aria-valuenow": at,
          "aria-valuetext": `${(at ?? 0).toFixed(2)} seconds`,
          onKeyDown: (event: KeyboardEvent) => {
            const next = stepped(event.key, secs, at ?? 0);
            if (next === null) return;
            event.preventDefault();
            onSeek(next);
          },
        }
      : { role: "img" };
  return (
    <figure className="chart">
      <ul className="chart-legend" ref={values}>
        {lines.map((line) => (
          <li key={line.name} style={{ color: `var(--${line.ink})` }}>
            <svg width="22" height="8" aria-hidden="true">
              <line
                x1="0"
                y1="4"
                x2="22"
                y2="4"
                stroke="currentColor"
                strokeWidth="2.5"
                strokeDasharray={line.dash?.join(" ")}
              />
            </svg>
            <span>{line.name}</span> <b>–</b>
          </li>
        ))}
      </ul>
      {/* biome-ignore lint/a11y/useAriaPropsSupportedByRole: `slider` gives it a role, img or slider */}
      <div
        ref={box}
        className="chart-box"
        data-seek={onSeek !== undefined}
        aria-label={`${title}. ${words}`}
        {...slider}
      />
      <AsTable {...props} />
    </figure>
  );
}

function AsTable({ title, secs, lines, format, clock = false }: LinesProps) {
  return (
    <details className="chart-table">
      <summary>{title} as a table</summary>
      <Table
        title={title}
        heads={[clock ? "Time" : "Seconds", ...lines.map(({ name }) => name)]}
        rows={rows(secs, lines).map(({ at, values }) => ({
          key: at,
          cells: [
            clock ? new Date(at * 1000).toLocaleTimeString() : at.toFixed(2),
            ...values.map((value) => (value === null ? "–" : format(value))),
          ],
        }))}
      />
    </details>
  );
}

function columns({ secs, lines }: Pick<LinesProps, "secs" | "lines">): uPlot.AlignedData {
  return [secs, ...lines.map(({ values }) => values)];
}

/** The last point at which any line has a value. */
function lastKnown(lines: Line[], length: number): number {
  for (let at = length - 1; at > 0; at -= 1) if (lines.some(({ values }) => values[at] != null)) return at;
  return 0;
}

/** Where a key leads from a moment; null: the key is for someone else. */
function stepped(key: string, secs: number[], at: number): number | null {
  const here = nearest(secs, at);
  const steps: Record<string, number> = {
    ArrowRight: here + 1,
    ArrowUp: here + 1,
    ArrowLeft: here - 1,
    ArrowDown: here - 1,
    PageUp: here + 10,
    PageDown: here - 10,
    Home: 0,
    End: secs.length - 1,
  };
  const wanted = steps[key];
  return wanted === undefined ? null : (secs[Math.max(0, Math.min(secs.length - 1, wanted))] ?? null);
}
