//! A manifest says what belongs to one alert's evidence: the SHA-256 of each file, of the model and of the settings, the
//! times, and the manifest before it. In: a folder that is written. Out: `manifest.json`, whose own SHA-256 the next
//! manifest and `chain.json` hold. Written by `keeper`, read by `verify` and the door.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub const NAME: &str = "manifest.json";
pub const VERSION: u32 = 1;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    pub version: u32,
    /// Its place in the chain, from 1.
    pub number: u64,
    /// SHA-256 of the manifest before it; null for the first.
    pub previous: Option<String>,
    pub program: String,
    pub alert: AlertFacts,
    pub stream: StreamFacts,
    /// RFC 3339 UTC, as all times: what it covers, and when this was written.
    pub from: String,
    pub until: String,
    pub written: String,
    pub model: ModelFacts,
    pub settings: SettingsFacts,
    pub video: Video,
    /// Every file but this one.
    pub files: Vec<FileFacts>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlertFacts {
    pub id: String,
    /// The face's tracks: another one after a reconnect.
    pub tracks: Vec<u64>,
    pub began: String,
    pub opened: String,
    /// Highest rolling fake confidence up to when this was written.
    pub peak_confidence: f32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StreamFacts {
    pub id: String,
    pub name: String,
    /// Its address without credentials; null when it was gone.
    pub source: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelFacts {
    pub name: String,
    pub version: String,
    pub trial: bool,
    /// What it ran on.
    pub provider: String,
    pub contract_sha256: String,
    pub encoder_sha256: String,
    pub head_sha256: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SettingsFacts {
    /// Of the file of the settings that bear on verdicts, alerts and evidence.
    pub sha256: String,
    /// Thresholds in force, which may have been changed since the start.
    pub fake_at: f32,
    pub real_at: f32,
}

/// What there is of the original video.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Video {
    pub clips: Vec<Clip>,
    /// Why there is none, or why it is not whole.
    pub lacks: Vec<String>,
}

/// One connection's coded video, as it came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Clip {
    pub file: String,
    /// As "video/x-h264".
    pub codec: String,
    pub packets: usize,
    /// Packets that were lost within it.
    pub lost: u64,
    /// Bytes of the packets, without the container.
    pub bytes: u64,
    /// When its first and last packet came.
    pub from: String,
    pub until: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFacts {
    pub name: String,
    pub bytes: u64,
    pub sha256: String,
}

impl FileFacts {
    /// Reads a file of `folder` whole.
    pub fn of(folder: &Path, name: &str) -> io::Result<Self> {
        let mut file = File::open(folder.join(name))?;
        let (mut hash, mut bytes, mut piece) = (Sha256::new(), 0, vec![0; 1 << 16]);
        loop {
            let read = file.read(&mut piece)?;
            if read == 0 {
                return Ok(Self { name: name.to_owned(), bytes, sha256: hex(&hash.finalize()) });
            }
            hash.update(&piece[..read]);
            bytes += read as u64;
        }
    }
}

impl Manifest {
    pub fn read(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }

    /// As it is written, and the SHA-256 of that.
    pub fn written(&self) -> (Vec<u8>, String) {
        // Serialising numbers, strings and lists of them into memory cannot fail.
        let mut text = serde_json::to_vec_pretty(self).expect("a manifest can be serialised");
        text.push(b'\n');
        let sha256 = sha256(&text);
        (text, sha256)
    }

    /// Bytes of all files, this one (of so many bytes) included.
    pub fn bytes(&self, own: usize) -> u64 {
        self.files.iter().map(|file| file.bytes).sum::<u64>() + own as u64
    }
}

/// SHA-256 in lower-case hex.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether a name from a manifest names a file in its own folder and nothing else.
pub fn is_plain(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !name.is_empty() && name.len() <= 100 && !name.starts_with('.') && name.chars().all(allowed)
}

/// Whether a text is an alert's id, which is also the name of its folder.
pub fn is_alert(name: &str) -> bool {
    name.len() == 16 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_what_sha256sum_makes_and_the_length_is_counted() {
        // printf abc | sha256sum
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(b"abc"), abc);
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a"), "abc").unwrap();
        let facts = FileFacts::of(folder.path(), "a").unwrap();
        assert_eq!((facts.bytes, facts.sha256.as_str()), (3, abc));
    }

    #[test]
    fn names_lead_nowhere_else() {
        for name in ["", ".", "..", "../x", "a/b", "/etc/passwd", "a\\b", ".hidden", "a\0", "ä", "%2e%2e"] {
            assert!(!is_plain(name), "{name:?}");
        }
        assert!(is_plain("clip-1.mkv") && is_plain("manifest.json"));
        assert!(is_alert("019ab5a3e1c04f2d"));
        for id in ["", "..", "019AB5A3E1C04F2D", "019ab5a3e1c04f2", "019ab5a3e1c04f2/"] {
            assert!(!is_alert(id), "{id:?}");
        }
    }
}
