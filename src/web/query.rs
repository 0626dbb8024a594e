//! What a request asks for behind the `?`, judged key by key. In: a request. Out: the values, or the problem with the key
//! it is about. Used by `events` and `settings`.

use std::str::FromStr;

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;

use super::problem::Problem;

/// The keys and values that nobody has taken yet.
pub struct Asked(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(pairs)) => Ok(Self(pairs)),
            Err(rejection) => Err(Problem::malformed(rejection.body_text())),
        }
    }
}

impl Asked {
    /// The value of a key, as `read` understands it; None when it is missing or empty.
    pub fn take<T>(
        &mut self,
        key: &str,
        expected: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        let Some(at) = self.0.iter().position(|(name, _)| name == key) else { return Ok(None) };
        let (_, text) = self.0.remove(at);
        if text.is_empty() {
            return Ok(None);
        }
        let wrong = || Problem::invalid(key, format!("must be {expected}, got {text:?}"));
        read(&text).map(Some).ok_or_else(wrong)
    }

    /// A number within bounds.
    pub fn number<T>(&mut self, key: &str, low: T, high: T) -> Result<Option<T>, Problem>
    where
        T: FromStr + PartialOrd + std::fmt::Display + Copy,
    {
        let within = |text: &str| text.parse().ok().filter(|number| (low..=high).contains(number));
        self.take(key, &format!("{low}-{high}"), within)
    }

    /// Leaves out what [`Page`](super::page::Page) reads.
    pub fn paged(&mut self) {
        self.0.retain(|(key, _)| key != "limit" && key != "cursor");
    }

    /// Refuses what nobody took: a misspelt filter would otherwise filter nothing.
    pub fn end(self) -> Result<(), Problem> {
        match self.0.into_iter().next() {
            Some((key, _)) => Err(Problem::invalid(key, "there is no such key, or it is given twice")),
            None => Ok(()),
        }
    }
}
