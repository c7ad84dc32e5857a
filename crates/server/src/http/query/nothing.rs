//! Routes whose URL takes no parameters. They refuse an unknown parameter instead of ignoring it: a request with an
//! ignored `dry_run` would write.
//!
//! Used by the record routes that are neither lists nor reads.

use super::{pairs::pairs, refused};
use crate::http::problem::{FieldProblem, Problem, Result};
use axum::extract::FromRequestParts;
use http::request::Parts;

/// Extractor that accepts requests without query parameters only.
#[derive(Debug)]
pub(in crate::http) struct NoParameters;

impl<S: Sync> FromRequestParts<S> for NoParameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        match parts.uri.query() {
            None | Some("") => Ok(Self),
            Some(query) => read(query).map(|()| Self),
        }
    }
}

fn read(query: &str) -> Result<()> {
    let mut wrong = vec![];
    for pair in pairs(query) {
        match pair {
            Ok((name, _)) => {
                let name: String = name.chars().take(80).collect();
                wrong.push(FieldProblem::new(name, "is no parameter here; this route takes none"));
            }
            Err(message) => wrong.push(FieldProblem::new("query", message)),
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(refused(wrong)) }
}
