//! Self-service registration: creates tenant, database, user and trial together, then signs the user in.
//!
//! The platform does it as one journalled operation; a failed step leaves nothing behind.

use crate::http::{
    App, body, page,
    problem::Result,
    scope::{Client, Visitor},
    view,
};
use axum::{
    extract::{FromRequestParts, Request, State},
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde::Deserialize;
use tenantry::{
    Error, Founder, Registration,
    access::{login::SignedIn, passwords::Password},
    error::Wrong,
    name::Slug,
    users,
};

/// Fields of the form. A signed-in user omits e-mail address and password.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Form {
    company: String,
    slug: Option<String>,
    name: Option<String>,
    email: Option<String>,
    password: Option<Password>,
    plan: Option<String>,
}

/// `POST /api/register` and `POST /subscription/register/`: takes JSON or a plain form; a browser that accepts HTML
/// gets a page.
pub(in crate::http) async fn create(State(app): State<App>, client: Client, request: Request) -> Response {
    let page = page::is_wanted(request.headers());
    match (register(&app, client, request).await, page) {
        (Ok(signed_in), false) => view::session(&app, StatusCode::CREATED, &signed_in),
        (Ok(signed_in), true) => page::welcome(&app, &signed_in),
        (Err(problem), false) => problem.into_response(),
        (Err(problem), true) => page::refusal(&problem),
    }
}

async fn register(app: &App, client: Client, request: Request) -> Result<SignedIn> {
    let (mut parts, rest) = request.into_parts();
    let Visitor(visitor) = Visitor::from_request_parts(&mut parts, app).await?;
    let form: Form = body::fields(Request::from_parts(parts, rest), app).await?;
    let slug = checked(&form, visitor.is_some())?;
    let founder = match (form.email, form.password, visitor) {
        (Some(email), Some(password), _) => {
            Founder::New { name: form.name.unwrap_or_else(|| email.clone()), email, password }
        }
        (None, None, Some(actor)) => Founder::SignedIn(actor),
        // The check above has refused a registration without a password.
        _ => return Err(Error::invalid("email", "is required, or sign in first").into()),
    };
    let wish = Registration { company: form.company, slug, founder, plan: form.plan, origin: client.origin };
    Ok(app.platform().register(wish).await?)
}

/// The handler under the path `/subscription/register/`; a separate operation in the OpenAPI document.
pub(in crate::http) use create as also_create;

/// Returns the slug if the form is valid.
///
/// # Errors
/// All fields that break a rule.
fn checked(form: &Form, signed_in: bool) -> Result<Slug, Error> {
    let mut wrong = Wrong::default();
    wrong.take(users::check_text("company", &form.company))?;
    let without_account = signed_in && form.email.is_none() && form.password.is_none();
    for (field, there) in [("email", form.email.is_some()), ("password", form.password.is_some())] {
        if !there && !without_account {
            wrong.take(Err::<(), _>(Error::invalid(field, "is required, or sign in first")))?;
        }
    }
    if let Some(email) = &form.email {
        wrong.take(users::check_email(email))?;
    }
    if let Some(password) = &form.password {
        wrong.take(password.check(form.email.as_deref().unwrap_or_default()))?;
    }
    let slug = match &form.slug {
        Some(text) => wrong.take(Slug::parse(text).map_err(|e| Error::invalid("slug", e.reason)))?,
        // A refused name gives no slug.
        None if form.company.trim().is_empty() => None,
        None => wrong.take(suggested(&form.company))?,
    };
    wrong.finish()?;
    slug.ok_or_else(|| Error::invalid("slug", "is required"))
}

/// Derives a slug from the tenant's name. Characters outside ASCII are refused, never mapped (`slug-collision`).
fn suggested(company: &str) -> Result<Slug, Error> {
    let mut text = String::with_capacity(40);
    for letter in company.trim().chars() {
        match letter.to_ascii_lowercase() {
            c @ ('a'..='z' | '0'..='9') => text.push(c),
            ' ' | '-' | '_' | '.' | ',' | '&' | '\'' if !text.ends_with('-') => text.push('-'),
            ' ' | '-' | '_' | '.' | ',' | '&' | '\'' => {}
            _ => {
                return Err(Error::invalid("slug", "choose a short name for this company: a-z, 0-9 and -"));
            }
        }
    }
    Slug::parse(text.trim_matches('-')).map_err(|e| Error::invalid("slug", e.reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_suggested_and_never_mapped_slug_collision() {
        assert_eq!(suggested(" City Hospital & Co. ").unwrap().as_str(), "city-hospital-co");
        for odd in ["Ärzte", "Сity", "a", "www", "---", &"a".repeat(50)] {
            assert!(suggested(odd).is_err(), "{odd}");
        }
    }
}
