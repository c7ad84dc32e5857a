//! Moves of a company: to another server, back, out of the pool, into it; release of what moves have retained.

use super::{about, act, at_once, done, running, text};
use crate::{
    http::{
        admin,
        body::Json,
        pages::{
            master::form::Ask,
            visit::{Fields, StaffedOn},
        },
        problem::Result,
        scope::Client,
    },
    wire::{
        Name,
        copies::{Demote, Move, OfStore, Promote},
    },
};
use tenantry::config::Scope;
use tenantry_console::master::{Choice, Field, Kind, Note};

act! {
    /// `/master-admin/companies/{slug}/move/`.
    ask_move move_to: moving do_move;
    /// `/master-admin/companies/{slug}/move-back/`.
    ask_move_back move_back: moving_back do_move_back;
    /// `/master-admin/companies/{slug}/promote/`.
    ask_promote promote: promoting do_promote;
    /// `/master-admin/companies/{slug}/demote/`.
    ask_demote demote: demoting do_demote;
    /// `/master-admin/companies/{slug}/release/`.
    ask_release release: releasing do_release;
}

/// What others notice of a move.
const NOTICED: &str =
    "Its members work on meanwhile. Writes wait for some milliseconds at the end, and every row is compared.";

/// Returns the field of the store, if tenants have more than one.
fn store(of: &StaffedOn) -> Option<Field> {
    let stores = of.platform().config().stores.iter().filter(|store| store.scope == Scope::Tenant);
    let stores: Vec<_> = stores.map(|store| Choice::new(store.name.as_str(), store.name.as_str())).collect();
    (stores.len() > 1).then(|| Field::new("store", "Store", Kind::Select(stores)))
}

/// Returns the choice among the servers on which a store of tenants can be placed.
fn servers(of: &StaffedOn, first: Option<Choice>) -> Kind {
    let config = of.platform().config();
    let stores: Vec<_> = config.stores.iter().filter(|store| store.scope == Scope::Tenant).collect();
    let servers = config.servers.iter().map(|server| &server.name);
    let servers = servers.filter(|name| stores.iter().any(|store| store.servers.contains(name)));
    Kind::Select(
        first.into_iter().chain(servers.map(|name| Choice::new(name.as_str(), name.as_str()))).collect(),
    )
}

fn isolation(names: [&str; 2]) -> Field {
    let first = Choice::new("", "As the server can");
    let choices = std::iter::once(first).chain(names.map(|name| Choice::new(name, name))).collect();
    Field::new("isolation", "Isolation", Kind::Select(choices))
}

fn named(fields: &Fields, name: &str) -> Option<Name> {
    text(fields, name).map(Name)
}

async fn moving(of: &StaffedOn) -> Result<Ask> {
    let (mut ask, tenant) = about(of, "Move {} to another server", NOTICED, "Move").await?;
    let places = tenant.placements.iter().map(|p| format!("{} on {}", p.place.store, p.place.server));
    ask.facts = vec![("It is now".into(), places.collect::<Vec<_>>().join(", "))];
    ask.fields = vec![Field::new("server", "To", servers(of, None))];
    ask.fields.extend(store(of));
    ask.fields.push(isolation(["schema", "database"]));
    Ok(ask)
}

async fn do_move(of: &StaffedOn, _: &Client, fields: &Fields) -> Result<String> {
    let form = Move {
        server: named(fields, "server"),
        store: named(fields, "store"),
        isolation: named(fields, "isolation"),
        back: false,
        lost: false,
    };
    Ok(running(&admin::move_to(of.on(), at_once(), Json(form)).await?))
}

async fn moving_back(of: &StaffedOn) -> Result<Ask> {
    let (mut ask, _) = about(of, "Move {} back", NOTICED, "Move back").await?;
    ask.fields.extend(store(of));
    ask.fields.push(
        Field::new("lost", "The database in use is lost", Kind::Check)
            .optional()
            .help("Uses the former database as it is. Everything written since the move is lost."),
    );
    Ok(ask)
}

async fn do_move_back(of: &StaffedOn, _: &Client, fields: &Fields) -> Result<String> {
    let lost = super::is_on(fields, "lost");
    let form = Move { server: None, store: named(fields, "store"), isolation: None, back: true, lost };
    Ok(running(&admin::move_to(of.on(), at_once(), Json(form)).await?))
}

async fn promoting(of: &StaffedOn) -> Result<Ask> {
    let (mut ask, _) = about(of, "Give {} a database of its own", NOTICED, "Promote").await?;
    let any = Choice::new("", "The one with the fewest databases");
    ask.fields = vec![Field::new("server", "On", servers(of, Some(any)))];
    ask.fields.extend(store(of));
    ask.fields.push(isolation(["schema", "database"]));
    Ok(ask)
}

async fn do_promote(of: &StaffedOn, _: &Client, fields: &Fields) -> Result<String> {
    let form = Promote {
        server: named(fields, "server"),
        store: named(fields, "store"),
        isolation: named(fields, "isolation"),
    };
    Ok(running(&admin::promote(of.on(), at_once(), Json(form)).await?))
}

async fn demoting(of: &StaffedOn) -> Result<Ask> {
    let (mut ask, _) = about(of, "Put {} into the pool", NOTICED, "Demote").await?;
    ask.fields.extend(store(of));
    ask.fields.push(isolation(["pooled", "schema"]));
    Ok(ask)
}

async fn do_demote(of: &StaffedOn, _: &Client, fields: &Fields) -> Result<String> {
    let form = Demote { store: named(fields, "store"), isolation: named(fields, "isolation") };
    Ok(running(&admin::demote(of.on(), at_once(), Json(form)).await?))
}

async fn releasing(of: &StaffedOn) -> Result<Ask> {
    let lead = "Removes the databases that were in use before moves and restores.";
    let (mut ask, _) = about(of, "Release retained databases of {}", lead, "Release").await?;
    ask.notes = vec![Note::warns("After that no move and no restore of it can be taken back.")];
    ask.fields.extend(store(of));
    ask.danger = true;
    Ok(ask)
}

async fn do_release(of: &StaffedOn, _: &Client, fields: &Fields) -> Result<String> {
    admin::release(of.on(), Json(OfStore { store: named(fields, "store") })).await?;
    Ok(done(of, "released"))
}
