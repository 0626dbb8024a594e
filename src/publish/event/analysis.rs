//! The wire's part on uploaded files: how far each has come. Made by `analyses`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::source::{Container, Medium};

/// One uploaded file and what has become of it; its result is asked for by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AnalysisState {
    pub id: String,
    /// As the user calls the file.
    pub name: String,
    pub kind: Medium,
    pub container: Container,
    pub bytes: u64,
    /// Lower-case hex of the file.
    pub sha256: String,
    pub state: JobState,
    /// While it is queued or running.
    pub stage: Option<Stage>,
    pub frames_done: u64,
    /// As the file announces.
    pub frames_total: Option<u64>,
    /// 0-1.
    pub progress: Option<f64>,
    pub eta_secs: Option<f64>,
    /// RFC 3339 UTC.
    pub created: String,
    pub started: Option<String>,
    pub finished: Option<String>,
    pub processing_secs: Option<f64>,
    pub error: Option<JobError>,
    pub model: ModelName,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    Queued,
    Running,
    Done,
    Failed,
    Cancelled,
}

impl JobState {
    pub const FINAL: [Self; 3] = [Self::Done, Self::Failed, Self::Cancelled];

    /// As on the wire and in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Nothing more will come of it.
    pub fn is_final(self) -> bool {
        Self::FINAL.contains(&self)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    Queued,
    /// Opened; no frame has come yet.
    Decoding,
    Scoring,
    /// The result is being written.
    Finishing,
}

/// Why a file could not be judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JobError {
    pub code: String,
    pub message: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ModelName {
    pub name: String,
    pub version: String,
}
