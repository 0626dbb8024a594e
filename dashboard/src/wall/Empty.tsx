// The wall without streams: how to get one. Used by Wall.tsx.

import { faPlus } from "@fortawesome/free-solid-svg-icons/faPlus";
import { faVideo } from "@fortawesome/free-solid-svg-icons/faVideo";
import { Icon } from "../shell/Icon";

export const ADDRESSES: [string, string][] = [
  ["rtsp://camera.local/stream", "an IP camera"],
  ["/dev/video0", "a webcam of the server"],
  ["https://example.org/live.m3u8", "a web stream (HLS or MP4)"],
  ["srt://encoder.local:9000", "an SRT sender"],
  ["/videos/interview.mp4", "a file on the server"],
  ["screen", "the server's screen"],
  ["test", "a test picture"],
];

export function Empty({ onAdd }: { onAdd: () => void }) {
  return (
    <section className="empty glass">
      <Icon of={faVideo} />
      <h2>No streams yet</h2>
      <p>Add a live source and TrueVision judges every face in it. An address can be:</p>
      <dl>
        {ADDRESSES.map(([address, meaning]) => (
          <div key={address}>
            <dt>
              <code>{address}</code>
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
      <button type="button" className="button primary" onClick={onAdd}>
        <Icon of={faPlus} /> Add a stream
      </button>
      <p className="empty-note">
        Streams that should be there at every start go into the settings file (see <code>configs/default.toml</code>).
      </p>
    </section>
  );
}
