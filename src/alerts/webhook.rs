//! A webhook: each letter as one signed JSON request. docs/alerting.md says how a receiver checks it.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use ureq::Agent;

use super::alert::now;
use super::delivery::{Letter, Refusal};
use super::{http, settings};
use crate::secret::{Secret, redact_url};

pub struct Webhook {
    agent: Agent,
    url: String,
    key: Secret,
}

impl Webhook {
    pub fn new(config: &settings::Webhook, timeout: Duration) -> Result<Self, String> {
        Ok(Self { agent: http::agent(timeout), url: config.url.clone(), key: config.key()? })
    }

    pub fn address(&self) -> String {
        redact_url(&self.url)
    }

    pub fn deliver(&self, letter: &Letter) -> Result<(), Refusal> {
        let body = letter.body.to_string();
        let at = (now() / 1000).to_string();
        let headers = [
            ("idempotency-key", letter.key.as_str()),
            ("x-truevision-event", &letter.event),
            ("x-truevision-timestamp", &at),
            ("x-truevision-signature", &format!("sha256={}", signature(&self.key, &at, &body))),
        ];
        http::post(&self.agent, &self.url, &body, &headers)
    }
}

/// HMAC-SHA256 of `timestamp.body` in hex: the time is signed too, so that a request cannot be sent again much later.
fn signature(key: &Secret, at: &str, body: &str) -> String {
    // A key may have any length.
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose().as_bytes()).expect("HMAC takes a key of any length");
    mac.update(format!("{at}.{body}").as_bytes());
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_what_openssl_makes() {
        // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac secret
        let made = signature(&Secret::new("secret"), "1700000000", r#"{"a":1}"#);
        assert_eq!(made, "49f24e537407743fa4a0242bb63b94b9a47ee99cbbe071ccd8a22550ae411686");
    }
}
