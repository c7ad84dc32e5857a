//! Finds the tenant that a host name names: an exact suffix match on the base domain (`host-spoofing`).
//!
//! `credentials` calls it. Its caller has decided whether forwarded headers are trusted. The apex names no tenant, and
//! no name is ever mapped to another (`slug-collision`).

use crate::{Error, Result};
use std::borrow::Cow;
use tenantry_engine::name::Slug;

/// Labels of the platform itself. They name no tenant and cannot be slugs.
const PLATFORM: [&str; 5] = ["www", "api", "admin", "static", "assets"];

/// Returns the part of `host` before `base_domain`, in lower case and not yet checked as a slug. Returns `None` for the
/// apex, for the platform's own labels, and for foreign hosts, which say nothing about a tenant.
pub fn label_of<'a>(host: &'a str, base_domain: &str) -> Option<Cow<'a, str>> {
    let name = without_port(host);
    let name = name.strip_suffix('.').unwrap_or(name);
    let label = below(name, base_domain)?;
    // DNS ignores case. Only ASCII passes as a slug, so ASCII lower case suffices.
    let label = match label.bytes().any(|b| b.is_ascii_uppercase()) {
        true => Cow::Owned(label.to_ascii_lowercase()),
        false => Cow::Borrowed(label),
    };
    (!PLATFORM.contains(&label.as_ref())).then_some(label)
}

/// Returns the slug that `host` names below `base_domain`, if any.
///
/// # Errors
/// Returns [`Error::NotFound`] if the host is below the base domain but its label cannot be a slug.
pub fn tenant_of(host: &str, base_domain: &str) -> Result<Option<Slug>> {
    let label = label_of(host, base_domain);
    label.map(|label| Slug::parse(&label).map_err(|_| Error::NotFound("tenant"))).transpose()
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

/// Returns the part of `name` before `.base`, if there is one.
fn below<'a>(name: &'a str, base: &str) -> Option<&'a str> {
    let at = name.len().checked_sub(base.len())?;
    let (front, suffix) = (name.get(..at)?, name.get(at..)?);
    if base.is_empty() || !suffix.eq_ignore_ascii_case(base) {
        return None;
    }
    front.strip_suffix('.')
}
