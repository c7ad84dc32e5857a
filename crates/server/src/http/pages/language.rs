//! Language and time zone of a page. Called by the extractors of visits, and for problems by the guard.

use super::words::Words;
use crate::http::cookie;
use http::{HeaderMap, header};
use jiff::tz::TimeZone;
use tenantry::{access::Actor, topology::TenantRecord};
use tenantry_console::Language;

/// Returns how a page writes what it shows: as its person has chosen for the account, else as the person has chosen in this
/// browser, else as the company has chosen, else as the browser asks, else in English. The time zone is that of the person,
/// else that of the company, else UTC.
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
    Words { language: language.unwrap_or_default(), zone: zone.unwrap_or(TimeZone::UTC) }
}

/// Returns the language that a browser asks for: the one that its person has chosen in it, then those of its settings,
/// then English.
pub(super) fn of_browser(headers: &HeaderMap) -> Language {
    in_browser(headers).or_else(|| accepted(headers)).unwrap_or_default()
}

fn in_browser(headers: &HeaderMap) -> Option<Language> {
    cookie::read_language(headers).and_then(Language::with_code)
}

fn accepted(headers: &HeaderMap) -> Option<Language> {
    Language::accepted(headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?)
}
