//! Extractors and parsers for names and numbers in requests: tenants, stores, servers, ids. Routes of staff and tenants
//! use them.
//!
//! An invalid name in a path or a filter names nothing, so it gets the same 404 as a name that does not exist
//! (`absent-not-forbidden`). An invalid name in a form breaks a rule of its field.

use crate::{
    http::{
        App,
        problem::{Problem, Result},
    },
    wire::Name,
};
use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use tenantry::{
    Error,
    name::{NameError, Slug, StoreName, TenantId},
};

/// Path parameter `{id}` as an integer. Any other text gets a 404.
#[derive(Debug)]
pub(in crate::http) struct PathId(pub(in crate::http) i64);

impl<S: Send + Sync> FromRequestParts<S> for PathId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        param(parts, state, "id").await?.parse().map(Self).map_err(|_| Problem::absent())
    }
}

/// Returns the path parameter `name`, whatever other parameters the path has.
pub(in crate::http) async fn param<S: Send + Sync>(
    parts: &mut Parts,
    state: &S,
    name: &str,
) -> Result<String> {
    let params = RawPathParams::from_request_parts(parts, state).await.map_err(|_| Problem::absent())?;
    let found = params.iter().find(|(known, _)| *known == name);
    found.map(|(_, value)| value.to_owned()).ok_or_else(Problem::absent)
}

/// Parses the slug of a tenant. An invalid slug gets a 404.
pub(in crate::http) fn absent_unless(slug: &str) -> Result<Slug> {
    Slug::parse(slug).map_err(|_| Problem::absent())
}

/// Returns the id of the tenant that a filter names.
pub(in crate::http) async fn filtered(app: &App, slug: Option<&str>) -> Result<Option<TenantId>> {
    match slug {
        Some(slug) => Ok(Some(app.platform().tenants().id_of(&absent_unless(slug)?).await?)),
        None => Ok(None),
    }
}

/// Parses a form field that is a name.
///
/// # Errors
/// Returns a problem that names the field if `parse` rejects the text.
pub(in crate::http) fn field<T>(
    name: &str,
    text: &str,
    parse: fn(&str) -> Result<T, NameError>,
) -> Result<T> {
    Ok(parse(text).map_err(|e| Error::invalid(name, e.reason))?)
}

/// Parses an optional form field that is a name.
pub(in crate::http) fn optional<T>(
    name: &str,
    text: Option<&str>,
    parse: fn(&str) -> Result<T, NameError>,
) -> Result<Option<T>> {
    text.map(|text| field(name, text, parse)).transpose()
}

pub(in crate::http) fn stores(names: Option<Vec<Name>>) -> Result<Option<Vec<StoreName>>> {
    let names = names.map(|all| all.iter().map(|s| StoreName::parse(s)).collect::<Result<_, _>>());
    Ok(names.transpose().map_err(Error::from)?)
}
