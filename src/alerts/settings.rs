//! The settings of alerts and of the places they are told to. In: `[alerts]` of the settings. Out: checked values;
//! secrets stay [`Secret`]. Read by `desk` and by each target.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::faults::{Faults, range};
use crate::secret::{self, Secret};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Whether alerts are made at all.
    pub on: bool,
    /// SQLite file of alerts and deliveries; its folder is made. One program a file.
    pub database: PathBuf,
    /// How long closed alerts and what was delivered are kept, days, 1-3650.
    pub keep_days: u32,
    pub rules: Rules,
    pub delivery: Delivery,
    pub webhook: Webhook,
    pub alertmanager: Alertmanager,
    pub email: Email,
    pub mqtt: Mqtt,
}

/// When an alert opens and ends; `lifecycle` has the words.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    /// Rolling confidence of a FAKE face from which it is suspect, 0-1.
    pub open_at: f32,
    /// Below it the face is suspect no more, 0-open_at.
    pub close_at: f32,
    /// Suspect for so long opens an alert, seconds, 0-600.
    pub dwell_secs: f64,
    /// Not suspect for so long ends it, seconds, 1-3600.
    pub resolve_secs: f64,
    /// A stream that dropped may take so long to come back into its alert, seconds, resolve_secs-86400.
    pub rejoin_secs: f64,
    /// After an alert opened or was closed by a person, none opens on the stream for so long, seconds, 0-86400.
    pub quiet_secs: f64,
}

