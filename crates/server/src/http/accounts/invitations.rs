//! Handlers for a person whom a tenant has invited. The person presents the token from the letter.
//!
//! The token is in the body, never in a path, so no log of a server or proxy contains it.

use crate::{
    http::{
        App,
        body::Json,
        problem::Result,
        scope::{Client, Visitor},
        typed::{Created, Either, WithCookie, session},
    },
    wire::{
        AsText,
        account::{AcceptInvitation, InvitationShown, InvitationToken, Joined},
        session::Session,
    },
};
use axum::response::NoContent;
use tenantry::{Answerer, Error};

/// Handles `POST /api/invitations/show`: returns the invitation.
pub(in crate::http) async fn show(
    app: App,
    Json(form): Json<InvitationToken>,
) -> Result<Json<InvitationShown>> {
    Ok(Json(app.platform().invitations().by_link(&form.token).await?.into()))
}

/// Handles `POST /api/invitations/accept`: accepts the invitation.
pub(in crate::http) async fn accept(
    app: App,
    Visitor(actor): Visitor,
    client: Client,
    Json(form): Json<AcceptInvitation>,
) -> Result<Either<WithCookie<Created<Session>>, Json<Joined>>> {
    let answerer = match (form.password, actor) {
        (Some(password), _) => {
            let email = app.platform().invitations().by_link(&form.token).await?.email;
            Answerer::New { name: form.name.unwrap_or(email), password: password.0 }
        }
        (None, Some(actor)) => Answerer::SignedIn(actor),
        (None, None) => {
            // If the link has expired, report that first.
            app.platform().invitations().by_link(&form.token).await?;
            return Err(Error::invalid("password", "choose one, or sign in before you accept").into());
        }
    };
    let (tenant, signed_in) =
        app.platform().invitations().accept(&form.token, answerer, &client.origin).await?;
    Ok(match signed_in {
        Some(signed_in) => Either::Left(session(&app, &signed_in, Created)),
        None => Either::Right(Json(Joined { tenant: AsText(tenant) })),
    })
}

/// Handles `POST /api/invitations/refuse`: refuses the invitation.
pub(in crate::http) async fn refuse(
    app: App,
    client: Client,
    Json(form): Json<InvitationToken>,
) -> Result<NoContent> {
    app.platform().invitations().refuse(&form.token, &client.origin).await?;
    Ok(NoContent)
}
