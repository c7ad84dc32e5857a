//! Query strings of the fixed routes, as structs. Unknown names are refused with a problem.

use crate::http::problem::{Code, Problem, Result};
use axum::extract::{FromRequestParts, Query, rejection::QueryRejection};
use http::request::Parts;
use serde::de::DeserializeOwned;

/// The query string, parsed as a `T`.
pub(in crate::http) struct QueryParams<T>(pub(in crate::http) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for QueryParams<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        Query::try_from_uri(&parts.uri).map(|Query(params)| Self(params)).map_err(|e| unreadable(&e))
    }
}

fn unreadable(error: &QueryRejection) -> Problem {
    let text = error.body_text();
    // The part before the colon describes the program.
    let why = text.split_once(": ").map_or(text.as_str(), |(_, why)| why);
    Problem::new(Code::BadRequest, format!("The query string cannot be read: {why}."))
}
