//! The stack of deploy/compose.yaml without containers: Debian's Prometheus and Alertmanager with the very files of deploy/,
//! and the real binary behind a token. Replaced are addresses, paths, Prometheus' two intervals, and how long a FAKE must last:
//! the clip is judged as fast as the machine can, and each repetition begins from nothing (promtool tests the lengths).

mod support;

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use support::stack::{Server, alertmanager, prometheus};
use support::{PATIENCE, Program, demo, free_port, root, suspicious_model, wait_for};

const TOKEN: &str = "a-token-of-32-characters-or-more-for-the-door";

struct Stack {
    program: Program,
    prometheus: String,
    alertmanager: String,
    _servers: [Server; 2],
    _folders: [tempfile::TempDir; 2],
}

impl Stack {
    fn start() -> Self {
        let (of_prometheus, of_alertmanager) = (free_port(), free_port());
        let alertmanager = (format!("127.0.0.1:{of_alertmanager}"), alertmanager(of_alertmanager));
        let secrets = tempfile::tempdir().unwrap();
        let token = secrets.path().join("token").display().to_string();
        std::fs::write(&token, TOKEN).unwrap();
        let model = suspicious_model();
        let settings = format!(
            "[alerts.rules]\nopen_at = 0.7\nclose_at = 0.5\ndwell_secs = 0.5\n\
             [alerts.alertmanager]\nurl = \"http://{}\"\n\
             [[streams]]\nid = \"door\"\nname = \"Front door\"\nurl = {:?}\nrepeat = true\nrealtime = false\n",
            alertmanager.0,
            demo("manipulated").display().to_string()
        );
        let env = [
            ("TRUEVISION__WEB__TOKEN_FILE", token.as_str()),
            ("TRUEVISION__DETECTOR__MODEL", &model.path().display().to_string()),
        ];
        let program = Program::start_with(&settings, &env);
        let rules = tempfile::tempdir().unwrap();
        for file in ["rules.yaml", "recording.yaml"] {
            let shipped = std::fs::read_to_string(root().join("deploy/prometheus").join(file)).unwrap();
            std::fs::write(rules.path().join(file), shipped.replace("for: 15s", "for: 0s")).unwrap();
        }
        let replaced = [
            ("/etc/prometheus/", &*format!("{}/", rules.path().display())),
            ("/run/secrets/truevision_token", &token),
            ("truevision:8080", &program.address),
            ("alertmanager:9093", &alertmanager.0),
            ("scrape_interval: 5s", "scrape_interval: 1s"),
            ("evaluation_interval: 5s", "evaluation_interval: 1s"),
        ];
        let prometheus = (format!("127.0.0.1:{of_prometheus}"), prometheus(of_prometheus, &replaced));
        let stack = Self {
            program,
            prometheus: prometheus.0,
            alertmanager: alertmanager.0,
            _servers: [prometheus.1, alertmanager.1],
            _folders: [secrets, rules],
        };
        wait_for("Prometheus to reach TrueVision", || {
            (!stack.query("up{job=\"truevision\"} == 1")?.is_empty()).then_some(())
        });
        stack
    }

    /// What Prometheus answers to a query now; None while it is not there yet. A query that it refuses fails the test.
    fn query(&self, query: &str) -> Option<Vec<Value>> {
        let url = url::Url::parse_with_params(&format!("http://{}/api/v1/query", self.prometheus), [("query", query)]);
        let answer = get(url.unwrap().as_str())?;
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        answer["data"]["result"].as_array().cloned()
    }

    fn firing(&self, alert: &str) -> Option<Value> {
        let answer = get(&format!("http://{}/api/v1/alerts", self.prometheus))?;
        let alerts = answer["data"]["alerts"].as_array()?.clone();
        alerts.into_iter().find(|found| found["labels"]["alertname"] == alert && found["state"] == "firing")
    }

    fn at_alertmanager(&self, alert: &str) -> Option<Value> {
        let answer = get(&format!("http://{}/api/v2/alerts", self.alertmanager))?;
        answer.as_array()?.iter().find(|found| found["labels"]["alertname"] == alert).cloned()
    }
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).build().into()
}

/// JSON of a server beside the program; None while it is not there.
fn get(url: &str) -> Option<Value> {
    agent().get(url).call().ok()?.body_mut().read_json().ok()
}

