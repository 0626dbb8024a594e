//! The board as the streams and the door see it: what is reported comes out once, in sequence, and ages by itself.

use serde_json::{Value, json};

use super::super::event::Model;
use super::*;
use crate::crops::{Quality, Reject};
use crate::detector::{Analysis, Evidence, Score, ScoredFace};
use crate::source::{Connection, Stamp};

const RULE: ScoreRule =
    ScoreRule { temperature: 1.0, bias: 0.0, synthetic_at: 0.9, fake_at: 0.7, real_at: 0.3, real_side_px: 0.0 };

/// A board and one subscriber that is always there, on a clock that tests move.
struct Site {
    board: Board,
    metrics: Arc<Metrics>,
    events: broadcast::Receiver<Arc<str>>,
    began: Instant,
}

impl Site {
    async fn new() -> Self {
        let metrics = Arc::new(Metrics::new());
        let server = Server {
            version: "0.1.0".into(),
            model: Model { name: "m".into(), version: "1".into(), trial: false, note: String::new() },
            provider: "cpu".into(),
            passed_over: Vec::new(),
            fake_at: 0.7,
            real_at: 0.3,
            stale_secs: 2.0,
        };
        let verdict = verdict::Config::default();
        let board =
            Board::start(&Config::default(), &verdict, &RULE, server, metrics.clone(), Vec::new(), &Handle::current());
        let Subscription { first, events } = board.subscribe(None).await.unwrap();
        assert_eq!(read(&first[0])["streams"], json!([]));
        Self { board, metrics, events, began: Instant::now() }
    }

    async fn post(&self, report: Report) {
        self.board.reports.send(report).await.ok().unwrap();
    }

    async fn added(&self, id: &str) {
        let (stream, name, source) = (id.into(), id.into(), "test".into());
        self.post(Report::Added { stream, name, kind: "test", source }).await;
    }

    async fn connected(&self, id: &str) {
        let (codec, decoder) = (None, None);
        let connection = Connection { epoch: 0, width: 640, height: 480, fps: None, duration: None, codec, decoder };
        self.post(Report::Connected { stream: id.into(), connection }).await;
    }

    /// Frame `number` of a stream at 8 fps with these faces.
    async fn judged(&self, id: &str, number: u64, faces: &[Evidence]) {
        let pts = Duration::from_millis(125 * number);
        let stamp = Stamp {
            number,
            epoch: 0,
            pts,
            arrived: self.began + pts,
            captured: SystemTime::UNIX_EPOCH + pts,
            width: 640,
            height: 480,
        };
        let scored = |(track, evidence): (usize, &Evidence)| ScoredFace {
            track: track as u64,
            rect: Default::default(),
            quality: Quality::default(),
            evidence: evidence.clone(),
            crop: None,
        };
        let faces = faces.iter().enumerate().map(scored).collect();
        self.post(Report::Analysis(Analysis { stream: id.into(), stamp, faces, picture: None })).await;
    }

    async fn event(&mut self) -> Value {
        read(&self.events.recv().await.unwrap())
    }

    /// The next event of a type.
    async fn next(&mut self, kind: &str) -> Value {
        loop {
            let event = self.event().await;
            if event["type"] == kind {
                return event;
            }
        }
    }

    fn shows(&self, series: &str) -> bool {
        self.metrics.render().unwrap().lines().any(|line| line == series)
    }
}

fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn score(fake_logit: f32) -> Evidence {
    let span = (Duration::ZERO, Duration::ZERO);
    Evidence::Score(Score { fake_logit, synthetic_logit: None, attention: vec![0.125; 8], span, weight: 1.0 })
}

