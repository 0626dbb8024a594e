// The figures of a stream: rates, latency, what it is and what decodes it, what was lost and why.
// In: the stream. Used by Tile.tsx.

import type { Stream } from "../wire/event";
import { codecWords, decoderWords, dropWords, kindWords, whole } from "../words";

export function Facts({ stream }: { stream: Stream }) {
  const drops = Object.entries(stream.dropped).filter(([, n]) => n > 0);
  const dropped = drops.reduce((sum, [, n]) => sum + n, 0);
  const words = drops.map(([reason, n]) => `${whole(n)} ${dropWords(reason)}`).join(", ");
  const coded = [stream.codec && codecWords(stream.codec), stream.decoder && decoderWords(stream.decoder)]
    .filter(Boolean)
    .join(" by ");
  return (
    <dl className="facts">
      <Fact name="Analyses" value={`${stream.analyses_per_sec.toFixed(1)} /s`} />
      <Fact name="Source" value={stream.fps === null ? "– fps" : `${Math.round(stream.fps * 10) / 10} fps`} />
      <Fact name="Latency" value={stream.verdict ? `${Math.round(stream.verdict.latency_ms)} ms` : "–"} />
      <Fact name="Reconnects" value={whole(stream.reconnects)} />
      <Fact
        name="Video"
        wide
        value={stream.width > 0 ? `${stream.width}×${stream.height}${coded && ` · ${coded}`}` : kindWords(stream.kind)}
      />
      <Fact name="Frames not looked at" wide value={dropped === 0 ? "none" : words} />
    </dl>
  );
}

function Fact({ name, value, wide = false }: { name: string; value: string; wide?: boolean }) {
  return (
    <div className="fact" data-wide={wide}>
      <dt>{name}</dt>
      <dd title={value}>{value}</dd>
    </div>
  );
}
