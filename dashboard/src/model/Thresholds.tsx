// The two thresholds, and what moving them would have done to the kept history, before they are applied.
// In: the thresholds in force. Out: PATCH /settings. Used by ModelPage.tsx.

import { faSliders } from "@fortawesome/free-solid-svg-icons/faSliders";
import { useEffect, useState } from "react";
import { Bars } from "../chart/Bars";
import { Panel, Waiting } from "../shell/Page";
import { useAction } from "../shell/useAction";
import { useFetched } from "../shell/useFetched";
import { changeSettings, type Effect, effectOf } from "../wire/record";
import { duration, percent, whole } from "../words";

interface Pair {
  fakeAt: number;
  realAt: number;
}

const HOURS = 24;
const STEP = 0.01;
/** A slider that is being moved asks at its rest. */
const SETTLE_MS = 300;

export function Thresholds({ now, onApplied }: { now: Pair; onApplied: () => void }) {
  const [pair, setPair] = useState(now);
  const settled = useSettled(pair);
  const effect = useFetched(
    (signal) => effectOf(settled.fakeAt, settled.realAt, HOURS, signal),
    `${settled.fakeAt} ${settled.realAt} ${now.fakeAt} ${now.realAt}`,
  );
  const action = useAction();
  const changed = pair.fakeAt !== now.fakeAt || pair.realAt !== now.realAt;
  const apply = async () => {
    const changes = { "verdict.fake_at": pair.fakeAt, "verdict.real_at": pair.realAt };
    if (await action.run(() => changeSettings(changes))) onApplied();
  };
  return (
    <Panel
      title="Thresholds"
      icon={faSliders}
      note={
        effect.data ? `effect on the last ${duration(effect.data.hours_kept * 3600)} kept` : "effect on what was kept"
      }
    >
      <div className="columns">
        <div className="stack">
          <Slider
            name="FAKE from"
            ink="fake"
            value={pair.fakeAt}
            low={pair.realAt + STEP}
            high={1}
            onChange={(fakeAt) => setPair({ ...pair, fakeAt })}
          />
          <Slider
            name="REAL up to"
            ink="real"
            value={pair.realAt}
            low={0}
            high={pair.fakeAt - STEP}
            onChange={(realAt) => setPair({ ...pair, realAt })}
          />
          <p className="soft">
            A higher FAKE threshold raises fewer false alarms and misses more fakes. What lies between the two is
            UNCERTAIN. They apply to all streams at once and survive a restart.
          </p>
          {action.error && (
            <p className="field-error" role="alert">
              Not applied: {action.error.message}
            </p>
          )}
          <div className="row">
            <button type="button" className="button primary" disabled={!changed || action.busy} onClick={apply}>
              Apply {percent(pair.fakeAt)} / {percent(pair.realAt)}
            </button>
            <button type="button" className="button" disabled={!changed} onClick={() => setPair(now)}>
              Undo
            </button>
          </div>
        </div>
        <div aria-live="polite">
          {effect.data ? (
            <Compared now={effect.data.now} proposed={effect.data.proposed} changed={changed} />
          ) : (
            <Waiting error={effect.error} absent="This server keeps no history to show the effect on." />
          )}
        </div>
      </div>
    </Panel>
  );
}

interface SliderProps {
  name: string;
  ink: string;
  value: number;
  low: number;
  high: number;
  onChange: (value: number) => void;
}

function Slider({ name, ink, value, low, high, onChange }: SliderProps) {
  return (
    <label className="slider">
      <span>
        {name} <b style={{ color: `var(--${ink})` }}>{percent(value)}</b>
      </span>
      <input
        type="range"
        min={0}
        max={1}
        step={STEP}
        value={value}
        style={{ accentColor: `var(--${ink})` }}
        aria-valuetext={percent(value)}
        onChange={(event) => {
          const wanted = Number(event.target.value);
          onChange(Math.round(Math.min(high, Math.max(low, wanted)) * 100) / 100);
        }}
      />
    </label>
  );
}

function Compared({ now, proposed, changed }: { now: Effect; proposed: Effect; changed: boolean }) {
  return (
    <div className="compared">
      <EffectBars title="As it is" effect={now} />
      {changed && <EffectBars title="As you would have it" effect={proposed} />}
    </div>
  );
}

function EffectBars({ title, effect }: { title: string; effect: Effect }) {
  const { secs } = effect;
  const sum = Object.values(secs).reduce((total, n) => total + n, 0) || 1;
  const bar = (label: string, ink: string) => ({
    name: label,
    value: (secs[label] ?? 0) / sum,
    words: `${percent((secs[label] ?? 0) / sum)} · ${duration(secs[label] ?? 0)}`,
    ink,
  });
  return (
    <div className="card">
      <h4>
        {title}: {percent(effect.fake_at)} / {percent(effect.real_at)}
      </h4>
      <Bars title={title} of={[bar("FAKE", "fake"), bar("UNCERTAIN", "uncertain"), bar("REAL", "real")]} />
      <p className="soft">
        {whole(effect.fake_periods)} FAKE events, {whole(effect.streams_flagged)} streams flagged
      </p>
    </div>
  );
}

function useSettled(pair: Pair): Pair {
  const [settled, setSettled] = useState(pair);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(pair), SETTLE_MS);
    return () => clearTimeout(timer);
  }, [pair]);
  return settled;
}
