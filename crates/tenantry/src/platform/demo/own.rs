//! What a demo tenant has of its own: fields that it adds to models, values of shared records, and entries.

use crate::{
    Error, Platform, Result,
    access::Tenant,
    apps::DemoPart,
    records::{CustomField, Input, NewCustomField},
};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The tenant's own values of a shared model.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OwnValues {
    /// Own values of shared records, by their ids.
    changed: BTreeMap<String, Input>,
    /// Entries to add.
    added: Vec<Input>,
}

fn parsed<'p, T: Deserialize<'p>>(part: &'p DemoPart) -> Result<T> {
    T::deserialize(&part.json).map_err(|error| Error::invalid(part.model.as_str(), error.to_string()))
}

/// Adds the tenant's fields to models that it has added none to.
pub(super) async fn add_fields(platform: &Platform, tenant: &Tenant, parts: &[DemoPart]) -> Result<()> {
    for part in parts {
        let records = platform.records(tenant, part.model.as_str())?;
        let fields = records.own_fields()?;
        if !fields.list().await?.is_empty() {
            continue;
        }
        for CustomField { name, label, kind, required, personal, .. } in parsed::<Vec<CustomField>>(part)? {
            let new = NewCustomField { name: name.to_string(), label, kind, required, personal };
            fields.add(&new).await?;
        }
    }
    Ok(())
}

/// Sets the tenant's own values of shared records and adds its entries, unless it has values already.
pub(super) async fn set_values(platform: &Platform, tenant: &Tenant, parts: &[DemoPart]) -> Result<()> {
    for part in parts {
        let records = platform.records(tenant, part.model.as_str())?;
        if records.has_own_values().await? {
            continue;
        }
        let own: OwnValues = parsed(part)?;
        for (id, values) in &own.changed {
            records.set_override(id, values).await?;
        }
        for entry in &own.added {
            records.create(entry).await?;
        }
    }
    Ok(())
}
