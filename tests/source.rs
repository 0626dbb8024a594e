//! Room 1 with real parts: files that GStreamer makes here, a real RTSP server in a process of its own that is killed
//! and restarted, servers that say nothing or garbage.

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use support::{Camera, PATIENCE, free_port};
use tempfile::TempDir;
use truevision::secret::Secret;
use truevision::source::{Config, Connection, Error, Frame, Next, Seen, Source, Transport};

const WAIT: Duration = Duration::from_millis(200);

/// What a source brought until it ended, failed, or was interrupted.
#[derive(Default)]
struct Story {
    frames: Vec<(u32, Duration, u32, u32)>,
    connections: Vec<Connection>,
    faults: Vec<(Error, Option<Duration>)>,
    ended: bool,
    overwritten: u64,
    damaged: u64,
}

/// Pulls until `enough` or the end.
fn pull(source: &mut Source, mut enough: impl FnMut(&Story) -> bool) -> Story {
    let began = Instant::now();
    let mut story = Story::default();
    while began.elapsed() < PATIENCE && !enough(&story) {
        let asked = Instant::now();
        let next = source.next(WAIT);
        assert!(asked.elapsed() < Duration::from_secs(2), "next blocked for {:?}", asked.elapsed());
        match next {
            Next::Frame(frame) => story.frames.push(facts(&frame)),
            Next::Idle => {}
            Next::Connected(connection) => story.connections.push(connection),
            Next::Fault { error, retry_in } => {
                story.faults.push((error, retry_in));
                if retry_in.is_none() {
                    return story;
                }
            }
            Next::End => {
                story.ended = true;
                return story;
            }
        }
        let counts = source.take_counts();
        story.overwritten += counts.overwritten;
        story.damaged += counts.damaged;
    }
    assert!(began.elapsed() < PATIENCE, "{} frames, faults {:?}", story.frames.len(), story.faults);
    story
}

fn facts(frame: &Frame) -> (u32, Duration, u32, u32) {
    let Seen::Host(view) = frame.picture() else { panic!("no GPU was named") };
    assert!(!view.luma.data.is_empty());
    (frame.stamp.epoch, frame.stamp.pts, frame.stamp.width, frame.stamp.height)
}

fn file(url: &str) -> Config {
    Config { id: "t".into(), url: url.into(), realtime: false, ..Config::default() }
}

fn play(path: &Path) -> Story {
    pull(&mut Source::open(&file(&path.display().to_string())).unwrap(), |_| false)
}

/// Runs a gst-launch line that writes its file to `OUT`.
fn make(dir: &TempDir, name: &str, line: &str) -> PathBuf {
    let path = dir.path().join(name);
    let line = line.replace("OUT", &path.display().to_string());
    let output =
        Command::new("timeout").args(["60", "gst-launch-1.0", "-q"]).args(line.split_whitespace()).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    path
}

fn made(name: &str, line: &str) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = make(&dir, name, line);
    (dir, path)
}

const H264: &str = "videotestsrc num-buffers=50 ! video/x-raw,width=320,height=240,framerate=25/1 ! x264enc ! mp4mux ! filesink location=OUT";

