//! What requests call companies, stores, servers, and what has a number. Used by routes of staff and tenants.
//!
//! A name in a path or a filter that cannot be one names nothing: absent, as for any other that is not there
//! (`absent-not-forbidden`). A name in a form is a value with a rule.

use super::{
    App,
    problem::{Problem, Result},
};
use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use tenantry::{
    Error,
    name::{NameError, Slug, TenantId},
};

/// The company that `{slug}` of the path names; whether it is there is not asked.
#[derive(Debug)]
pub(super) struct Company(pub(super) Slug);

impl<S: Send + Sync> FromRequestParts<S> for Company {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        absent_unless(&param(parts, state, "slug").await?).map(Self)
    }
}

/// The number that `{id}` of the path is; what is none names nothing.
#[derive(Debug)]
pub(super) struct Number(pub(super) i64);

impl<S: Send + Sync> FromRequestParts<S> for Number {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        param(parts, state, "id").await?.parse().map(Self).map_err(|_| Problem::absent())
    }
}

/// A parameter of the path, whatever others the path has.
async fn param<S: Send + Sync>(parts: &mut Parts, state: &S, name: &str) -> Result<String> {
    let params = RawPathParams::from_request_parts(parts, state).await.map_err(|_| Problem::absent())?;
    let found = params.iter().find(|(known, _)| *known == name);
    found.map(|(_, value)| value.to_owned()).ok_or_else(Problem::absent)
}

/// The slug of a company that should be there.
pub(super) fn absent_unless(slug: &str) -> Result<Slug> {
    Slug::parse(slug).map_err(|_| Problem::absent())
}

/// The company that a filter names.
pub(super) async fn filtered(app: &App, slug: Option<&str>) -> Result<Option<TenantId>> {
    match slug {
        Some(slug) => Ok(Some(app.platform().tenant_id(&absent_unless(slug)?).await?)),
        None => Ok(None),
    }
}

/// A field of a form that is a name, read by `parse`.
pub(super) fn field<T>(name: &str, text: &str, parse: fn(&str) -> Result<T, NameError>) -> Result<T> {
    Ok(parse(text).map_err(|e| Error::invalid(name, e.reason))?)
}

/// The same of a field that may be left out.
pub(super) fn optional<T>(
    name: &str,
    text: Option<&str>,
    parse: fn(&str) -> Result<T, NameError>,
) -> Result<Option<T>> {
    text.map(|text| field(name, text, parse)).transpose()
}
