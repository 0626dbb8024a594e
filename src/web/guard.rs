//! Who may come in: the token and its cookie, the `Host` and the `Origin`. In: a request's headers. Out: yes, or the
//! problem. Rules in docs/api.md. Used by `door` as middleware and by `api` for login.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::door::Shared;
use super::problem::Problem;
use crate::secret::Secret;

const COOKIE: &str = "truevision_session";
/// Wrong tokens an address may give within [`WITHIN`].
const WRONG: u32 = 10;
const WITHIN: Duration = Duration::from_secs(60);
/// Addresses whose wrong tokens are counted at a time; while there are more, a wrong token of a further one is refused
/// like one too many.
const ADDRESSES: usize = 1024;

/// The door's keeper.
pub struct Guard {
    token: Option<Token>,
    /// The door listens on this machine only.
    loopback: bool,
    wrong: Mutex<HashMap<IpAddr, (Instant, u32)>>,
}

struct Token {
    token: Secret,
    /// What the cookie holds: a hash, so that the token itself is in no browser's store.
    session: Secret,
}

impl Guard {
    pub fn new(token: Option<Secret>, loopback: bool) -> Self {
        let token = token.map(|token| {
            let hash = Sha256::digest(format!("truevision session {}", token.expose()));
            let session = hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
            Token { token, session: Secret::new(session) }
        });
        Self { token, loopback, wrong: Mutex::default() }
    }

    /// Looks for the token in the headers of a request from `peer`.
    fn admit(&self, peer: IpAddr, headers: &HeaderMap) -> Result<(), Problem> {
        let Some(known) = &self.token else { return Ok(()) };
        let right = match (bearer(headers), cookie(headers)) {
            (Some(token), _) => known.token.matches(token),
            (None, Some(session)) => known.session.matches(session),
            (None, None) => return Err(unauthorised("a token is required: log in, or send it as a bearer token")),
        };
        self.judge(peer, right)
    }

    /// Takes a token given at login; the cookie that shows it from then on, none where no token is needed.
    pub fn login(&self, peer: IpAddr, given: &str) -> Result<Option<HeaderValue>, Problem> {
        let Some(known) = &self.token else { return Ok(None) };
        self.judge(peer, known.token.matches(given))?;
        Ok(Some(set_cookie(known.session.expose(), 30 * 24 * 3600)))
    }

    /// Lets the right token in and counts the wrong one. After too many, the right one is refused as well, or it could
    /// be found by trying.
    fn judge(&self, peer: IpAddr, right: bool) -> Result<(), Problem> {
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        wrong.retain(|_, (since, _)| now.saturating_duration_since(*since) < WITHIN);
        if wrong.get(&peer).is_some_and(|(_, times)| *times >= WRONG) {
            return Err(too_many());
        }
        if right {
            return Ok(());
        }
        if wrong.len() >= ADDRESSES && !wrong.contains_key(&peer) {
            return Err(too_many());
        }
        wrong.entry(peer).or_insert((now, 0)).1 += 1;
        Err(unauthorised("this is not the token of this program"))
    }

    /// On a loopback address only its own names are served: a foreign name that was pointed here (DNS rebinding) would
    /// make a foreign page's requests same-origin.
    fn check_host(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let host = text(headers, &header::HOST).unwrap_or_default();
        if self.loopback && !is_loopback(host) {
            let message = format!("this program serves this machine only, and {host:?} is another name; use localhost");
            return Err(Problem::forbidden(message));
        }
        Ok(())
    }
}

/// Middleware of all routes: `Host`, and `Origin` where a foreign page could do harm.
pub async fn same_site(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let harmless = matches!(*request.method(), Method::GET | Method::HEAD) && request.uri().path() != "/ws";
    let checked = shared.guard.check_host(headers).and_then(|()| if harmless { Ok(()) } else { check_origin(headers) });
    match checked {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// Middleware of the routes that need the token, where one is set.
pub async fn token(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    match shared.guard.admit(peer.ip(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(problem) => {
            let mut response = problem.into_response();
            if cookie(request.headers()).is_some() {
                // An outdated cookie would count as a wrong token with every request.
                response.headers_mut().insert(header::SET_COOKIE, forget_cookie());
            }
            response
        }
    }
}

/// Takes the cookie away.
pub fn forget_cookie() -> HeaderValue {
    set_cookie("", 0)
}

fn set_cookie(session: &str, secs: u32) -> HeaderValue {
    let cookie = format!("{COOKIE}={session}; HttpOnly; SameSite=Strict; Path=/; Max-Age={secs}");
    // Hex digits and constants: always a valid header.
    let mut value = HeaderValue::try_from(cookie).expect("a cookie is a valid header");
    value.set_sensitive(true);
    value
}

fn unauthorised(message: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "unauthorised", message)
}

fn too_many() -> Problem {
    let message = format!("too many wrong tokens; wait {} s", WITHIN.as_secs());
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", message)
}

fn check_origin(headers: &HeaderMap) -> Result<(), Problem> {
    let foreign = match text(headers, &header::ORIGIN) {
        Some(origin) => {
            let host = text(headers, &header::HOST).unwrap_or_default();
            !origin.split_once("://").is_some_and(|(_, site)| site.eq_ignore_ascii_case(host))
        }
        // Programs send neither.
        None => headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site"),
    };
    if foreign { Err(Problem::forbidden("this request comes from another site's page")) } else { Ok(()) }
}

/// Whether a `Host` (name or address, with or without port) is this machine's own.
fn is_loopback(host: &str) -> bool {
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    let name = match host.rsplit_once(':') {
        Some((name, port)) if is_port(port) => name,
        _ => host,
    };
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = text(headers, &header::AUTHORIZATION)?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find_map(|(name, value)| (name == COOKIE).then_some(value))
}

fn text<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machines_names_are_loopback() {
        for host in ["localhost", "LOCALHOST:8080", "127.0.0.1", "127.0.0.1:80", "127.1.2.3:1", "[::1]", "[::1]:8080"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["", "evil.example", "localhost.evil.example:8080", "10.0.0.1:8080", "127.0.0.1.evil", "[::2]:1"] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn after_ten_wrong_tokens_the_right_one_must_wait_too_but_only_from_there() {
        let guard = Guard::new(Some(Secret::new("correct horse battery")), false);
        let (here, there) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        for _ in 0..WRONG {
            assert_eq!(guard.login(here, "wrong").unwrap_err().code, "unauthorised");
        }
        assert_eq!(guard.login(here, "correct horse battery").unwrap_err().code, "too_many_attempts");
        assert!(guard.login(there, "correct horse battery").unwrap().is_some());
    }

    #[test]
    fn the_cookie_is_not_the_token_and_is_not_shown() {
        let guard = Guard::new(Some(Secret::new("correct horse battery")), false);
        let cookie = guard.login([10, 0, 0, 1].into(), "correct horse battery").unwrap().unwrap();
        assert!(!cookie.to_str().unwrap().contains("correct"));
        assert!(!format!("{cookie:?}").contains(COOKIE));
    }
}
