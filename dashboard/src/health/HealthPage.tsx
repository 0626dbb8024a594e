// How the program is: streams, queues, losses, latencies, what it uses, and the last quarter of an hour as lines.
// In: /health every few seconds. Shown at #/health.

import type { IconDefinition } from "@fortawesome/fontawesome-common-types";
import { faClock } from "@fortawesome/free-solid-svg-icons/faClock";
import { faGaugeHigh } from "@fortawesome/free-solid-svg-icons/faGaugeHigh";
import { faLayerGroup } from "@fortawesome/free-solid-svg-icons/faLayerGroup";
import { faMemory } from "@fortawesome/free-solid-svg-icons/faMemory";
import { faMicrochip } from "@fortawesome/free-solid-svg-icons/faMicrochip";
import { faTowerBroadcast } from "@fortawesome/free-solid-svg-icons/faTowerBroadcast";
import { useMemo } from "react";
import { Bars } from "../chart/Bars";
import { type Line, Lines } from "../chart/Lines";
import { useOverview } from "../live/hooks";
import { Icon } from "../shell/Icon";
import { Facts, Page, Panel, Waiting } from "../shell/Page";
import { Table } from "../shell/Table";
import { useFetched } from "../shell/useFetched";
import { type Health, healthNow } from "../wire/state";
import { dropWords, duration, millis, percent, stageWords, whole } from "../words";

const EVERY_MS = 5_000;

export default function HealthPage() {
  const { server, link } = useOverview();
  const { data, error } = useFetched(healthNow, "health", EVERY_MS);
  return (
    <Page title="Health" lead="How the program itself is doing, now and over the last 15 minutes.">
      {data && error && (
        <p className="field-error" role="alert">
          These figures are old: {error.message}
        </p>
      )}
      {data ? (
        <Shown health={data} version={server?.version ?? "–"} linked={link.kind === "open"} />
      ) : (
        <Panel title="Health">
          <Waiting error={error} />
        </Panel>
      )}
    </Page>
  );
}

function Shown({ health, version, linked }: { health: Health; version: string; linked: boolean }) {
  const newest = health.history.at(-1);
  const end = health.stages.find(({ stage }) => stage === "end_to_end");
  const lost = Object.values(health.dropped).reduce((sum, n) => sum + n, 0);
  return (
    <>
      <dl className="tiles">
        <Figure
          icon={faTowerBroadcast}
          name="Streams live"
          value={newest ? `${newest.live} of ${newest.streams}` : "–"}
        />
        <Figure
          icon={faGaugeHigh}
          name="Analyses"
          value={newest?.analyses_per_sec?.toFixed(1) ?? "–"}
          note="a second"
        />
        <Figure icon={faClock} name="Frame to verdict" value={millis(end?.p95_ms ?? null)} note="95 % are faster" />
        <Figure icon={faMicrochip} name="Processor" value={health.cpu_cores?.toFixed(2) ?? "–"} note="cores" />
        <Figure
          icon={faMemory}
          name="Memory"
          value={health.memory_mb === null ? "–" : whole(health.memory_mb)}
          note="MB"
        />
        <Figure
          icon={faLayerGroup}
          name="Detector queue"
          value={`${health.detector_queue}`}
          note={`of ${health.detector_queue_max}`}
        />
      </dl>
      <History health={health} />
      <div className="columns even">
        <Panel title="Latency" icon={faClock} note="over the last minute">
          <Latencies stages={health.stages} />
        </Panel>
        <Panel title="Frames not looked at" note={lost === 0 ? "none" : `${whole(lost)} since the start`}>
          <Losses dropped={health.dropped} />
        </Panel>
        <Panel title="This program">
          <Facts
            of={[
              ["Version", version],
              ["Running for", duration(health.uptime_secs)],
              ["Model", modelWords(health.model)],
              ["Model runs on", health.provider],
              ...gpuWords(health.gpu),
              ["Threads", health.threads === null ? "–" : whole(health.threads)],
              ["Open files", health.files === null ? "–" : whole(health.files)],
              ["Pages connected", whole(health.websocket_clients)],
              ["This page", linked ? "connected" : "not connected"],
            ]}
          />
        </Panel>
      </div>
    </>
  );
}

