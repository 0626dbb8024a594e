// How far an analysis is: stage, frames done, time left. In: the job. Used by JobRow.tsx and Report.tsx.

import type { Job } from "../wire/analysis";
import { duration, stageWords, whole } from "../words";

export function Progress({ job }: { job: Job }) {
  const frames =
    job.frames_total === null ? whole(job.frames_done) : `${whole(job.frames_done)} of ${whole(job.frames_total)}`;
  return (
    <div className="job-progress">
      {job.progress === null ? (
        <progress className="progress" max={1} aria-label={`Progress of ${job.name}`} />
      ) : (
        <progress className="progress" max={1} value={job.progress} aria-label={`Progress of ${job.name}`} />
      )}
      <span className="soft">
        {stageWords(job.stage ?? job.state)}
        {job.state === "running" && ` · ${frames} frames`}
        {job.eta_secs !== null && ` · about ${duration(job.eta_secs)} left`}
      </span>
    </div>
  );
}
