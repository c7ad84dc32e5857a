//! Reads what a request presents: token, key, cookie, host, path, address.
//!
//! The extractors, the sign-in routes and the fast path call it. The platform judges the result, on one path for all
//! kinds of credential (`uneven-credentials`). This module only decides whether a header can be read, and allocates
//! nothing.

use crate::http::{
    app::Options,
    cookie,
    problem::{Code, Problem, Result},
};
use http::{HeaderMap, HeaderName, HeaderValue, Request, header};
use std::net::{IpAddr, SocketAddr};
use tenantry::access::Presented;

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const TENANT: HeaderName = HeaderName::from_static("x-tenant");
const STORE: HeaderName = HeaderName::from_static("x-store");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Everything in a request that may identify the caller or the tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) struct Shown<'a> {
    /// Token in `Authorization: Bearer`.
    pub(in crate::http) bearer: Option<&'a str>,
    /// Value of the header `X-API-Key`.
    pub(in crate::http) api_key: Option<&'a str>,
    /// Token in the session cookie.
    pub(in crate::http) cookie: Option<&'a str>,
    /// Host without port, as the client sent it.
    pub(in crate::http) host: Option<&'a str>,
    /// Slug in a path `/t/{slug}/…`.
    pub(in crate::http) path: Option<&'a str>,
    /// Slug in the header `X-Tenant`.
    pub(in crate::http) header: Option<&'a str>,
    /// Name of the store in the header `X-Store`.
    pub(in crate::http) store: Option<&'a str>,
    /// Address of the client.
    pub(in crate::http) address: IpAddr,
}

impl<'a> Shown<'a> {
    /// Reads a request's headers and path.
    ///
    /// # Errors
    /// Returns an error if a header occurs twice or cannot be read: unreadable headers are never ignored.
    pub(in crate::http) fn read(
        options: &Options,
        headers: &'a HeaderMap,
        path: &'a str,
        peer: IpAddr,
    ) -> Result<Self> {
        // `host-spoofing`: forwarded headers count only if they come from a configured proxy.
        let proxied = options.is_proxy(peer);
        let forwarded_host = if proxied { one(headers, &FORWARDED_HOST)? } else { None };
        let host = match forwarded_host {
            Some(host) => Some(host),
            None => one(headers, &header::HOST)?,
        };
        Ok(Self {
            bearer: one(headers, &header::AUTHORIZATION)?.map(bearer).transpose()?,
            api_key: one(headers, &API_KEY)?,
            cookie: cookie::read(headers, options.https),
            host: host.map(without_port),
            path: tenant_of_path(path),
            header: one(headers, &TENANT)?,
            store: one(headers, &STORE)?,
            address: if proxied { client(options, headers, peer) } else { peer },
        })
    }

    /// Converts the values to the platform's type.
    pub(in crate::http) fn presented(&self) -> Presented<'a> {
        Presented {
            bearer: self.bearer,
            api_key: self.api_key,
            session: self.cookie,
            host: self.host,
            path_tenant: self.path,
            header_tenant: self.header,
        }
    }
}

/// Replaces the request's `Host` header with the host of an absolute request target, as RFC 9112, section 3.2.2
/// requires.
///
/// # Errors
/// Returns an error if the target contains user information or an invalid host.
pub(in crate::http) fn host_of_target<B>(request: &mut Request<B>) -> Result<()> {
    let Some(authority) = request.uri().authority() else { return Ok(()) };
    let host = HeaderValue::from_str(authority.as_str()).ok().filter(|_| !authority.as_str().contains('@'));
    let refused = || Problem::new(Code::BadRequest, "The host of the request target cannot be read.");
    let host = host.ok_or_else(refused)?;
    request.headers_mut().insert(header::HOST, host);
    Ok(())
}

/// Returns the only value of a header.
///
/// # Errors
/// Returns an error if the header occurs twice or cannot be read.
pub(in crate::http) fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>> {
    let Some(first) = headers.get(name) else { return Ok(None) };
    if headers.get_all(name).iter().nth(1).is_some() {
        return Err(Problem::new(Code::BadRequest, format!("{name} was sent twice.")));
    }
    match first.to_str() {
        Ok(text) => Ok(Some(text)),
        Err(_) => Err(Problem::new(Code::BadRequest, format!("{name} cannot be read."))),
    }
}

fn bearer(value: &str) -> Result<&str> {
    let token =
        value.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("bearer ")).map(|_| value[7..].trim());
    match token {
        Some(token) if !token.is_empty() => Ok(token),
        // Another scheme is an unknown credential instead of a missing one.
        _ => Err(Problem::new(Code::Unauthenticated, "Only `Authorization: Bearer` is understood.")),
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        // The colons inside the brackets of an IPv6 address do not start a port.
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    }
}

/// Returns the slug of `/t/{slug}/…`, without checking that such a tenant exists.
fn tenant_of_path(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("/t/")?;
    Some(rest.split_once('/').map_or(rest, |(slug, _)| slug))
}

