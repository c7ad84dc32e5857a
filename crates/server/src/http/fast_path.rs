//! Fast path: reads one record without the router, and without boxed futures or bodies.
//!
//! The guard calls it before the router. It handles exactly `GET /api/records/{model}/{id}` and leaves every other
//! spelling to the router, which gives the same answer, because both call the same function. It makes no decisions
//! itself.

use super::{
    App,
    guard::{Noted, waits_in_memory},
    problem::Result,
    records,
    scope::Scope,
};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::Full;
use std::net::IpAddr;
use tenantry::access::Positions;

/// The target of a request that may take the fast path.
pub(super) struct Target<'a> {
    path: &'a str,
    model: &'a str,
    id: &'a str,
    query: Option<&'a str>,
    headers: &'a HeaderMap,
}

/// Parses method and path. Returns `None` if the router must handle the request.
pub(super) fn target<B>(request: &Request<B>) -> Option<Target<'_>> {
    if *request.method() != Method::GET {
        return None;
    }
    let path = request.uri().path();
    let (model, id) = path.strip_prefix("/api/records/")?.split_once('/')?;
    // Accept numbers and UUIDs only: no other route has such a segment, and nothing is percent-encoded.
    let plain = !id.is_empty() && id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    (plain && !model.is_empty()).then(|| Target {
        path,
        model,
        id,
        query: request.uri().query(),
        headers: request.headers(),
    })
}

/// Reads the record. Returns the answer, and the ids of tenant and user for the log.
pub(super) async fn answer(
    app: &App,
    target: &Target<'_>,
    (peer, positions): (IpAddr, Positions),
    noted: &mut Noted,
) -> Result<Response<Full<Bytes>>> {
    noted.route = app.fast_route();
    let mut scope = Scope::resolve(app, target.headers, target.path, (peer, positions)).await?;
    (noted.tenant, noted.user) = scope.noted();
    let records = scope.records(app, target.model)?;
    noted.store = app.store_index(&records.model().store);
    let mut response = records::one_fast(&records, target.id, target.query, target.headers).await?;
    drop(records);
    if waits_in_memory(response.body())
        && let Some(hold) = scope.hold()
    {
        response.extensions_mut().insert(hold);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_plain_read_is_fast() {
        let fast = |method: &str, uri: &str| {
            let request = Request::builder().method(method).uri(uri).body(()).unwrap();
            target(&request).map(|t| (t.model.to_owned(), t.id.to_owned()))
        };
        assert_eq!(fast("GET", "/api/records/patients/7?fields=id"), Some(("patients".into(), "7".into())));
        assert!(fast("GET", "/api/records/p/0190a0aa-0000-7000-8000-000000000000").is_some());
        for uri in [
            "/api/records/patients",
            "/api/records/patients/",
            "/api/records/patients/export",
            "/api/records/patients/7/files/scan",
            "/api/records/patients/%37",
            "/api/records//7",
            "/t/acme/api/records/patients/7",
        ] {
            assert_eq!(fast("GET", uri), None, "{uri}");
        }
        assert_eq!(fast("DELETE", "/api/records/patients/7"), None);
        assert_eq!(fast("HEAD", "/api/records/patients/7"), None);
    }
}