/// The program's answer to one who has the token, or has not: status and body.
fn at_the_door(program: &Program, path: &str, token: &str) -> (u16, String) {
    let mut answer = agent().get(program.url(path)).header("authorization", format!("Bearer {token}")).call().unwrap();
    (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
}

/// The names of metrics in a query.
fn metrics(query: &str) -> impl Iterator<Item = &str> {
    let words = query.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'));
    words
        .filter(|word| word.starts_with("truevision_") || word.contains(":truevision_") || word.starts_with("process_"))
}

/// Title and query of every panel of every board, as Grafana sends it with all streams chosen.
fn panels() -> Vec<(String, String)> {
    let mut panels = Vec::new();
    for file in std::fs::read_dir(root().join("deploy/grafana/boards")).unwrap() {
        let board: Value = serde_json::from_slice(&std::fs::read(file.unwrap().path()).unwrap()).unwrap();
        for panel in board["panels"].as_array().unwrap() {
            for target in panel["targets"].as_array().unwrap() {
                let query = target["expr"].as_str().unwrap();
                let query = query.replace("$__rate_interval", "1m").replace("$stream", ".*");
                assert!(!query.contains('$'), "{query}: a variable that this test does not know");
                panels.push((format!("{}: {}", board["title"], panel["title"]), query));
            }
        }
    }
    assert!(panels.len() > 30, "{}", panels.len());
    panels
}

#[test]
fn a_fake_face_fires_in_prometheus_and_is_at_alertmanager_from_both() {
    let stack = Stack::start();
    assert_eq!(at_the_door(&stack.program, "/metrics", "another").0, 401);
    let fired = wait_for("Prometheus' alert", || stack.firing("TrueVisionFakeFace"));
    assert_eq!((&fired["labels"]["stream"], &fired["labels"]["severity"]), (&json!("door"), &json!("critical")));
    let held = wait_for("Alertmanager to hold it", || stack.at_alertmanager("TrueVisionFakeFace"));
    assert_eq!(held["annotations"]["summary"], "A face on door is judged FAKE");
    let own = wait_for("TrueVision's own alert", || stack.at_alertmanager("TrueVisionAlert"));
    assert_eq!((&own["labels"]["stream"], &own["status"]["state"]), (&json!("door"), &json!("active")));

    let door = stack.program.url("/api/streams/door");
    let removed = agent().delete(door).header("authorization", format!("Bearer {TOKEN}")).call().unwrap();
    assert!(removed.status().is_success(), "{removed:?}");
    wait_for("the series of the removed stream to go", || {
        let left = stack.query("{__name__=~\"truevision_.*\", stream=\"door\"}")?;
        left.is_empty().then_some(())
    });
    wait_for("Prometheus' alert to end", || stack.firing("TrueVisionFakeFace").is_none().then_some(()));
}

#[test]
fn every_panel_and_every_rule_asks_for_what_is_there() {
    let stack = Stack::start();
    for (panel, query) in panels() {
        wait_for(&format!("{panel}: {query}"), || stack.query(&query).filter(|found| !found.is_empty()));
    }
    let streams = format!("http://{}/api/v1/label/stream/values?match[]=truevision_stream_state", stack.prometheus);
    assert_eq!(get(&streams).unwrap()["data"], json!(["door"]));

    let answer = get(&format!("http://{}/api/v1/rules", stack.prometheus)).unwrap();
    let groups = answer["data"]["groups"].as_array().unwrap();
    let rules: Vec<&Value> = groups.iter().flat_map(|group| group["rules"].as_array().unwrap()).collect();
    assert!(rules.len() > 15, "{}", rules.len());
    let mut asked = BTreeSet::new();
    for rule in rules {
        assert_eq!((&rule["health"], &rule["lastError"]), (&json!("ok"), &Value::Null), "{rule}");
        asked.extend(metrics(rule["query"].as_str().unwrap()).map(str::to_owned));
        if rule["type"] == "recording" {
            asked.insert(rule["name"].as_str().unwrap().to_owned());
        }
    }
    for metric in asked {
        wait_for(&format!("a series of {metric}"), || stack.query(&metric).filter(|found| !found.is_empty()));
    }
}

#[test]
fn what_a_running_program_gives_satisfies_promtool() {
    let stack = Stack::start();
    wait_for("a verdict", || {
        at_the_door(&stack.program, "/metrics", TOKEN).1.contains("truevision_fake_confidence{").then_some(())
    });
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is installed; run make test");
    let (status, text) = at_the_door(&stack.program, "/metrics", TOKEN);
    assert_eq!(status, 200);
    promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = support::text(&output.stdout) + &support::text(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}\n{text}");
}
