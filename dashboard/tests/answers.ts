// One answer of every route of the contract, as the server words it, for unit tests and for looking at pages in
// states that a running program does not reach quickly. No part of the page, and no substitute for the real program.

const MODEL = { name: "trial-112", version: "0.0.1" };
/** A moment that does not move, so that pictures of pages can be compared. */
const NOW = Date.parse("2026-11-24T11:05:31.250Z");
const ago = (secs: number) => new Date(NOW - secs * 1000).toISOString();
/** A wave of 0-1, the same each time. */
const wave = (at: number, low: number, high: number) =>
  low + (high - low) * (0.5 + 0.32 * Math.sin(at / 7) + 0.18 * Math.sin(at / 2.3 + 1));
/** The smallest JPEG there is: one grey pixel. */
const PIXEL =
  "/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAP//////////////////////////////////////////////////////////////////////////////////////wgALCAABAAEBAREA/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAAgBAQABPxA=";
export const JPEG = Buffer.from(PIXEL, "base64");
const SHA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
const ATTENTION = [0.08, 0.1, 0.09, 0.22, 0.17, 0.12, 0.13, 0.09];

const period = {
  id: "41",
  stream: "manipulated",
  stream_name: "Demo: manipulated",
  track: 3,
  label: "FAKE",
  began: ago(620),
  ended: ago(540),
  secs: 80,
  peak_confidence: 0.93,
  peak_at: ago(580),
  mean_confidence: 0.82,
  windows: 610,
  reasons: [],
  review: "none",
  note: "",
  reviewed_at: null,
  thumbnail: false,
  model: "trial-112 0.0.1",
};
const uncertain = { ...period, id: "40", label: "UNCERTAIN", ended: null, secs: 12, reasons: ["turned", "blurred"] };
const reviewed = {
  ...period,
  id: "39",
  label: "REAL",
  peak_confidence: 0.24,
  review: "confirmed",
  note: "The guard himself",
  reviewed_at: ago(20),
};

const job = {
  id: "a1",
  name: "interview.mp4",
  kind: "video",
  container: "MP4",
  bytes: 48_211_000,
  sha256: SHA,
  state: "done",
  stage: null,
  frames_done: 750,
  frames_total: 750,
  progress: 1,
  eta_secs: null,
  created: ago(300),
  started: ago(299),
  finished: ago(291),
  processing_secs: 8.2,
  error: null,
  model: MODEL,
};
const running = {
  ...job,
  id: "a2",
  name: "webcam.webm",
  state: "running",
  stage: "scoring",
  frames_done: 300,
  progress: 0.4,
  eta_secs: 14,
  finished: null,
  processing_secs: null,
};
const failed = {
  ...job,
  id: "a3",
  name: "broken.mov",
  state: "failed",
  error: { code: "undecodable", message: "the file ends in the middle of its index" },
};

const rect = { x: 400, y: 160, width: 180, height: 220 };
const timeline = Array.from({ length: 120 }, (_, at) => ({
  pts_secs: at * 0.25,
  verdict: wave(at, 0.35, 0.95) >= 0.7 ? "FAKE" : "UNCERTAIN",
  fake_confidence: wave(at, 0.35, 0.95),
  faces: [1, 2].map((track) => ({
    track,
    rect,
    verdict: track === 1 ? "FAKE" : "REAL",
    fake_confidence: track === 1 ? wave(at, 0.35, 0.95) : wave(at, 0.05, 0.3),
    window_confidence: wave(at, 0.2, 0.99),
    synthetic_confidence: track === 1 ? wave(at + 9, 0.1, 0.5) : null,
    attention: ATTENTION,
    reasons: [],
  })),
}));
const result = {
  verdict: "FAKE",
  fake_confidence: 0.88,
  reasons: [],
  duration_secs: 30,
  frames: 750,
  analysed: 240,
  faces: 2,
  windows: 466,
  damage: null,
  width: 1280,
  height: 720,
  fake_at: 0.7,
  real_at: 0.3,
  tracks: [
    {
      track: 1,
      verdict: "FAKE",
      fake_confidence: 0.88,
      synthetic_confidence: 0.31,
      windows: 233,
      first_secs: 0,
      last_secs: 29.7,
      reasons: { blurred: 14, turned: 3 },
    },
    {
      track: 2,
      verdict: "REAL",
      fake_confidence: 0.18,
      synthetic_confidence: null,
      windows: 233,
      first_secs: 0,
      last_secs: 29.7,
      reasons: {},
    },
  ],
  timeline,
  pictures: timeline.slice(0, 60).map(({ pts_secs }) => ({
    pts_secs: pts_secs * 2,
    width: 640,
    height: 360,
    faces: [{ track: 1, rect: { x: 200, y: 80, width: 90, height: 110 } }],
  })),
};
const picture = {
  ...result,
  verdict: "UNCERTAIN",
  fake_confidence: 0.55,
  reasons: ["between_thresholds"],
  frames: 1,
  analysed: 1,
  duration_secs: null,
  windows: 1,
  tracks: result.tracks.slice(0, 1),
  timeline: timeline.slice(0, 1),
  pictures: result.pictures.slice(0, 1),
};

