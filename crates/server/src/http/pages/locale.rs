//! The form of language and time zone, on the pages of an account and of a company.

use super::{reasons, visit::Fields, words::Words};
use crate::http::problem::Problem;
use tenantry::locale::{Locale, ProfileChange, time_zones};
use tenantry_console::LocaleForm;

/// Returns the form with the current values.
pub(super) fn form(locale: &Locale) -> LocaleForm {
    LocaleForm {
        language: locale.language.clone().unwrap_or_default(),
        time_zone: locale.time_zone.clone().unwrap_or_default(),
        zones: time_zones(),
        ..LocaleForm::default()
    }
}

/// Returns the change that a form requests.
pub(super) fn change(fields: &Fields) -> ProfileChange<'_> {
    ProfileChange {
        name: None,
        language: Some(fields.get("language").trim()),
        time_zone: Some(fields.get("time_zone").trim()),
    }
}

/// Returns the form with the values that were sent and the reasons of the refusal.
pub(super) fn refused(words: &Words, fields: &Fields, problem: &Problem) -> LocaleForm {
    LocaleForm {
        language: fields.get("language").to_owned(),
        time_zone: fields.get("time_zone").to_owned(),
        zones: time_zones(),
        wrong: reasons::first(words, problem),
    }
}
