//! Alerts, whole: the real binary on the manipulated demo clip, with real receivers: an HTTP server, Alertmanager,
//! Mosquitto. Without a receiver, and with a program that is killed, nothing is lost and nothing doubled.

mod support;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use support::stack::{Server, alertmanager};
use support::{Program, demo, free_port, signal, suspicious_model, wait_for};

const SECRET: &str = "do-not-print-this-key";

/// A webhook receiver that answers with `status` and keeps what it took.
#[derive(Clone, Default)]
struct Hook {
    status: Arc<AtomicU16>,
    /// Events by idempotency key; a key that came twice is there twice.
    taken: Arc<Mutex<Vec<(String, String)>>>,
}

impl Hook {
    /// Listens on `port` until the test ends.
    fn open(port: u16, status: u16) -> Self {
        let hook = Self::default();
        hook.status.store(status, Ordering::Relaxed);
        let router = Router::new().route("/hook", post(take)).with_state(hook.clone());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
                axum::serve(listener, router).await.unwrap();
            });
        });
        hook
    }

    fn events(&self) -> Vec<String> {
        self.taken.lock().unwrap().iter().map(|(_, event)| event.clone()).collect()
    }

    fn doubles(&self) -> Vec<String> {
        let mut counts = BTreeMap::new();
        for (key, _) in self.taken.lock().unwrap().iter() {
            *counts.entry(key.clone()).or_insert(0) += 1;
        }
        counts.into_iter().filter(|(_, count)| *count > 1).map(|(key, _)| key).collect()
    }
}

async fn take(State(hook): State<Hook>, headers: HeaderMap, body: String) -> StatusCode {
    let status = StatusCode::from_u16(hook.status.load(Ordering::Relaxed)).unwrap();
    if !status.is_success() {
        return status;
    }
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(format!("{}.{body}", header("x-truevision-timestamp")).as_bytes());
    let signature: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    if header("x-truevision-signature") != format!("sha256={signature}") {
        return StatusCode::UNAUTHORIZED;
    }
    let told: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(told["key"], header("idempotency-key"));
    assert_eq!(told["alert"]["stream"], "door");
    hook.taken.lock().unwrap().push((header("idempotency-key"), header("x-truevision-event")));
    status
}

fn settings(targets: &str) -> String {
    format!(
        "[alerts.rules]\nopen_at = 0.7\nclose_at = 0.5\ndwell_secs = 0.5\nresolve_secs = 5.0\nquiet_secs = 0.0\n\
         [alerts.delivery]\nfirst_retry_secs = 0.2\nlongest_retry_secs = 0.5\n{targets}\n\
         [[streams]]\nid = \"door\"\nname = \"Front door\"\nurl = {:?}\nrepeat = true\nrealtime = false\n",
        demo("manipulated").display().to_string()
    )
}

fn webhook(port: u16) -> String {
    format!("[alerts.webhook]\nurl = \"http://127.0.0.1:{port}/hook\"\n")
}

fn start(settings: &str, env: &[(&str, &str)]) -> Program {
    // Read at the start and not needed afterwards.
    let model = suspicious_model();
    let model = model.path().display().to_string();
    let mut all = vec![("TRUEVISION__ALERTS__WEBHOOK__SECRET", SECRET), ("TRUEVISION__DETECTOR__MODEL", &model)];
    all.extend(env);
    Program::start_with(settings, &all)
}

fn open_alert(program: &Program) -> Value {
    wait_for("an open alert", || {
        program.json("/api/v1/alerts?state=open")["alerts"].as_array().unwrap().first().cloned()
    })
}

#[test]
fn an_alert_opens_is_delivered_and_is_steered_by_people() {
    let port = free_port();
    let hook = Hook::open(port, 200);
    let program = start(&settings(&webhook(port)), &[]);
    let mut events = program.events();
    let told = events.until("the alert's event", |event| event["type"] == "alert" && event["state"] == "open");
    let alert = open_alert(&program);
    assert_eq!((&alert["id"], &alert["stream_name"]), (&told["id"], &json!("Front door")));
    wait_for("the webhook", || hook.events().contains(&"opened".to_owned()).then_some(()));
    wait_for("the note of it", || {
        let alert = program.json("/api/v1/alerts")["alerts"][0].clone();
        (alert["deliveries"][0]["state"] == "delivered").then_some(())
    });

    let id = alert["id"].as_str().unwrap();
    let (status, body) = program.post(&format!("/api/v1/alerts/{id}/acknowledge"), &json!({ "note": "on my way" }));
    assert_eq!(status, 200, "{body}");
    let (status, body) = program.post(&format!("/api/v1/alerts/{id}/acknowledge"), &json!({}));
    assert_eq!(status, 409, "{body}");
    let (status, body) = program.post(&format!("/api/v1/alerts/{id}/false"), &json!({}));
    assert_eq!(status, 200, "{body}");
    let closed: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&closed["state"], &closed["note"]), (&json!("false"), &json!("on my way")));
    assert_eq!(program.post("/api/v1/alerts/none/resolve", &json!({})).0, 404);
    wait_for("all three letters", || (hook.events().len() >= 3).then_some(()));
    assert_eq!(hook.events()[..3], ["opened", "acknowledged", "false"]);
    let said = program.get("/api/v1/targets").1 + &program.get("/metrics").1;
    let (_, log) = program.stop();
    assert!(!(said + &log).contains(SECRET));
}