#[tokio::test]
async fn a_stream_comes_lives_fails_returns_and_goes() {
    let mut site = Site::new().await;
    site.added("a").await;
    assert_eq!(site.event().await["state"], "connecting");
    site.connected("a").await;
    let live = site.next("stream").await;
    assert_eq!((&live["state"], &live["width"], &live["reconnects"]), (&json!("live"), &json!(640), &json!(0)));
    let (code, message, retry_in) = ("unreachable", "gone".to_owned(), Some(Duration::from_secs(5)));
    site.post(Report::Fault { stream: "a".into(), code, message, retry_in }).await;
    let fault = site.next("stream").await;
    assert_eq!(fault["fault"], json!({ "code": "unreachable", "message": "gone", "retry_in_secs": 5.0 }));
    assert!(site.shows(r#"truevision_stream_state{state="fault",stream="a"} 1"#));
    assert!(site.shows(r#"truevision_stream_state{state="live",stream="a"} 0"#));
    site.connected("a").await;
    let back = site.next("stream").await;
    assert_eq!((&back["state"], &back["fault"], &back["reconnects"]), (&json!("live"), &Value::Null, &json!(1)));
    assert!(site.shows(r#"truevision_reconnects_total{stream="a"} 1"#));
    site.post(Report::Ended { stream: "a".into() }).await;
    assert_eq!(site.next("stream").await["state"], "ended");
    site.post(Report::Removed { stream: "a".into() }).await;
    assert_eq!(site.next("removed").await["id"], "a");
    assert!(!site.metrics.render().unwrap().contains(r#"stream="a""#));
}

#[tokio::test]
async fn late_news_of_a_removed_stream_bring_nothing_back() {
    let mut site = Site::new().await;
    site.added("a").await;
    site.post(Report::Removed { stream: "a".into() }).await;
    site.judged("a", 1, &[score(1.0)]).await;
    site.post(Report::Dropped { stream: "a".into(), reason: "overwritten", frames: 3 }).await;
    site.added("b").await;
    let kinds = [site.event().await, site.event().await, site.event().await].map(|event| event["type"].clone());
    assert_eq!(kinds, ["stream", "removed", "stream"]);
    assert!(!site.metrics.render().unwrap().contains(r#"stream="a""#));
}

#[tokio::test]
async fn every_loss_is_told_and_counted_by_its_reason() {
    let mut site = Site::new().await;
    site.added("a").await;
    site.event().await;
    for (reason, frames) in [("overwritten", 2), ("not_analysable", 1), ("overwritten", 3)] {
        site.post(Report::Dropped { stream: "a".into(), reason, frames }).await;
    }
    assert_eq!(site.next("stream").await["dropped"], json!({ "not_analysable": 1, "overwritten": 5 }));
    assert!(site.shows(r#"truevision_frames_dropped_total{reason="overwritten",stream="a"} 5"#));
}

#[tokio::test]
async fn a_full_queue_gives_analyses_up_and_counts_them() {
    let mut site = Site::new().await;
    site.added("a").await;
    site.event().await;
    // The task does not run in between: this test has one thread and does not wait.
    let analysis = || {
        let now = Instant::now();
        let (pts, captured) = (Duration::ZERO, SystemTime::now());
        let stamp = Stamp { number: 1, epoch: 0, pts, arrived: now, captured, width: 1, height: 1 };
        Report::Analysis(Analysis { stream: "a".into(), stamp, faces: Vec::new(), picture: None })
    };
    let taken = (0..REPORTS + 7).filter(|_| site.board.post(analysis())).count();
    assert_eq!(taken, REPORTS);
    loop {
        let Ok(event) = site.events.recv().await else { continue };
        if read(&event)["dropped"] == json!({ "board_queue_full": 7 }) {
            break;
        }
    }
    assert!(site.shows(r#"truevision_frames_dropped_total{reason="board_queue_full",stream="a"} 7"#));
}

#[tokio::test]
async fn verdicts_are_told_counted_and_go_stale_by_themselves() {
    let mut site = Site::new().await;
    site.added("a").await;
    for number in 0..8 {
        site.judged("a", number, &[score(4.0), Evidence::Rejected(vec![Reject::Turned, Reject::Dark])]).await;
    }
    let fake = loop {
        let verdict = site.next("verdict").await;
        if verdict["frame"] == 7 {
            break verdict;
        }
    };
    assert_eq!((&fake["label"], &fake["reasons"]), (&json!("FAKE"), &json!([])));
    assert_eq!(fake["faces"].as_array().unwrap().len(), 2);
    assert!(site.shows(r#"truevision_verdict{stream="a",verdict="FAKE"} 1"#));
    assert!(site.shows(r#"truevision_windows_total{stream="a"} 8"#));
    assert!(site.shows(r#"truevision_windows_rejected_total{reason="turned",stream="a"} 8"#));
    assert!(site.shows(r#"truevision_faces_total{stream="a"} 16"#));
    let confidence = "truevision_fake_confidence{";
    assert!(site.metrics.render().unwrap().contains(confidence));

    let stale = site.next("verdict").await;
    assert_eq!((&stale["label"], &stale["reasons"]), (&json!("STALE"), &json!(["source_stale"])));
    assert_eq!(stale["fake_confidence"], fake["fake_confidence"]);
    assert!(site.shows(r#"truevision_verdict{stream="a",verdict="STALE"} 1"#));
    assert!(!site.metrics.render().unwrap().contains(confidence), "an old confidence is none");
}

#[tokio::test]
async fn who_missed_little_resumes_and_who_missed_much_starts_anew() {
    let site = Site::new().await;
    for _ in 0..Config::default().resume_events + 1 {
        site.added("a").await;
    }
    let newest = Config::default().resume_events as u64 + 1;
    let boot = site.board.boot().to_owned();
    let missed = site.board.subscribe(Some((boot.clone(), newest - 2))).await.unwrap().first;
    let seqs: Vec<u64> = missed.iter().map(|event| read(event)["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, [newest - 1, newest]);
    let anew = site.board.subscribe(Some((boot, 0))).await.unwrap().first;
    assert_eq!((anew.len(), read(&anew[0])["type"].clone()), (1, json!("snapshot")));
}

#[tokio::test]
async fn an_answer_knows_what_was_reported_before() {
    let site = Site::new().await;
    for number in 0..50 {
        site.added(&number.to_string()).await;
        assert_eq!(site.board.snapshot().await.unwrap().streams.len(), number + 1);
    }
    assert!(site.board.ticking());
}
