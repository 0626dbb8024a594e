//! The WebSocket: snapshot and sequence, resuming, slow clients, pictures.

use std::net::TcpStream;

use serde_json::json;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Message, WebSocket, client};

use super::*;
pub use crate::web::ws::PATIENCE;

struct Client {
    socket: WebSocket<TcpStream>,
}

impl Client {
    fn join(site: &Site, query: &str) -> Self {
        Self::over(TcpStream::connect(site.address).unwrap(), site, query)
    }

    fn over(stream: TcpStream, site: &Site, query: &str) -> Self {
        stream.set_read_timeout(Some(super::PATIENCE)).unwrap();
        let (socket, _) = client(format!("ws://{}/ws{query}", site.address), stream).unwrap();
        Self { socket }
    }

    /// A client whose system keeps only a few unread KB for it.
    fn join_small(site: &Site) -> Self {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let stream = site.runtime.block_on(socket.connect(site.address)).unwrap().into_std().unwrap();
        stream.set_nonblocking(false).unwrap();
        Self::over(stream, site, "")
    }

    fn message(&mut self) -> Message {
        loop {
            match self.socket.read().unwrap() {
                Message::Ping(_) | Message::Pong(_) => {}
                message => return message,
            }
        }
    }

    /// The next event that is no heartbeat.
    fn event(&mut self) -> Value {
        loop {
            if let Message::Text(text) = self.message() {
                let event: Value = serde_json::from_str(&text).unwrap();
                if event["type"] != "heartbeat" {
                    return event;
                }
            }
        }
    }

    fn picture(&mut self) -> (Value, Vec<u8>) {
        loop {
            if let Message::Binary(bytes) = self.message() {
                let (length, rest) = bytes.split_at(4);
                let (header, jpeg) = rest.split_at(u32::from_le_bytes(length.try_into().unwrap()) as usize);
                return (serde_json::from_slice(header).unwrap(), jpeg.to_vec());
            }
        }
    }

    fn say(&mut self, text: &str) {
        self.socket.send(Message::text(text)).unwrap();
    }

    fn closed(&mut self) -> CloseFrame {
        loop {
            if let Message::Close(frame) = self.message() {
                return frame.unwrap();
            }
        }
    }
}

