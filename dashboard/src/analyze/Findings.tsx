// What was found in a file: the verdict, the faces, the timeline that seeks the picture, and what limited it.
// In: an analysis that is done. Pictures and videos have the same parts. Used by Report.tsx.

import { faChartLine } from "@fortawesome/free-solid-svg-icons/faChartLine";
import { faCircleInfo } from "@fortawesome/free-solid-svg-icons/faCircleInfo";
import { faScaleBalanced } from "@fortawesome/free-solid-svg-icons/faScaleBalanced";
import { faUsers } from "@fortawesome/free-solid-svg-icons/faUsers";
import { useMemo, useState } from "react";
import { Attention, Bars } from "../chart/Bars";
import { Doughnut } from "../chart/Doughnut";
import { Lines } from "../chart/Lines";
import { nearest } from "../chart/words";
import { Icon, LABEL_ICONS } from "../shell/Icon";
import { Panel } from "../shell/Page";
import { Table } from "../shell/Table";
import type { Analysis, Result } from "../wire/analysis";
import { clockTime, percent, reasonWords, whole } from "../words";
import { limits, series, shares, worst } from "./series";
import { Viewer } from "./Viewer";

export function Findings({ analysis, result }: { analysis: Analysis; result: Result }) {
  const secs = useMemo(() => result.timeline.map(({ pts_secs }) => pts_secs), [result]);
  const [at, setAt] = useState(() => worst(result));
  const moment = result.timeline[nearest(secs, at)];
  const seek = (to: number) => setAt(secs[nearest(secs, to)] ?? to);
  const { fake, synthetic } = useMemo(() => series(result), [result]);
  // A single picture is one point: it stands in the middle.
  const span = useMemo<[number, number] | undefined>(
    () => (secs.length === 1 ? [(secs[0] ?? 0) - 1, (secs[0] ?? 0) + 1] : undefined),
    [secs],
  );
  const chart = { secs, span, at, format: percent, ...(secs.length > 1 ? { onSeek: seek } : {}) };
  return (
    <>
      <div className="findings-top">
        <Viewer analysis={analysis} result={result} moment={moment} at={at} onSeek={seek} />
        <section className="panel glass findings-verdict" data-label={result.verdict}>
          <Doughnut
            label={result.verdict}
            confidence={result.fake_confidence}
            fakeAt={result.fake_at}
            realAt={result.real_at}
          />
          <Meaning result={result} />
        </section>
      </div>
      <Panel
        title="Fake confidence over time"
        icon={faChartLine}
        note={
          secs.length > 1
            ? `at ${clockTime(at)}; click or use the arrow keys to move the picture`
            : "one picture, one point"
        }
      >
        <Lines {...chart} title="Fake confidence" lines={fake} marks={[result.real_at, result.fake_at]} height={190} />
      </Panel>
      <div className="columns even">
        <Panel title="Real against fake" icon={faScaleBalanced}>
          <Bars title="Real against fake" of={shares(result)} />
        </Panel>
        <Panel title="Synthetic score" note="wholly generated faces, per window">
          {synthetic.length > 0 ? (
            <Lines {...chart} title="Synthetic score" lines={synthetic} height={140} />
          ) : (
            <p className="soft">This model gives no synthetic score.</p>
          )}
        </Panel>
        <Panel title="Attention" note={`weights of the frames in the window at ${clockTime(at)}, oldest first`}>
          {moment?.faces.some(({ attention }) => attention.length > 0) ? (
            moment.faces
              .filter(({ attention }) => attention.length > 0)
              .map((face) => (
                <div key={face.track}>
                  <p className="soft">Face {face.track}</p>
                  <Attention weights={face.attention} />
                </div>
              ))
          ) : (
            <p className="soft">No window ended at this moment.</p>
          )}
        </Panel>
      </div>
      <Faces result={result} />
      <Limits result={result} />
    </>
  );
}

function Meaning({ result }: { result: Result }) {
  const said: Record<string, string> = {
    FAKE: `The worst face ends at a fake confidence of ${percent(result.fake_at)} or more.`,
    REAL: `The worst face ends at ${percent(result.real_at)} or less. That is no proof that the file is genuine.`,
    UNCERTAIN: "The evidence does not allow a verdict either way.",
    STALE: "The evidence does not allow a verdict.",
  };
  return (
    <div className="meaning">
      <p>{said[result.verdict]}</p>
      {result.reasons.length > 0 && (
        <ul className="meaning-reasons" aria-label="Why">
          {result.reasons.map((code) => (
            <li key={code}>{reasonWords(code)}</li>
          ))}
        </ul>
      )}
    </div>
  );
}

function Faces({ result }: { result: Result }) {
  return (
    <Panel title="Faces" icon={faUsers} note={`${whole(result.tracks.length)} followed`}>
      {result.tracks.length === 0 ? (
        <p className="soft">No face was found.</p>
      ) : (
        <Table
          title="Faces"
          heads={["Face", "Verdict", "Fake confidence", "Synthetic score", "Windows", "Seen", "Frames not scored"]}
          wordsFrom={6}
          rows={result.tracks.map((track) => ({
            key: track.track,
            label: track.verdict,
            cells: [
              `Face ${track.track}`,
              <span key="verdict" className="chip">
                <Icon of={LABEL_ICONS[track.verdict]} /> {track.verdict}
              </span>,
              percent(track.fake_confidence),
              percent(track.synthetic_confidence),
              whole(track.windows),
              `${clockTime(track.first_secs)} – ${clockTime(track.last_secs)}`,
              Object.entries(track.reasons)
                .map(([code, frames]) => `${reasonWords(code)} (${whole(frames)})`)
                .join(", ") || "none",
            ],
          }))}
        />
      )}
    </Panel>
  );
}

function Limits({ result }: { result: Result }) {
  return (
    <Panel title="What limited this judgement" icon={faCircleInfo}>
      <ul className="limits">
        {limits(result).map((words) => (
          <li key={words}>{words}</li>
        ))}
      </ul>
    </Panel>
  );
}