#[test]
fn every_codec_gives_every_frame_in_order() {
    let raw = "videotestsrc num-buffers=50 ! video/x-raw,width=322,height=242,framerate=25/1";
    for (name, coder) in [
        ("h264.mp4", "x264enc ! mp4mux"),
        ("h265.mkv", "videoconvert ! x265enc ! h265parse ! matroskamux"),
        ("vp8.webm", "vp8enc deadline=1 ! webmmux"),
        ("vp9.webm", "vp9enc deadline=1 cpu-used=8 ! webmmux"),
        ("mjpeg.avi", "jpegenc ! avimux"),
        ("ts.ts", "x264enc tune=zerolatency ! mpegtsmux"),
        ("tenbit.mkv", "videoconvert ! video/x-raw,format=I420_10LE ! x264enc ! matroskamux"),
    ] {
        let (_dir, path) = made(name, &format!("{raw} ! {coder} ! filesink location=OUT"));
        let story = play(&path);
        assert!(story.ended, "{name}: {:?}", story.faults);
        assert_eq!(story.frames.len(), 50, "{name}");
        assert_eq!((story.overwritten, story.damaged), (0, 0), "{name}");
        assert!(story.frames.windows(2).all(|pair| pair[0].1 < pair[1].1), "{name}: pts rise");
        assert!(story.frames.iter().all(|frame| (frame.2, frame.3) == (322, 242)), "{name}");
        assert_eq!(story.connections.len(), 1, "{name}");
        assert!(story.connections[0].decoder.is_some(), "{name}: decoder truth");
        assert!(story.connections[0].codec.is_some(), "{name}");
    }
}

#[test]
fn unusual_sizes_and_rates_are_played() {
    for (caps, frames) in [
        ("width=2,height=2,framerate=25/1", 5),
        ("width=7680,height=4320,framerate=25/1", 1),
        ("width=320,height=240,framerate=1/5", 3),
        ("width=320,height=240,framerate=240/1", 50),
    ] {
        let line = format!(
            "videotestsrc num-buffers={frames} ! video/x-raw,{caps} ! jpegenc ! matroskamux ! filesink location=OUT"
        );
        let (_dir, path) = made("odd.mkv", &line);
        let story = play(&path);
        assert_eq!((story.frames.len(), story.ended), (frames, true), "{caps}: {:?}", story.faults);
    }
}

#[test]
fn one_pixel_is_a_frame() {
    let (_dir, path) = made(
        "one.mkv",
        "videotestsrc num-buffers=3 ! video/x-raw,width=1,height=1 ! jpegenc ! matroskamux ! filesink location=OUT",
    );
    let story = play(&path);
    match story.faults.first() {
        None => assert_eq!(story.frames.len(), 3),
        Some((error, _)) => assert!(["damaged", "unsupported", "no_video"].contains(&error.code()), "{error}"),
    }
}

#[test]
fn bad_files_get_a_clear_error_that_no_retry_mends() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let good = std::fs::read(make(&dir, "good.mp4", H264)).unwrap();
    let noise: Vec<u8> = (0..100_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let audio = make(&dir, "audio.ogg", "audiotestsrc num-buffers=100 ! vorbisenc ! oggmux ! filesink location=OUT");
    for (path, codes) in [
        (dir.path().join("missing.mp4"), &["not_found"][..]),
        (write("empty.mp4", b""), &["damaged", "no_video"]),
        (write("text.mp4", b"this is no video, it is text\n"), &["damaged", "no_video"]),
        (write("noise.mp4", &noise), &["damaged", "no_video"]),
        (write("head.mp4", &good[..64]), &["damaged", "no_video"]),
        (audio, &["no_video", "damaged"]),
        (dir.path().to_owned(), &["damaged", "not_found"]),
    ] {
        let story = play(&path);
        let (error, retry) = story.faults.first().unwrap_or_else(|| panic!("{}: no fault", path.display()));
        assert!(codes.contains(&error.code()), "{}: {} {error}", path.display(), error.code());
        assert_eq!(*retry, None, "{}", path.display());
        assert!(error.to_string().contains(path.file_name().unwrap().to_str().unwrap()), "{error}");
        assert!(story.frames.is_empty());
    }
}

#[test]
fn corrupt_and_truncated_files_give_what_is_good_and_end() {
    let dir = tempfile::tempdir().unwrap();
    let path = make(
        &dir,
        "a.ts",
        "videotestsrc num-buffers=100 pattern=snow ! video/x-raw,width=320,height=240 ! x264enc key-int-max=10 tune=zerolatency ! mpegtsmux ! filesink location=OUT",
    );
    let good = std::fs::read(&path).unwrap();
    let mut corrupt = good.clone();
    for (i, byte) in corrupt.iter_mut().enumerate() {
        if i > good.len() / 4 && i % 997 == 0 {
            *byte ^= 0x5a;
        }
    }
    for (name, bytes) in [("corrupt.ts", &corrupt[..]), ("half.ts", &good[..good.len() / 2])] {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let story = play(&path);
        assert!(story.ended || !story.faults.is_empty(), "{name}");
        assert!(story.frames.len() > 20, "{name}: {} frames", story.frames.len());
    }
}

