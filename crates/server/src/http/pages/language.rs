//! Language and time zone of a page. Called by the extractors of visits, and by the guard for problems.

use super::words::Words;
use crate::http::cookie;
use http::{HeaderMap, header};
use jiff::tz::TimeZone;
use tenantry::{access::Actor, topology::TenantRecord};
use tenantry_console::Language;

/// Returns how a page writes values and texts. The language is the account's, else the one chosen in this browser, else
/// the company's, else one that the browser asks for, else English. The time zone is the account's, else the company's,
/// else UTC.
///
/// During a support visit, the staff member reads pages in the language of the staff account.
pub(super) fn words(headers: &HeaderMap, actor: Option<&Actor>, tenant: Option<&TenantRecord>) -> Words {
    let person = actor.filter(|actor| actor.impersonator().is_none()).and_then(Actor::user);
    let person = person.map(|user| &user.locale);
    let tenant = tenant.map(|record| &record.locale);
    let known = |code: &Option<String>| code.as_deref().and_then(Language::with_code);
    let language = person
        .and_then(|locale| known(&locale.language))
        .or_else(|| in_browser(headers))
        .or_else(|| tenant.and_then(|locale| known(&locale.language)))
        .or_else(|| accepted(headers));
    let zones = [person, tenant].into_iter().flatten();
    let zone =
        zones.filter_map(|locale| locale.time_zone.as_deref()).find_map(|name| TimeZone::get(name).ok());
    Words { language: language.unwrap_or_default(), zone: zone.unwrap_or(TimeZone::UTC), ..Words::default() }
}

/// Returns the language of a browser: the one chosen in it on a page, else one of its settings, else English.
pub(super) fn of_browser(headers: &HeaderMap) -> Language {
    in_browser(headers).or_else(|| accepted(headers)).unwrap_or_default()
}

fn in_browser(headers: &HeaderMap) -> Option<Language> {
    cookie::read_language(headers).and_then(Language::with_code)
}

fn accepted(headers: &HeaderMap) -> Option<Language> {
    Language::accepted(headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?)
}
