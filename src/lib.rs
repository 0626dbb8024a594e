//! TrueVision: live video in, REAL / FAKE / UNCERTAIN out, face by face.
//!
//! Read the rooms top to bottom and you have followed a frame from the camera to the browser.
//! A room knows the type of the room before it and never the one after it; tools know no room
//! (`tests/architecture.rs` enforces both).

/// 0. What the user asked for: every room's own `Config`, all faults reported at once.
pub mod config;

/// 1. Where frames come from: GStreamer pipelines, reconnects, faults. -> [`source::Frame`]
pub mod source;

/// 2. Where the faces are. `Frame` -> [`faces::Face`]
pub mod faces;

/// 3. Which face is which. `Face` -> [`tracks::Track`]
pub mod tracks;

/// 4. The face, upright, at the model's size, with its quality. `Track` -> [`crops::Candidate`]
pub mod crops;

/// 5. How fake: embeddings, windows of eight, head. `Candidate` -> [`detector::Analysis`]
pub mod detector;

/// 6. What we tell people. `Analysis` -> [`verdict::Verdict`]
pub mod verdict;

/// 7. Who hears about it: live state, sequence, broadcast. `Verdict` -> [`publish::event::Event`]
pub mod publish;

/// 8. What is kept: verdicts as periods in SQLite, reviewed and searched. `publish::Told` -> [`publish::event::Period`]
pub mod record;

/// 9. When somebody has to know: alerts, told to people and machines. `publish::Told` -> alerts
pub mod alerts;

/// 10. What is kept of an alert: the original video, faces, scores, a chained manifest. `alerts::Alert` -> a folder
pub mod evidence;

/// 11. Uploaded files, judged one by one beside the streams. -> [`analyses::Analysis`]
pub mod analyses;

/// How the program is doing: load, latencies, the last quarter of an hour.
pub mod vitals;

/// 12. The door: REST, WebSocket, metrics page, dashboard.
pub mod web;

/// The loop of one stream. READ FIRST.
pub mod stream;

/// Builds the rooms from a `Config`, starts the threads, watches them, stops them in order.
pub mod app;

/// One file judged as a whole: a video or a picture to one outcome, deterministic. `truevision score`, and `analyses`.
pub mod score;

/// `truevision bench`: what a number of live streams costs beside bare decoding and bare model calls.
pub mod bench;

/// Tool: YUV views, letterbox, face crop, JPEG.
pub mod pixels;

/// Tool: ONNX Runtime sessions and the model contract.
pub mod infer;

/// Tool: every Prometheus metric, on its own registry.
pub mod metrics;

/// Tool: a string that cannot be printed.
pub mod secret;

/// Tool: what is wrong with a table of settings.
pub mod faults;
