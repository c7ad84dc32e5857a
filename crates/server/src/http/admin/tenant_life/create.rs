//! Staff handlers that create a tenant, create a tenant's missing databases, or attach a database that the tenant
//! brings.

use crate::{
    http::{
        App,
        body::Json,
        names::{field, optional},
        problem::Result,
        scope::{Staff, StaffOn},
        typed,
    },
    wire::tenant::{Attach, Attached, CreateTenant, Created},
};
use tenantry::{
    Attach as Wanted, Error,
    error::Wrong,
    name::{PhysicalName, ServerName, Slug, StoreName},
    tenants::NewTenant,
    users::{self, NewOwner},
};

/// `POST /api/admin/tenants`: with a password also creates the owner, whose address the superuser vouches for.
pub(in crate::http) async fn tenant(
    app: App,
    Staff(actor): Staff,
    Json(form): Json<CreateTenant>,
) -> Result<typed::Created<Created>> {
    if form.password.is_some() {
        actor.require_superuser("create an account")?;
    }
    let slug = checked(&app, &form).await?;
    let email = form.email.0;
    let owner = form.password.map(|password| NewOwner {
        email: email.clone(),
        name: email.clone(),
        password: password.0,
    });
    let new = NewTenant { slug, name: form.company, email };
    let created = app.platform().tenants().create(&actor, new, form.plan.as_deref(), owner).await?;
    Ok(typed::Created(created.into()))
}

/// Returns the slug if the form is valid.
///
/// # Errors
/// Returns an error that names all fields that break a rule.
async fn checked(app: &App, form: &CreateTenant) -> Result<Slug, Error> {
    let mut wrong = Wrong::default();
    let slug = wrong.take(Slug::parse(&form.slug).map_err(|e| Error::invalid("slug", e.reason)))?;
    wrong.take(users::check_text("company", &form.company))?;
    wrong.take(users::check_email(&form.email))?;
    if let Some(password) = &form.password {
        wrong.take(password.0.check(&form.email))?;
    }
    if let Some(plan) = &form.plan {
        wrong.take(app.platform().plans().by_code(plan).await)?;
    }
    wrong.finish_with(slug)
}

/// `POST /api/admin/tenants/{slug}/databases`.
pub(in crate::http) async fn databases(on: StaffOn) -> Result<Json<Created>> {
    let created = on.platform().tenants().create_databases(&on.actor, &on.slug).await?;
    Ok(Json(created.into()))
}

/// `POST /api/admin/tenants/{slug}/attach`.
pub(in crate::http) async fn attach(on: StaffOn, Json(form): Json<Attach>) -> Result<Json<Attached>> {
    let wanted = Wanted {
        store: field("store", &form.store, StoreName::parse)?,
        physical: optional("physical", form.physical.as_deref(), PhysicalName::parse)?,
        server: optional("server", form.server.as_deref(), ServerName::parse)?,
    };
    Ok(Json(on.platform().moves().attach(&on.actor, &on.slug, &wanted).await?.into()))
}
