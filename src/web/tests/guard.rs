//! Who comes in and who does not.

use super::*;

#[test]
fn with_a_token_only_its_bearer_comes_in() {
    let site = Site::with_token();
    let bearer = format!("Bearer {TOKEN}");
    for path in ["/api/status", "/api/v1/status", "/api/streams", "/api/nothing", "/metrics", "/ws"] {
        let answer = site.get(path, &[]);
        assert_eq!(answer.refused(), (401, "unauthorised".into(), None), "{path}");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    assert_eq!(site.delete("/api/streams/a").status, 401);
    assert_eq!(site.get("/api/status", &[("authorization", "Bearer wrong-horse-battery")]).status, 401);
    assert_eq!(site.get("/api/status", &[("authorization", &bearer)]).status, 200);
    assert_eq!(site.get("/metrics", &[("authorization", &bearer)]).status, 200);
    for open in ["/healthz", "/readyz"] {
        assert_eq!(site.get(open, &[]).status, 200, "{open}");
    }
    assert_ne!(site.get("/", &[]).status, 401);
}

#[test]
fn a_browser_logs_in_once_and_its_cookie_comes_in() {
    let site = Site::with_token();
    let refused = site.post_json("/api/login", r#"{"token": "wrong-horse-battery"}"#);
    assert_eq!(refused.refused(), (401, "unauthorised".into(), None));
    let answer = site.post_json("/api/login", &format!(r#"{{"token": "{TOKEN}"}}"#));
    assert_eq!(answer.status, 204);
    let cookie = answer.header("set-cookie");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap();
    assert!(!cookie.contains(TOKEN));
    assert_eq!(site.get("/api/status", &[("cookie", &format!("other=1; {cookie}"))]).status, 200);

    let outdated = site.get("/api/status", &[("cookie", "truevision_session=0123456789abcdef")]);
    assert_eq!(outdated.status, 401);
    assert!(outdated.header("set-cookie").contains("Max-Age=0"));
    assert!(site.post("/api/logout", &[], "").header("set-cookie").contains("Max-Age=0"));
}

#[test]
fn without_a_token_a_login_is_welcome_and_needless() {
    let answer = Site::open().post_json("/api/login", r#"{"token": "any"}"#);
    assert_eq!((answer.status, answer.header("set-cookie")), (204, ""));
}

#[test]
fn too_many_wrong_tokens_must_wait() {
    let site = Site::with_token();
    for _ in 0..10 {
        assert_eq!(site.get("/api/status", &[("authorization", "Bearer wrong")]).status, 401);
    }
    let right = site.get("/api/status", &[("authorization", &format!("Bearer {TOKEN}"))]);
    assert_eq!(right.refused(), (429, "too_many_attempts".into(), None));
}

#[test]
fn another_sites_page_can_change_nothing_and_hear_nothing() {
    let site = Site::open();
    let own = format!("http://{}", site.address);
    for origin in ["http://evil.example", "null", "https://localhost"] {
        let answer = site.post("/api/streams/a/restart", &[("origin", origin)], "");
        assert_eq!(answer.refused(), (403, "forbidden".into(), None), "{origin}");
        assert_eq!(site.get("/ws", &[("origin", origin)]).status, 403, "{origin}");
    }
    let answer = site.post("/api/streams/a/restart", &[("sec-fetch-site", "cross-site")], "");
    assert_eq!(answer.status, 403);
    assert_eq!(site.post("/api/streams/a/restart", &[("origin", &own)], "").status, 404);
}

#[test]
fn a_foreign_name_for_this_machine_is_refused() {
    let site = Site::open();
    for path in ["/", "/api/streams", "/metrics", "/healthz"] {
        let answer = site.get(path, &[("host", "evil.example")]);
        assert_eq!(answer.refused(), (403, "forbidden".into(), None), "{path}");
    }
    assert_eq!(site.get("/api/streams", &[("host", "localhost:1234")]).status, 200);
}
