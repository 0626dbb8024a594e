//! A page of a long list: `?limit=&cursor=`. In: a request. Out: how many from where, or the problem with the key it is
//! about. Used by every handler that lists what can be long.

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use serde::Deserialize;
use utoipa::IntoParams;

use super::problem::Problem;

const USUAL: usize = 50;
const MOST: usize = 200;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// 1-200, 50 if not given.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// `next` of the page before.
    cursor: Option<String>,
}

impl Page {
    pub fn limit(&self) -> usize {
        self.limit.unwrap_or(USUAL)
    }

    pub fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Page {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let wrong = || Problem::invalid("limit", format!("must be a number from 1 to {MOST}"));
        let Query(page) = Query::<Self>::from_request_parts(parts, state).await.map_err(|_| wrong())?;
        if (1..=MOST).contains(&page.limit()) { Ok(page) } else { Err(wrong()) }
    }
}