#[test]
fn a_size_that_changes_mid_stream_is_a_new_epoch_and_no_frame_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let part = |i: usize, size: &str| {
        make(
            &dir,
            &format!("{i}.ts"),
            &format!(
                "videotestsrc num-buffers=25 ! video/x-raw,{size},framerate=25/1 ! x264enc tune=zerolatency ! mpegtsmux ! filesink location=OUT"
            ),
        )
    };
    let sizes = ["width=320,height=240", "width=640,height=360", "width=160,height=120", "width=320,height=240"];
    let joined: Vec<u8> =
        sizes.iter().enumerate().flat_map(|(i, size)| std::fs::read(part(i, size)).unwrap()).collect();
    let path = dir.path().join("changing.ts");
    std::fs::write(&path, joined).unwrap();
    let story = play(&path);
    assert!(story.ended, "{:?}", story.faults);
    assert!(story.connections.len() >= 4, "{:?}", story.connections);
    assert!(story.frames.len() >= 90, "{}", story.frames.len());
    for connection in &story.connections {
        let in_epoch = story.frames.iter().filter(|frame| frame.0 == connection.epoch);
        assert!(in_epoch.clone().all(|frame| (frame.2, frame.3) == (connection.width, connection.height)));
    }
}

#[test]
fn a_codec_that_changes_mid_stream_is_a_new_epoch_and_no_frame_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let part = |name: &str, coder: &str| {
        let line = format!(
            "videotestsrc num-buffers=25 ! video/x-raw,width=320,height=240,framerate=25/1,format=I420 ! {coder} ! mpegtsmux ! filesink location=OUT"
        );
        std::fs::read(make(&dir, name, &line)).unwrap()
    };
    let first = part("a.ts", "x264enc tune=zerolatency");
    let second = part("b.ts", "x265enc tune=zerolatency ! h265parse");
    let path = dir.path().join("codecs.ts");
    std::fs::write(&path, [&first[..], &second, &first].concat()).unwrap();
    let story = play(&path);
    assert!(story.ended, "{:?}", story.faults);
    let codecs: Vec<_> = story.connections.iter().filter_map(|c| c.codec.as_deref()).collect();
    assert_eq!(codecs, ["video/x-h264", "video/x-h265", "video/x-h264"]);
    for epoch in 0..3 {
        assert_eq!(story.frames.iter().filter(|frame| frame.0 == epoch).count(), 25, "epoch {epoch}");
    }
}

#[test]
fn an_mp4_that_is_cut_off_gives_what_there_is_and_says_so() {
    let line = H264.replace("num-buffers=50", "num-buffers=100").replace("mp4mux", "mp4mux faststart=true");
    let (dir, path) = made("whole.mp4", &line);
    let whole = std::fs::read(path).unwrap();
    let cut = dir.path().join("cut.mp4");
    std::fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    let story = play(&cut);
    assert!((10..90).contains(&story.frames.len()), "{}", story.frames.len());
    assert_eq!(story.faults[0].0.code(), "ended_early", "{}", story.faults[0].0);
    assert_eq!(story.faults[0].1, None);
}

