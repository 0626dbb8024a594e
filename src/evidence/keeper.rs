//! Makes evidence whole: video into files, hashes, manifest, chain, and to the disk; then removes what is too old or too
//! much. In: finished [`Job`]s. Out: folders, and what the desk tells of them. One thread, which may wait for the disk.

use std::fs;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, SystemTime};

use super::clip;
use super::collector::give_up;
use super::job::{Job, SCORES};
use super::manifest::{
    AlertFacts, Clip, FileFacts, Manifest, ModelFacts, SettingsFacts, StreamFacts, VERSION, Video, sha256,
};
use super::store::{self, Store};
use super::{Facts, Health, KeepNow};
use crate::alerts::{Desk, text};
use crate::metrics::Metrics;
use crate::publish::event::AlertEvidence;
use crate::publish::{Board, rfc3339};

const SETTINGS: &str = "settings.json";
/// How often what is too old is looked for.
const CLEANING: Duration = Duration::from_secs(60);

pub struct Keeper {
    /// How long and how much is kept, by the settings in force.
    pub keep: KeepNow,
    pub store: Arc<Store>,
    pub health: Arc<Health>,
    pub desk: Desk,
    pub board: Board,
    pub metrics: Arc<Metrics>,
    pub facts: Facts,
}

impl Keeper {
    pub fn run(self, finished: &Receiver<Job>) {
        self.clean();
        loop {
            match finished.recv_timeout(CLEANING) {
                Ok(job) => self.keep(job),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.clean();
        }
    }

    fn keep(&self, job: Job) {
        let alert = job.alert.id.clone();
        match self.write(job) {
            Ok((manifest, told)) => {
                self.health.worked();
                self.metrics.evidence_kept.inc();
                tracing::info!(
                    alert,
                    number = manifest.number,
                    bytes = told.bytes,
                    manifest = told.manifest,
                    "evidence kept"
                );
                self.desk.note_evidence(&alert, told);
            }
            Err(error) => {
                self.store.give_up(&alert);
                let reason = self.health.failed(&error);
                let why = format!("the disk did not take it: {error}");
                give_up(&self.desk, &self.metrics, &alert, reason, why);
            }
        }
    }

    fn write(&self, mut job: Job) -> io::Result<(Manifest, AlertEvidence)> {
        let video = video(&mut job)?;
        let Job { alert, tracks, folder, from, until, source, .. } = &job;
        // Serialising numbers, strings and lists of them into memory cannot fail.
        let scores = serde_json::to_vec(&job.scores).expect("scores can be serialised");
        store::write(&folder.join(SCORES), &scores)?;
        store::write(&folder.join(SETTINGS), &self.facts.settings)?;
        let named = [SCORES, SETTINGS].into_iter().chain(video.clips.iter().map(|clip| clip.file.as_str()));
        let mut names: Vec<&str> = named.chain(job.face_files()).collect();
        names.sort_unstable();
        let files = names.iter().map(|name| FileFacts::of(folder, name)).collect::<io::Result<Vec<_>>>()?;
        let server = self.board.server();
        let (lacks, clips) = (video.lacks.clone(), video.clips.iter().map(|clip| clip.file.clone()).collect());
        let manifest = |number, previous| Manifest {
            version: VERSION,
            number,
            previous,
            program: self.facts.program.clone(),
            alert: AlertFacts {
                id: alert.id.clone(),
                tracks: tracks.iter().copied().collect(),
                began: text(alert.began),
                opened: text(alert.opened.unwrap_or(alert.began)),
                peak_confidence: alert.peak_confidence,
            },
            stream: StreamFacts { id: alert.stream.clone(), name: alert.stream_name.clone(), source: source.clone() },
            from: rfc3339::format(*from),
            until: rfc3339::format(*until),
            written: rfc3339::format(SystemTime::now()),
            model: ModelFacts { provider: server.provider, ..self.facts.model.clone() },
            settings: SettingsFacts {
                sha256: sha256(&self.facts.settings),
                fake_at: server.fake_at,
                real_at: server.real_at,
            },
            video,
            files,
        };
        let (manifest, link) = self.store.seal(&alert.id, manifest)?;
        let reason = (!lacks.is_empty()).then(|| lacks.join("; "));
        let told =
            AlertEvidence { state: "kept".into(), reason, bytes: link.bytes, clips, manifest: Some(link.sha256) };
        Ok((manifest, told))
    }

    /// Removes what is too old or too much, and says so of its alerts.
    fn clean(&self) {
        let keep = (self.keep)();
        let gone = match self.store.retire(keep, SystemTime::now()) {
            Ok(gone) => gone,
            Err(error) => return tracing::error!("old evidence cannot be removed: {error}"),
        };
        for (link, reason) in gone {
            tracing::info!(alert = link.alert, number = link.number, reason, "evidence removed");
            self.metrics.evidence_removed.with_label_values(&[reason]).inc();
            let why = match reason {
                "age" => format!("it was older than {} days (evidence.keep_days)", keep.days),
                _ => format!("all evidence took more than {} MB (evidence.keep_mb)", keep.mb),
            };
            let told = AlertEvidence::without("removed", Some(why));
            self.desk.note_evidence(&link.alert, AlertEvidence { manifest: Some(link.sha256), ..told });
        }
    }
}

/// Puts a job's coded video into files that players read. What fits into no such file is kept as it came.
fn video(job: &mut Job) -> io::Result<Video> {
    let mut video = Video { clips: Vec::new(), lacks: std::mem::take(&mut job.lacks) };
    if job.spools.is_empty() {
        let why = match job.source {
            // As a screen, a webcam that sends raw pictures, or the test picture.
            Some(_) => "no video: the source sent no coded video in this time, so there is no original to keep",
            None => "no video: the stream was gone",
        };
        video.lacks.push(why.into());
    }
    for (n, spool) in job.spools.iter_mut().enumerate() {
        spool.flush()?;
        let mut file = format!("clip-{}.mkv", n + 1);
        if let Err(error) = clip::write(spool, &job.folder.join(&file)) {
            let why = match error {
                clip::Error::Disk(error) => return Err(error),
                clip::Error::Codec(why) => why,
            };
            // What the muxer began is of no use.
            let _ = fs::remove_file(job.folder.join(&file));
            file = format!("clip-{}.bin", n + 1);
            video.lacks.push(format!("{file} holds the bare packets: {why}"));
            fs::rename(spool.path(), job.folder.join(&file))?;
        } else {
            fs::remove_file(spool.path())?;
        }
        if spool.lost > 0 {
            video.lacks.push(format!("{file} lacks {} packets that were lost", spool.lost));
        }
        let codec = spool.format.caps.split(',').next().unwrap_or_default().to_owned();
        let (packets, lost, bytes) = (spool.packets.len(), spool.lost, spool.bytes);
        let (from, until) = (rfc3339::format(spool.first), rfc3339::format(spool.last));
        video.clips.push(Clip { file, codec, packets, lost, bytes, from, until });
    }
    Ok(video)
}
