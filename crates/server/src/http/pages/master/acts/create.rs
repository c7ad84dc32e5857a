//! Creates a company: a new one, or a copy of another.

use super::{about, act, at_once, is_on, plans, running, text};
use crate::{
    http::{
        App, admin,
        body::Json,
        pages::{
            answer::see,
            master::form::Ask,
            visit::{Fields, Oneself, Sent, Staffed, StaffedOn},
        },
        problem::Result,
        scope::{Client, Staff},
    },
    wire::{self, Email, Name, Slug, copies::Clone as Copy, tenant::CreateTenant},
};
use axum::response::Response;
use tenantry::access::passwords::Password;
use tenantry_console::master::{Choice, Field, Kind};

act! {
    /// `/master-admin/companies/{slug}/clone/`.
    ask_clone clone_tenant: copying do_copy;
}

/// `GET /master-admin/companies/create/`.
pub(in crate::http) async fn ask(app: App, Staffed(of): Staffed) -> Result<Response> {
    Ok(creating(&app, &of).await?.show(&of))
}

async fn creating(app: &App, of: &Oneself) -> Result<Ask> {
    let usual = Choice::new("", "The usual one");
    let mut fields = vec![
        Field::new("company", "Name", Kind::Text),
        Field::new("slug", "Short name", Kind::Text)
            .help("3 to 40 small letters, digits and hyphens. It is in addresses and in names of databases."),
        Field::new("email", "E-mail address", Kind::Email)
            .help("For letters about the company, and of its owner."),
        Field::new("plan", "Plan", Kind::Select(plans(app, usual).await?)),
    ];
    if of.actor.is_superuser() {
        fields.push(Field::new("password", "Password of a new owner", Kind::NewPassword).optional().help(
            "Creates the owner's account with the address above. Without it the company has no members yet.",
        ));
    }
    Ok(Ask {
        title: "Create a company".into(),
        back: ("/master-admin/companies/".into(), "Companies".into()),
        lead: "With its databases and its subscription: all, or nothing.".into(),
        fields,
        button: "Create the company",
        ..Ask::default()
    })
}

/// `POST /master-admin/companies/create/`.
pub(in crate::http) async fn create(app: App, Staffed(of): Staffed, sent: Sent) -> Result<Response> {
    let fields = of.visit.fields(sent).await?;
    let slug = fields.get("slug").trim().to_owned();
    let form = CreateTenant {
        slug: Slug(slug.clone()),
        company: fields.get("company").trim().to_owned(),
        email: Email(fields.get("email").trim().to_owned()),
        plan: text(&fields, "plan").map(Name),
        password: fields.filled("password").map(|password| wire::Password(Password::new(password))),
    };
    match admin::create_tenant(app.clone(), Staff(of.actor.clone()), Json(form)).await {
        Ok(_) => Ok(see(&format!("/master-admin/companies/{slug}/?_done=created"))),
        Err(problem) => creating(&app, &of).await?.refused(&of, &fields, problem),
    }
}

async fn copying(of: &StaffedOn) -> Result<Ask> {
    let lead = "Creates another company with the same records, from one moment. This one works on meanwhile.";
    let (mut ask, _) = about(of, "Copy {} as a new company", lead, "Copy").await?;
    let usual = Choice::new("", "The same");
    ask.fields = vec![
        Field::new("slug", "Short name of the new company", Kind::Text),
        Field::new("name", "Name", Kind::Text).optional().help("Empty: the same name."),
        Field::new("email", "E-mail address", Kind::Email).optional().help("Empty: the same address."),
        Field::new("plan", "Plan", Kind::Select(plans(&of.of.visit.app, usual).await?)),
        Field::new("blank_personal", "Leave fields with personal data empty", Kind::Check).optional(),
        Field::new("owner", "Address of an account that becomes its owner", Kind::Email).optional(),
        Field::new("reason", "Why this person gets the records", Kind::Text).optional(),
    ];
    Ok(ask)
}

async fn do_copy(of: &StaffedOn, _: &Client, fields: &Fields) -> Result<String> {
    let form = Copy {
        slug: Slug(fields.get("slug").trim().to_owned()),
        name: text(fields, "name"),
        email: text(fields, "email").map(Email),
        plan: text(fields, "plan").map(Name),
        owner: text(fields, "owner").map(Email),
        reason: text(fields, "reason"),
        blank_personal: is_on(fields, "blank_personal"),
    };
    Ok(running(&admin::clone_tenant(of.on(), at_once(), Json(form)).await?))
}
