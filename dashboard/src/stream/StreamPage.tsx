// One stream, large: its picture and verdict now, its faces over the last minutes, what the detector looked at and
// what it did not, and where the time goes. In: the stream's id. Shown at #/streams/<id>.

import { faArrowLeft } from "@fortawesome/free-solid-svg-icons/faArrowLeft";
import { faClockRotateLeft } from "@fortawesome/free-solid-svg-icons/faClockRotateLeft";
import { faGaugeHigh } from "@fortawesome/free-solid-svg-icons/faGaugeHigh";
import { faRotateRight } from "@fortawesome/free-solid-svg-icons/faRotateRight";
import { faTowerBroadcast } from "@fortawesome/free-solid-svg-icons/faTowerBroadcast";
import { faVideoSlash } from "@fortawesome/free-solid-svg-icons/faVideoSlash";
import type { PageProps } from "../App";
import { Bars } from "../chart/Bars";
import { Doughnut } from "../chart/Doughnut";
import type { StreamView } from "../live/board";
import { useOverview, useStreamView } from "../live/hooks";
import { to } from "../route";
import { Icon } from "../shell/Icon";
import { Facts, Nothing, Page, Panel, Waiting } from "../shell/Page";
import { useAction } from "../shell/useAction";
import { useFetched } from "../shell/useFetched";
import { Faces } from "../wall/Faces";
import { LostCover } from "../wall/LostCover";
import { Age, Reasons } from "../wall/Tile";
import { TilePicture } from "../wall/TilePicture";
import { restartStream } from "../wire/api";
import { facesOf, streamSettings } from "../wire/state";
import {
  codecWords,
  decoderWords,
  dropWords,
  kindWords,
  millis,
  moment,
  stageWords,
  stateWords,
  whole,
} from "../words";
import { Lanes } from "./Lanes";
import { Rejected, Windows } from "./Windows";
import "../style/tile.css";
import "../style/stream.css";

const EVERY_MS = 1_000;

export default function StreamPage({ id }: PageProps) {
  const { server } = useOverview();
  const view = useStreamView(id ?? "");
  if (id === null || (server && !view)) {
    return (
      <Page title="Stream">
        <Panel title="No such stream">
          <Nothing icon={faVideoSlash} title={id === null ? "No stream was named" : `There is no stream “${id}”`}>
            It may have been removed. <a href={to("live")}>Back to the wall</a>
          </Nothing>
        </Panel>
      </Page>
    );
  }
  if (!view || !server) return <p className="waiting">Connecting to the server…</p>;
  return <Shown key={id} id={id} view={view} />;
}

function Shown({ id, view }: { id: string; view: StreamView }) {
  const { server } = useOverview();
  const faces = useFetched((signal) => facesOf(id, signal), id, EVERY_MS);
  const restart = useAction();
  if (!server) return null;
  const { stream, label, lost } = view;
  const marks = [server.real_at, server.fake_at];
  return (
    <Page
      title={stream.name}
      lead={`${kindWords(stream.kind)} · ${stateWords(stream.state)} since ${moment(stream.since)}`}
      actions={
        <>
          <a className="button small" href={to("live")}>
            <Icon of={faArrowLeft} /> Wall
          </a>
          <a className="button small" href={`${to("events")}?stream=${encodeURIComponent(id)}`}>
            <Icon of={faClockRotateLeft} /> Its events
          </a>
          <button
            type="button"
            className="button small"
            disabled={restart.busy}
            onClick={() => restart.run(() => restartStream(id))}
          >
            <Icon of={faRotateRight} /> Restart
          </button>
        </>
      }
    >
      {restart.error && (
        <p className="field-error" role="alert">
          Not restarted: {restart.error.message}
        </p>
      )}
      <div className="stream-top">
        <section className="panel glass stream-picture" data-lost={lost ?? undefined} data-label={label ?? "NONE"}>
          <div className="screen">
            <TilePicture id={id} name={stream.name} lost={lost !== null} />
            <LostCover view={view} />
          </div>
        </section>
        <section className="panel glass stream-verdict">
          <Doughnut
            label={label}
            confidence={stream.verdict?.fake_confidence ?? null}
            fakeAt={server.fake_at}
            realAt={server.real_at}
          />
          <p className="stream-age">
            newest evidence <Age view={view} />
          </p>
          <Reasons view={view} />
          <Faces view={view} />
        </section>
      </div>
      <Lanes id={id} marks={marks} />
      {faces.data ? (
        <Windows faces={faces.data.faces} />
      ) : (
        <Panel title="Newest window of each face">
          <Waiting error={faces.error} absent="This server does not show its windows." />
        </Panel>
      )}
      <div className="columns even">
        <Rejected faces={faces.data?.faces ?? []} />
        <Panel title="Where the time goes" icon={faGaugeHigh} note="half of the frames / 95 % are faster">
          <Stages stages={faces.data?.stages ?? []} />
        </Panel>
        <Source view={view} provider={faces.data?.provider ?? server.provider} />
      </div>
    </Page>
  );
}

function Stages({ stages }: { stages: { stage: string; p50_ms: number | null; p95_ms: number | null }[] }) {
  if (stages.length === 0) return <p className="soft">No figures yet.</p>;
  const most = Math.max(...stages.map(({ p95_ms }) => p95_ms ?? 0), 1);
  return (
    <Bars
      title="Latency by stage"
      of={stages.map(({ stage, p50_ms, p95_ms }) => ({
        name: stageWords(stage),
        value: (p95_ms ?? 0) / most,
        words: `${millis(p50_ms)} / ${millis(p95_ms)}`,
        ink: "ink-fake",
      }))}
    />
  );
}

function Source({ view: { stream }, provider }: { view: StreamView; provider: string }) {
  const settings = useFetched((signal) => streamSettings(stream.id, signal), stream.id);
  const dropped = Object.entries(stream.dropped).filter(([, frames]) => frames > 0);
  return (
    <Panel title="Source" icon={faTowerBroadcast}>
      <Facts
        of={[
          [
            "Address",
            <span className="mono" key="address">
              {stream.source}
            </span>,
          ],
          ["Picture", stream.width > 0 ? `${stream.width}×${stream.height}` : "–"],
          ["Frames", stream.fps === null ? "–" : `${stream.fps.toFixed(1)} fps`],
          ["Codec", stream.codec ? codecWords(stream.codec) : "–"],
          ["Decoder", stream.decoder ? decoderWords(stream.decoder) : "–"],
          ["Model runs on", provider],
          ["Analyses", `${stream.analyses_per_sec.toFixed(1)} /s`],
          ["Reconnects", whole(stream.reconnects)],
          ["Id", stream.id],
          ...Object.entries(settings.data ?? {}).map(([key, value]): [string, string] => [
            key.replaceAll("_", " "),
            String(value),
          ]),
          ["Frames not looked at", dropped.map(([why, n]) => `${whole(n)} ${dropWords(why)}`).join(", ") || "none"],
        ]}
      />
    </Panel>
  );
}