#[test]
fn a_receiver_that_was_down_and_a_program_that_was_killed_lose_and_double_nothing() {
    let port = free_port();
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("kept.db").display().to_string();
    let env = [("TRUEVISION__ALERTS__DATABASE", database.as_str())];
    let program = start(&settings(&webhook(port)), &env);
    let alert = open_alert(&program);
    wait_for("a failed attempt", || {
        program.metric("truevision_deliveries_total{kind=\"webhook\",outcome=\"failed\"}").filter(|count| *count >= 1.0)
    });
    assert!(program.json("/api/v1/targets")["targets"][0]["last_error"].is_string());
    signal(program.pid(), "KILL");
    drop(program);

    let program = start(&settings(&webhook(port)), &env);
    let after = open_alert(&program);
    assert_eq!(after["id"], alert["id"], "the alert that was open is open again");
    let hook = Hook::open(port, 200);
    wait_for("the delivery", || hook.events().contains(&"opened".to_owned()).then_some(()));
    wait_for("an empty queue", || (program.json("/api/v1/targets")["targets"][0]["waiting"] == 0).then_some(()));
    assert_eq!(hook.doubles(), Vec::<String>::new());
}

#[test]
fn what_a_receiver_refuses_for_good_is_dead_until_it_is_replayed() {
    let port = free_port();
    let hook = Hook::open(port, 400);
    let program = start(&settings(&webhook(port)), &[]);
    let dead = wait_for("a dead delivery", || {
        program.json("/api/v1/deliveries?state=dead")["deliveries"].as_array().unwrap().first().cloned()
    });
    assert!(dead["error"].as_str().unwrap().contains("400"), "{dead}");
    hook.status.store(200, Ordering::Relaxed);
    let replay = format!("/api/v1/deliveries/{}/replay", dead["id"]);
    assert_eq!(program.post(&replay, &json!({})).0, 204);
    let key = dead["key"].as_str().unwrap();
    wait_for("the replay", || hook.taken.lock().unwrap().iter().any(|(taken, _)| taken == key).then_some(()));
    assert_eq!(program.post(&replay, &json!({})).0, 404, "it is no longer dead");
}

#[test]
fn alertmanager_shows_the_alert_while_it_is_open() {
    let port = free_port();
    let _server = alertmanager(port);
    let program = start(&settings(&format!("[alerts.alertmanager]\nurl = \"http://127.0.0.1:{port}\"\n")), &[]);
    let alert = open_alert(&program);
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let shown = || -> Option<Vec<Value>> {
        let mut answer = agent.get(format!("http://127.0.0.1:{port}/api/v2/alerts")).call().ok()?;
        answer.body_mut().read_json().ok()
    };
    let found = wait_for("Alertmanager to show it", || {
        shown()?.into_iter().find(|found| found["labels"]["alert"] == alert["id"])
    });
    assert_eq!((&found["labels"]["stream"], &found["status"]["state"]), (&json!("door"), &json!("active")));
    let id = alert["id"].as_str().unwrap();
    assert_eq!(program.post(&format!("/api/v1/alerts/{id}/false"), &json!({})).0, 200);
    wait_for("Alertmanager to end it", || shown()?.iter().all(|found| found["labels"]["alert"] != id).then_some(()));
}

#[test]
fn home_assistant_finds_the_stream_and_its_alert_at_the_broker() {
    let (port, folder) = (free_port(), tempfile::tempdir().unwrap());
    let config = folder.path().join("mosquitto.conf");
    std::fs::write(&config, format!("listener {port} 127.0.0.1\nallow_anonymous true\n")).unwrap();
    let _server = Server(
        Command::new("/usr/sbin/mosquitto")
            .arg("-c")
            .arg(&config)
            .stderr(Stdio::null())
            .spawn()
            .expect("mosquitto is installed; run make test"),
        Some(folder),
    );
    let program = start(&settings(&format!("[alerts.mqtt]\nurl = \"mqtt://127.0.0.1:{port}\"\n")), &[]);
    open_alert(&program);
    wait_for("the broker to take all", || {
        let target = program.json("/api/v1/targets")["targets"][0].clone();
        (target["waiting"] == 0 && target["delivered"].as_u64()? >= 2).then_some(())
    });
    let mut listener = Command::new("mosquitto_sub")
        .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-v", "-W", "20", "-t", "#"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("mosquitto-clients is installed; run make test");
    let lines = BufReader::new(listener.stdout.take().unwrap()).lines();
    let mut wanted =
        vec!["homeassistant/binary_sensor/truevision-door/config", "truevision/door/alert", "truevision/status"];
    for line in lines.map_while(Result::ok) {
        let Some((topic, payload)) = line.split_once(' ') else { continue };
        let right = match topic {
            "truevision/status" => payload == "online",
            "truevision/door/alert" => serde_json::from_str::<Value>(payload).unwrap()["state"] == "ON",
            _ => serde_json::from_str::<Value>(payload).unwrap()["state_topic"] == "truevision/door/alert",
        };
        wanted.retain(|wanted| *wanted != topic || !right);
        if wanted.is_empty() {
            break;
        }
    }
    drop(Server(listener, None));
    assert_eq!(wanted, Vec::<&str>::new(), "not seen as wanted");
}
