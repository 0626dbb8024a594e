//! E-mail, whole: the real binary and a real mail server that wants encryption and a login.

mod support;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use support::stack::Server;
use support::{Program, demo, free_port, root, suspicious_model, wait_for};

const PASSWORD: &str = "do-not-print-this-password";

/// A mail server with a certificate of its own for `localhost`.
struct MailServer {
    port: u16,
    /// What a client must trust.
    certificate: String,
    taken: Arc<Mutex<Vec<Value>>>,
    _server: Server,
}

impl MailServer {
    fn start() -> Self {
        let (port, folder) = (free_port(), tempfile::tempdir().unwrap());
        let path = |name: &str| folder.path().join(name).display().to_string();
        let (settings, certificate, key) = (path("openssl.cnf"), path("certificate.pem"), path("key.pem"));
        std::fs::write(
            &settings,
            "[req]\ndistinguished_name = name\nx509_extensions = server\nprompt = no\n[name]\nCN = localhost\n\
             [server]\nsubjectAltName = DNS:localhost\nbasicConstraints = critical, CA:FALSE\n",
        )
        .unwrap();
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
            .args(["-config", &settings, "-keyout", &key, "-out", &certificate])
            .output()
            .expect("openssl is installed; run make test");
        assert!(made.status.success(), "{}", support::text(&made.stderr));
        let mut child = Command::new(root().join(".cache/venv/bin/python"))
            .arg(root().join("tests/support/mail_server.py"))
            .args([&port.to_string(), &certificate, &key, "bob", PASSWORD])
            .stdout(Stdio::piped())
            // It tells every handshake that a client broke off, which one test wants.
            .stderr(Stdio::null())
            .spawn()
            .expect("the venv of the tests is there; run make test");
        let taken = Arc::new(Mutex::new(Vec::new()));
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let keep = taken.clone();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                keep.lock().unwrap().push(serde_json::from_str(&line).unwrap());
            }
        });
        wait_for("the mail server", || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
        Self { port, certificate, taken, _server: Server(child, Some(folder)) }
    }

    fn taken(&self) -> Vec<Value> {
        self.taken.lock().unwrap().clone()
    }

    /// The program with a suspect on a stream, that mails to these; `trusted`: the certificates that it trusts.
    fn program(&self, to: &[&str], trusted: &str) -> Program {
        let settings = format!(
            "[log]\nfilter = \"debug\"\n\
             [alerts.rules]\nopen_at = 0.7\nclose_at = 0.5\ndwell_secs = 0.5\nquiet_secs = 3600.0\n\
             [alerts.delivery]\nfirst_retry_secs = 0.2\nlongest_retry_secs = 0.5\n\
             [alerts.email]\nserver = \"localhost\"\nport = {}\nuser = \"bob\"\n\
             from = \"TrueVision <alerts@example.org>\"\nto = {to:?}\n\
             [[streams]]\nid = \"door\"\nname = \"Front door\"\nurl = {:?}\nrepeat = true\nrealtime = false\n",
            self.port,
            demo("manipulated").display().to_string()
        );
        let model = suspicious_model();
        let env = [
            ("TRUEVISION__ALERTS__EMAIL__PASSWORD", PASSWORD),
            ("TRUEVISION__DETECTOR__MODEL", &model.path().display().to_string()),
            ("SSL_CERT_FILE", trusted),
        ];
        Program::start_with(&settings, &env)
    }
}

fn target(program: &Program) -> Value {
    program.json("/api/v1/targets")["targets"][0].clone()
}

fn dead(program: &Program) -> Value {
    wait_for("a dead letter", || {
        program.json("/api/v1/deliveries?state=dead")["deliveries"].as_array().unwrap().first().cloned()
    })
}

/// The log and what the door says of targets hold no password, in clear or as SMTP's AUTH sends it.
fn assert_secret(program: Program) {
    use base64::Engine as _;
    let said = program.get("/api/v1/targets").1 + &program.get("/api/v1/deliveries").1;
    let (_, log) = program.stop();
    let sent = base64::engine::general_purpose::STANDARD.encode(format!("\0bob\0{PASSWORD}"));
    assert!(log.len() > 500, "the log was read");
    for secret in [PASSWORD, &sent] {
        assert!(!said.contains(secret) && !log.contains(secret));
    }
}

#[test]
fn an_alert_comes_by_mail_encrypted_and_once() {
    let server = MailServer::start();
    let program = server.program(&["Desk <desk@example.org>", "night@example.org"], &server.certificate);
    let mail = wait_for("the mail", || server.taken().first().cloned());
    assert_eq!(mail["encrypted"], true);
    assert_eq!(mail["to"], json!(["desk@example.org", "night@example.org"]));
    assert_eq!(mail["Subject"], "TrueVision: FAKE face on Front door");
    let alert = program.json("/api/v1/alerts?state=open")["alerts"][0].clone();
    let id = alert["id"].as_str().unwrap();
    assert!(mail["text"].as_str().unwrap().contains(id), "{mail}");
    assert_eq!(mail["Message-ID"], format!("<{id}-opened@example.org>"));
    wait_for("the note of it", || (target(&program)["delivered"] == 1).then_some(()));
    assert_eq!(program.post(&format!("/api/v1/alerts/{id}/resolve"), &json!({ "note": "was a mask" })).0, 200);
    let over = wait_for("the second mail", || server.taken().get(1).cloned());
    assert!(over["text"].as_str().unwrap().contains("Note: was a mask"), "{over}");
    assert_eq!(server.taken().len(), 2);
    assert_secret(program);
}

#[test]
fn a_recipient_who_is_refused_is_a_dead_letter_and_keeps_no_other_from_the_mail() {
    let server = MailServer::start();
    let program = server.program(&["refused@example.org", "desk@example.org"], &server.certificate);
    let letter = dead(&program);
    let error = letter["error"].as_str().unwrap();
    assert!(error.contains("refused@example.org") && error.contains("no such mailbox"), "{letter}");
    assert_eq!(letter["attempts"], 1);
    let mail = wait_for("the mail of the other", || server.taken().first().cloned());
    assert_eq!((&mail["to"], server.taken().len()), (&json!(["desk@example.org"]), 1));
    assert_secret(program);
}

#[test]
fn a_server_that_is_busy_is_tried_again() {
    let server = MailServer::start();
    let program = server.program(&["busy@example.org"], &server.certificate);
    wait_for("a second attempt", || {
        program.metric("truevision_deliveries_total{kind=\"email\",outcome=\"failed\"}").filter(|count| *count >= 2.0)
    });
    let shown = target(&program);
    assert_eq!((&shown["waiting"], &shown["dead"]), (&json!(1), &json!(0)), "{shown}");
    assert!(shown["last_error"].as_str().unwrap().contains("try again later"), "{shown}");
    assert_secret(program);
}

#[test]
fn a_server_that_nobody_vouches_for_is_told_nothing() {
    let (server, other) = (MailServer::start(), MailServer::start());
    let program = server.program(&["desk@example.org"], &other.certificate);
    let shown = wait_for("a failed attempt", || Some(target(&program)).filter(|shown| shown["last_error"].is_string()));
    assert!(shown["last_error"].as_str().unwrap().to_lowercase().contains("certificate"), "{shown}");
    assert_eq!((&shown["waiting"], server.taken().len()), (&json!(1), 0));
    assert_secret(program);
}
