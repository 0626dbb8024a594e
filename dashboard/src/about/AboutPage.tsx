// What is stored, how long and where; what leaves the machine; what this product is. In: /storage, /evidence. Shown at #/about.

import { faBoxArchive } from "@fortawesome/free-solid-svg-icons/faBoxArchive";
import { faCircleInfo } from "@fortawesome/free-solid-svg-icons/faCircleInfo";
import { faDatabase } from "@fortawesome/free-solid-svg-icons/faDatabase";
import { faUserShield } from "@fortawesome/free-solid-svg-icons/faUserShield";
import { useOverview } from "../live/hooks";
import { to } from "../route";
import { Facts, Page, Panel, Waiting } from "../shell/Page";
import { useFetched } from "../shell/useFetched";
import { evidenceNow } from "../wire/alert";
import { storageNow } from "../wire/record";
import { bytes, moment, whole } from "../words";

function Evidence() {
  const { data, error } = useFetched(evidenceNow, "evidence");
  return (
    <Panel title="Evidence of alerts" icon={faBoxArchive}>
      {!data && <Waiting error={error} absent="This server keeps no evidence." />}
      {data && !data.on && <p>No evidence is kept: of an alert there is no video and no picture.</p>}
      {data?.on && (
        <div className="stack">
          <p>
            When an alert opens, the video as the camera sent it, from {whole(data.before_secs)} s before to{" "}
            {whole(data.after_secs)} s after, is kept on this machine with pictures of the face and its scores.
            Everybody in the picture is in it.
          </p>
          {data.fault && <p role="status">None is being kept now: {data.fault}.</p>}
          <Facts
            of={[
              ["Alerts with evidence", whole(data.alerts)],
              ["Size", bytes(data.bytes)],
              ["Oldest", data.oldest ? moment(data.oldest) : "none"],
              ["Kept at most", `${data.keep_days} days`],
              ["Room at most", `${whole(data.keep_mb)} MB`],
            ]}
          />
        </div>
      )}
    </Panel>
  );
}

export default function AboutPage() {
  const { server } = useOverview();
  const { data, error } = useFetched(storageNow, "storage");
  return (
    <Page title="Privacy" lead="What this program keeps about people, for how long, where, and what it never does.">
      <Panel title="What is stored" icon={faDatabase}>
        {data ? (
          <div className="stack">
            <p>{data.path_note}</p>
            <Facts
              of={[
                ["Database", bytes(data.database_bytes)],
                ["Events", whole(data.periods)],
                ["Pictures of faces", whole(data.thumbnails)],
                ["Oldest entry", data.oldest ? moment(data.oldest) : "none"],
                ["Kept at most", `${data.keep_days} days`],
                ["Room at most", `${whole(data.keep_mb)} MB`],
              ]}
            />
            <p className="soft">
              What is older or does not fit is deleted by itself. Change both under{" "}
              <a href={to("settings")}>Settings</a>.
            </p>
          </div>
        ) : (
          <Waiting error={error} absent="This server keeps no record: verdicts are gone when it stops." />
        )}
      </Panel>
      <Evidence />
      <Panel title="What it does and does not do" icon={faUserShield}>
        <ul className="limits">
          <li>
            Everything runs on this machine. No picture, verdict or statistic is sent to anyone, unless alerts are set
            up to be sent somewhere.
          </li>
          <li>
            Live video is looked at and forgotten, and of an event one small picture of the face is kept. Only when an
            alert opens, the video of some seconds around it is kept as evidence, if that is on.
          </li>
          <li>
            A file given to Analyze is deleted as soon as it is judged. Its result, with at most 240 small pictures,
            stays on this machine until you remove it or it is too old or too much: see{" "}
            <a href={to("settings")}>Settings</a>.
          </li>
          <li>It recognises nobody: it knows faces apart only while they are in sight, and has no list of people.</li>
          <li>This page loads nothing from other hosts; it keeps your theme and alert choices in this browser only.</li>
          <li>A verdict orders evidence. REAL is no proof of authenticity, FAKE no proof of deceit.</li>
        </ul>
      </Panel>
      <Panel title="About" icon={faCircleInfo}>
        <Facts
          of={[
            ["TrueVision", server?.version ?? "–"],
            ["Model", server ? `${server.model.name} ${server.model.version}` : "–"],
            ["Licence", "MIT or Apache-2.0"],
            ["Uses", "React, uPlot, marked (MIT); Orbitron, Poppins (OFL-1.1); Font Awesome Free (CC-BY-4.0)"],
          ]}
        />
        <p className="soft">
          <a href="/licences.md">Licences of the parts</a> · <a href={to("model")}>What the model can and cannot do</a>
        </p>
      </Panel>
    </Page>
  );
}
