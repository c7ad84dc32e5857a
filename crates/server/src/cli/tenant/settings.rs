//! `tenantry tenant settings`: values that the platform stores for a tenant without interpreting them.

use crate::cli::{setup::Place, user::operator};
use anyhow::{Result, anyhow};
use serde_json::{Map, Value};
use std::process::ExitCode;
use tenantry::name::Slug;

/// Makes the changes, if there are any, and shows the settings.
pub(super) async fn run(place: &Place, slug: &Slug, changes: &[String]) -> Result<ExitCode> {
    let changes = changes.iter().map(|text| change(text)).collect::<Result<Map<_, _>>>()?;
    let platform = if changes.is_empty() { place.reading().await? } else { place.platform().await? };
    let now = match changes.is_empty() {
        true => platform.tenants().settings(slug).await,
        false => platform.tenants().change_settings(&operator(), slug, changes).await,
    };
    say!("{}", serde_json::to_string_pretty(&now?)?);
    Ok(ExitCode::SUCCESS)
}

fn change(text: &str) -> Result<(String, Value)> {
    let (key, value) = text.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or_else(|| {
        anyhow!("{text:?} changes no setting\n  remedy: write KEY=VALUE, or KEY= to remove one")
    })?;
    let value = match value {
        "" => Value::Null,
        _ => serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned())),
    };
    Ok((key.to_owned(), value))
}
