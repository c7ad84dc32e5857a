//! Facts about apps, stores and models for the manifest.

use super::{Copied, Job};
use crate::archive::{
    AppFacts, FORMAT, FieldFacts, FilesFacts, Manifest, ModelFacts, PRODUCT, StoreFacts, TenantFacts,
};
use tenantry_engine::model::{Field, FieldKind, Model};

impl Job {
    pub(super) fn manifest(&self, files: FilesFacts) -> Manifest {
        let tenant = &self.tenant;
        Manifest {
            format: FORMAT,
            product: PRODUCT.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            made_at: crate::control::clock::text(self.at_us),
            tenant: TenantFacts {
                id: tenant.id().get(),
                slug: tenant.slug().to_string(),
                name: tenant.name().to_owned(),
                email: self.email.clone(),
            },
            apps: self.loaded.apps.list().iter().map(|app| self.app(app.name.as_str())).collect(),
            stores: self.stores.iter().map(store).collect(),
            files,
            entries: vec![],
        }
    }

    fn app(&self, name: &str) -> AppFacts {
        let mut migrations = self.loaded.apps.migrations().iter().filter(|m| m.app.as_str() == name);
        AppFacts { name: name.to_owned(), last_migration: migrations.next_back().map(|m| m.name.clone()) }
    }
}

fn store(copied: &Copied) -> StoreFacts {
    let models = copied.digest.tables.iter().filter_map(|table| {
        let model = copied.schema.model(table.model.as_str())?.model();
        Some(ModelFacts {
            model: model.name.to_string(),
            label: model.label.clone(),
            rows: table.rows,
            blake3: table.blake3.clone(),
            csv: csv_path(model),
            fields: model.fields.iter().map(field).collect(),
        })
    });
    StoreFacts {
        store: copied.place.store.to_string(),
        database: database_path(copied),
        schema_version: copied.schema_version.clone(),
        models: models.collect(),
    }
}

pub(super) fn csv_path(model: &Model) -> String {
    format!("csv/{}.csv", model.name)
}

pub(super) fn database_path(copied: &Copied) -> String {
    format!("data/{}.sqlite", copied.place.store)
}

fn field(field: &Field) -> FieldFacts {
    let (kind, scale, to) = match &field.kind {
        FieldKind::Text { .. } => ("text", None, None),
        FieldKind::Integer { .. } => ("integer", None, None),
        FieldKind::Decimal { scale } => ("decimal", Some(*scale), None),
        FieldKind::Boolean => ("boolean", None, None),
        FieldKind::Date => ("date", None, None),
        FieldKind::Datetime => ("datetime", None, None),
        FieldKind::Json => ("json", None, None),
        FieldKind::Custom => ("custom", None, None),
        FieldKind::File { .. } => ("file", None, None),
        FieldKind::Choice { .. } => ("choice", None, None),
        FieldKind::Ref { to, .. } => ("ref", None, Some(to.to_string())),
    };
    FieldFacts { name: field.name.to_string(), label: field.label.clone(), kind: kind.into(), scale, to }
}
