//! A string that cannot be printed (passwords, tokens) and the redaction of URLs that may carry one.
//! Read from settings, environment or a file by `config`; used by `source` (camera credentials) and
//! `web` (the door's token), `alerts` (its targets).

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize, Serializer};
use subtle::ConstantTimeEq;
use url::Url;

/// What stands wherever a secret would be printed.
pub const REDACTED: &str = "[redacted]";

/// A secret. `Debug`, `Display` and `Serialize` all give [`REDACTED`]; only [`Secret::expose`] tells.
#[derive(Clone, Default, Deserialize, PartialEq, Eq)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one call that needs it; never for a message.
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Compares in a time that does not tell how much of `given` was right.
    pub fn matches(&self, given: &str) -> bool {
        !self.is_empty() && bool::from(self.0.as_bytes().ct_eq(given.as_bytes()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(if self.is_empty() { "" } else { REDACTED })
    }
}

/// The secret that a setting or, instead, a file holds; empty when neither is set. An error says what is wrong with the
/// file, or that both are set.
pub fn chosen(secret: &Secret, file: &Path) -> Result<Secret, String> {
    match (secret.is_empty(), file.as_os_str().is_empty()) {
        (_, true) => Ok(secret.clone()),
        (false, false) => Err("the secret itself is set too; give one of them".into()),
        (true, false) => match std::fs::read_to_string(file) {
            Ok(text) => Ok(Secret::new(text.trim())),
            Err(error) => Err(format!("cannot read {}: {error}", file.display())),
        },
    }
}

/// `address` as it may be shown: user, password, query and fragment hidden (cameras take passwords in
/// the query too). What is no URL (a path, `/dev/video0`, `screen`) comes back as it is.
pub fn redact_url(address: &str) -> String {
    let Ok(mut url) = Url::parse(address) else {
        // A URL with a mistake in it may still hold a password.
        return match address.split_once("://") {
            Some((scheme, _)) => format!("{scheme}://{REDACTED}"),
            None => address.to_owned(),
        };
    };
    if !url.username().is_empty() || url.password().is_some() {
        // Both calls only fail for URLs that cannot have a user, and this one has.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        let shown = url.to_string().replacen("://", &format!("://{REDACTED}@"), 1);
        return hide_query(&shown);
    }
    hide_query(url.as_str())
}

fn hide_query(url: &str) -> String {
    match url.find(['?', '#']) {
        Some(at) => format!("{}?{REDACTED}", &url[..at]),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_formats_a_secret_shows_it() {
        let secret = Secret::new("hunter2");
        let shown = format!("{secret} {secret:?} {}", serde_json::to_string(&secret).unwrap());
        assert!(!shown.contains("hunter2"), "{shown}");
        assert_eq!(secret.expose(), "hunter2");
    }

    #[test]
    fn an_empty_secret_opens_nothing() {
        assert!(!Secret::default().matches(""));
        assert!(Secret::new("a").matches("a"));
        assert!(!Secret::new("a").matches("b"));
    }

    #[test]
    fn urls_lose_user_password_and_query() {
        assert_eq!(
            redact_url("rtsp://bob:hunter2@cam.local:554/live?token=abc"),
            "rtsp://[redacted]@cam.local:554/live?[redacted]"
        );
        assert_eq!(redact_url("rtsp://cam.local/live"), "rtsp://cam.local/live");
        assert_eq!(redact_url("clips/a b.mp4"), "clips/a b.mp4");
        assert_eq!(redact_url("rtsp://bob:hunter2@cam.local:99999/"), "rtsp://[redacted]");
    }
}
