//! The page's files and the headers that keep it safe.

use super::*;

#[test]
fn the_page_comes_for_its_own_addresses_and_files_only_if_they_exist() {
    let site = Site::open();
    // With the dashboard built it is the page, without it says how to build it.
    for path in ["/", "/streams/lobby"] {
        let answer = site.get(path, &[]);
        assert!(answer.header("content-type").starts_with("text/html"), "{path}");
        assert!(answer.body.contains("TrueVision"), "{path}: {}", answer.body);
    }
    assert_eq!(site.get("/assets/no-such-file.js", &[]).refused(), (404, "not_found".into(), None));
    assert_eq!(site.get("/..%2fCargo.toml", &[]).status, 404);
    assert_eq!(site.delete("/").refused(), (405, "method_not_allowed".into(), None));
}

#[test]
fn every_answer_carries_the_page_policy_and_data_is_not_kept() {
    let site = Site::open();
    for path in ["/", "/api/streams", "/api/nothing", "/healthz"] {
        let answer = site.get(path, &[]);
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && policy.contains("img-src 'self' blob: data:"), "{policy}");
        assert!(!policy.contains("inline") && !policy.contains("eval"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
    assert_eq!(site.get("/api/streams", &[]).header("cache-control"), "no-store");
}

#[test]
fn metrics_are_prometheus_text() {
    let site = Site::open();
    let answer = site.get("/metrics", &[]);
    assert!(answer.header("content-type").starts_with("text/plain; version=0.0.4"));
    assert!(answer.body.contains("truevision_websocket_clients 0"), "{}", answer.body);
}
