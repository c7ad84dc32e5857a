//! Forms that act on the backups of all companies: a backup run, retention, a scan of the backup store, a drill. Also
//! forms that create a company from a backup or an archive.

use crate::{
    http::{
        App, admin,
        body::{Json, Zip},
        operation::Started,
        pages::{
            answer::see,
            master::{acts::plans, form::Ask},
            visit::{Fields, Oneself, Sent, Staffed, Super},
            words::Words,
        },
        problem::{Code, Result},
        query::QueryParams,
        scope::{Staff, Superuser},
    },
    wire::{
        Email, Name, Slug,
        backup::BackUpMany,
        copies::{Import, RestoreAs},
        operation::{Operation, Wait},
        status::Drill,
    },
};
use axum::{body::Body, extract::Path, response::Response};
use tenantry_console::master::{Choice, Field, Kind, Note};

/// Address of the page that the forms belong to.
const HERE: &str = "/master-admin/backups/";

/// Returns the common part of the forms about all backups.
fn about(words: &Words, title: &'static str, lead: &'static str, button: &'static str) -> Ask {
    Ask {
        title: words.say(title).into(),
        back: (HERE.into(), words.say("backups").into()),
        lead: words.say(lead).into(),
        button: words.say(button),
        ..Ask::default()
    }
}

/// Returns the parameters with which a handler of the API does not wait for its operation, because the next page shows
/// it.
fn at_once() -> QueryParams<Wait> {
    QueryParams(Wait { wait: None })
}

fn running(started: &Started<Operation>) -> Response {
    see(&format!("/master-admin/operations/{}/", started.id()))
}

fn text(fields: &Fields, name: &str) -> Option<String> {
    fields.filled(name).map(str::to_owned)
}

/// `GET /master-admin/backups/run/`.
pub(in crate::http) async fn ask_run(Staffed(of): Staffed) -> Result<Response> {
    Ok(a_run(&of).show(&of))
}

fn a_run(of: &Oneself) -> Ask {
    let words = &of.visit.words;
    let fields = vec![
        Field::new("tenants", words.say("only-these-companies"), Kind::Area)
            .optional()
            .help(words.say("only-these-companies-help")),
        Field::new("system", words.say("platforms-own-stores-too"), Kind::Check).value("yes").optional(),
    ];
    Ask { fields, ..about(words, "back-up-all", "back-up-all-lead", "back-up-now") }
}

/// `POST /master-admin/backups/run/`.
pub(in crate::http) async fn run(app: App, Staffed(of): Staffed, sent: Sent) -> Result<Response> {
    let fields = of.visit.fields(sent).await?;
    let names: Vec<_> = fields.get("tenants").split_whitespace().map(|slug| Slug(slug.to_owned())).collect();
    let form = BackUpMany {
        tenants: (!names.is_empty()).then_some(names),
        stores: None,
        system: Some(fields.filled("system").is_some()),
    };
    match admin::back_up_many(app, Staff(of.actor.clone()), at_once(), Json(form)).await {
        Ok(started) => Ok(running(&started)),
        Err(problem) if problem.code() == Code::NotFound => {
            let text = of.visit.words.say("no-such-company");
            a_run(&of).refused(&of, &fields, tenantry::Error::invalid("tenants", text).into())
        }
        Err(problem) => a_run(&of).refused(&of, &fields, problem),
    }
}

/// `GET /master-admin/backups/prune/`.
pub(in crate::http) async fn ask_prune(Staffed(of): Staffed) -> Result<Response> {
    let words = &of.visit.words;
    let notes = vec![Note::warns(words.say("prune-warning"))];
    Ok(Ask { notes, danger: true, ..about(words, "prune-title", "prune-lead", "prune") }.show(&of))
}

/// `POST /master-admin/backups/prune/`.
pub(in crate::http) async fn prune(app: App, Staffed(of): Staffed, sent: Sent) -> Result<Response> {
    of.visit.fields(sent).await?;
    Ok(running(&admin::prune_backups(app, Staff(of.actor.clone()), at_once()).await?))
}

/// `GET /master-admin/backups/rescan/`.
pub(in crate::http) async fn ask_rescan(Staffed(of): Staffed) -> Result<Response> {
    Ok(about(&of.visit.words, "rescan-title", "rescan-lead", "rescan").show(&of))
}

/// `POST /master-admin/backups/rescan/`.
pub(in crate::http) async fn rescan(app: App, Staffed(of): Staffed, sent: Sent) -> Result<Response> {
    of.visit.fields(sent).await?;
    Ok(running(&admin::rescan_backups(app, Staff(of.actor.clone()), at_once()).await?))
}

/// `GET /master-admin/backups/drill/`.
pub(in crate::http) async fn ask_drill(Super(of): Super) -> Result<Response> {
    Ok(a_drill(&of).show(&of))
}

fn a_drill(of: &Oneself) -> Ask {
    let words = &of.visit.words;
    let fields = vec![
        Field::new("tenant", words.say("short-name-of-a-company"), Kind::Text)
            .optional()
            .help(words.say("drill-tenant-help")),
    ];
    Ask { fields, ..about(words, "restore-drill", "drill-lead", "drill") }
}

