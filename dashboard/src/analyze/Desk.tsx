// Where files are dropped or chosen, what is on its way, and all analyses so far, newest first.
// In: files from the user. Out: uploads, cancellations, removals. Used by AnalyzePage.tsx.

import { faClockRotateLeft } from "@fortawesome/free-solid-svg-icons/faClockRotateLeft";
import { faCloudArrowUp } from "@fortawesome/free-solid-svg-icons/faCloudArrowUp";
import { faXmark } from "@fortawesome/free-solid-svg-icons/faXmark";
import { type DragEvent, useEffect, useRef, useState, useSyncExternalStore } from "react";
import { useNews } from "../live/hooks";
import { Icon } from "../shell/Icon";
import { Nothing, Page, Panel, Waiting } from "../shell/Page";
import { usePaged } from "../shell/usePaged";
import { jobsNow, upload } from "../wire/analysis";
import { bytes, percent } from "../words";
import { JobRow } from "./JobRow";
import { type Sending, Uploads } from "./uploads";

const TYPES = "image/jpeg,image/png,image/webp,video/*,.mkv,.avi,.mov,.mp4,.webm";
const uploads = new Uploads(upload);
/** In case word of progress is missed. */
const LOOK_MS = 5_000;

export function Desk() {
  const sending = useSyncExternalStore(uploads.subscribe, uploads.list);
  const paged = usePaged(async (cursor, signal) => {
    const page = await jobsNow(cursor, signal);
    return { items: page.analyses, next: page.next };
  }, "analyses");
  const { items, error, put, reload } = paged;
  useNews("analysis", (job) => put(job, true));
  useEffect(() => {
    uploads.onTaken = (job) => put(job, true);
    return () => {
      uploads.onTaken = () => {};
    };
  }, [put]);
  const active = items?.some(({ state }) => state === "queued" || state === "running") ?? false;
  useEffect(() => {
    if (!active) return;
    const timer = setInterval(reload, LOOK_MS);
    return () => clearInterval(timer);
  }, [active, reload]);
  return (
    <Page
      title="Analyze"
      lead="Judge a picture or a video. Files stay on this machine: they go to your own server and nowhere else."
    >
      <Dropzone />
      {sending.length > 0 && (
        <ul className="list" aria-label="Files on their way">
          {sending.map((item) => (
            <SendingRow key={item.key} item={item} />
          ))}
        </ul>
      )}
      <Panel title="Analyses" icon={faClockRotateLeft} note="newest first">
        {!items || (error && items.length === 0) ? (
          <Waiting error={error} absent="This server does not judge files yet." />
        ) : items.length === 0 ? (
          <Nothing icon={faCloudArrowUp} title="No file was judged yet">
            Drop one above: the result comes with graphs, what limited it, and a report to print.
          </Nothing>
        ) : (
          <ul className="list" aria-label="Analyses">
            {items.map((job) => (
              <JobRow key={job.id} job={job} onGone={() => paged.remove(job.id)} onChange={reload} />
            ))}
          </ul>
        )}
        {paged.more && (
          <button type="button" className="button" disabled={paged.busy} onClick={paged.onMore}>
            Show older analyses
          </button>
        )}
      </Panel>
    </Page>
  );
}

function Dropzone() {
  const [over, setOver] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const drag = (on: boolean) => (event: DragEvent) => {
    event.preventDefault();
    setOver(on);
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping is a shortcut; the button inside does the same
    <div
      className="dropzone glass"
      data-over={over}
      onDragOver={drag(true)}
      onDragLeave={drag(false)}
      onDrop={(event) => {
        drag(false)(event);
        uploads.add(event.dataTransfer.files);
      }}
    >
      <Icon of={faCloudArrowUp} />
      <strong>Drop pictures or videos here</strong>
      <p>JPEG, PNG, WebP · MP4, MOV, AVI, MKV, WebM · several at once</p>
      <button type="button" className="button primary" onClick={() => input.current?.click()}>
        Choose files
      </button>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        accept={TYPES}
        aria-label="Files to judge"
        onChange={(event) => {
          uploads.add(event.target.files ?? []);
          event.target.value = "";
        }}
      />
    </div>
  );
}

function SendingRow({ item }: { item: Sending }) {
  const refused = item.state === "refused";
  return (
    <li className="job glass" data-state={item.state}>
      <div className="job-main">
        <strong>{item.file.name}</strong> <span className="soft">{bytes(item.file.size)}</span>
        {refused ? (
          <p className="field-error" role="alert">
            Refused: {item.why}
          </p>
        ) : (
          <>
            <progress className="progress" max={1} value={item.sent} aria-label={`Sending ${item.file.name}`} />
            <span className="soft">
              {item.state === "waiting" ? "Waiting its turn" : `Sending, ${percent(item.sent)}`}
            </span>
          </>
        )}
      </div>
      <button
        type="button"
        className="icon-button"
        aria-label={`${refused ? "Dismiss" : "Cancel"} ${item.file.name}`}
        onClick={() => uploads.drop(item.key)}
      >
        <Icon of={faXmark} />
      </button>
    </li>
  );
}
