// What can be changed while the program runs, where alerts go, and what this browser does by itself.
// In: /settings and /targets. Out: PATCH /settings. Shown at #/settings.

import { faDesktop } from "@fortawesome/free-solid-svg-icons/faDesktop";
import { faPaperPlane } from "@fortawesome/free-solid-svg-icons/faPaperPlane";
import { faSliders } from "@fortawesome/free-solid-svg-icons/faSliders";
import { BellSwitches } from "../alerts/BellSwitches";
import { to } from "../route";
import { Page, Panel, Waiting } from "../shell/Page";
import { useFetched } from "../shell/useFetched";
import { targetsNow } from "../wire/alert";
import { settingsNow } from "../wire/record";
import { whole } from "../words";
import { SettingRow } from "./SettingRow";
import "../style/model.css";

const ROOMS: Record<string, string> = {
  verdict: "Verdicts",
  record: "How long events are kept",
  analyses: "How long results of uploaded files are kept",
  evidence: "How long video and faces of alerts are kept",
};

export default function SettingsPage() {
  const { data, error, put } = useFetched(settingsNow, "settings");
  const rooms = [...new Set(data?.settings.map(({ key }) => key.split(".")[0] ?? ""))];
  return (
    <Page
      title="Settings"
      lead={
        <>
          What is changed here applies at once and survives a restart. To see what thresholds would do first, move them
          on the <a href={to("model")}>Model</a> page. Users and roles do not exist yet: whoever has the token may
          change all.
        </>
      }
    >
      {!data && (
        <Panel title="Settings" icon={faSliders}>
          <Waiting
            error={error}
            absent="This server's settings cannot be changed from here; they are in its settings file."
          />
        </Panel>
      )}
      {rooms.map((room) => (
        <Panel key={room} title={ROOMS[room] ?? room} icon={faSliders}>
          {data?.settings
            .filter(({ key }) => key.startsWith(`${room}.`))
            .map((setting) => (
              <SettingRow key={`${setting.key} ${setting.value}`} setting={setting} onChanged={put} />
            ))}
        </Panel>
      ))}
      <Targets />
      <Panel title="This browser" icon={faDesktop}>
        <BellSwitches />
      </Panel>
    </Page>
  );
}

function Targets() {
  const { data, error } = useFetched(targetsNow, "targets");
  return (
    <Panel title="Where alerts go" icon={faPaperPlane} note="set in the settings file, addresses shown without secrets">
      {!data ? (
        <Waiting error={error} absent="This server sends no alerts yet." />
      ) : data.targets.length === 0 ? (
        <p className="soft">No target is set: alerts are shown on the Alerts page only.</p>
      ) : (
        <ul className="list">
          {data.targets.map((target) => (
            <li key={target.name} className="card">
              <div className="row">
                <b>{target.name}</b> <span className="chip">{target.kind}</span>
                <span className="mono">{target.address}</span>
              </div>
              <p className="soft">
                {whole(target.delivered)} delivered, {whole(target.waiting)} waiting, {whole(target.dead)} given up
              </p>
              {target.last_error && <p className="field-error">{target.last_error}</p>}
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}
