//! The dashboard's files, built by npm into dashboard/dist and embedded here. In: a path that nothing else serves. Out:
//! the file, or the page itself for the addresses it knows, or a word on how to build it.

use axum::body::Body;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

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
        return send(path, file, &headers);
    }
    // The page has addresses of its own, which look like no file.
    if path.rsplit('/').next().is_some_and(|name| name.contains('.')) {
        return Problem::not_found().into_response();
    }
    match Files::get("index.html") {
        Some(page) => send("index.html", page, &headers),
        None => (StatusCode::SERVICE_UNAVAILABLE, Html(NOT_BUILT)).into_response(),
    }
}

fn send(path: &str, file: EmbeddedFile, headers: &HeaderMap) -> Response {
    // Names under assets/ hold a hash of their content; the others are asked for anew each time.
    let caching = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let hash = file.metadata.sha256_hash();
    let tag = format!("\"{}\"", hash[..16].iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let head = [(header::CONTENT_TYPE, mime(path)), (header::CACHE_CONTROL, caching.to_owned()), (header::ETAG, tag)];
    match known {
        true => (StatusCode::NOT_MODIFIED, head).into_response(),
        false => (head, Body::from(file.data)).into_response(),
    }
}

fn mime(path: &str) -> String {
    let mime = mime_guess::from_path(path).first_or_octet_stream();
    if mime.type_() == "text" { format!("{mime}; charset=utf-8") } else { mime.to_string() }
}
