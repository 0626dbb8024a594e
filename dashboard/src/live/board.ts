// The page's copy of the server's live state.
// In: events of the link and ticks of the clock. Out: one immutable view a stream, the overview, and word to those
// who subscribed, per stream and bundled (never more often than FLUSH_MS), so that a verdict re-renders one tile.
// Used by live.ts (fills) and hooks.ts (reads).

import type { Event, Label, Server, Stream, Verdict } from "../wire/event";
import type { LinkState } from "../wire/link";
import { type Heard, type Lost, lostWhy, shownLabel } from "./freshness";
import { Trace } from "./trace";

export interface StreamView extends Heard {
  lost: Lost;
  label: Label | null;
  /** performance.now() at which a failed stream is tried again; null: not by itself. */
  retryAt: number | null;
  /** Mutated in place; read it while drawing. */
  trace: Trace;
}

export type Counts = Record<Label | "NONE", number>;

export interface Overview {
  /** null: not connected yet. */
  server: Server | null;
  link: LinkState;
  /** In order of arrival. */
  ids: readonly string[];
  /** Streams by the verdict shown; NONE: not judged yet. */
  counts: Counts;
}

/** Least time between two words to subscribers, ms; on a wall of many nobody reads as fast as on a small one. */
export const FLUSH_MS = 200;
const FLUSH_MANY_MS = 500;
export const MANY = 4;

type Unsubscribe = () => void;

export class Board {
  #views = new Map<string, StreamView>();
  #overview: Overview = { server: null, link: { kind: "connecting" }, ids: [], counts: count([]) };
  #changed = new Set<string>();
  #listeners = new Map<string, Set<() => void>>();
  #overviewListeners = new Set<() => void>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #flushedAt = Number.NEGATIVE_INFINITY;

  overview = (): Overview => this.#overview;
  stream = (id: string): StreamView | undefined => this.#views.get(id);

  subscribeOverview = (listener: () => void): Unsubscribe => {
    this.#overviewListeners.add(listener);
    return () => this.#overviewListeners.delete(listener);
  };

  subscribe(id: string, listener: () => void): Unsubscribe {
    const listeners = this.#listeners.get(id) ?? new Set();
    this.#listeners.set(id, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#listeners.delete(id);
    };
  }

  setLink(link: LinkState): void {
    this.#overview = { ...this.#overview, link };
    this.tick();
    this.#flush();
  }

  apply(event: Event): void {
    const now = performance.now();
    if (event.type === "snapshot") {
      const known = this.#views;
      this.#views = new Map();
      this.#overview = { ...this.#overview, server: event.server };
      for (const stream of event.streams) {
        // What the server heard long ago is no news, even to a page that just came.
        const age = stream.verdict ? Date.parse(event.now) - Date.parse(stream.verdict.captured) : 0;
        this.#put(stream, known.get(stream.id), now, now - Math.max(0, age));
      }
      for (const id of known.keys()) this.#changed.add(id);
    } else if (event.type === "stream") {
      const { v: _, seq: __, type: ___, ...stream } = event;
      this.#put(stream, this.#views.get(stream.id), now);
    } else if (event.type === "removed") {
      this.#views.delete(event.id);
      this.#changed.add(event.id);
    } else if (event.type === "verdict") {
      const view = this.#views.get(event.id);
      const { v: _, seq: __, type: ___, ...verdict } = event;
      if (view) this.#put({ ...view.stream, verdict }, view, now);
    }
    this.#flushSoon(now);
  }

  /** Looks at the clock: what was not heard of for too long becomes lost. */
  tick(): void {
    const now = performance.now();
    let lost = false;
    for (const [id, view] of this.#views) {
      const next = this.#judged(view, now);
      if (next.lost === view.lost && next.label === view.label) continue;
      this.#views.set(id, next);
      this.#changed.add(id);
      lost = true;
    }
    // What is no longer of now must look so at once, however many streams share the page.
    if (lost) this.#flush();
  }

  #put(stream: Stream, known: StreamView | undefined, now: number, heardAt = now): void {
    const news = isNews(stream.verdict, known?.stream.verdict ?? null);
    const trace = known?.trace ?? new Trace();
    if (news && stream.verdict) record(trace, stream.verdict);
    const view: StreamView = {
      stream,
      trace,
      verdictAt: stream.verdict === null ? null : news ? heardAt : (known?.verdictAt ?? null),
      retryAt: retryAt(stream, known, now),
      lost: null,
      label: null,
    };
    this.#views.set(stream.id, this.#judged(view, now));
    this.#changed.add(stream.id);
  }

  #judged(view: StreamView, now: number): StreamView {
    const { link, server } = this.#overview;
    const lost = lostWhy(view, link.kind === "open", now, server?.stale_secs ?? 0);
    return { ...view, lost, label: shownLabel(view.stream, lost) };
  }

  #flushSoon(now: number): void {
    if (this.#timer !== undefined) return;
    const pause = this.#views.size > MANY ? FLUSH_MANY_MS : FLUSH_MS;
    this.#timer = setTimeout(() => this.#flush(), Math.max(0, this.#flushedAt + pause - now));
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#flushedAt = performance.now();
    const changed = this.#changed;
    this.#changed = new Set();
    const ids = [...this.#views.keys()];
    const counts = count(this.#views.values());
    const old = this.#overview;
    if (!same(ids, old.ids)) this.#overview = { ...this.#overview, ids };
    if (!same(Object.values(counts), Object.values(old.counts))) this.#overview = { ...this.#overview, counts };
    for (const listener of this.#overviewListeners) listener();
    for (const id of changed) for (const listener of this.#listeners.get(id) ?? []) listener();
  }
}

/** A stream's figures repeat the verdict that is known already; only a new one proves that it lives. */
function isNews(verdict: Verdict | null, known: Verdict | null): boolean {
  if (verdict === null) return false;
  return (
    known === null ||
    verdict.frame !== known.frame ||
    verdict.captured !== known.captured ||
    verdict.label !== known.label
  );
}

/** A server that repeats an unchanged fault does not mean that the wait begins again. */
function retryAt(stream: Stream, known: StreamView | undefined, now: number): number | null {
  const secs = stream.fault?.retry_in_secs;
  if (secs == null) return null;
  const before = known?.stream;
  const repeated = before?.since === stream.since && before.fault?.retry_in_secs === secs;
  return repeated && known?.retryAt != null && known.retryAt > now ? known.retryAt : now + secs * 1000;
}

function record(trace: Trace, verdict: Verdict): void {
  const stale = verdict.label === "STALE";
  const secs = Date.parse(verdict.captured) / 1000 + (stale ? (verdict.evidence_age_secs ?? 0) : 0);
  if (Number.isFinite(secs)) trace.add(secs, stale ? null : verdict.fake_confidence);
}

function count(views: Iterable<StreamView>): Counts {
  const counts: Counts = { FAKE: 0, UNCERTAIN: 0, REAL: 0, STALE: 0, NONE: 0 };
  for (const { label } of views) counts[label ?? "NONE"] += 1;
  return counts;
}

function same<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i]);
}
