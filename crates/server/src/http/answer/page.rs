//! Tells whether a client reads pages or data.
//!
//! Used where both are answered: by registration, and for problems.

use http::{HeaderMap, header};

/// Returns true if the client accepts HTML, as browsers do and programs do not.
pub(in crate::http) fn is_wanted(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    accept.split(',').any(|range| range.split(';').next().is_some_and(|media| media.trim() == "text/html"))
}
