//! Self-service registration: creates tenant, database, user and trial together, then signs the user in.
//!
//! The platform does this as one journalled operation; a failed step leaves nothing behind.

use crate::{
    http::{
        App,
        body::Form,
        page, pages,
        problem::Result,
        scope::{Client, Visitor},
        typed::{Created, Either, WithCookie, session, session_cookie},
    },
    wire::{account::Register, session::Session},
};
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use tenantry::{Error, Founder, Registration, access::login::SignedIn, error::Wrong, name::Slug, users};

/// Handles `POST /api/register` and `POST /subscription/register/`. It takes JSON or a plain form. A browser that
/// accepts HTML is redirected to the dashboard, or gets the form again.
pub(in crate::http) async fn create(
    app: App,
    client: Client,
    headers: HeaderMap,
    visitor: Result<Visitor>,
    form: Result<Form<Register>>,
) -> Either<WithCookie<Created<Session>>, Response> {
    let typed = form.as_ref().map(|Form(form)| typed(form)).unwrap_or_default();
    let signed_in = matches!(visitor, Ok(Visitor(Some(_))));
    match (register(&app, client, visitor, form).await, page::is_wanted(&headers)) {
        (Ok(signed_in), false) => Either::Left(session(&app, &signed_in, Created)),
        (Ok(signed_in), true) => {
            let cookie = session_cookie(&app, &signed_in);
            Either::Right(WithCookie(pages::registered(), cookie).into_response())
        }
        (Err(problem), false) => Either::Right(problem.into_response()),
        (Err(problem), true) => {
            Either::Right(pages::refused_registration(&app, &headers, signed_in, &typed, problem).await)
        }
    }
}

/// Returns the typed values, without the password, so that the form can show them again.
fn typed(form: &Register) -> Vec<(String, String)> {
    let optional = [
        ("slug", form.slug.as_deref()),
        ("name", form.name.as_deref()),
        ("email", form.email.as_deref()),
        ("plan", form.plan.as_deref()),
    ];
    let filled = optional.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let all = [("company", form.company.as_str())].into_iter().chain(filled);
    all.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

async fn register(
    app: &App,
    client: Client,
    visitor: Result<Visitor>,
    form: Result<Form<Register>>,
) -> Result<SignedIn> {
    let (Visitor(visitor), Form(form)) = (visitor?, form?);
    let slug = checked(&form, visitor.is_some())?;
    let founder = match (form.email, form.password, visitor) {
        (Some(email), Some(password), _) => Founder::New {
            name: form.name.unwrap_or_else(|| email.0.clone()),
            email: email.0,
            password: password.0,
        },
        (None, None, Some(actor)) => Founder::SignedIn(actor),
        // The check above has refused a registration without a password.
        _ => return Err(Error::invalid("email", "is required, or sign in first").into()),
    };
    let wish = Registration {
        company: form.company,
        slug,
        founder,
        plan: form.plan.map(String::from),
        origin: client.origin,
    };
    Ok(app.platform().accounts().register(wish).await?)
}

/// The handler under the path `/subscription/register/`, which is a separate operation in the OpenAPI document.
pub(in crate::http) use create as also_create;

/// Returns the slug if the form is valid.
///
/// # Errors
/// Returns all fields that break a rule.
fn checked(form: &Register, signed_in: bool) -> Result<Slug, Error> {
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
        wrong.take(password.0.check(form.email.as_deref().unwrap_or_default()))?;
    }
    let slug = match &form.slug {
        Some(text) => wrong.take(chosen(text))?,
        // No slug can be derived from a refused name.
        None if form.company.trim().is_empty() => None,
        None => wrong.take(suggested(&form.company))?,
    };
    wrong.finish()?;
    slug.ok_or_else(|| Error::invalid("slug", "is required"))
}

/// Parses a slug that a visitor chose. `_` is for operators: no certificate covers a host name with it, and it is easily
/// read as `-`.
fn chosen(text: &str) -> Result<Slug, Error> {
    match text.contains('_') {
        true => Err(Error::invalid("slug", "choose a slug: a-z, 0-9 and -")),
        false => Slug::parse(text).map_err(|e| Error::invalid("slug", e.reason)),
    }
}

/// Derives a slug from the tenant's name. Characters outside ASCII are refused, never mapped (`slug-collision`).
fn suggested(name: &str) -> Result<Slug, Error> {
    let mut text = String::with_capacity(40);
    for letter in name.trim().chars() {
        match letter.to_ascii_lowercase() {
            c @ ('a'..='z' | '0'..='9') => text.push(c),
            ' ' | '-' | '_' | '.' | ',' | '&' | '\'' if !text.ends_with('-') => text.push('-'),
            ' ' | '-' | '_' | '.' | ',' | '&' | '\'' => {}
            _ => {
                return Err(Error::invalid("slug", "choose a slug: a-z, 0-9 and -"));
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
