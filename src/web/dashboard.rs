//! The dashboard's files, built by npm into dashboard/dist and embedded here. In: a path that nothing else serves. Out:
//! the file, or the page itself for the addresses it knows, or a word on how to build it.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use rust_embed::RustEmbed;

use super::problem::Problem;

#[derive(RustEmbed)]
#[folder = "dashboard/dist"]
#[allow_missing = true]
struct Files;

const NOT_BUILT: &str = "<!doctype html><title>TrueVision</title><h1>TrueVision runs</h1>\
    <p>The dashboard is not built into this program: <code>make</code> builds both. \
    The API is at <a href=\"/api/streams\">/api/streams</a>.</p>";

/// Serves what no route does.
pub async fn serve(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if !matches!(method, Method::GET | Method::HEAD) {
        return Problem::method_not_allowed().into_response();
    }
    let path = uri.path().trim_start_matches('/');
    if let Some(file) = Files::get(path) {
        return send(path, file.data, file.metadata.sha256_hash(), &headers);
    }
    // The page has addresses of its own, which look like no file.
    if path.rsplit('/').next().is_some_and(|name| name.contains('.')) {
        return Problem::not_found().into_response();
    }
    match Files::get("index.html") {
        Some(page) => send("index.html", page.data, page.metadata.sha256_hash(), &headers),
        None => (StatusCode::SERVICE_UNAVAILABLE, Html(NOT_BUILT)).into_response(),
    }
}

fn send(path: &str, data: Cow<'static, [u8]>, hash: [u8; 32], headers: &HeaderMap) -> Response {
    // Names under assets/ hold a hash of their content; the others are asked for anew each time.
    let caching = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let tag = format!("\"{}\"", hash[..16].iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let head = [(header::CONTENT_TYPE, mime(path)), (header::CACHE_CONTROL, caching.to_owned()), (header::ETAG, tag)];
    match known {
        true => (StatusCode::NOT_MODIFIED, head).into_response(),
        false => (head, Body::from(data)).into_response(),
    }
}

fn mime(path: &str) -> String {
    let mime = mime_guess::from_path(path).first_or_octet_stream();
    if mime.type_() == "text" { format!("{mime}; charset=utf-8") } else { mime.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(path: &str, known: Option<&str>) -> (StatusCode, [String; 3]) {
        let headers = HeaderMap::from_iter(known.map(|tag| (header::IF_NONE_MATCH, tag.parse().unwrap())));
        let response = send(path, Cow::Borrowed(b"content"), [0xab; 32], &headers);
        let header = |name| response.headers()[name].to_str().unwrap().to_owned();
        (response.status(), [header(header::CONTENT_TYPE), header(header::CACHE_CONTROL), header(header::ETAG)])
    }

    #[test]
    fn what_is_named_by_its_content_is_kept_and_the_rest_is_asked_for_anew() {
        let (status, [kind, caching, tag]) = sent("assets/index-CvzlGikF.js", None);
        assert_eq!((status, kind.as_str()), (StatusCode::OK, "text/javascript; charset=utf-8"));
        assert!(caching.contains("immutable"));
        let (status, [kind, caching, _]) = sent("index.html", Some(&tag));
        assert_eq!((status, kind.as_str()), (StatusCode::NOT_MODIFIED, "text/html; charset=utf-8"));
        assert_eq!(caching, "no-cache");
        assert_eq!(sent("index.html", Some("\"another\"")).0, StatusCode::OK);
        assert_eq!(sent("favicon.svg", None).1[0], "image/svg+xml");
        assert_eq!(sent("font.woff2", None).1[0], "font/woff2");
    }
}
