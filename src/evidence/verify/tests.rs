//! Evidence as the program writes it, and what somebody does to it afterwards.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::*;
use crate::evidence::manifest::{AlertFacts, ModelFacts, SettingsFacts, StreamFacts, VERSION, Video};
use crate::evidence::settings::Config;
use crate::evidence::store::Store;
use crate::publish::rfc3339;
use crate::record::Keep;

/// A store with evidence of `count` alerts, a day apart, the newest of now.
struct Kept {
    folder: tempfile::TempDir,
}

fn id(n: u64) -> String {
    format!("{n:016x}")
}

fn manifest(number: u64, previous: Option<String>, alert: &str, written: SystemTime, folder: &Path) -> Manifest {
    let files = ["clip-1.mkv", "scores.json"].iter().map(|name| FileFacts::of(folder, name).unwrap()).collect();
    let time = rfc3339::format(written);
    Manifest {
        version: VERSION,
        number,
        previous,
        program: "truevision".into(),
        alert: AlertFacts {
            id: alert.into(),
            tracks: vec![1],
            began: time.clone(),
            opened: time.clone(),
            peak_confidence: 0.9,
        },
        stream: StreamFacts { id: "door".into(), name: "Door".into(), source: None },
        from: time.clone(),
        until: time.clone(),
        written: time,
        model: ModelFacts {
            name: "m".into(),
            version: "1".into(),
            trial: true,
            provider: "cpu".into(),
            contract_sha256: String::new(),
            encoder_sha256: String::new(),
            head_sha256: String::new(),
        },
        settings: SettingsFacts { sha256: String::new(), fake_at: 0.7, real_at: 0.3 },
        video: Video::default(),
        files,
    }
}

impl Kept {
    fn new(count: u64) -> Self {
        let kept = Self { folder: tempfile::tempdir().unwrap() };
        let store = kept.open();
        for n in 1..=count {
            let written = SystemTime::now() - Duration::from_secs((count - n) * 24 * 3600);
            kept.add(&store, &id(n), written);
        }
        kept
    }

    fn open(&self) -> Store {
        Store::open(self.folder.path()).unwrap()
    }

    fn add(&self, store: &Store, alert: &str, written: SystemTime) {
        let folder = store.begin(alert).unwrap();
        fs::write(folder.join("clip-1.mkv"), [7; 1000]).unwrap();
        fs::write(folder.join("scores.json"), "{}").unwrap();
        store.seal(alert, |number, previous| manifest(number, previous, alert, written, &folder)).unwrap();
    }

    fn path(&self, within: &str) -> PathBuf {
        self.folder.path().join(within)
    }

    /// What is found: (what, path).
    fn found(&self) -> Vec<(What, String)> {
        let report = verify(self.folder.path()).unwrap();
        report.findings.into_iter().map(|finding| (finding.what, finding.path)).collect()
    }

    fn change_chain(&self, change: impl FnOnce(&mut Chain)) {
        let mut chain = serde_json::from_slice(&fs::read(self.path(chain::NAME)).unwrap()).unwrap();
        change(&mut chain);
        fs::write(self.path(chain::NAME), serde_json::to_vec(&chain).unwrap()).unwrap();
    }
}

fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn what_was_written_is_found_as_it_was() {
    let kept = Kept::new(3);
    let report = verify(kept.folder.path()).unwrap();
    assert_eq!((report.alerts, report.files, report.findings.len()), (3, 9, 0));
    let text = fs::read(kept.path(&format!("{}/manifest.json", id(3)))).unwrap();
    assert_eq!(report.newest, Some(manifest::sha256(&text)));
    let one = verify(&kept.path(&id(2))).unwrap();
    assert_eq!((one.alerts, one.files, one.findings.len()), (1, 3, 0));
    assert!(report.to_string().contains("all is as it was written"), "{report}");
}

#[test]
fn one_bit_of_a_file_is_named() {
    let kept = Kept::new(2);
    flip(&kept.path(&format!("{}/clip-1.mkv", id(1))));
    assert_eq!(kept.found(), [(What::Altered, format!("{}/clip-1.mkv", id(1)))]);
    let one = verify(&kept.path(&id(1))).unwrap();
    assert_eq!(one.findings[0].path, "clip-1.mkv");
}

#[test]
fn files_that_go_or_come_are_named() {
    let kept = Kept::new(2);
    fs::remove_file(kept.path(&format!("{}/scores.json", id(2)))).unwrap();
    fs::write(kept.path(&format!("{}/clip-2.mkv", id(1))), "x").unwrap();
    assert_eq!(
        kept.found(),
        [(What::Added, format!("{}/clip-2.mkv", id(1))), (What::Missing, format!("{}/scores.json", id(2)))]
    );
}

#[test]
fn a_file_altered_together_with_its_manifest_is_found_by_the_chain() {
    let kept = Kept::new(3);
    let folder = kept.path(&id(2));
    flip(&folder.join("clip-1.mkv"));
    let mut manifest = Manifest::read(&fs::read(folder.join("manifest.json")).unwrap()).unwrap();
    manifest.files[0] = FileFacts::of(&folder, "clip-1.mkv").unwrap();
    let (text, sha256) = manifest.written();
    fs::write(folder.join("manifest.json"), text).unwrap();
    assert_eq!(kept.found(), [(What::Altered, format!("{}/manifest.json", id(2)))]);
    // And when the chain's own entry is altered too, by the manifest after it.
    kept.change_chain(|chain| chain.kept[1].sha256 = sha256);
    assert_eq!(kept.found(), [(What::Altered, format!("{}/manifest.json", id(3)))]);
}

