//! Uploads as the door sees them; the models of these tests are not there, so every file that is taken fails.

use std::io::Write;
use std::net::TcpStream;

use serde_json::json;

use super::*;

const PNG: &[u8] = b"\x89PNG\r\n\x1A\n.............................................................";

#[test]
fn a_file_that_breaks_off_leaves_nothing_and_is_counted() {
    let site = Site::open();
    let mut socket = TcpStream::connect(site.address).unwrap();
    write!(socket, "POST /api/v1/analyses?name=a.png HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5000\r\n\r\n")
        .unwrap();
    socket.write_all(PNG).unwrap();
    drop(socket);
    let began = Instant::now();
    while site.metrics.analyses_refused.with_label_values(&["broken_off"]).get() == 0 {
        assert!(began.elapsed() < PATIENCE, "waited for the loss");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(site.get("/api/v1/analyses", &[]).json(), json!({ "analyses": [], "next": null }));
}

#[test]
fn what_is_wrong_with_a_request_is_named() {
    let site = Site::open();
    for (path, code, field) in [
        ("/api/v1/analyses?limit=0", "invalid", Some("limit")),
        ("/api/v1/analyses?limit=201", "invalid", Some("limit")),
        ("/api/v1/analyses?limit=many", "invalid", Some("limit")),
        ("/api/v1/analyses/nothing", "not_found", None),
        ("/api/v1/analyses/..%2F..%2Fetc/pictures/0", "not_found", None),
        ("/api/v1/analyses/nothing/pictures/minus", "invalid", Some("n")),
    ] {
        let refused = site.get(path, &[]).refused();
        assert_eq!((refused.1.as_str(), refused.2.as_deref()), (code, field), "{path}");
    }
    let refused = site.post("/api/v1/analyses?colour=red", &[], "x").refused();
    assert_eq!((refused.0, refused.2), (400, Some("name".into())));
}

#[test]
fn a_model_that_cannot_be_loaded_fails_the_file_and_nothing_else() {
    let site = Site::open();
    let answer = Answer::of(agent().post(site.url("/api/v1/analyses?name=a.png")).send(PNG));
    assert_eq!(answer.status, 201, "{}", answer.body);
    let path = format!("/api/v1/analyses/{}", answer.json()["id"].as_str().unwrap());
    let began = Instant::now();
    let failed = loop {
        let told = site.get(&path, &[]).json();
        if told["state"] == "failed" {
            break told;
        }
        assert!(began.elapsed() < PATIENCE, "{told}");
        std::thread::sleep(Duration::from_millis(5));
    };
    assert_eq!((&failed["error"]["code"], &failed["result"]), (&json!("detector"), &Value::Null), "{failed}");
    assert_eq!(site.delete(&path).status, 204);
    assert_eq!(site.delete(&path).refused(), (404, "not_found".into(), None));
}