#[test]
fn a_file_that_repeats_begins_a_new_epoch_and_goes_on_counting() {
    let (_dir, path) = made("loop.mp4", H264);
    let config = Config { repeat: true, ..file(&path.display().to_string()) };
    let mut source = Source::open(&config).unwrap();
    let story = pull(&mut source, |story| story.frames.len() >= 120);
    assert_eq!(story.connections.iter().map(|c| c.epoch).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(story.frames.iter().filter(|frame| frame.0 == 1).count(), 50);
    assert!(story.faults.is_empty());
}

#[test]
fn a_realtime_file_keeps_the_pace_and_counts_what_a_slow_reader_misses() {
    let (_dir, path) = made("pace.mp4", H264);
    let config = Config { realtime: true, ..file(&path.display().to_string()) };
    let mut source = Source::open(&config).unwrap();
    let (mut taken, mut arrived, mut overwritten) = (0, 0, 0);
    let began = Instant::now();
    loop {
        match source.next(WAIT) {
            Next::Frame(frame) => {
                taken += 1;
                // Busy for three frames' time, as a slow analysis is.
                let busy = Instant::now();
                while busy.elapsed() < Duration::from_millis(120) {
                    std::hint::black_box(frame.picture());
                }
            }
            Next::End => break,
            Next::Fault { error, .. } => panic!("{error}"),
            _ => {}
        }
        let counts = source.take_counts();
        (arrived, overwritten) = (arrived + counts.arrived, overwritten + counts.overwritten);
    }
    assert!(began.elapsed() > Duration::from_millis(1700), "50 frames at 25 a second: {:?}", began.elapsed());
    let counts = source.take_counts();
    (arrived, overwritten) = (arrived + counts.arrived, overwritten + counts.overwritten);
    assert_eq!(arrived, 50);
    assert!(overwritten > 10, "{overwritten}");
    assert!((49..=50).contains(&(taken + overwritten)), "{taken} + {overwritten}");
}

fn config(camera: &Camera, transport: Transport) -> Config {
    Config { id: "cam".into(), url: camera.url.clone(), transport, no_frames_secs: 2.0, ..Config::default() }
}

#[test]
fn an_rtsp_camera_is_read_over_tcp_and_udp() {
    let camera = Camera::start(free_port(), &[]);
    for transport in [Transport::Tcp, Transport::Udp, Transport::Auto] {
        let mut source = Source::open(&config(&camera, transport)).unwrap();
        let story = pull(&mut source, |story| story.frames.len() >= 25);
        assert!(story.faults.is_empty(), "{transport:?}: {:?}", story.faults);
        assert_eq!(story.connections[0].codec.as_deref(), Some("video/x-h264"));
    }
}

#[test]
fn pictures_sent_out_of_order_have_the_times_at_which_they_were_taken() {
    let coder = "x264enc bframes=3 b-adapt=false ! mp4mux ! filesink location=OUT";
    let (_dir, clip) = made(
        "b-frames.mp4",
        &format!("videotestsrc num-buffers=80 ! video/x-raw,width=320,height=240,framerate=10/1 ! {coder}"),
    );
    let camera = Camera::of(clip.to_str().unwrap(), free_port(), &[]);
    for transport in [Transport::Tcp, Transport::Udp] {
        let mut source = Source::open(&config(&camera, transport)).unwrap();
        let story = pull(&mut source, |story| story.frames.len() >= 20);
        let steps: Vec<f64> = story.frames.windows(2).map(|pair| (pair[1].1 - pair[0].1).as_secs_f64()).collect();
        // On a busy machine one is overwritten now and then.
        let true_times =
            steps.iter().all(|step| (step * 10.0).round() >= 1.0 && (step * 10.0 % 1.0 - 0.5).abs() > 0.47);
        assert!(true_times, "{transport:?}: {steps:?}");
    }
}

#[test]
fn a_camera_that_is_killed_and_comes_back_is_found_again() {
    let port = free_port();
    let camera = Camera::start(port, &[]);
    let mut source = Source::open(&config(&camera, Transport::Tcp)).unwrap();
    pull(&mut source, |story| story.frames.len() >= 10);
    drop(camera);
    let story = pull(&mut source, |story| story.faults.len() >= 2);
    for (error, retry) in &story.faults {
        assert!(error.retry() && retry.is_some(), "{error}");
    }
    let _camera = Camera::start(port, &[]);
    let story = pull(&mut source, |story| story.frames.len() >= 10);
    assert!(story.connections.iter().all(|connection| connection.epoch >= 1));
    assert!(story.frames.iter().all(|frame| frame.0 >= 1), "frames after the loss are of another epoch");
}

#[test]
fn a_wrong_password_is_told_apart_and_not_tried_again() {
    let camera = Camera::start(free_port(), &["bob", "right"]);
    let login = |password: &str| Config {
        user: "bob".into(),
        password: Secret::new(password),
        ..config(&camera, Transport::Tcp)
    };
    for config in [login("wrong-hunter2"), config(&camera, Transport::Tcp)] {
        let story = pull(&mut Source::open(&config).unwrap(), |_| false);
        let (error, retry) = &story.faults[0];
        assert_eq!((error.code(), *retry), ("unauthorised", None), "{error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    let story = pull(&mut Source::open(&login("right")).unwrap(), |story| story.frames.len() >= 10);
    assert!(story.faults.is_empty(), "{:?}", story.faults);
    let url = camera.url.replace("rtsp://", "rtsp://bob:right@");
    let in_url = Config { url, ..config(&camera, Transport::Tcp) };
    let story = pull(&mut Source::open(&in_url).unwrap(), |story| story.frames.len() >= 10);
    assert!(story.faults.is_empty(), "{:?}", story.faults);
}

#[test]
fn nobody_there_is_unreachable_and_tried_again() {
    let port = free_port();
    for scheme in ["rtsp", "http", "srt"] {
        let url = format!("{scheme}://127.0.0.1:{port}/x.mp4");
        let config = Config { id: "t".into(), url: url.clone(), ..Config::default() };
        let story = pull(&mut Source::open(&config).unwrap(), |story| !story.faults.is_empty());
        let (error, retry) = &story.faults[0];
        assert_eq!(error.code(), "unreachable", "{url}: {error}");
        assert!(retry.is_some_and(|rest| rest <= Duration::from_millis(1200)), "{retry:?}");
    }
}

/// Serves every connection with `answer` on a thread that ends with the test's process.
fn serve(answer: impl Fn(std::net::TcpStream) + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || listener.incoming().flatten().for_each(answer));
    port
}

#[test]
fn a_server_that_accepts_and_says_nothing_is_a_fault_and_never_blocks() {
    let port = serve(|mut stream| {
        std::thread::spawn(move || {
            let mut asked = Vec::new();
            let _ = stream.read_to_end(&mut asked);
        });
    });
    let url = format!("rtsp://127.0.0.1:{port}/x");
    let config = Config { id: "t".into(), url, no_frames_secs: 1.0, ..Config::default() };
    // `pull` checks that no call blocks.
    let story = pull(&mut Source::open(&config).unwrap(), |story| !story.faults.is_empty());
    assert!(["no_frames", "unreachable"].contains(&story.faults[0].0.code()), "{}", story.faults[0].0);
    assert!(story.faults[0].1.is_some());
}

#[test]
fn a_server_that_sends_garbage_is_damaged_and_tried_again() {
    let port = serve(|mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        let noise: Vec<u8> = (0..200_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 11) as u8).collect();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", noise.len());
        let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&noise));
    });
    let config = Config { id: "t".into(), url: format!("http://127.0.0.1:{port}/live"), ..Config::default() };
    let story = pull(&mut Source::open(&config).unwrap(), |story| !story.faults.is_empty());
    assert!(["damaged", "no_video"].contains(&story.faults[0].0.code()), "{}", story.faults[0].0);
    assert!(story.faults[0].1.is_some());
}