/// How every target is tried.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Delivery {
    /// A receiver that has not answered by then has failed, seconds, 1-120.
    pub timeout_secs: f64,
    /// Pause after the first failure; it doubles with each further one, seconds, 0.1-600.
    pub first_retry_secs: f64,
    /// Longest pause, seconds, first_retry_secs-3600.
    pub longest_retry_secs: f64,
    /// A delivery that failed for so long is dead (kept, and sent again on request), seconds, 1-604800.
    pub give_up_secs: f64,
    /// Deliveries that may wait for one target, 1-100000; a further one is dead at once.
    pub queue: usize,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Webhook {
    /// Where each event is posted; empty: nowhere.
    pub url: String,
    /// Key of the HMAC-SHA256 signature.
    pub secret: Secret,
    pub secret_file: PathBuf,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Alertmanager {
    /// As "http://127.0.0.1:9093"; empty: nowhere.
    pub url: String,
    /// Bearer token, where a proxy before it wants one.
    pub token: Secret,
    pub token_file: PathBuf,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encryption {
    /// Plain at first, encrypted before anything is said.
    #[default]
    Starttls,
    /// From the first byte.
    Tls,
    None,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Email {
    /// SMTP server; empty: no mail.
    pub server: String,
    pub port: u16,
    pub encryption: Encryption,
    pub user: String,
    pub password: Secret,
    pub password_file: PathBuf,
    /// As "TrueVision <alerts@example.org>".
    pub from: String,
    pub to: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mqtt {
    /// Broker, as "mqtt://broker:1883" or "mqtts://broker:8883"; empty: none.
    pub url: String,
    pub user: String,
    pub password: Secret,
    pub password_file: PathBuf,
    /// First part of every topic; also the client's id, so unique a broker.
    pub topic: String,
    /// Home Assistant's discovery prefix; empty: no discovery.
    pub discovery: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            on: true,
            database: "data/alerts.db".into(),
            keep_days: 90,
            rules: Rules::default(),
            delivery: Delivery::default(),
            webhook: Webhook::default(),
            alertmanager: Alertmanager::default(),
            email: Email::default(),
            mqtt: Mqtt::default(),
        }
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self { open_at: 0.75, close_at: 0.6, dwell_secs: 3.0, resolve_secs: 10.0, rejoin_secs: 60.0, quiet_secs: 60.0 }
    }
}

impl Default for Delivery {
    fn default() -> Self {
        Self {
            timeout_secs: 10.0,
            first_retry_secs: 1.0,
            longest_retry_secs: 60.0,
            give_up_secs: 86_400.0,
            queue: 10_000,
        }
    }
}

impl Default for Email {
    fn default() -> Self {
        Self {
            server: String::new(),
            port: 587,
            encryption: Encryption::default(),
            user: String::new(),
            password: Secret::default(),
            password_file: PathBuf::new(),
            from: String::new(),
            to: Vec::new(),
        }
    }
}

impl Default for Mqtt {
    fn default() -> Self {
        Self {
            url: String::new(),
            user: String::new(),
            password: Secret::default(),
            password_file: PathBuf::new(),
            topic: "truevision".into(),
            discovery: "homeassistant".into(),
        }
    }
}

impl Config {
    /// Adds a (key, message) for every impossible value; keys are relative to this table.
    pub fn check(&self, faults: &mut Faults) {
        if self.on && self.database.as_os_str().is_empty() {
            faults.push(("database".into(), "must name a file; alerts.on = false makes no alerts".into()));
        }
        range(faults, "keep_days", self.keep_days.into(), 1.0, 3650.0);
        let rules = &self.rules;
        range(faults, "rules.open_at", rules.open_at.into(), 0.0, 1.0);
        range(faults, "rules.close_at", rules.close_at.into(), 0.0, rules.open_at.into());
        range(faults, "rules.dwell_secs", rules.dwell_secs, 0.0, 600.0);
        range(faults, "rules.resolve_secs", rules.resolve_secs, 1.0, 3600.0);
        range(faults, "rules.rejoin_secs", rules.rejoin_secs, rules.resolve_secs, 86_400.0);
        range(faults, "rules.quiet_secs", rules.quiet_secs, 0.0, 86_400.0);
        let delivery = &self.delivery;
        range(faults, "delivery.timeout_secs", delivery.timeout_secs, 1.0, 120.0);
        range(faults, "delivery.first_retry_secs", delivery.first_retry_secs, 0.1, 600.0);
        range(faults, "delivery.longest_retry_secs", delivery.longest_retry_secs, delivery.first_retry_secs, 3600.0);
        range(faults, "delivery.give_up_secs", delivery.give_up_secs, 1.0, 604_800.0);
        range(faults, "delivery.queue", delivery.queue as f64, 1.0, 100_000.0);
        self.check_targets(faults);
    }

    fn check_targets(&self, faults: &mut Faults) {
        address(faults, "webhook.url", &self.webhook.url, &["http", "https"]);
        address(faults, "alertmanager.url", &self.alertmanager.url, &["http", "https"]);
        address(faults, "mqtt.url", &self.mqtt.url, &["mqtt", "mqtts"]);
        for (key, found) in [
            ("webhook.secret_file", self.webhook.key()),
            ("alertmanager.token_file", self.alertmanager.bearer()),
            ("email.password_file", self.email.secret()),
            ("mqtt.password_file", self.mqtt.secret()),
        ] {
            if let Err(message) = found {
                faults.push((key.into(), message));
            }
        }
        if !self.webhook.url.is_empty() && self.webhook.key().is_ok_and(|key| key.is_empty()) {
            let message = "a webhook is signed: set it, secret_file, or TRUEVISION__ALERTS__WEBHOOK__SECRET";
            faults.push(("webhook.secret".into(), message.into()));
        }
        let topic = &self.mqtt.topic;
        if !self.mqtt.url.is_empty() && (topic.is_empty() || topic.contains(['+', '#'])) {
            faults.push(("mqtt.topic".into(), format!("must be a topic without + and #, got {topic:?}")));
        }
        let email = &self.email;
        if email.server.is_empty() {
            return;
        }
        if email.to.is_empty() {
            faults.push(("email.to".into(), "must name at least one recipient".into()));
        }
        for (key, mailbox) in std::iter::once(("from", &email.from)).chain(email.to.iter().map(|to| ("to", to))) {
            if let Err(error) = mailbox.parse::<lettre::message::Mailbox>() {
                let message = format!("{mailbox:?} is no address: {error}; as \"Name <name@example.org>\"");
                faults.push((format!("email.{key}"), message));
            }
        }
        if !email.user.is_empty() && email.encryption == Encryption::None {
            let message = "a password would be sent in the clear; use \"starttls\" or \"tls\"";
            faults.push(("email.encryption".into(), message.into()));
        }
    }
}

impl Webhook {
    pub fn key(&self) -> Result<Secret, String> {
        secret::chosen(&self.secret, &self.secret_file)
    }
}

impl Alertmanager {
    pub fn bearer(&self) -> Result<Secret, String> {
        secret::chosen(&self.token, &self.token_file)
    }
}

impl Email {
    pub fn secret(&self) -> Result<Secret, String> {
        secret::chosen(&self.password, &self.password_file)
    }
}

impl Mqtt {
    pub fn secret(&self) -> Result<Secret, String> {
        secret::chosen(&self.password, &self.password_file)
    }
}

/// Nothing, or a URL of one of these schemes without credentials, which would be shown.
fn address(faults: &mut Faults, key: &str, value: &str, schemes: &[&str]) {
    if value.is_empty() {
        return;
    }
    let right = Url::parse(value).ok().filter(|url| schemes.contains(&url.scheme()) && url.has_host());
    match right {
        None => faults.push((key.into(), format!("must be a URL that begins with {}://", schemes.join(":// or ")))),
        Some(url) if !url.username().is_empty() || url.password().is_some() => {
            faults
                .push((key.into(), "user and password do not belong into the URL; they have keys of their own".into()));
        }
        Some(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_impossible_value_is_named() {
        let mut faults = Vec::new();
        Config::default().check(&mut faults);
        assert_eq!(faults, []);
        let wrong = Config {
            keep_days: 0,
            rules: Rules { close_at: 0.9, rejoin_secs: 1.0, ..Rules::default() },
            delivery: Delivery { longest_retry_secs: 0.5, ..Delivery::default() },
            webhook: Webhook { url: "ftp://x".into(), ..Webhook::default() },
            alertmanager: Alertmanager { url: "http://bob:hunter2@x".into(), ..Alertmanager::default() },
            email: Email {
                server: "mail".into(),
                user: "bob".into(),
                encryption: Encryption::None,
                from: "nobody".into(),
                ..Email::default()
            },
            mqtt: Mqtt { url: "mqtt://x".into(), topic: "a/#".into(), ..Mqtt::default() },
            ..Config::default()
        };
        wrong.check(&mut faults);
        let keys: Vec<&str> = faults.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(
            keys,
            [
                "keep_days",
                "rules.close_at",
                "rules.rejoin_secs",
                "delivery.longest_retry_secs",
                "webhook.url",
                "alertmanager.url",
                "webhook.secret",
                "mqtt.topic",
                "email.to",
                "email.from",
                "email.encryption"
            ]
        );
        assert!(!format!("{faults:?}").contains("hunter2"));
    }
}
