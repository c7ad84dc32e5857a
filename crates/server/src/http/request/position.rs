//! Positions in the logs of database servers that a caller carries from its writes to its next requests: in a header,
//! or in a cookie that browsers send automatically.
//!
//! The guard calls it. If no server has read replicas, it reads nothing and sends nothing.

use crate::http::{
    App, cookie,
    credentials::one,
    problem::{Code, Problem, Result},
};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use std::time::Duration;
use tenantry::access::Positions;

/// Header with positions. In a response, it contains the positions after the request's writes; in a request, the
/// positions that its reads must have reached.
pub(in crate::http) const HEADER: HeaderName = HeaderName::from_static("tenantry-position");
/// Time by which the cookie outlives `replica_lag`. After `replica_lag`, every read sees the write without the cookie.
const RESERVE: Duration = Duration::from_secs(5);

/// The positions that a request carries.
#[derive(Debug)]
pub(in crate::http) struct Carried {
    pub(in crate::http) positions: Positions,
    /// True if the request presents a session cookie.
    is_browser: bool,
}

impl Carried {
    /// Reads the positions that the request brings. Returns `None` without read replicas. The header takes precedence
    /// over the cookie. An unreadable cookie is ignored, because a browser could not correct it.
    ///
    /// # Errors
    /// Returns an error if no response can have sent this header value.
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

    /// Adds the positions of the request's writes to the response, if later requests must bring them.
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