const STAGES = ["faces", "crops", "queue", "encode", "head", "end_to_end"].map((stage, at) => ({
  stage,
  p50_ms: 1.2 * (at + 1),
  p95_ms: 4.1 * (at + 1),
  p99_ms: 9.5 * (at + 1),
  count: 48_120,
}));

const alert = {
  id: "7",
  stream: "manipulated",
  stream_name: "Demo: manipulated",
  track: 3,
  state: "open",
  began: "2026-11-24T11:05:20.000Z",
  opened: ago(610),
  updated: ago(540),
  resolved: null,
  note: "",
  peak_confidence: 0.93,
  deliveries: [
    { target: "desk", state: "delivered", attempts: 1, error: null },
    { target: "webhook", state: "dead", attempts: 8, error: "connection refused" },
  ],
  evidence: { state: "kept", reason: null, bytes: 412_000, clips: ["clip-1.mkv"], manifest: "4c0e".repeat(16) },
};

const effect = (fake_at: number) => ({
  fake_at,
  real_at: 0.3,
  secs: { REAL: 61_200, UNCERTAIN: 9_100, FAKE: 30_000 * (1 - fake_at) },
  fake_periods: Math.round(40 * (1 - fake_at)),
  streams_flagged: 2,
});
const setting = (key: string, value: number, unit: string, low: number, high: number, meaning: string) => ({
  key,
  value,
  default: value,
  changed: false,
  unit,
  low,
  high,
  meaning,
});
const settings = {
  settings: [
    setting("verdict.fake_at", 0.7, "", 0.5, 1, "A face is FAKE from this fake confidence"),
    setting("verdict.real_at", 0.3, "", 0, 0.5, "A face is REAL up to this fake confidence"),
    setting("record.keep_days", 30, "days", 1, 3650, "Events older than this are deleted"),
    {
      ...setting("record.keep_mb", 512, "MB", 16, 100_000, "The record may take up this much room"),
      changed: true,
      default: 1024,
    },
    setting("analyses.keep_days", 30, "days", 1, 3650, "Results of uploaded files are removed after so many days."),
  ],
};

const openapi = {
  openapi: "3.1.0",
  paths: {
    "/api/v1/events": {
      get: {
        tags: ["events"],
        summary: "What happened, newest first",
        parameters: [
          { name: "label", in: "query", required: false, schema: { type: "string" }, description: "one verdict" },
        ],
        responses: {
          200: {
            description: "a page of events",
            content: { "application/json": { schema: { $ref: "#/components/schemas/Period" } } },
          },
        },
      },
    },
    "/api/v1/streams/{id}": {
      delete: { tags: ["streams"], summary: "Removes a stream", responses: { 204: { description: "gone" } } },
    },
  },
  components: {
    schemas: { Period: { required: ["id"], properties: { id: { type: "string", description: "its name" } } } },
  },
};

/** Pictures are no JSON: who serves these answers sends JPEG for such a path. */
export const isPicture = (path: string): boolean => /\/(pictures\/\d+|thumbnail)$/.test(path);

