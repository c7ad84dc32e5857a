//! Determines whether a client reads pages or data.
//!
//! Registration and problems use it, because they answer with either.

use http::{HeaderMap, header};

/// Returns true if the client accepts HTML, as browsers do and programs do not.
pub(in crate::http) fn is_wanted(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    accept.split(',').any(|range| range.split(';').next().is_some_and(|media| media.trim() == "text/html"))
}
