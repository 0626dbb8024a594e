// The model: its card in plain words, what it is made of, and the thresholds its verdicts hang on.
// In: /model. Shown at #/model.

import { faBrain } from "@fortawesome/free-solid-svg-icons/faBrain";
import { faFileLines } from "@fortawesome/free-solid-svg-icons/faFileLines";
import { useOverview } from "../live/hooks";
import { Facts, Page, Panel, Waiting } from "../shell/Page";
import { useFetched } from "../shell/useFetched";
import { modelNow } from "../wire/state";
import { bytes } from "../words";
import { Markdown } from "./Markdown";
import { Thresholds } from "./Thresholds";
import "../style/model.css";

export default function ModelPage() {
  const { server } = useOverview();
  const { data, error, reload } = useFetched(modelNow, "model");
  const force = data?.thresholds ?? server;
  return (
    <Page
      title="Model"
      lead="What judges the faces, how well it did where it was measured, and where it does not help."
    >
      {data ? (
        <Panel title={`${data.name} ${data.version}`} icon={faBrain} note={data.trial ? "trial model" : undefined}>
          {data.note && <p className="model-note">{data.note}</p>}
          <Facts
            of={[
              ["Date", data.date ?? "–"],
              ["Runs on", data.provider],
              ["Looks at", `${data.frames} frames, ${data.rate_hz} a second`],
              ["Face size", `${data.size} × ${data.size} pixels`],
              ["Features a frame", String(data.embedding)],
              ["Temperature", data.thresholds.temperature?.toString() ?? "–"],
              [
                "Commit",
                <span key="commit" className="mono">
                  {data.commit ?? "–"}
                </span>,
              ],
            ]}
          />
          <ul className="graphs">
            {data.graphs.map(({ file, sha256, bytes: size }) => (
              <li key={file}>
                <b>{file}</b> <span className="soft">{bytes(size)}</span>
                <span className="mono">{sha256}</span>
              </li>
            ))}
          </ul>
        </Panel>
      ) : (
        <Panel title="Model" icon={faBrain}>
          <Waiting error={error} />
        </Panel>
      )}
      {force && (
        <Thresholds
          key={`${force.fake_at} ${force.real_at}`}
          now={{ fakeAt: force.fake_at, realAt: force.real_at }}
          onApplied={reload}
        />
      )}
      {data && (
        <Panel title="Model card" icon={faFileLines}>
          {data.card === null ? <p className="soft">This model came without a card.</p> : <Markdown text={data.card} />}
        </Panel>
      )}
    </Page>
  );
}
