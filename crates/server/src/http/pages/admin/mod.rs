//! The pages of staff under `/admin/`: setup that the installation still needs, companies, plans, subscriptions, users,
//! letters, and the records that all companies share.
//!
//! They show no rows of tenants. Each form calls the API's handler of the same act, or the same verb of the platform.

mod companies;
mod data;
mod home;
mod impact;
mod letters;
mod placing;
mod plans;
mod rights;
mod subscriptions;
mod users;

pub(in crate::http) use companies::{list as companies, show as company};
pub(in crate::http) use data::list as data;
pub(in crate::http) use home::show as home;
pub(in crate::http) use impact::{export, show as impact};
pub(in crate::http) use letters::{ask as ask_send, list as letters, send};
pub(in crate::http) use placing::{ask_place, place as place_plan};
pub(in crate::http) use plans::{
    add as ask_add_plan, archive as archive_plan, ask_archive, ask_edit, ask_reset, create as add_plan,
    edit as edit_plan, list as plans, reset as reset_plan, show as plan,
};
pub(in crate::http) use rights::{ask_add, ask_password, ask_rights, create as add_user, password, rights};
pub(in crate::http) use subscriptions::{
    ask_cancel, ask_change, ask_extend, ask_reactivate, cancel, change, extend, list as subscriptions,
    reactivate, show as subscription,
};
pub(in crate::http) use users::{
    ask_reset as ask_send_reset, ask_sign_out, ask_unlock, list as users, send_reset, show as user, sign_out,
    unlock,
};

/// Defines the two handlers of a form about one entry of the catalog, which the address names. The first shows the form
/// that `$form` returns. The second calls `$run`, which acts and returns the address of the next page.
macro_rules! keyed {
    ($($visit:ident $ask:ident $send:ident: $form:ident $run:ident;)*) => {$(
        pub(in crate::http) async fn $ask(
            crate::http::pages::visit::$visit(of): crate::http::pages::visit::$visit,
            axum::extract::Path(key): axum::extract::Path<String>,
        ) -> crate::http::problem::Result<axum::response::Response> {
            Ok($form(&of, &key).await?.show(&of))
        }

        pub(in crate::http) async fn $send(
            crate::http::pages::visit::$visit(of): crate::http::pages::visit::$visit,
            client: crate::http::scope::Client,
            axum::extract::Path(key): axum::extract::Path<String>,
            sent: crate::http::pages::visit::Sent,
        ) -> crate::http::problem::Result<axum::response::Response> {
            let fields = of.visit.fields(sent).await?;
            match $run(&of, &client, &key, &fields).await {
                Ok(to) => Ok(crate::http::pages::answer::see(&to)),
                Err(problem) => $form(&of, &key).await?.refused(&of, &fields, problem),
            }
        }
    )*};
}
use keyed;

use crate::http::{
    App,
    pages::{
        visit::{Fields, Oneself},
        words::Words,
    },
    problem::Result,
};
use tenantry::Platform;
use tenantry_console::master::{Body, Cell, Choice, Section, Table, Tone};

/// Number of rows on a page.
const PAGE: u32 = 50;

fn platform(of: &Oneself) -> &Platform {
    of.visit.app.platform()
}

fn is_on(fields: &Fields, name: &str) -> bool {
    fields.filled(name).is_some()
}

/// Returns the address of a list with another value of one parameter. A list with another order or search starts at its
/// first page.
fn address(path: &str, query: &Fields, name: &str, value: &str) -> String {
    let kept = query.0.iter().filter(|(known, value)| {
        known != name && known != "after" && !known.starts_with('_') && !value.is_empty()
    });
    let pair = |name: &str, value: &str| {
        format!(
            "{}={}",
            crate::http::pages::answer::percent(name),
            crate::http::pages::answer::percent(value)
        )
    };
    let mut all: Vec<_> = kept.map(|(name, value)| pair(name, value)).collect();
    if !value.is_empty() {
        all.push(pair(name, value));
    }
    if all.is_empty() { path.to_owned() } else { format!("{path}?{}", all.join("&")) }
}

/// Returns the section of a list. The caller reads one row more than fits on a page, which shows whether there is a
/// next page.
fn listed<T>(
    (path, query): (&str, &Fields),
    head: &[&str],
    mut items: Vec<T>,
    (id, row): (impl Fn(&T) -> String, impl Fn(&T) -> Vec<Cell>),
    nothing: (&'static str, &str, &str),
) -> Section {
    let is_more = items.len() > PAGE as usize;
    items.truncate(PAGE as usize);
    let next = items.last().filter(|_| is_more).map(|last| address(path, query, "after", &id(last)));
    let body = match items.is_empty() {
        true => Body::Nothing(nothing.0, nothing.1.to_owned(), nothing.2.to_owned()),
        false => Body::Table(Table {
            first: query.filled("after").map(|_| address(path, query, "after", "")),
            next,
            ..Table::new(head, items.iter().map(row).collect())
        }),
    };
    Section::new("list", "", body)
}

/// Returns `first` and the plans of the catalog as choices.
async fn plan_choices(app: &App, first: Choice, also_archived: bool) -> Result<Vec<Choice>> {
    let plans = app.platform().plans().list().await?;
    let plans = plans.into_iter().filter(|plan| also_archived || !plan.archived);
    let plans = plans.map(|plan| Choice::new(plan.spec.code, plan.spec.name));
    Ok(std::iter::once(first).chain(plans).collect())
}

/// Returns the state of a subscription as a cell.
fn state_of(words: &Words, state: tenantry::plans::State) -> Cell {
    use tenantry::plans::State;
    match state {
        State::Trial => Cell::tag(words.say("trial"), Tone::Plain),
        State::Active => Cell::tag(words.say("active"), Tone::Good),
        State::PastDue => Cell::tag(words.say("payment-late"), Tone::Warn),
        State::Cancelled => Cell::tag(words.say("cancelled-still-open"), Tone::Warn),
        State::Expired => Cell::tag(words.say("ended"), Tone::Bad),
    }
}

/// Returns the number of days that are left, in words.
fn days(words: &Words, days: Option<i64>) -> String {
    match days {
        None => words.say("days-open-ended").into(),
        Some(0) => words.say("days-over").into(),
        Some(days) => words.text("days-left").with("count", days).into(),
    }
}
