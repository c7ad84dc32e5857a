//! Query strings of the fixed routes, as a struct; unknown names are refused as a problem.

use crate::http::problem::{Code, Problem, Result};
use axum::extract::{FromRequestParts, Query};
use http::request::Parts;
use serde::de::DeserializeOwned;

/// The query string as a `T`.
pub(in crate::http) struct QueryParams<T>(pub(in crate::http) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for QueryParams<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(params)) => Ok(Self(params)),
            Err(error) => {
                let text = error.body_text();
                // The part before the colon speaks of the program.
                let why = text.split_once(": ").map_or(text.as_str(), |(_, why)| why);
                Err(Problem::new(Code::BadRequest, format!("The query string cannot be read: {why}.")))
            }
        }
    }
}
