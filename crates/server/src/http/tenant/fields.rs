//! Handlers for the fields that a tenant adds to a model.

use crate::{
    http::{
        App,
        body::Json,
        problem::{Problem, Result},
        scope::Tenant,
        typed::Created,
    },
    wire::{
        Page,
        custom_field::{ChangeCustomField, CustomField, NewCustomField, Parts, RemovedCustomField, Type},
    },
};
use axum::extract::Path;
use serde::Deserialize;
use tenantry::records::{self, CustomChange, CustomKind};

/// `/api/tenant/fields/{model_name}`.
#[derive(Debug, Deserialize)]
pub(in crate::http) struct FieldsPath {
    model_name: String,
}

/// `/api/tenant/fields/{model_name}/{name}`.
#[derive(Debug, Deserialize)]
pub(in crate::http) struct FieldPath {
    model_name: String,
    name: String,
}

/// Handles `GET /api/tenant/fields/{model_name}`: the tenant's own fields of the model.
pub(in crate::http) async fn list(
    app: App,
    tenant: Tenant,
    Path(path): Path<FieldsPath>,
) -> Result<Json<Page<CustomField>>> {
    let records = app.platform().records(&tenant.0, &path.model_name)?;
    Ok(Json(Page::all(records.own_fields()?.list().await?)))
}

/// Handles `POST /api/tenant/fields/{model_name}`: adds a field.
pub(in crate::http) async fn add(
    app: App,
    tenant: Tenant,
    Path(path): Path<FieldsPath>,
    Json(form): Json<NewCustomField>,
) -> Result<Created<CustomField>> {
    let records = app.platform().records(&tenant.0, &path.model_name)?;
    let parts = Parts {
        max_length: form.max_length,
        min: form.min,
        max: form.max,
        scale: form.scale,
        choices: form.choices,
    };
    let kind = kind(parts, form.r#type)?;
    let new = records::NewCustomField {
        name: form.name,
        label: form.label,
        kind,
        required: form.required,
        personal: form.personal,
    };
    Ok(Created(records.own_fields()?.add(&new).await?.into()))
}

/// Handles `PATCH /api/tenant/fields/{model_name}/{name}`: changes a field.
pub(in crate::http) async fn change(
    app: App,
    tenant: Tenant,
    Path(path): Path<FieldPath>,
    Json(form): Json<ChangeCustomField>,
) -> Result<Json<CustomField>> {
    let records = app.platform().records(&tenant.0, &path.model_name)?;
    let fields = records.own_fields()?;
    let ChangeCustomField { label, r#type, required, personal, max_length, min, max, scale, choices } = form;
    let given = Parts { max_length, min, max, scale, choices };
    let has_parts = given.max_length.is_some()
        || given.min.is_some()
        || given.max.is_some()
        || given.scale.is_some()
        || given.choices.is_some();
    let kind = match (r#type, has_parts) {
        (Some(of), _) => Some(kind(given, of)?),
        (None, false) => None,
        (None, true) => {
            let found = fields.list().await?;
            let found = found.into_iter().find(|field| field.name.as_str() == path.name);
            let (of, before) = Parts::of(&found.ok_or_else(Problem::absent)?.kind);
            let whole = Parts {
                max_length: given.max_length.or(before.max_length),
                min: given.min.or(before.min),
                max: given.max.or(before.max),
                scale: given.scale.or(before.scale),
                choices: given.choices.or(before.choices),
            };
            Some(self::kind(whole, of)?)
        }
    };
    let change = CustomChange { label, kind, required, personal };
    Ok(Json(fields.change(&path.name, &change).await?.into()))
}

/// Handles `DELETE /api/tenant/fields/{model_name}/{name}`: removes a field and its values.
pub(in crate::http) async fn remove(
    app: App,
    tenant: Tenant,
    Path(path): Path<FieldPath>,
) -> Result<Json<RemovedCustomField>> {
    let records = app.platform().records(&tenant.0, &path.model_name)?;
    Ok(Json(records.own_fields()?.remove(&path.name).await?.into()))
}

fn kind(parts: Parts, of: Type) -> Result<CustomKind> {
    parts.kind(of).map_err(|option| Problem::field(option, "is no option of this type: leave it out"))
}
