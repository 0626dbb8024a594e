// How the program and its model are, and what one stream's faces look like. In: nothing, or a stream's id. Out: typed
// answers. Used by health/, model/, stream/ and reference/.

import { API, get } from "./call";
import { anything, type Checked, key, list, nullable, number, object, record, text } from "./check";

const health = object({
  now: text,
  cpu_cores: nullable(number),
  memory_mb: nullable(number),
  threads: nullable(number),
  files: nullable(number),
  gpu: nullable(object({ name: text, memory_mb: number, memory_total_mb: number, load: nullable(number) })),
  uptime_secs: number,
  provider: text,
  model: anything,
  detector_queue: number,
  detector_queue_max: number,
  websocket_clients: number,
  stages: list(
    object({
      stage: text,
      p50_ms: nullable(number),
      p95_ms: nullable(number),
      p99_ms: nullable(number),
      count: number,
    }),
  ),
  dropped: record(number),
  history: list(
    object({
      at: text,
      cpu_cores: nullable(number),
      memory_mb: nullable(number),
      p95_ms: nullable(number),
      analyses_per_sec: nullable(number),
      dropped_per_sec: nullable(number),
      detector_queue: nullable(number),
      live: number,
      streams: number,
    }),
  ),
});
export type Health = Checked<typeof health>;
export const healthNow = (signal?: AbortSignal) => get(health, `${API}/health`, signal);

const model = object({
  name: text,
  version: text,
  date: nullable(text),
  commit: nullable(text),
  trial: anything,
  note: nullable(text),
  provider: text,
  frames: number,
  rate_hz: number,
  size: number,
  embedding: number,
  graphs: list(object({ file: text, sha256: text, bytes: number })),
  thresholds: object({ fake_at: number, real_at: number, temperature: nullable(number) }),
  card: nullable(text),
});
export const modelNow = (signal?: AbortSignal) => get(model, `${API}/model`, signal);

const faces = object({
  faces: list(
    object({
      track: number,
      label: text,
      fake_confidence: nullable(number),
      window: nullable(
        object({
          began: number,
          ended: number,
          fake_confidence: nullable(number),
          synthetic_confidence: nullable(number),
          attention: list(number),
          frames: list(object({ pts_secs: number, jpeg: nullable(text), weight: nullable(number) })),
        }),
      ),
      rejected: record(number),
    }),
  ),
  stages: list(object({ stage: text, p50_ms: nullable(number), p95_ms: nullable(number) })),
  provider: text,
  decoder: nullable(text),
});
export type FaceWindow = Checked<typeof faces>["faces"][number];
export const facesOf = (stream: string, signal?: AbortSignal) =>
  get(faces, `${API}/streams/${encodeURIComponent(stream)}/faces`, signal);

const streams = object({
  streams: list(
    object({
      id: key,
      settings: nullable(record(anything)),
    }),
  ),
});
/** The settings of one stream; null: it is gone, or just being restarted. */
export async function streamSettings(id: string, signal?: AbortSignal): Promise<Record<string, unknown> | null> {
  const { streams: all } = await get(streams, `${API}/streams`, signal);
  return all.find((stream) => stream.id === id)?.settings ?? null;
}

export const openApi = (signal?: AbortSignal) => get(record(anything), `${API}/openapi.json`, signal);
