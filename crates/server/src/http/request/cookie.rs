//! The session cookie: name, attributes, reading.
//!
//! Used by the credentials reader and by sign-in and sign-out. Over https its name has the `__Host-` prefix, so that
//! browsers accept it from no sibling subdomain (`cross-site-request`).

use http::{HeaderMap, HeaderValue, header};

const PLAIN: &str = "tenantry_session";
const HOST_BOUND: &str = "__Host-tenantry_session";

/// Name of the cookie.
fn name(https: bool) -> &'static str {
    if https { HOST_BOUND } else { PLAIN }
}

/// Returns the session token of the request's cookie. Two cookies of the same name count as none: one of them was
/// planted.
pub(in crate::http) fn read(headers: &HeaderMap, https: bool) -> Option<&str> {
    let mut found = None;
    for header in headers.get_all(header::COOKIE) {
        for pair in header.to_str().ok()?.split(';') {
            if let Some((key, value)) = pair.split_once('=')
                && key.trim() == name(https)
                && found.replace(value.trim()).is_some()
            {
                return None;
            }
        }
    }
    found.filter(|value| !value.is_empty())
}

/// Returns `Set-Cookie` for a new session that lives `max_age_s` seconds.
pub(in crate::http) fn set(https: bool, token: &str, max_age_s: i64) -> Option<HeaderValue> {
    let secure = if https { "; Secure" } else { "" };
    let text =
        format!("{}={token}; Path=/; HttpOnly; SameSite=Lax; Max-Age={max_age_s}{secure}", name(https));
    HeaderValue::from_str(&text).ok()
}

/// Returns `Set-Cookie` that removes the session cookie.
pub(in crate::http) fn clear(https: bool) -> Option<HeaderValue> {
    set(https, "", 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookies: &[&str]) -> HeaderMap {
        cookies.iter().map(|c| (header::COOKIE, c.parse().unwrap())).collect()
    }

    #[test]
    fn one_cookie_is_read_and_a_planted_second_refused() {
        let https = "__Host-tenantry_session";
        assert_eq!(read(&headers(&["a=b; tenantry_session=t; c=d"]), false), Some("t"));
        assert_eq!(
            read(&headers(&["tenantry_session=t"]), true),
            None,
            "a plain cookie does not count over https"
        );
        assert_eq!(read(&headers(&[&format!("{https}=t")]), true), Some("t"));
        assert_eq!(read(&headers(&[&format!("{https}=t; {https}=u")]), true), None);
        assert_eq!(read(&headers(&[&format!("{https}=t"), &format!("{https}=u")]), true), None);
        assert_eq!(read(&headers(&["tenantry_session="]), false), None);
    }

    #[test]
    fn over_https_it_is_host_bound_cross_site_request() {
        let value = set(true, "t", 60).unwrap();
        let value = value.to_str().unwrap();
        for part in ["__Host-", "; Secure", "; HttpOnly", "; Path=/", "; SameSite=Lax"] {
            assert!(value.contains(part), "{value}");
        }
        assert!(!value.contains("Domain"), "{value}");
    }
}
