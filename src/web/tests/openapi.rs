//! The document against the router: neither knows a route that the other does not.

use std::collections::BTreeSet;

use tokio::sync::{Semaphore, watch};

use super::*;
use crate::web::door::{self, Shared};
use crate::web::guard::Guard;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

fn document(site: &Site) -> Value {
    let answer = site.get("/api/v1/openapi.json", &[]);
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

fn paths(document: &Value) -> BTreeSet<String> {
    document["paths"].as_object().unwrap().keys().cloned().collect()
}

/// What axum prints of a router names every path it was given.
fn routed(site: &Site) -> BTreeSet<String> {
    let (guard, clients, (_, closing)) = (Guard::new(None, true), Arc::new(Semaphore::new(1)), watch::channel(false));
    let shared = Shared { behind: site.behind(), guard, patience: PATIENCE, clients, closing };
    let printed = format!("{:?}", door::routes(Arc::new(shared)));
    let quoted = printed.split('"').skip(1).step_by(2);
    quoted.filter(|text| text.starts_with("/api/") && !text.contains("{*")).map(str::to_owned).collect()
}

#[test]
fn every_route_is_in_the_document_and_stands_at_both_places() {
    let site = Site::open();
    let documented = paths(&document(&site));
    assert!(documented.contains("/api/v1/streams/{id}"), "{documented:?}");
    let short = documented.iter().map(|path| path.replace("/api/v1", "/api"));
    let both: BTreeSet<String> = documented.iter().cloned().chain(short).collect();
    assert_eq!(routed(&site), both);
}

#[test]
fn every_path_takes_the_methods_of_the_document_and_no_other() {
    let site = Site::open();
    let document = document(&site);
    for path in paths(&document) {
        let url = site.url(&path.replace(['{', '}'], ""));
        for method in METHODS {
            let request = ureq::http::Request::builder().method(method.to_uppercase().as_str()).uri(&url);
            let answer = Answer::of(agent().run(request.body(()).unwrap()));
            let taken = document["paths"][&path].get(method).is_some();
            assert_eq!(answer.status != 405, taken, "{method} {path}: {}", answer.body);
        }
    }
}

#[test]
fn every_refusal_is_documented_as_the_one_error_body() {
    let site = Site::open();
    let document = document(&site);
    let keys: Vec<&String> =
        document["components"]["schemas"]["Error"]["properties"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["code", "field", "message"]);
    for path in paths(&document) {
        for (method, operation) in document["paths"][&path].as_object().unwrap() {
            let refused = &operation["responses"]["default"]["content"]["application/json"]["schema"]["$ref"];
            assert_eq!(*refused, "#/components/schemas/Error", "{method} {path}");
            let answers = operation["responses"].as_object().unwrap().keys();
            assert!(answers.filter(|status| status.starts_with('2')).count() > 0, "{method} {path} has no answer");
        }
    }
}

/// What a path names is in the path, and everything else behind the question mark.
#[test]
fn every_parameter_is_said_to_be_where_it_is() {
    let document = document(&Site::open());
    let mut seen = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let name = parameter["name"].as_str().unwrap();
                let place = if path.contains(&format!("{{{name}}}")) { "path" } else { "query" };
                assert_eq!(parameter["in"], place, "{method} {path}: {name}");
                seen.insert(format!("{path} {name}"));
            }
        }
    }
    for paged in ["events", "analyses", "alerts", "deliveries"] {
        let both = ["limit", "cursor"].map(|name| format!("/api/v1/{paged} {name}"));
        assert!(both.iter().all(|one| seen.contains(one)), "{paged}: {seen:?}");
    }
}

/// A reference that leads nowhere would break every reader of the document.
#[test]
fn every_reference_of_the_document_leads_somewhere() {
    fn follow(value: &Value, document: &Value) {
        match value {
            Value::Object(map) => {
                if let Some(Value::String(to)) = map.get("$ref") {
                    assert!(document.pointer(&to[1..]).is_some(), "{to} leads nowhere");
                }
                map.values().for_each(|value| follow(value, document));
            }
            Value::Array(list) => list.iter().for_each(|value| follow(value, document)),
            _ => {}
        }
    }
    let document = document(&Site::open());
    follow(&document, &document);
}
