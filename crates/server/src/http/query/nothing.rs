//! Routes whose URL takes no parameter, or a single flag. An unknown parameter is refused, never passed over: a
//! `dry_run` that was ignored would write.
//!
//! Used by the record routes that are neither lists nor reads.

use super::{boolean, pairs::pairs, refused};
use crate::http::problem::{FieldProblem, Problem, Result};
use axum::extract::FromRequestParts;
use http::request::Parts;

/// The request has no query parameters.
#[derive(Debug)]
pub(in crate::http) struct NoParameters;

impl<S: Sync> FromRequestParts<S> for NoParameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        match parts.uri.query() {
            None | Some("") => Ok(Self),
            Some(query) => read(query, None).map(|_| Self),
        }
    }
}

/// The value of the only parameter that a route takes; absent is false.
pub(in crate::http) fn flag(query: Option<&str>, name: &str) -> Result<bool> {
    read(query.unwrap_or_default(), Some(name))
}

fn read(query: &str, flag: Option<&str>) -> Result<bool> {
    let (mut is_set, mut wrong) = (false, vec![]);
    for pair in pairs(query) {
        match pair {
            Ok((name, value)) if Some(&*name) == flag => match boolean(&value) {
                Ok(value) => is_set = value,
                Err(message) => wrong.push(FieldProblem::new(name, message)),
            },
            Ok((name, _)) => {
                let known = flag.map_or("this route takes none".into(), |flag| format!("there is: {flag}"));
                let name: String = name.chars().take(80).collect();
                wrong.push(FieldProblem::new(name, format!("is no parameter here; {known}")));
            }
            Err(message) => wrong.push(FieldProblem::new("query", message)),
        }
    }
    if wrong.is_empty() { Ok(is_set) } else { Err(refused(wrong)) }
}
