//! Alertmanager, API v2. In: letters, and every minute the alerts that are open, because Alertmanager lets an alert end
//! that nobody repeats. Out: one alert each, told apart by its id.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use ureq::Agent;

use super::alert::{Alert, Millis, now, text};
use super::delivery::{Letter, Refusal};
use super::store::Store;
use super::{http, settings};
use crate::secret::{Secret, redact_url};

/// How often open alerts are repeated.
const REPEAT: Duration = Duration::from_secs(60);
/// An alert that was not repeated for so long ends by itself, ms.
const LIFETIME: Millis = 4 * 60 * 1000;

pub struct Alertmanager {
    agent: Agent,
    url: String,
    bearer: Secret,
    /// None at the start: Alertmanager may have forgotten what was open.
    repeated: Option<Instant>,
}

impl Alertmanager {
    pub fn new(config: &settings::Alertmanager, timeout: Duration) -> Result<Self, String> {
        let url = format!("{}/api/v2/alerts", config.url.trim_end_matches('/'));
        Ok(Self { agent: http::agent(timeout), url, bearer: config.bearer()?, repeated: None })
    }

    pub fn address(&self) -> String {
        redact_url(&self.url)
    }

    pub fn deliver(&self, letter: &Letter) -> Result<(), Refusal> {
        let ends = match letter.event.as_str() {
            "resolved" | "false" => letter.text("resolved").to_owned(),
            _ => text(now() + LIFETIME),
        };
        let alert = &letter.body["alert"];
        self.post(&json!([posted(alert, &ends)]))
    }

    /// Repeats what is open when it is time. It is no delivery: a failure is told in the log, and the next minute mends it.
    pub fn remind(&mut self, store: &Store) {
        if self.repeated.is_some_and(|at| at.elapsed() < REPEAT) {
            return;
        }
        self.repeated = Some(Instant::now());
        let open: Vec<Alert> = match store.open_alerts() {
            Ok(open) => open,
            Err(error) => return tracing::error!("{error}"),
        };
        if open.is_empty() {
            return;
        }
        let ends = text(now() + LIFETIME);
        let all: Vec<Value> = open.iter().map(|alert| posted(&json!(alert.wire(Vec::new(), None)), &ends)).collect();
        if let Err(refusal) = self.post(&json!(all)) {
            tracing::warn!("open alerts not repeated to Alertmanager: {refusal:?}");
        }
    }

    fn post(&self, alerts: &Value) -> Result<(), Refusal> {
        let bearer = format!("Bearer {}", self.bearer.expose());
        let headers = [("authorization", bearer.as_str())];
        let headers = if self.bearer.is_empty() { &[] } else { &headers[..] };
        http::post(&self.agent, &self.url, &alerts.to_string(), headers)
    }
}

/// One alert as Alertmanager takes it. Only labels that never change: they are its identity.
fn posted(alert: &Value, ends: &str) -> Value {
    let peak = alert["peak_confidence"].as_f64().unwrap_or_default() * 100.0;
    let name = alert["stream_name"].as_str().unwrap_or_default();
    json!({
        "labels": {
            "alertname": "TrueVisionAlert",
            "severity": "critical",
            "stream": alert["stream"],
            "alert": alert["id"],
        },
        "annotations": {
            "summary": format!("A face on {name} is judged FAKE"),
            "description": format!("Track {} reached a fake confidence of {peak:.0} %.", alert["track"]),
            "runbook_url": "docs/runbook.md#truevisionalert",
        },
        "startsAt": alert["began"],
        "endsAt": ends,
    })
}