#[test]
fn an_http_file_is_played_and_a_missing_one_is_not_found() {
    let (_dir, path) = made("web.mp4", H264);
    let bytes = std::fs::read(path).unwrap();
    let port = serve(move |mut stream| {
        let mut asked = [0; 4096];
        let n = stream.read(&mut asked).unwrap_or_default();
        let found = String::from_utf8_lossy(&asked[..n]).starts_with("GET /web.mp4");
        let (status, body) = if found { ("200 OK", &bytes[..]) } else { ("404 Not Found", &b"no"[..]) };
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
        let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
    });
    let at = |path: &str| Config { url: format!("http://127.0.0.1:{port}{path}"), ..file("") };
    let story = pull(&mut Source::open(&at("/web.mp4")).unwrap(), |_| false);
    assert_eq!((story.frames.len(), story.ended), (50, true), "{:?}", story.faults);
    let story = pull(&mut Source::open(&at("/other.mp4")).unwrap(), |story| !story.faults.is_empty());
    assert_eq!(story.faults[0].0.code(), "not_found", "{}", story.faults[0].0);
}

#[test]
fn hls_and_its_segments_are_fetched_with_the_password_and_without_it_refused() {
    let dir = tempfile::tempdir().unwrap();
    let line = "videotestsrc num-buffers=50 ! video/x-raw,width=320,height=240,framerate=25/1 ! x264enc key-int-max=25 tune=zerolatency ! mpegtsmux ! filesink location=OUT";
    make(&dir, "0.ts", line);
    let list = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXTINF:2.0,\n0.ts\n#EXT-X-ENDLIST\n";
    std::fs::write(dir.path().join("live.m3u8"), list).unwrap();
    let folder = dir.path().to_owned();
    let port = serve(move |mut stream| {
        let mut asked = [0; 4096];
        let n = stream.read(&mut asked).unwrap_or_default();
        let asked = String::from_utf8_lossy(&asked[..n]).into_owned();
        let path = asked.split_whitespace().nth(1).unwrap_or_default().trim_start_matches('/').to_owned();
        // "bob:right" in base 64.
        let known = asked.to_ascii_lowercase().contains("authorization: basic") && asked.contains("Ym9iOnJpZ2h0");
        let (status, body) = match std::fs::read(folder.join(&path)) {
            _ if !known => ("401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"t\"", Vec::new()),
            Ok(body) => ("200 OK", body),
            Err(_) => ("404 Not Found", Vec::new()),
        };
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
        let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
    });
    let login = |password: &str| Config {
        user: "bob".into(),
        password: Secret::new(password),
        ..file(&format!("http://127.0.0.1:{port}/live.m3u8"))
    };
    let story = pull(&mut Source::open(&login("right")).unwrap(), |_| false);
    assert_eq!((story.frames.len(), story.ended), (50, true), "{:?}", story.faults);
    let story = pull(&mut Source::open(&login("wrong-hunter2")).unwrap(), |_| false);
    let (error, retry) = &story.faults[0];
    assert_eq!((error.code(), *retry), ("unauthorised", None), "{error}");
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[test]
fn an_srt_sender_is_read_and_found_again() {
    let port = free_port();
    let send = || {
        let line = format!(
            "videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=25/1 ! x264enc tune=zerolatency key-int-max=10 ! mpegtsmux ! srtsink uri=srt://127.0.0.1:{port}?mode=listener"
        );
        Command::new("gst-launch-1.0").arg("-q").args(line.split_whitespace()).spawn().unwrap()
    };
    let stop = |mut sender: std::process::Child| {
        let _ = sender.kill();
        let _ = sender.wait();
    };
    let config = Config { id: "t".into(), url: format!("srt://127.0.0.1:{port}"), ..Config::default() };
    let mut source = Source::open(&config).unwrap();
    let sender = send();
    pull(&mut source, |story| story.frames.len() >= 10);
    stop(sender);
    let story = pull(&mut source, |story| !story.faults.is_empty());
    assert!(story.faults[0].1.is_some(), "{}", story.faults[0].0);
    let sender = send();
    let story = pull(&mut source, |story| story.frames.len() >= 10);
    stop(sender);
    assert!(story.frames.iter().all(|frame| frame.0 >= 1));
}

#[test]
fn devices_that_are_not_there_are_said_so() {
    let webcam = Config { id: "t".into(), url: "/dev/video97".into(), ..Config::default() };
    let story = pull(&mut Source::open(&webcam).unwrap(), |story| !story.faults.is_empty());
    assert_eq!(story.faults[0].0.code(), "not_found", "{}", story.faults[0].0);
    assert!(matches!(Source::open(&file("gopher://x")), Err(Error::Settings { .. })));
}

fn x_server(arguments: &[&str]) -> (Child, String) {
    let mut server = Command::new("Xvfb")
        .args(arguments)
        .args(["-displayfd", "1", "-screen", "0", "640x480x24", "-nolisten", "tcp"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("Xvfb is installed by set-up");
    let mut number = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut number).unwrap();
    (server, number.trim().to_owned())
}

fn screen(number: &str) -> Config {
    Config { id: "t".into(), url: format!("screen::{number}"), ..Config::default() }
}

#[test]
fn the_screen_is_read_from_a_real_x_server() {
    let (mut server, number) = x_server(&["-terminate"]);
    let story = pull(&mut Source::open(&screen(&number)).unwrap(), |story| story.frames.len() >= 5);
    // It ends with its last client: the source is closed, or this waits for ever.
    assert!(server.wait().unwrap().success());
    assert_eq!((story.frames[0].2, story.frames[0].3), (640, 480));
    assert_eq!(story.connections[0].decoder, None, "a screen sends raw pictures");
}

#[test]
fn an_x_server_that_dies_costs_its_own_stream_only() {
    let (mut server, number) = x_server(&[]);
    let mut source = Source::open(&screen(&number)).unwrap();
    pull(&mut source, |story| story.frames.len() >= 2);
    server.kill().unwrap();
    server.wait().unwrap();
    let story = pull(&mut source, |story| !story.faults.is_empty());
    let (error, retry_in) = &story.faults[0];
    assert!(["unreachable", "ended"].contains(&error.code()), "{error}");
    assert!(retry_in.is_some(), "{error}");
    // The same display again: the stream comes back by itself.
    let (mut server, _) = x_server(&[&format!(":{number}")]);
    pull(&mut source, |story| story.frames.len() >= 2);
    drop(source);
    server.kill().unwrap();
    server.wait().unwrap();
}

#[test]
fn a_display_that_is_not_there_is_said() {
    let story = pull(&mut Source::open(&screen("9876")).unwrap(), |story| !story.faults.is_empty());
    let error = &story.faults[0].0;
    assert_eq!(error.code(), "unreachable", "{error}");
    assert!(error.to_string().contains("display"), "{error}");
}

#[test]
fn fifty_reconnects_leave_nothing_open() {
    let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let line = "videotestsrc num-buffers=3 ! video/x-raw,width=64,height=64 ! x264enc ! mp4mux ! filesink location=OUT";
    let (_dir, path) = made("short.mp4", line);
    let address = path.display().to_string();
    let mine = || {
        let links = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
        links.filter(|fd| std::fs::read_link(fd.path()).is_ok_and(|target| target == path)).count()
    };
    // Each round of a repeated file is a pipeline of its own.
    let mut source = Source::open(&Config { repeat: true, ..file(&address) }).unwrap();
    let story = pull(&mut source, |story| story.connections.len() > 50);
    assert!(story.frames.len() >= 150 && story.faults.is_empty(), "{} {:?}", story.frames.len(), story.faults);
    drop(source);
    let began = Instant::now();
    // Pipelines are closed aside, a moment later.
    while mine() > 0 {
        assert!(began.elapsed() < PATIENCE, "{} of {} descriptors are of closed pipelines", mine(), open());
        std::thread::sleep(Duration::from_millis(20));
    }
}