#[test]
fn a_folder_that_is_gone_is_named_be_it_the_oldest_or_the_newest() {
    for n in 1..=3 {
        let kept = Kept::new(3);
        fs::remove_dir_all(kept.path(&id(n))).unwrap();
        assert_eq!(kept.found(), [(What::Missing, id(n))]);
    }
    let kept = Kept::new(3);
    fs::remove_dir_all(kept.path(&id(2))).unwrap();
    kept.change_chain(|chain| drop(chain.kept.remove(1)));
    let altered = [(What::Altered, chain::NAME.to_owned()), (What::Altered, format!("{}/manifest.json", id(3)))];
    assert_eq!(kept.found(), altered, "the chain has a hole");
}

#[test]
fn a_folder_that_was_put_there_is_named() {
    let kept = Kept::new(1);
    fs::create_dir(kept.path(&id(9))).unwrap();
    assert_eq!(kept.found(), [(What::Added, id(9))]);
}

#[test]
fn a_chain_that_is_gone_or_spoilt_is_named_and_the_rest_is_still_checked() {
    let kept = Kept::new(2);
    flip(&kept.path(&format!("{}/clip-1.mkv", id(1))));
    fs::write(kept.path(chain::NAME), "{").unwrap();
    let clip = (What::Altered, format!("{}/clip-1.mkv", id(1)));
    assert_eq!(kept.found(), [(What::Altered, chain::NAME.to_owned()), clip.clone()]);
    fs::remove_file(kept.path(chain::NAME)).unwrap();
    assert_eq!(kept.found(), [(What::Missing, chain::NAME.to_owned()), clip]);
    // Nor does the program begin a new one over it.
    assert!(Store::open(kept.folder.path()).is_err());
}

#[test]
fn a_manifest_that_leads_elsewhere_is_not_followed() {
    let kept = Kept::new(1);
    let path = kept.path(&format!("{}/manifest.json", id(1)));
    let text = fs::read_to_string(&path).unwrap().replace("clip-1.mkv", "../../passwd");
    fs::write(&path, text).unwrap();
    let findings = verify(kept.folder.path()).unwrap().findings;
    assert!(findings.iter().any(|finding| finding.why.contains("passwd")), "{findings:?}");
}

#[test]
fn what_is_no_evidence_cannot_be_checked() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(verify(folder.path()), Err(Error::NoEvidence { .. })));
    assert!(matches!(verify(&folder.path().join("no")), Err(Error::Read { .. })));
}

#[test]
fn retention_removes_the_oldest_and_leaves_a_chain_that_holds() {
    let kept = Kept::new(6);
    let store = kept.open();
    let now = SystemTime::now();
    let keep = Keep { days: 4, ..Config::default().keep() };
    let gone = store.retire(keep, now).unwrap();
    assert_eq!(gone.iter().map(|(link, reason)| (link.number, *reason)).collect::<Vec<_>>(), [(1, "age"), (2, "age")]);
    assert_eq!(kept.found(), []);
    for n in 7..9 {
        let folder = store.begin(&id(n)).unwrap();
        fs::write(folder.join("clip-1.mkv"), vec![7; 600_000]).unwrap();
        fs::write(folder.join("scores.json"), "{}").unwrap();
        store.seal(&id(n), |number, previous| manifest(number, previous, &id(n), now, &folder)).unwrap();
    }
    let gone = store.retire(Keep { mb: 1, ..keep }, now).unwrap();
    assert_eq!(
        gone.iter().map(|(link, reason)| (link.number, *reason)).collect::<Vec<_>>(),
        [(3, "size"), (4, "size"), (5, "size"), (6, "size"), (7, "size")]
    );
    assert!(store.bytes() <= 1 << 20);
    assert_eq!(kept.found(), []);
    // The one that was removed last is signed off by its hash, and all others are gone from the disk.
    let left: Vec<String> = names(kept.folder.path()).unwrap().into_iter().filter(|name| is_alert(name)).collect();
    assert_eq!(left, [id(8)]);
    kept.change_chain(|chain| chain.retired.as_mut().unwrap().sha256 = "0".repeat(64));
    assert_eq!(kept.found(), [(What::Altered, format!("{}/manifest.json", id(8)))]);
}

#[test]
fn what_a_crash_left_is_finished_or_removed_at_the_next_start() {
    let kept = Kept::new(2);
    // Killed while it was written: no manifest, or one that the chain does not name.
    for n in [8, 9] {
        fs::create_dir(kept.path(&format!(".writing-{}", id(n)))).unwrap();
        fs::write(kept.path(&format!(".writing-{}/clip-1.spool", id(n))), "half").unwrap();
    }
    fs::write(kept.path(&format!(".writing-{}/manifest.json", id(9))), "{}").unwrap();
    // Killed after the chain was written and before it had its name.
    fs::rename(kept.path(&id(2)), kept.path(&format!(".writing-{}", id(2)))).unwrap();
    assert_eq!(kept.found(), [], "what is being written is not told as altered");
    drop(kept.open());
    let left = names(kept.folder.path()).unwrap();
    assert_eq!(left, [".lock".to_owned(), id(1), id(2), chain::NAME.to_owned()]);
    assert_eq!(kept.found(), []);
    // Killed while it was removed: before and after it got the other name.
    kept.change_chain(|chain| drop(chain.retire("age", "now".into())));
    drop(kept.open());
    assert_eq!(names(kept.folder.path()).unwrap(), [".lock".to_owned(), id(2), chain::NAME.to_owned()]);
    assert_eq!(kept.found(), []);
}

#[test]
fn a_folder_has_one_program() {
    let kept = Kept::new(0);
    let _store = kept.open();
    assert!(matches!(Store::open(kept.folder.path()), Err(Error::InUse { .. })));
}
