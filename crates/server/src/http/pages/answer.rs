//! Answers of page handlers: HTML under the content security policy, and redirects.

use crate::http::page::is_wanted;
use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use tenantry_console::{POLICY, Page, html};

/// Renders a page with its security headers.
pub(super) fn page(status: StatusCode, page: &impl Page) -> Response {
    let mut response = Response::new(Body::from(html(page)));
    *response.status_mut() = status;
    secure(response.headers_mut());
    response
}

/// Sets the headers of a page. The guard adds that no cache may store it.
pub(super) fn secure(headers: &mut http::HeaderMap) {
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
}

/// Redirects to another page, which the browser requests with GET (303).
pub(super) fn see(path: &str) -> Response {
    lead(StatusCode::SEE_OTHER, path)
}

fn lead(status: StatusCode, path: &str) -> Response {
    // A path that is not a valid header value does not belong to this site.
    let to = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
    (status, [(header::LOCATION, to)]).into_response()
}

/// Returns the path if it is on this site, and the start page otherwise: browsers read `//host` and `/\host` as other
/// sites.
pub(super) fn own_path(path: &str) -> &str {
    let is_own = path.starts_with('/') && !path[1..].starts_with(['/', '\\']);
    if is_own && !path.bytes().any(|byte| byte.is_ascii_control()) { path } else { "/" }
}

/// Redirects a browser from `/login` to `/login/`, if the path can be one of a page. Returns `None` for programs, which
/// get 404.
pub(in crate::http) fn to_page(method: &Method, uri: &Uri, headers: &HeaderMap) -> Option<Response> {
    let path = uri.path();
    let is_page =
        !path.ends_with('/') && !path.starts_with("/api/") && !path.starts_with("/t/") && !path.contains('.');
    if method != Method::GET || !is_page || !is_wanted(headers) || own_path(path) != path {
        return None;
    }
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    Some(lead(StatusCode::PERMANENT_REDIRECT, &format!("{path}/{query}")))
}

/// Percent-encodes a part of an address.
pub(crate) fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte))
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_leads_to_no_other_site() {
        for path in ["//evil.example", "/\\evil.example", "https://evil.example", "", "evil", "/a\r\nb"] {
            assert_eq!(own_path(path), "/", "{path:?}");
        }
        assert_eq!(own_path("/doctors/?q=//a"), "/doctors/?q=//a");
    }
}
