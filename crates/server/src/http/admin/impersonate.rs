//! Staff handlers for impersonation ("Enter company system" and "exit"): act as a member, with a reason, for at most an
//! hour (`impersonation-abuse`).

use crate::{
    http::{
        App,
        body::Json,
        names::absent_unless,
        problem::Result,
        scope::{Caller, Client, Staff},
        typed::Created,
    },
    wire::session::{Impersonate, Impersonation},
};
use axum::response::NoContent;
use tenantry::{access::impersonation, name::UserId};

/// `POST /api/admin/impersonate`: answers with a token only; the staff member's own cookie does not change.
pub(in crate::http) async fn start(
    app: App,
    Staff(actor): Staff,
    client: Client,
    Json(form): Json<Impersonate>,
) -> Result<Created<Impersonation>> {
    let access = app.platform().access();
    let slug = absent_unless(&form.tenant)?;
    let tenant = access.directory().by_slug(&slug).await?.id;
    let minutes = form.minutes.unwrap_or(30);
    let user = form.user.map(|id| UserId::from_raw(id.0));
    let wish = impersonation::Impersonate { tenant, user, reason: form.reason, minutes };
    let password = form.password.map(|password| password.0);
    let actor = access.confirm(&actor, password, &client.origin).await?;
    let begun = access.impersonate(&actor, &wish, &client.origin).await?;
    Ok(Created(Impersonation::new(&begun, &slug)))
}

/// `DELETE /api/admin/impersonate`: ends the impersonation whose token is presented.
pub(in crate::http) async fn stop(app: App, Caller(actor): Caller) -> Result<NoContent> {
    app.platform().access().stop_impersonating(&actor).await?;
    Ok(NoContent)
}
