//! Names, attributes and parsing of the cookies: session, support visit, position of writes, and appearance and
//! language of pages.
//!
//! Used by the credentials reader, by sign-in, sign-out and support visits, and by the guard after writes. Over https
//! the names have the `__Host-` prefix, so browsers do not accept these cookies from a sibling subdomain
//! (`cross-site-request`).

use http::{HeaderMap, HeaderValue, header};
use std::fmt::Display;

/// Names of a cookie, over http and over https.
type Names = [&'static str; 2];

const SESSION: Names = ["tenantry_session", "__Host-tenantry_session"];
const ACTING: Names = ["tenantry_acting", "__Host-tenantry_acting"];
const THEME: Names = ["tenantry_theme", "__Host-tenantry_theme"];
const LANGUAGE: Names = ["tenantry_language", "__Host-tenantry_language"];
const POSITION: Names = ["tenantry_position", "__Host-tenantry_position"];

/// Returns the session token in the request's cookie.
pub(in crate::http) fn read(headers: &HeaderMap, https: bool) -> Option<&str> {
    value(headers, SESSION[usize::from(https)])
}

/// Returns the session token of a support visit, and the slug of its tenant. Only pages of a tenant read it.
pub(in crate::http) fn read_acting(headers: &HeaderMap, https: bool) -> Option<(&str, &str)> {
    value(headers, ACTING[usize::from(https)])?.split_once('.')
}

/// Returns the position of the caller's writes.
pub(in crate::http) fn read_position(headers: &HeaderMap, https: bool) -> Option<&str> {
    value(headers, POSITION[usize::from(https)])
}

/// Returns the appearance that the user has chosen for pages. It is not secret, so the cookie is read under either
/// name.
pub(in crate::http) fn read_theme(headers: &HeaderMap) -> Option<&str> {
    THEME.iter().find_map(|name| value(headers, name))
}

/// Returns the language chosen for pages in this browser. It is not secret, so the cookie is read under either name.
pub(in crate::http) fn read_language(headers: &HeaderMap) -> Option<&str> {
    LANGUAGE.iter().find_map(|name| value(headers, name))
}

/// Returns the value of a cookie. Two cookies of the same name count as none, because one of them was planted.
fn value<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut found = None;
    for header in headers.get_all(header::COOKIE) {
        for pair in header.to_str().ok()?.split(';') {
            if let Some((key, value)) = pair.split_once('=')
                && key.trim() == name
                && found.replace(value.trim()).is_some()
            {
                return None;
            }
        }
    }
    found.filter(|value| !value.is_empty())
}

/// Returns the header `Set-Cookie` for a new session that lives `max_age_s` seconds.
pub(in crate::http) fn set(https: bool, token: &str, max_age_s: i64) -> Option<HeaderValue> {
    made(SESSION, https, token, max_age_s)
}

/// Returns the header `Set-Cookie` for a support visit. The browser keeps the cookie for `max_age_s` seconds. That is
/// longer than the visit lasts, so the next page can report that the visit is over.
pub(in crate::http) fn set_acting(
    https: bool,
    token: &str,
    slug: &str,
    max_age_s: i64,
) -> Option<HeaderValue> {
    made(ACTING, https, &format!("{token}.{slug}"), max_age_s)
}

/// Returns the header `Set-Cookie` that removes the cookie of a support visit.
pub(in crate::http) fn clear_acting(https: bool) -> Option<HeaderValue> {
    made(ACTING, https, "", 0)
}

/// Returns the header `Set-Cookie` for the position of a write, which the browser forgets after `max_age_s` seconds.
pub(in crate::http) fn set_position(https: bool, position: &str, max_age_s: f64) -> Option<HeaderValue> {
    made(POSITION, https, position, max_age_s)
}

/// Returns the header `Set-Cookie` for the appearance of pages, which the browser keeps for a year.
pub(in crate::http) fn set_theme(https: bool, theme: &str) -> Option<HeaderValue> {
    made(THEME, https, theme, 31_536_000)
}

/// Returns the header `Set-Cookie` for the language of pages, which the browser keeps for a year.
pub(in crate::http) fn set_language(https: bool, code: &str) -> Option<HeaderValue> {
    made(LANGUAGE, https, code, 31_536_000)
}

fn made(names: Names, https: bool, value: &str, max_age_s: impl Display) -> Option<HeaderValue> {
    let (name, secure) = (names[usize::from(https)], if https { "; Secure" } else { "" });
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={max_age_s}{secure}");
    HeaderValue::from_str(&text).ok()
}

/// Returns the header `Set-Cookie` that removes the session cookie.
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
        for value in [set(true, "t", 60), set_position(true, "t", 6.0), set_acting(true, "t", "acme", 60)] {
            let value = value.unwrap();
            let value = value.to_str().unwrap();
            for part in ["__Host-", "; Secure", "; HttpOnly", "; Path=/", "; SameSite=Lax"] {
                assert!(value.contains(part), "{value}");
            }
            assert!(!value.contains("Domain"), "{value}");
        }
    }
}