/// Parses the address of one hop in any form that proxies write: `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`,
/// `[2001:db8::1]:4711`.
fn address_of(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(hop);
    bare.parse().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

/// Returns the right-most address in X-Forwarded-For that is not a trusted proxy. A client can invent everything to its
/// left.
fn client(options: &Options, headers: &HeaderMap, peer: IpAddr) -> IpAddr {
    let mut lines: Vec<_> = headers.get_all(FORWARDED_FOR).iter().filter_map(|v| v.to_str().ok()).collect();
    lines.reverse();
    for hop in lines.iter().flat_map(|line| line.rsplit(',')) {
        match address_of(hop.trim()) {
            Some(address) if options.is_proxy(address) => {}
            Some(address) => return address,
            None => break,
        }
    }
    peer
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenantry_testkit::{Random, dose, tried};

    fn options() -> Options {
        Options { trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()], ..Options::default() }
    }

    fn headers(list: &[(&'static str, &str)]) -> HeaderMap {
        list.iter().map(|(n, v)| (n.parse().unwrap(), v.parse().unwrap())).collect()
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn forwarded_headers_count_only_from_trusted_proxies_host_spoofing() {
        let map = headers(&[
            ("host", "inner:8000"),
            ("x-forwarded-host", "acme.example.com"),
            ("x-forwarded-for", "6.6.6.6, 1.2.3.4, 10.0.0.9"),
        ]);
        let options = options();
        let stranger = Shown::read(&options, &map, "/", ip("9.9.9.9")).unwrap();
        assert_eq!((stranger.host, stranger.address), (Some("inner"), ip("9.9.9.9")));
        let proxy = Shown::read(&options, &map, "/", ip("10.0.0.1")).unwrap();
        assert_eq!((proxy.host, proxy.address), (Some("acme.example.com"), ip("1.2.3.4")));
    }

    #[test]
    fn the_client_is_found_however_the_proxy_writes_its_address() {
        for (hops, client) in [
            ("1.2.3.4:5678", "1.2.3.4"),
            ("[2001:db8::7]:443, 10.0.0.9:80", "2001:db8::7"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("2001:db8::7", "2001:db8::7"),
            ("6.6.6.6, 1.2.3.4:99999", "10.0.0.1"),
            ("1.2.3.4:", "10.0.0.1"),
        ] {
            let map = headers(&[("x-forwarded-for", hops)]);
            let shown = Shown::read(&options(), &map, "/", ip("10.0.0.1")).unwrap();
            assert_eq!(shown.address, ip(client), "{hops}");
        }
    }

    #[test]
    fn what_cannot_be_understood_is_refused_not_skipped() {
        let options = options();
        for list in [
            &[("authorization", "Basic YTpi")][..],
            &[("authorization", "Bearer ")],
            &[("authorization", "Bearer a"), ("authorization", "Bearer b")],
            &[("x-api-key", "a"), ("x-api-key", "b")],
            &[("host", "a"), ("host", "b")],
        ] {
            assert!(Shown::read(&options, &headers(list), "/", ip("1.1.1.1")).is_err(), "{list:?}");
        }
    }

    #[test]
    fn hosts_and_paths_name_a_tenant() {
        assert_eq!(without_port("acme.example.com:8000"), "acme.example.com");
        assert_eq!(without_port("[::1]:80"), "[::1]");
        assert_eq!(without_port("[::1]"), "[::1]");
        assert_eq!(tenant_of_path("/t/acme/api/records/x"), Some("acme"));
        assert_eq!(tenant_of_path("/t/acme"), Some("acme"));
        assert_eq!(tenant_of_path("/api/records/t/acme"), None);
    }

    /// T4: malformed headers are read correctly or refused. A host is never longer than the one that was sent.
    #[test]
    fn a_header_with_a_slip_in_it_is_read_or_refused() {
        let good = [
            ("authorization", "Bearer tns_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
            ("cookie", "a=b; tenantry_session=tns_AAAA; c=d"),
            ("x-api-key", "tnk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
            ("host", "acme.example.com:8000"),
            ("x-forwarded-host", "acme.example.com"),
            ("x-forwarded-for", "6.6.6.6, 1.2.3.4, 10.0.0.9"),
            ("x-tenant", "acme"),
        ];
        let (options, mut random) = (options(), Random::new(22, 0));
        let tries = dose(60_000, 5_000_000);
        for _ in 0..tries {
            let mut map = HeaderMap::new();
            for _ in 0..3 {
                let (name, value) = *random.pick(&good);
                if let Ok(value) = http::HeaderValue::from_bytes(random.spoil(value).as_bytes()) {
                    map.append(name, value);
                }
            }
            let path = random.spoil("/t/acme/api/records/patients");
            let peer = ip(if random.one_in(2) { "10.0.0.1" } else { "9.9.9.9" });
            let Ok(shown) = Shown::read(&options, &map, &path, peer) else { continue };
            let sent = |name: &str, text: &str| {
                map.get_all(name).iter().any(|v| v.to_str().is_ok_and(|v| v.contains(text)))
            };
            assert!(shown.host.is_none_or(|h| sent("host", h) || sent("x-forwarded-host", h)), "{map:?}");
            assert!(shown.cookie.is_none_or(|c| sent("cookie", c)), "{map:?}");
            assert!(shown.api_key.is_none_or(|k| sent("x-api-key", k)), "{map:?}");
            assert!(shown.path.is_none_or(|slug| path.contains(slug)), "{path}");
            assert!(peer != ip("9.9.9.9") || shown.address == peer, "`host-spoofing`: {map:?}");
        }
        tried("T4 headers", tries * 3, "headers");
    }
}