fn wait_for(what: &str, mut ready: impl FnMut() -> bool) {
    let began = Instant::now();
    while !ready() {
        assert!(began.elapsed() < super::PATIENCE, "waited for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_snapshot_comes_first_and_then_every_event_in_sequence() {
    let site = Site::open();
    site.added("a", "A");
    let mut client = Client::join(&site, "");
    let snapshot = client.event();
    assert_eq!((&snapshot["type"], &snapshot["v"], &snapshot["seq"]), (&json!("snapshot"), &json!(1), &json!(1)));
    assert_eq!(snapshot["streams"][0]["id"], "a");
    assert_eq!(snapshot["server"]["model"]["trial"], true);
    (0..5).for_each(|number| site.judged("a", number, None));
    assert!(site.board.post(Report::Removed { stream: "a".into() }));
    let mut frames = Vec::new();
    for seq in 2.. {
        let event = client.event();
        assert_eq!(event["seq"], seq);
        match event["type"].as_str().unwrap() {
            "verdict" => frames.push(event["frame"].as_u64().unwrap()),
            "removed" => break,
            // Figures may come in between.
            kind => assert_eq!(kind, "stream"),
        }
    }
    assert_eq!(frames, [0, 1, 2, 3, 4]);
}

#[test]
fn a_heartbeat_tells_the_newest_sequence_number() {
    let site = Site::open();
    site.added("a", "A");
    let mut client = Client::join(&site, "");
    let beat = loop {
        let Message::Text(text) = client.message() else { continue };
        let event: Value = serde_json::from_str(&text).unwrap();
        if event["type"] == "heartbeat" {
            break event;
        }
    };
    assert_eq!(beat["seq"], 1);
}

#[test]
fn a_client_that_comes_back_gets_what_it_missed_and_nothing_else() {
    let site = Site::open();
    let mut client = Client::join(&site, "");
    let boot = client.event()["boot"].as_str().unwrap().to_owned();
    drop(client);
    for id in ["a", "b", "c"] {
        site.added(id, id);
    }
    let mut client = Client::join(&site, &format!("?boot={boot}&seq=1"));
    for seq in [2, 3] {
        let event = client.event();
        assert_eq!((&event["type"], &event["seq"]), (&json!("stream"), &json!(seq)));
    }
    for strange in ["?boot=0000000000000000&seq=1".to_owned(), format!("?boot={boot}&seq=99"), format!("?boot={boot}")]
    {
        assert_eq!(Client::join(&site, &strange).event()["type"], "snapshot", "{strange}");
    }
}

#[test]
fn a_client_that_stops_reading_gets_a_fresh_snapshot_and_costs_the_others_nothing() {
    let site = Site::open();
    let (mut slow, mut quick) = (Client::join_small(&site), Client::join(&site, ""));
    assert_eq!((slow.event()["seq"].clone(), quick.event()["seq"].clone()), (json!(0), json!(0)));
    // 20 MB: more than all buffers between the two hold. Fed at the quick one's pace.
    let (name, seq) = ("x".repeat(100_000), 200);
    for number in 1..=seq {
        site.added("a", &name);
        assert_eq!(quick.event()["seq"], number);
    }
    let mut seen = 0;
    let snapshot = loop {
        let event = slow.event();
        if event["type"] == "snapshot" {
            break event;
        }
        seen += 1;
        assert_eq!(event["seq"], seen, "no hole before the snapshot");
    };
    assert_eq!(snapshot["seq"], seq);
    assert!(seen < seq);
    assert_eq!(site.metrics.websocket_resyncs.get(), 1);
    site.added("b", "B");
    assert_eq!(slow.event()["seq"], seq + 1);
}

#[test]
fn a_client_that_takes_nothing_is_let_go() {
    let site = Site::with(Config::default(), Duration::from_millis(300));
    let client = Client::join_small(&site);
    wait_for("the client to be counted", || site.metrics.websocket_clients.get() == 1);
    let name = "x".repeat(100_000);
    wait_for("the client to be gone", || {
        site.added("a", &name);
        site.metrics.websocket_clients.get() == 0
    });
    drop(client);
}

#[test]
fn who_watches_gets_the_picture_behind_its_own_verdict() {
    let site = Site::open();
    site.added("a", "A");
    let mut client = Client::join(&site, "");
    client.event();
    site.judged("a", 0, Some(b"not watched"));
    assert_eq!(client.event()["type"], "verdict");
    client.say(r#"{"type": "watch", "streams": ["a", "not there yet"]}"#);
    wait_for("the wish to arrive", || site.board.watched(&"a".into()));
    site.judged("a", 1, Some(b"jpeg"));
    let (header, jpeg) = client.picture();
    assert_eq!((&header["id"], &header["frame"], jpeg.as_slice()), (&json!("a"), &json!(1), b"jpeg".as_slice()));
    assert_eq!(header.get("seq"), None);
    client.say(r#"{"type": "watch", "streams": []}"#);
    wait_for("the wish to end", || !site.board.watched(&"a".into()));
    client.say(r#"{"type": "watch", "streams": ["a"]}"#);
    wait_for("the wish to arrive", || site.board.watched(&"a".into()));
    drop(client);
    wait_for("the client's wishes to go with it", || !site.board.watched(&"a".into()));
}

#[test]
fn what_is_no_request_closes_the_socket_with_a_reason() {
    let site = Site::open();
    let many = json!({ "type": "watch", "streams": vec!["a"; 257] }).to_string();
    for said in ["hello", "{}", r#"{"type": "watch"}"#, r#"{"type": "shout", "streams": []}"#, &many] {
        let mut client = Client::join(&site, "");
        client.say(said);
        let frame = client.closed();
        assert_eq!(u16::from(frame.code), 1008, "{said}");
        assert!(!frame.reason.is_empty());
    }
    let mut client = Client::join(&site, "");
    client.socket.send(Message::binary(vec![0])).unwrap();
    assert_eq!(u16::from(client.closed().code), 1008);
}

#[test]
fn a_closing_door_says_goodbye() {
    let mut site = Site::open();
    let mut client = Client::join(&site, "");
    client.event();
    let listening = std::thread::spawn(move || u16::from(client.closed().code));
    site.close();
    assert_eq!(listening.join().unwrap(), 1001);
}