/** What the driver says of the GPU; a machine without one says so. */
function gpuWords(gpu: Health["gpu"]): [string, string][] {
  if (gpu === null) return [["GPU", "none"]];
  return [
    ["GPU", gpu.name],
    ["GPU memory", `${whole(gpu.memory_mb)} of ${whole(gpu.memory_total_mb)} MB`],
    ["GPU load", percent(gpu.load)],
  ];
}

/** The model as the server names it: a name alone, or name and version. */
function modelWords(model: unknown): string {
  if (typeof model === "string") return model;
  const { name, version } = (model ?? {}) as { name?: string; version?: string };
  return [name, version].filter(Boolean).join(" ") || "–";
}

function Figure({ icon, name, value, note }: { icon: IconDefinition; name: string; value: string; note?: string }) {
  return (
    <div className="figure panel glass">
      <dt>
        <Icon of={icon} /> {name}
      </dt>
      <dd>
        {value} {note && <small>{note}</small>}
      </dd>
    </div>
  );
}

type Point = Health["history"][number];

function History({ health }: { health: Health }) {
  const secs = useMemo(() => health.history.map(({ at }) => Date.parse(at) / 1000), [health]);
  const chart = (title: string, format: (value: number) => string, lines: [string, keyof Point, string][]) => (
    <Panel key={title} title={title}>
      <Lines
        title={title}
        secs={secs}
        clock
        height={130}
        range={[0, null]}
        format={format}
        lines={lines.map(([name, key, ink], n): Line => {
          const values = health.history.map((point) => point[key] as number | null);
          return { name, values, ink, ...(n > 0 ? { dash: [6, 4] } : { fill: true }) };
        })}
      />
    </Panel>
  );
  const plain = (value: number) => (value >= 10 ? whole(value) : value.toFixed(1));
  return (
    <div className="columns">
      {chart("Frame to verdict", millis, [["95 % are faster than", "p95_ms", "ink-fake"]])}
      {chart("Work", plain, [
        ["Analyses a second", "analyses_per_sec", "ink-fake"],
        ["Lost a second", "dropped_per_sec", "fake"],
      ])}
      {chart("Processor", (cores) => cores.toFixed(1), [["Cores", "cpu_cores", "ink-synthetic"]])}
      {chart("Memory", (mb) => `${whole(mb)}`, [["MB", "memory_mb", "ink-second"]])}
      {chart("Streams", plain, [
        ["Live", "live", "ink-second"],
        ["All", "streams", "ink-quality"],
      ])}
      {chart("Detector queue", plain, [["Faces waiting", "detector_queue", "ink-quality"]])}
    </div>
  );
}

function Latencies({ stages }: Pick<Health, "stages">) {
  return (
    <Table
      title="Latency by stage"
      heads={["Stage", "half", "95 %", "99 %", "count"]}
      rows={stages.map(({ stage, p50_ms, p95_ms, p99_ms, count }) => ({
        key: stage,
        cells: [stageWords(stage), millis(p50_ms), millis(p95_ms), millis(p99_ms), whole(count)],
      }))}
    />
  );
}

function Losses({ dropped }: Pick<Health, "dropped">) {
  const all = Object.entries(dropped).filter(([, n]) => n > 0);
  const most = Math.max(...all.map(([, n]) => n), 1);
  if (all.length === 0) return <p className="soft">Every frame that was due was analysed.</p>;
  return (
    <Bars
      title="Frames not looked at, by reason"
      of={all.map(([reason, n]) => ({ name: dropWords(reason), value: n / most, words: whole(n), ink: "uncertain" }))}
    />
  );
}
