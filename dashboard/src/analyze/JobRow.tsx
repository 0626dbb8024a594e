// One analysis in the list: file, state, and while it runs how far it is. In: the job. Out: cancel and remove.
// Used by Desk.tsx.

import { faBan } from "@fortawesome/free-solid-svg-icons/faBan";
import { faFilm } from "@fortawesome/free-solid-svg-icons/faFilm";
import { faImage } from "@fortawesome/free-solid-svg-icons/faImage";
import { faTrashCan } from "@fortawesome/free-solid-svg-icons/faTrashCan";
import { to } from "../route";
import { Icon } from "../shell/Icon";
import { useAction } from "../shell/useAction";
import { dropAnalysis, type Job } from "../wire/analysis";
import { bytes, duration, moment } from "../words";
import { Progress } from "./Progress";

interface Props {
  job: Job;
  onGone: () => void;
  onChange: () => void;
}

const STATES: Record<Job["state"], string> = {
  queued: "Queued",
  running: "Running",
  done: "Done",
  failed: "Failed",
  cancelled: "Cancelled",
};

export function JobRow({ job, onGone, onChange }: Props) {
  const action = useAction();
  const active = job.state === "queued" || job.state === "running";
  const drop = async () => {
    if (await action.run(() => dropAnalysis(job.id))) {
      if (active) onChange();
      else onGone();
    }
  };
  return (
    <li className="job card" data-state={job.state} data-id={job.id}>
      <span className="job-kind" title={job.container}>
        <Icon of={job.kind === "image" ? faImage : faFilm} />
      </span>
      <div className="job-main">
        <a href={to("analyze", job.id)}>{job.name}</a>{" "}
        <span className="soft">
          {bytes(job.bytes)} · {job.container} · {moment(job.created)}
          {job.processing_secs !== null && ` · judged in ${duration(job.processing_secs)}`}
        </span>
        {active && <Progress job={job} />}
        {job.error && <p className="field-error">{job.error.message}</p>}
        {action.error && (
          <p className="field-error" role="alert">
            {action.error.message}
          </p>
        )}
      </div>
      <span className="chip" data-state={job.state}>
        {STATES[job.state]}
      </span>
      <button
        type="button"
        className="icon-button"
        aria-label={`${active ? "Cancel" : "Remove"} ${job.name}`}
        title={active ? "Cancel" : "Remove"}
        disabled={action.busy}
        onClick={drop}
      >
        <Icon of={active ? faBan : faTrashCan} />
      </button>
    </li>
  );
}
