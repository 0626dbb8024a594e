// One analysis: its progress while it runs, its report when it is done. In: the id. Used by AnalyzePage.tsx.

import { faArrowLeft } from "@fortawesome/free-solid-svg-icons/faArrowLeft";
import { faDownload } from "@fortawesome/free-solid-svg-icons/faDownload";
import { faPrint } from "@fortawesome/free-solid-svg-icons/faPrint";
import { useState } from "react";
import { useNews } from "../live/hooks";
import { to } from "../route";
import { Icon } from "../shell/Icon";
import { Facts, Page, Panel, Waiting } from "../shell/Page";
import { useAction } from "../shell/useAction";
import { useFetched } from "../shell/useFetched";
import { type Analysis, analysisAt, downloadOf, dropAnalysis } from "../wire/analysis";
import { bytes, clockTime, duration, moment, whole } from "../words";
import { Findings } from "./Findings";
import { Progress } from "./Progress";

const RUNNING_MS = 1_500;

export function Report({ id }: { id: string }) {
  const [over, setOver] = useState(false);
  const { data, error, reload } = useFetched((signal) => analysisAt(id, signal), id, over ? 0 : RUNNING_MS);
  useNews("analysis", (job) => {
    if (job.id === id && job.state !== data?.state) reload();
  });
  const done = data !== null && data.state !== "queued" && data.state !== "running";
  if (done && !over) setOver(true);
  if (!data) {
    return (
      <Page title="Analysis" lead={<a href={to("analyze")}>All analyses</a>}>
        <Panel title="Analysis">
          <Waiting error={error} absent="There is no such analysis; it may have been removed." />
        </Panel>
      </Page>
    );
  }
  return (
    <Page
      title={data.name}
      lead={`${data.kind === "image" ? "Picture" : "Video"} · ${bytes(data.bytes)} · ${data.container} · ${moment(data.created)}`}
      actions={
        <>
          <a className="button small" href={to("analyze")}>
            <Icon of={faArrowLeft} /> All analyses
          </a>
          {data.result && (
            <>
              <a className="button small" href={downloadOf(id)} download>
                <Icon of={faDownload} /> JSON
              </a>
              <button type="button" className="button small" onClick={() => print()}>
                <Icon of={faPrint} /> Print report
              </button>
            </>
          )}
        </>
      }
    >
      {!done && <Running job={data} onChange={reload} />}
      {data.state === "cancelled" && (
        <Panel title="Cancelled">
          <p className="soft">This analysis was cancelled before it was over.</p>
        </Panel>
      )}
      {data.error && (
        <Panel title="This file could not be judged">
          <p className="field-error">{data.error.message}</p>
        </Panel>
      )}
      {data.result && <Findings analysis={data} result={data.result} />}
      <About analysis={data} />
    </Page>
  );
}

function Running({ job, onChange }: { job: Analysis; onChange: () => void }) {
  const action = useAction();
  return (
    <Panel title={job.state === "queued" ? "Queued" : "Being judged"}>
      <Progress job={job} />
      <div className="form-buttons">
        <button
          type="button"
          className="button danger"
          disabled={action.busy}
          onClick={async () => {
            if (await action.run(() => dropAnalysis(job.id))) onChange();
          }}
        >
          Cancel
        </button>
      </div>
      {action.error && (
        <p className="field-error" role="alert">
          {action.error.message}
        </p>
      )}
    </Panel>
  );
}

/** What was judged by what: the part that makes a report checkable. */
function About({ analysis }: { analysis: Analysis }) {
  const { result } = analysis;
  return (
    <Panel title="About this analysis">
      <Facts
        of={[
          ["File", analysis.name],
          ["Model", `${analysis.model.name} ${analysis.model.version}`],
          ["Judged", analysis.finished ? moment(analysis.finished) : "–"],
          ["Processing time", analysis.processing_secs === null ? "–" : duration(analysis.processing_secs)],
          ...(result
            ? ([
                ["Picture", `${result.width}×${result.height}`],
                ["Length", result.duration_secs === null ? "–" : clockTime(result.duration_secs)],
                ["Frames", whole(result.frames)],
                ["Frames analysed", whole(result.analysed)],
                ["Windows scored", whole(result.windows)],
              ] as [string, string][])
            : []),
        ]}
      />
      <p className="sha">
        SHA-256 <span className="mono">{analysis.sha256}</span>
      </p>
    </Panel>
  );
}
