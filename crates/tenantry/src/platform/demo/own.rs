//! What a demo tenant has of its own: fields that it adds to models, values of shared records, and entries.

use crate::{
    Error, Platform, Result,
    access::{Actor, Tenant},
    apps::{DemoPart, DemoTenant},
    attachments::NewAttachment,
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

/// Makes an empty file for each store for which the tenant has a database of its own, as its owner would, and attaches it,
/// unless one is attached.
pub(super) async fn attach(platform: &Platform, actor: &Actor, tenant: &DemoTenant) -> Result<()> {
    for store in &tenant.attached {
        let shown = platform.attachments().show(actor, &tenant.slug, store).await;
        let Some(folder) = platform.config().attachments.directories.first() else { continue };
        match shown {
            Ok(_) => continue,
            Err(Error::NotFound(_)) => {}
            Err(error) => return Err(error),
        }
        let name = platform.config().tenant_store(store)?.template.base_for(&tenant.slug);
        let file = std::path::absolute(folder.join(format!("{name}.db")))
            .map_err(|error| Error::io(folder.display(), &error))?;
        // A file that is there was made by a demo whose catalog is gone.
        let made = std::fs::create_dir_all(folder).and_then(|()| std::fs::File::create(&file).map(drop));
        made.map_err(|error| Error::io(file.display(), &error))?;
        let url = file.display().to_string();
        let new = NewAttachment { store: store.clone(), url, grants_schema: true, takes_data: false };
        platform.attachments().attach(actor, &tenant.slug, &new).await?;
    }
    Ok(())
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