/// `POST /master-admin/backups/drill/`.
pub(in crate::http) async fn drill(app: App, Super(of): Super, sent: Sent) -> Result<Response> {
    let fields = of.visit.fields(sent).await?;
    let form = Drill { tenant: text(&fields, "tenant").map(Slug) };
    match admin::drill(app, Superuser(of.actor.clone()), at_once(), Json(form)).await {
        Ok(started) => Ok(running(&started)),
        Err(problem) if problem.code() == Code::NotFound => {
            let text = of.visit.words.say("no-such-backup");
            a_drill(&of).refused(&of, &fields, tenantry::Error::invalid("tenant", text).into())
        }
        Err(problem) => a_drill(&of).refused(&of, &fields, problem),
    }
}

/// Returns the fields of the form for a company that is created from a copy.
async fn of_new_company(app: &App, words: &Words) -> Result<Vec<Field>> {
    let usual = Choice::new("", words.say("the-usual-one"));
    Ok(vec![
        Field::new("slug", words.say("short-name-of-the-new-company"), Kind::Text),
        Field::new("name", words.say("name"), Kind::Text).optional().help(words.say("empty-the-same-name")),
        Field::new("email", words.say("e-mail-address"), Kind::Email)
            .optional()
            .help(words.say("empty-the-same-address")),
        Field::new("plan", words.say("plan"), Kind::Select(plans(app, usual).await?)),
        Field::new("owner", words.say("clone-owner"), Kind::Email).optional(),
        Field::new("reason", words.say("clone-reason"), Kind::Text).optional(),
    ])
}

/// `GET /master-admin/backups/{id}/restore-as/`.
pub(in crate::http) async fn ask_restore_as(
    app: App,
    Staffed(of): Staffed,
    Path(id): Path<String>,
) -> Result<Response> {
    Ok(a_restore_as(&app, &of, &id).await?.show(&of))
}

async fn a_restore_as(app: &App, of: &Oneself, id: &str) -> Result<Ask> {
    let words = &of.visit.words;
    let (backup, _) = app.platform().backups().show(&id.parse()?).await?;
    let mut fields = of_new_company(app, words).await?;
    fields.push(Field::new("members", words.say("members-come-along"), Kind::Check).optional());
    let company = backup.slug.map(|slug| slug.to_string()).unwrap_or_default();
    let facts = vec![
        (words.say("company").into(), company),
        (words.say("taken").into(), words.instant(backup.at_us)),
        (words.say("rows").into(), words.number(backup.rows)),
        (words.say("size").into(), words.bytes(backup.stored_bytes)),
    ];
    Ok(Ask { fields, facts, ..about(words, "restore-as-title", "restore-as-lead", "create-the-company") })
}

/// `POST /master-admin/backups/{id}/restore-as/`.
pub(in crate::http) async fn restore_as(
    app: App,
    Staffed(of): Staffed,
    Path(id): Path<String>,
    sent: Sent,
) -> Result<Response> {
    let fields = of.visit.fields(sent).await?;
    let form = RestoreAs {
        slug: Slug(fields.get("slug").trim().to_owned()),
        name: text(&fields, "name"),
        email: text(&fields, "email").map(Email),
        plan: text(&fields, "plan").map(Name),
        owner: text(&fields, "owner").map(Email),
        members: fields.filled("members").is_some(),
        reason: text(&fields, "reason"),
    };
    let staff = Staff(of.actor.clone());
    match admin::restore_as(app.clone(), staff, Path(id.clone()), at_once(), Json(form)).await {
        Ok(started) => Ok(running(&started)),
        Err(problem) => a_restore_as(&app, &of, &id).await?.refused(&of, &fields, problem),
    }
}

/// Maximum size of a form with an archive, in bytes. Larger archives must be imported through the API.
const ARCHIVE: usize = 32 << 20;

/// `GET /master-admin/import/`.
pub(in crate::http) async fn ask_import(app: App, Staffed(of): Staffed) -> Result<Response> {
    Ok(an_import(&app, &of).await?.show(&of))
}

async fn an_import(app: &App, of: &Oneself) -> Result<Ask> {
    let words = &of.visit.words;
    let mut fields =
        vec![Field::new("archive", words.say("archive-file"), Kind::File).help(words.say("archive-help"))];
    fields.extend(of_new_company(app, words).await?);
    Ok(Ask {
        fields,
        back: ("/master-admin/companies/".into(), words.say("companies").into()),
        ..about(words, "import-a-company", "import-company-lead", "create-the-company")
    })
}

/// `POST /master-admin/import/`.
pub(in crate::http) async fn import(app: App, Staffed(of): Staffed, sent: Sent) -> Result<Response> {
    let (fields, files) = of.visit.upload(sent, ARCHIVE).await?;
    let Some(archive) = files.into_iter().find(|file| file.field == "archive") else {
        let missing = tenantry::Error::invalid("archive", of.visit.words.say("choose-an-archive"));
        return an_import(&app, &of).await?.refused(&of, &fields, missing.into());
    };
    let query = Import {
        slug: Slug(fields.get("slug").trim().to_owned()),
        name: text(&fields, "name"),
        email: text(&fields, "email").map(Email),
        plan: text(&fields, "plan").map(Name),
        owner: text(&fields, "owner").map(Email),
        reason: text(&fields, "reason"),
        wait: None,
    };
    let (staff, zip) = (Staff(of.actor.clone()), Zip(Body::from(archive.bytes)));
    match admin::import(app.clone(), staff, QueryParams(query), zip).await {
        Ok(started) => Ok(running(&started)),
        Err(problem) => an_import(&app, &of).await?.refused(&of, &fields, problem),
    }
}
