// What the detector looks at: the eight frames of each face's newest window with their weights, what it made of them,
// and which frames the quality gate kept from it. In: the faces of a stream. Used by StreamPage.tsx.

import { faFilm } from "@fortawesome/free-solid-svg-icons/faFilm";
import { faFilter } from "@fortawesome/free-solid-svg-icons/faFilter";
import { Bars } from "../chart/Bars";
import { Icon, LABEL_ICONS } from "../shell/Icon";
import { Nothing, Panel } from "../shell/Page";
import type { Label } from "../wire/event";
import type { FaceWindow } from "../wire/state";
import { percent, reasonWords, whole } from "../words";

export function Windows({ faces }: { faces: FaceWindow[] }) {
  return (
    <Panel
      title="Newest window of each face"
      icon={faFilm}
      note="eight frames, judged together; the bar is the weight each had"
    >
      {faces.length === 0 && <Nothing icon={faFilm} title="No face in sight" />}
      <div className="stack">
        {faces.map((face) => (
          <Window key={face.track} face={face} />
        ))}
      </div>
    </Panel>
  );
}

function Window({ face }: { face: FaceWindow }) {
  const label = (Object.hasOwn(LABEL_ICONS, face.label) ? face.label : "NONE") as Label | "NONE";
  const { window } = face;
  const most = Math.max(...(window?.attention ?? []), 1e-6);
  return (
    <div className="card">
      <div className="row">
        <h4>Face {face.track}</h4>
        <span className="chip" data-label={label}>
          <Icon of={LABEL_ICONS[label]} /> {face.label} {face.fake_confidence !== null && percent(face.fake_confidence)}
        </span>
        {window && (
          <span className="soft">
            this window {percent(window.fake_confidence)} fake
            {window.synthetic_confidence !== null && `, ${percent(window.synthetic_confidence)} synthetic`},{" "}
            {(window.ended - window.began).toFixed(2)} s long
          </span>
        )}
      </div>
      {window ? (
        <ol className="strip">
          {window.frames.map((frame, at) => {
            const weight = frame.weight ?? window.attention[at] ?? 0;
            return (
              <li key={frame.pts_secs}>
                {frame.jpeg ? (
                  <img src={frame.jpeg} alt={`Face ${face.track} at ${frame.pts_secs.toFixed(2)} s`} />
                ) : (
                  <span className="strip-blank" />
                )}
                <span className="strip-weight" aria-hidden="true">
                  <i style={{ width: `${(100 * weight) / most}%` }} />
                </span>
                <small>{(100 * weight).toFixed(1)} %</small>
              </li>
            );
          })}
        </ol>
      ) : (
        <p className="soft">Eight good frames have not come together yet.</p>
      )}
    </div>
  );
}

export function Rejected({ faces }: { faces: FaceWindow[] }) {
  const sums = new Map<string, number>();
  for (const { rejected } of faces) {
    for (const [reason, frames] of Object.entries(rejected)) sums.set(reason, (sums.get(reason) ?? 0) + frames);
  }
  const most = Math.max(...sums.values(), 1);
  const bars = [...sums]
    .filter(([, frames]) => frames > 0)
    .sort(([, a], [, b]) => b - a)
    .map(([reason, frames]) => ({
      name: reasonWords(reason),
      value: frames / most,
      words: `${whole(frames)} frames`,
      ink: "uncertain",
    }));
  return (
    <Panel title="Kept from the detector" icon={faFilter} note="by the quality gate, faces in sight">
      {bars.length === 0 ? (
        <p className="soft">No frame was refused.</p>
      ) : (
        <Bars title="Frames refused by reason" of={bars} />
      )}
    </Panel>
  );
}
