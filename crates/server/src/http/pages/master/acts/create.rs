//! Creates a company: an empty one, or a copy of another; attaches a database that a company brings.

use super::{about, act, at_once, done, is_on, plans, running, text};
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
    wire::{
        self, Email, Name, Slug,
        copies::Clone as Copy,
        tenant::{Attach, CreateTenant},
    },
};
use axum::response::Response;
use tenantry::{
    access::passwords::Password,
    config::{Provision, Scope},
};
use tenantry_console::master::{Choice, Field, Kind, Note};

act! {
    /// `/master-admin/companies/{slug}/clone/`.
    ask_clone clone_tenant: copying do_copy;
    /// `/master-admin/companies/{slug}/attach/`.
    ask_attach attach: attaching do_attach;
}

/// `GET /master-admin/companies/create/`.
pub(in crate::http) async fn ask(app: App, Staffed(of): Staffed) -> Result<Response> {
    Ok(creating(&app, &of).await?.show(&of))
}

async fn creating(app: &App, of: &Oneself) -> Result<Ask> {
    let words = &of.visit.words;
    let usual = Choice::new("", words.say("the-usual-one"));
    let mut fields = vec![
        Field::new("company", words.say("name"), Kind::Text),
        Field::new("slug", words.say("short-name"), Kind::Text).help(words.say("create-slug-help")),
        Field::new("email", words.say("e-mail-address"), Kind::Email).help(words.say("create-email-help")),
        Field::new("plan", words.say("plan"), Kind::Select(plans(app, usual).await?)),
    ];
    if of.actor.is_superuser() {
        fields.push(
            Field::new("password", words.say("password-of-a-new-owner"), Kind::NewPassword)
                .optional()
                .help(words.say("create-password-help")),
        );
    }
    Ok(Ask {
        title: words.say("create-a-company").into(),
        back: ("/master-admin/companies/".into(), words.say("companies").into()),
        lead: words.say("create-lead").into(),
        fields,
        button: words.say("create-the-company"),
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
    let words = of.words();
    let lead = words.say("clone-lead");
    let (mut ask, _) = about(of, "clone-title", lead, words.say("copy")).await?;
    let usual = Choice::new("", words.say("the-same"));
    ask.fields = vec![
        Field::new("slug", words.say("short-name-of-the-new-company"), Kind::Text),
        Field::new("name", words.say("name"), Kind::Text).optional().help(words.say("empty-the-same-name")),
        Field::new("email", words.say("e-mail-address"), Kind::Email)
            .optional()
            .help(words.say("empty-the-same-address")),
        Field::new("plan", words.say("plan"), Kind::Select(plans(&of.of.visit.app, usual).await?)),
        Field::new("blank_personal", words.say("clone-blank-personal"), Kind::Check).optional(),
        Field::new("owner", words.say("clone-owner"), Kind::Email).optional(),
        Field::new("reason", words.say("clone-reason"), Kind::Text).optional(),
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

/// Returns the stores whose databases companies bring.
fn brought(of: &StaffedOn) -> Vec<Choice> {
    let stores = of.platform().config().stores.iter();
    let stores =
        stores.filter(|store| store.scope == Scope::Tenant && store.provision == Provision::External);
    stores.map(|store| Choice::new(store.name.as_str(), store.name.as_str())).collect()
}

async fn attaching(of: &StaffedOn) -> Result<Ask> {
    let words = of.words();
    let lead = words.say("attach-lead");
    let (mut ask, _) = about(of, "attach-title", lead, words.say("attach")).await?;
    let stores = brought(of);
    if stores.is_empty() {
        ask.notes = vec![Note::says(words.say("attach-no-store"))];
        ask.button = "";
        return Ok(ask);
    }
    let servers = of.platform().config().servers.iter();
    let first = Choice::new("", words.say("the-usual-one"));
    let servers = servers.map(|server| Choice::new(server.name.as_str(), server.name.as_str()));
    ask.fields = vec![
        Field::new("store", words.say("store"), Kind::Select(stores)),
        Field::new("physical", words.say("name-of-the-database"), Kind::Text)
            .optional()
            .help(words.say("attach-name-help")),
        Field::new(
            "server",
            words.say("server"),
            Kind::Select(std::iter::once(first).chain(servers).collect()),
        ),
    ];
    Ok(ask)
}

async fn do_attach(of: &StaffedOn, _: &Client, fields: &Fields) -> Result<String> {
    let form = Attach {
        store: Name(fields.get("store").to_owned()),
        physical: text(fields, "physical"),
        server: text(fields, "server").map(Name),
    };
    admin::attach(of.on(), Json(form)).await?;
    Ok(done(of, "attached"))
}
