//! Forms that act on a company. Each one calls the API's handler of the same act.

mod backups;
mod create;
mod life;
mod moving;
mod outlook;
mod purge;

pub(in crate::http) use backups::{
    ask_back_up, ask_discard, ask_restore, ask_swap, ask_undo, ask_verify, back_up, discard, restore, swap,
    undo, verify,
};
pub(in crate::http) use create::{ask as ask_create, ask_attach, ask_clone, attach, clone_tenant, create};
pub(in crate::http) use life::{
    ask_cancel, ask_databases, ask_maintenance, ask_migrate, ask_plan, ask_rename, ask_resume, ask_revoke,
    ask_settings, ask_suspend, cancel, databases, maintenance, migrate, plan, rename, resume, revoke,
    settings, suspend,
};
pub(in crate::http) use moving::{
    ask_demote, ask_move, ask_move_back, ask_promote, ask_release, demote, move_back, move_to, promote,
    release,
};
pub(in crate::http) use purge::{ask as ask_purge, purge};

use super::form::{Ask, own_password, prove};
use crate::{
    http::{
        App,
        operation::Started,
        pages::visit::{Fields, StaffedOn},
        problem::Result,
        query::QueryParams,
    },
    wire::operation::{Operation, Wait},
};
use tenantry::tenants::Listed;
use tenantry_console::master::{Choice, Field, Kind};

/// Defines the two handlers of a form. The first shows the form that `$form` returns. The second calls `$run`, which
/// acts and returns the address of the next page, or `$look`, the dry run, if the form was sent with its button.
macro_rules! act {
    ($($(#[$doc:meta])* $ask:ident $send:ident: $form:ident $run:ident $($look:ident)?;)*) => {$(
        $(#[$doc])*
        pub(in crate::http) async fn $ask(
            of: crate::http::pages::visit::StaffedOn,
        ) -> crate::http::problem::Result<axum::response::Response> {
            Ok($form(&of).await?.show(&of.of))
        }

        $(#[$doc])*
        pub(in crate::http) async fn $send(
            of: crate::http::pages::visit::StaffedOn,
            client: crate::http::scope::Client,
            sent: crate::http::pages::visit::Sent,
        ) -> crate::http::problem::Result<axum::response::Response> {
            let fields = of.of.visit.fields(sent).await?;
            $(if crate::http::pages::master::acts::is_on(&fields, "_check") {
                return match $look(&of, &fields).await {
                    Ok(found) => Ok($form(&of).await?.looked(&of.of, &fields, found)),
                    Err(problem) => $form(&of).await?.refused(&of.of, &fields, problem),
                };
            })?
            match $run(&of, &client, &fields).await {
                Ok(to) => Ok(crate::http::pages::answer::see(&to)),
                Err(problem) => $form(&of).await?.refused(&of.of, &fields, problem),
            }
        }
    )*};
}
use act;

/// Returns the common part of the forms about a company. `title` is the id of the title's text.
async fn about(
    of: &StaffedOn,
    title: &'static str,
    lead: &str,
    button: &'static str,
) -> Result<(Ask, Listed)> {
    let tenant = of.platform().tenants().show(&of.slug).await?;
    let ask = Ask {
        title: of.words().text(title).with("name", tenant.called()).into(),
        back: (at(of), tenant.called().to_owned()),
        lead: lead.to_owned(),
        button,
        ..Ask::default()
    };
    Ok((ask, tenant))
}

fn at(of: &StaffedOn) -> String {
    format!("/master-admin/companies/{}/", of.slug)
}

/// Returns the address of the company's page with a notice of the act that was done.
fn done(of: &StaffedOn, what: &str) -> String {
    format!("/master-admin/companies/{}/?_done={what}", of.slug)
}

/// Returns the parameters with which a handler of the API does not wait for its operation: the next page shows it.
fn at_once() -> QueryParams<Wait> {
    QueryParams(Wait { wait: None })
}

fn running(started: &Started<Operation>) -> String {
    format!("/master-admin/operations/{}/", started.id())
}

fn text(fields: &Fields, name: &str) -> Option<String> {
    fields.filled(name).map(str::to_owned)
}

fn is_on(fields: &Fields, name: &str) -> bool {
    fields.filled(name).is_some()
}

/// Returns `first` and the plans of the catalog as choices.
pub(super) async fn plans(app: &App, first: Choice) -> Result<Vec<Choice>> {
    let plans = app.platform().plans().list().await?;
    let plans = plans.into_iter().filter(|plan| !plan.archived);
    let plans = plans.map(|plan| Choice::new(plan.spec.code, plan.spec.name));
    Ok(std::iter::once(first).chain(plans).collect())
}

/// Returns the field in which the operator types the slug again (`wrong-id-deleted`).
fn typed_slug(of: &StaffedOn) -> Field {
    let words = of.words();
    Field::new("confirm", words.say("short-name-typed-again"), Kind::Text)
        .help(words.text("type-slug").with("slug", of.slug.as_str()))
}
