//! Handlers for the invited person, who presents the token of the letter.
//!
//! The token is in the body, never in a path, so that no log of a server or proxy contains it.

use crate::http::{
    App,
    body::Json as Input,
    problem::Result,
    scope::{Client, Visitor},
    view,
};
use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use tenantry::{Answerer, Error, access::passwords::Password};

/// Body of [`show`] and [`refuse`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Shown {
    token: String,
}

/// `POST /api/invitations/show`.
pub(in crate::http) async fn show(State(app): State<App>, Input(form): Input<Shown>) -> Result<Json<Value>> {
    let invited = app.platform().invitation(&form.token).await?;
    Ok(Json(json!({
        "tenant": invited.tenant, "name": invited.name, "email": invited.email, "role": invited.role,
        "expires_at": view::at(invited.expires_at_us), "has_account": invited.has_account,
    })))
}

/// Body of [`accept`]. A password creates an account for a person who has none.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Accepted {
    token: String,
    name: Option<String>,
    password: Option<Password>,
}

/// `POST /api/invitations/accept`.
pub(in crate::http) async fn accept(
    State(app): State<App>,
    Visitor(actor): Visitor,
    client: Client,
    Input(form): Input<Accepted>,
) -> Result<Response> {
    let answerer = match (form.password, actor) {
        (Some(password), _) => {
            let email = app.platform().invitation(&form.token).await?.email;
            Answerer::New { name: form.name.unwrap_or(email), password }
        }
        (None, Some(actor)) => Answerer::SignedIn(actor),
        (None, None) => {
            // For an expired link, report that first.
            app.platform().invitation(&form.token).await?;
            return Err(Error::invalid("password", "choose one, or sign in before you accept").into());
        }
    };
    let (tenant, session) = app.platform().accept_invitation(&form.token, answerer, &client.origin).await?;
    Ok(match session {
        Some(signed_in) => view::session(&app, StatusCode::CREATED, &signed_in),
        None => Json(json!({ "tenant": tenant })).into_response(),
    })
}

/// `POST /api/invitations/refuse`.
pub(in crate::http) async fn refuse(
    State(app): State<App>,
    client: Client,
    Input(form): Input<Shown>,
) -> Result<StatusCode> {
    app.platform().refuse_invitation(&form.token, &client.origin).await?;
    Ok(StatusCode::NO_CONTENT)
}
