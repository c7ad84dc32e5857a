//! Refuses state-changing requests that a browser sends from another site (`cross-site-request`).
//!
//! Called before any credential is read, for every method that changes something. Requests with a bearer token or an
//! API key pass: a browser does not add those by itself.

use crate::http::problem::{Code, Problem, Result};
use http::{HeaderMap, Method, header};

/// `Sec-Fetch-Site`: the browser's own statement about the origin of a request.
const FETCH_SITE: &str = "sec-fetch-site";

/// Accepts the request, or returns the problem that refuses it.
///
/// A sibling subdomain counts as another site, because a tenant may control it. A request with neither `Sec-Fetch-Site`
/// nor `Origin` does not come from a browser: browsers send at least one of them with every such request.
pub(in crate::http) fn check(method: &Method, headers: &HeaderMap) -> Result<()> {
    if method.is_safe() || headers.contains_key(header::AUTHORIZATION) || headers.contains_key("x-api-key") {
        return Ok(());
    }
    if let Some(site) = headers.get(FETCH_SITE) {
        return match site.as_bytes() {
            b"same-origin" | b"none" => Ok(()),
            _ => Err(refusal("Sec-Fetch-Site")),
        };
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let host = headers.get(header::HOST).map_or(&b""[..], |h| h.as_bytes());
    // The scheme is not compared: behind a proxy that terminates TLS, this server does not know it.
    match origin.to_str().ok().and_then(|o| o.split_once("://")) {
        Some((_, authority)) if !host.is_empty() && authority.as_bytes().eq_ignore_ascii_case(host) => Ok(()),
        _ => Err(refusal("Origin")),
    }
}

fn refusal(header: &str) -> Problem {
    Problem::new(Code::CrossSite, format!("The request's {header} header names another site."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(method: Method, headers: &[(&'static str, &'static str)]) -> bool {
        let map = headers.iter().map(|(n, v)| (n.parse().unwrap(), v.parse().unwrap())).collect();
        check(&method, &map).is_ok()
    }

    #[test]
    fn other_sites_and_siblings_are_refused_cross_site_request() {
        const HOST: (&str, &str) = ("host", "acme.example.com:8000");
        for (headers, passes) in [
            (&[("sec-fetch-site", "same-origin")][..], true),
            (&[("sec-fetch-site", "none")], true),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "same-site"), ("authorization", "Bearer x")], true),
            (&[("sec-fetch-site", "cross-site"), ("x-api-key", "x")], true),
            (&[HOST, ("origin", "https://acme.example.com:8000")], true),
            (&[HOST, ("origin", "https://evil.example.com:8000")], false),
            (&[HOST, ("origin", "https://acme.example.com")], false),
            (&[HOST, ("origin", "https://acme.example.com:8000.evil.com")], false),
            (&[HOST, ("origin", "null")], false),
            (&[("origin", "https://")], false),
            (&[HOST], true),
        ] {
            assert_eq!(outcome(Method::POST, headers), passes, "{headers:?}");
            assert!(outcome(Method::GET, headers), "reading is never refused here: {headers:?}");
        }
    }
}
