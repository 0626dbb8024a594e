// The last minutes of each face: fake confidence, synthetic score, quality. In: a stream's id and the thresholds.
// Used by StreamPage.tsx.

import { faChartLine } from "@fortawesome/free-solid-svg-icons/faChartLine";
import { useMemo } from "react";
import { Lines } from "../chart/Lines";
import { Nothing, Panel, Waiting } from "../shell/Page";
import { useFetched } from "../shell/useFetched";
import { historyOf } from "../wire/record";
import { percent } from "../words";
import { lanes } from "./lanes";

const SPAN_SECS = 300;
const EVERY_MS = 2_000;
/** Faces shown; in a crowd those seen last. */
const MOST = 4;

export function Lanes({ id, marks }: { id: string; marks: number[] }) {
  const { data, error } = useFetched((signal) => historyOf(id, SPAN_SECS, signal), id, EVERY_MS);
  const all = useMemo(() => lanes(data?.points ?? []), [data]);
  const edge = Math.max(...all.map(({ secs }) => secs.at(-1) ?? 0));
  const begin = Math.max(edge - SPAN_SECS, Math.min(...all.map(({ secs }) => secs[0] ?? edge)));
  const span = useMemo<[number, number]>(() => [Math.min(begin, edge - 60), edge], [begin, edge]);
  return (
    <Panel title="Faces over the last minutes" icon={faChartLine} note="one point a second, from the record">
      {!data && <Waiting error={error} absent="This server keeps no record of streams." />}
      {data && all.length === 0 && <Nothing icon={faChartLine} title="No face was judged in the last five minutes" />}
      <div className="stack">
        {all.slice(0, MOST).map((lane) => (
          <div key={lane.track} className="card">
            <h4>Face {lane.track}</h4>
            <Lines
              title={`Face ${lane.track}`}
              secs={lane.secs}
              clock
              height={150}
              span={span}
              marks={marks}
              format={percent}
              lines={[
                { name: "Fake confidence", values: lane.fake, ink: "ink-fake", fill: true },
                ...(lane.synthetic.some((value) => value !== null)
                  ? [{ name: "Synthetic score", values: lane.synthetic, ink: "ink-synthetic", dash: [8, 4] }]
                  : []),
                { name: "Quality", values: lane.quality, ink: "ink-quality", dash: [2, 4] },
              ]}
            />
          </div>
        ))}
      </div>
    </Panel>
  );
}
