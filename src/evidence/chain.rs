//! The chain: which manifests there are, in order, each with its SHA-256, and the last one that was removed. In: manifests
//! as they are written and removed. Out: `chain.json`. By it `verify` notices that the newest or the oldest is gone, and
//! not only one in between. Kept by `store`.

use serde::{Deserialize, Serialize};

pub const NAME: &str = "chain.json";
pub const VERSION: u32 = 1;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chain {
    pub version: u32,
    /// The newest manifest that was removed for its age or for room; all before it are gone too.
    pub retired: Option<Retired>,
    /// Oldest first, without a gap.
    pub kept: Vec<Link>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Link {
    pub number: u64,
    pub alert: String,
    /// Of its manifest.
    pub sha256: String,
    /// Of all its files.
    pub bytes: u64,
    /// RFC 3339 UTC.
    pub written: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Retired {
    pub number: u64,
    pub alert: String,
    pub sha256: String,
    /// `age` or `size`.
    pub reason: String,
    pub at: String,
}

impl Default for Chain {
    fn default() -> Self {
        Self { version: VERSION, retired: None, kept: Vec::new() }
    }
}

impl Chain {
    /// Number of the next manifest, and the SHA-256 that it must name.
    pub fn next(&self) -> (u64, Option<String>) {
        let last = self.kept.last().map(|link| (link.number, &link.sha256));
        let last = last.or(self.retired.as_ref().map(|gone| (gone.number, &gone.sha256)));
        last.map_or((1, None), |(number, sha256)| (number + 1, Some(sha256.clone())))
    }

    pub fn bytes(&self) -> u64 {
        self.kept.iter().map(|link| link.bytes).sum()
    }

    pub fn of(&self, alert: &str) -> Option<&Link> {
        self.kept.iter().find(|link| link.alert == alert)
    }

    /// Takes the oldest out; None when there is none.
    pub fn retire(&mut self, reason: &str, at: String) -> Option<Link> {
        if self.kept.is_empty() {
            return None;
        }
        let link = self.kept.remove(0);
        let Link { number, alert, sha256, .. } = link.clone();
        self.retired = Some(Retired { number, alert, sha256, reason: reason.to_owned(), at });
        Some(link)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_names_the_last_even_when_all_are_gone() {
        let mut chain = Chain::default();
        assert_eq!(chain.next(), (1, None));
        let link = |number: u64| Link {
            number,
            alert: format!("{number:016x}"),
            sha256: format!("hash {number}"),
            bytes: 10,
            written: "2026-11-24T11:05:31.250Z".into(),
        };
        chain.kept = vec![link(1), link(2)];
        assert_eq!((chain.next(), chain.bytes()), ((3, Some("hash 2".into())), 20));
        assert_eq!(chain.retire("age", "now".into()).unwrap().number, 1);
        assert_eq!(chain.retire("size", "now".into()).unwrap().number, 2);
        assert_eq!(chain.next(), (3, Some("hash 2".into())));
        assert!(chain.retire("size", "now".into()).is_none());
    }
}
