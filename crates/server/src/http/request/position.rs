//! The positions in the logs of database servers that a caller carries from its writes to its next requests: as a header, or
//! as a cookie that browsers send by themselves.
//!
//! Called by the guard. Where no server has read replicas, nothing is read and nothing is told.

use crate::http::{
    App, cookie,
    credentials::one,
    problem::{Code, Problem, Result},
};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use std::time::Duration;
use tenantry::access::Positions;

/// In a response: where the log was after the request's writes. In a request: what its reads must see.
pub(in crate::http) const HEADER: HeaderName = HeaderName::from_static("tenantry-position");
/// How long the cookie outlives `replica_lag`, after which every read sees the write without it.
const RESERVE: Duration = Duration::from_secs(5);

/// What one request brought.
#[derive(Debug)]
pub(in crate::http) struct Carried {
    pub(in crate::http) positions: Positions,
    /// The request presents a session cookie.
    is_browser: bool,
}

impl Carried {
    /// Reads what the request brings; None without read replicas. The header counts before the cookie. An unreadable cookie is ignored: a browser could
    /// not do anything about it.
    ///
    /// # Errors
    /// If the header cannot be what a response has told.
    pub(in crate::http) fn read(app: &App, headers: &HeaderMap) -> Result<Option<Self>> {
        let platform = app.platform();
        if platform.replica_lag().is_none() {
            return Ok(None);
        }
        let https = app.options().https;
        let is_browser = cookie::read(headers, https).is_some();
        let positions = match one(headers, &HEADER)? {
            Some(text) => platform.positions(Some(text)).map_err(|_| {
                let text = format!("{HEADER} is not what a response has told.");
                Problem::new(Code::BadRequest, text).remedy("Send it as it was received, or not at all.")
            })?,
            None => platform
                .positions(cookie::read_position(headers, https))
                .or_else(|_| platform.positions(None))?,
        };
        Ok(Some(Self { positions, is_browser }))
    }

    /// Tells what the request has written, if a later one must bring it.
    pub(in crate::http) fn tell(&self, app: &App, headers: &mut HeaderMap) {
        let (Some(text), Some(lag)) = (self.positions.text(), app.platform().replica_lag()) else { return };
        if self.is_browser {
            let seconds = (lag + RESERVE).as_secs_f64().ceil();
            if let Some(cookie) = cookie::set_position(app.options().https, &text, seconds) {
                headers.append(header::SET_COOKIE, cookie);
            }
        }
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(HEADER, value);
        }
    }
}