/** By path under /api/v1, without query. */
export const answers: Record<string, unknown> = {
  "/events": { events: [period, uncertain, reviewed], next: "c2" },
  "/events/41": period,
  "/streams/manipulated/history": {
    points: Array.from({ length: 280 }, (_, at) => ({
      at: ago(280 - at),
      track: at % 90 < 45 ? 3 : 4,
      fake_confidence: wave(at, 0.3, 0.9),
      synthetic_confidence: wave(at + 11, 0.1, 0.4),
      quality: wave(at + 30, 0.6, 1),
    })),
  },
  "/streams/manipulated/faces": {
    faces: [
      {
        track: 3,
        label: "FAKE",
        fake_confidence: 0.86,
        window: {
          began: 30.1,
          ended: 31.05,
          fake_confidence: 0.91,
          synthetic_confidence: 0.22,
          attention: ATTENTION,
          frames: ATTENTION.map((weight, at) => ({
            pts_secs: 30.1 + at * 0.125,
            jpeg: `data:image/jpeg;base64,${PIXEL}`,
            weight,
          })),
        },
        rejected: { blurred: 12, turned: 4 },
      },
    ],
    stages: STAGES.map(({ stage, p50_ms, p95_ms }) => ({ stage, p50_ms, p95_ms })),
    provider: "cpu",
    decoder: "avdec_h264",
  },
  "/analyses": { analyses: [running, job, failed], next: null },
  "/analyses/a1": { ...job, result },
  "/analyses/a2": { ...running, result: null },
  "/analyses/a3": { ...failed, result: null },
  "/analyses/a4": { ...job, id: "a4", name: "portrait.png", kind: "image", container: "PNG", result: picture },
  "/health": {
    now: ago(0),
    cpu_cores: 1.42,
    memory_mb: 238,
    threads: 24,
    files: 41,
    gpu: { name: "NVIDIA L4", memory_mb: 1_204, memory_total_mb: 24_152, load: 0.31 },
    uptime_secs: 7_300,
    provider: "cpu",
    model: "trial-112",
    detector_queue: 1,
    detector_queue_max: 64,
    websocket_clients: 2,
    stages: STAGES,
    dropped: { overwritten: 5_218, detector_queue_full: 12 },
    history: Array.from({ length: 180 }, (_, at) => ({
      at: ago((180 - at) * 5),
      cpu_cores: wave(at, 1, 1.8),
      memory_mb: wave(at, 220, 240),
      p95_ms: wave(at, 20, 60),
      analyses_per_sec: wave(at, 15, 17),
      dropped_per_sec: wave(at, 0, 0.4),
      detector_queue: Math.round(wave(at, 0, 4)),
      live: 2,
      streams: 2,
    })),
  },
  "/model": {
    ...MODEL,
    date: "2026-11-20",
    commit: "eb1b4a5",
    trial: true,
    note: "A trial model: for trying the program, not for judging anyone.",
    provider: "cpu",
    frames: 8,
    rate_hz: 8,
    size: 112,
    embedding: 384,
    graphs: [{ file: "encoder.onnx", sha256: SHA, bytes: 5_100_000 }],
    thresholds: { fake_at: 0.7, real_at: 0.3, temperature: 0.67 },
    card: "# trial-112\n\nA trial network. **Do not rely on its verdicts.**\n\n| set | AUC |\n|---|---|\n| live swaps | **0.50** |\n",
  },
  "/thresholds/effect": { hours_kept: 20.5, now: effect(0.7), proposed: effect(0.8) },
  "/settings": settings,
  "/storage": {
    database_bytes: 18_400_000,
    thumbnails: 412,
    periods: 1_903,
    oldest: ago(1_200_000),
    keep_days: 30,
    keep_mb: 512,
    path_note: "Events and small pictures of faces lie in one database in the program's data folder.",
  },
  "/evidence": {
    on: true,
    fault: null,
    alerts: 12,
    bytes: 31_840_211,
    oldest: ago(600_000),
    before_secs: 10,
    after_secs: 10,
    keep_days: 30,
    keep_mb: 10_240,
  },
  "/alerts": {
    alerts: [
      alert,
      { ...alert, id: "6", state: "acknowledged", deliveries: [], evidence: null },
      {
        ...alert,
        id: "5",
        state: "false",
        resolved: ago(30),
        evidence: { state: "none", reason: "the disk is nearly full", bytes: 0, clips: [], manifest: null },
      },
    ],
    next: null,
  },
  "/targets": {
    targets: [
      {
        name: "webhook",
        kind: "http",
        address: "https://alerts.local/[redacted]",
        waiting: 1,
        delivered: 12,
        dead: 1,
        last_error: "connection refused",
      },
    ],
  },
  "/deliveries": {
    deliveries: [{ id: "99", target: "webhook", state: "dead", attempts: 8, error: "connection refused" }],
    next: null,
  },
  "/openapi.json": openapi,
};
