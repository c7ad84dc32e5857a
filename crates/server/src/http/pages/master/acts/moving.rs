//! Moves of a company: to another server, back, out of the pool, into it; release of the databases that moves have
//! retained.

use super::{about, act, at_once, done, outlook, running, text};
use crate::{
    http::{
        admin,
        body::Json,
        pages::{
            master::form::{Ask, Found},
            visit::{Fields, StaffedOn},
            words::Words,
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
    ask_move move_to: moving do_move look_at_move;
    /// `/master-admin/companies/{slug}/move-back/`.
    ask_move_back move_back: moving_back do_move_back look_at_move_back;
    /// `/master-admin/companies/{slug}/promote/`.
    ask_promote promote: promoting do_promote look_at_promotion;
    /// `/master-admin/companies/{slug}/demote/`.
    ask_demote demote: demoting do_demote look_at_demotion;
    /// `/master-admin/companies/{slug}/release/`.
    ask_release release: releasing do_release;
}

/// Id of the text on how a move affects the company's requests.
const NOTICED: &str = "move-noticed";

/// Returns the field that chooses a store, if tenants have more than one.
fn store(of: &StaffedOn) -> Option<Field> {
    let words = of.words();
    let stores = of.platform().config().stores.iter().filter(|store| store.scope == Scope::Tenant);
    let stores: Vec<_> = stores.map(|store| Choice::new(store.name.as_str(), store.name.as_str())).collect();
    (stores.len() > 1).then(|| Field::new("store", words.say("store"), Kind::Select(stores)))
}

/// Returns the choice among the servers on which the store of a tenant can be placed.
fn servers(of: &StaffedOn, first: Choice) -> Kind {
    let config = of.platform().config();
    let stores: Vec<_> = config.stores.iter().filter(|store| store.scope == Scope::Tenant).collect();
    let servers = config.servers.iter().map(|server| &server.name);
    let servers = servers.filter(|name| stores.iter().any(|store| store.servers.contains(name)));
    Kind::Select(
        std::iter::once(first).chain(servers.map(|name| Choice::new(name.as_str(), name.as_str()))).collect(),
    )
}

fn isolation(words: &Words, names: [&str; 2]) -> Field {
    let first = Choice::new("", words.say("as-the-server-can"));
    let choices = std::iter::once(first).chain(names.map(|name| Choice::new(name, name))).collect();
    Field::new("isolation", words.say("isolation"), Kind::Select(choices))
}

fn named(fields: &Fields, name: &str) -> Option<Name> {
    text(fields, name).map(Name)
}

async fn moving(of: &StaffedOn) -> Result<Ask> {
    let words = of.words();
    let (mut ask, tenant) = about(of, "move-title", words.say(NOTICED), words.say("api-move")).await?;
    let place = |p: &tenantry::topology::Placement| {
        words
            .text("store-on-server")
            .with("store", p.place.store.as_str())
            .with("server", p.place.server.as_str())
            .to_string()
    };
    let places = tenant.placements.iter().map(place);
    ask.facts = vec![(words.say("it-is-now").into(), places.collect::<Vec<_>>().join(", "))];
    let fitting = Choice::new("", words.say("move-fit"));
    ask.fields = vec![Field::new("server", words.say("move-to"), servers(of, fitting))];
    ask.fields.extend(store(of));
    ask.fields.push(isolation(words, ["schema", "database"]));
    ask.check = words.say("outlook-ask");
    Ok(ask)
}

fn wanted_move(fields: &Fields) -> Json<Move> {
    Json(Move {
        server: named(fields, "server"),
        store: named(fields, "store"),
        isolation: named(fields, "isolation"),
        back: false,
        fit: text(fields, "server").is_none(),
        lost: false,
    })
}

async fn do_move(of: &StaffedOn, _: &Client, fields: &Fields) -> Result<String> {
    Ok(running(&admin::move_to(of.on(), at_once(), wanted_move(fields)).await?))
}

async fn look_at_move(of: &StaffedOn, fields: &Fields) -> Result<Found> {
    Ok(outlook::of(of, admin::check_move(of.on(), wanted_move(fields)).await?.0))
}

async fn moving_back(of: &StaffedOn) -> Result<Ask> {
    let words = of.words();
    let (mut ask, _) = about(of, "move-back-title", words.say(NOTICED), words.say("move-back")).await?;
    ask.fields.extend(store(of));
    ask.fields.push(
        Field::new("lost", words.say("move-lost"), Kind::Check).optional().help(words.say("move-lost-help")),
    );
    ask.check = words.say("outlook-ask");
    Ok(ask)
}

fn wanted_move_back(fields: &Fields) -> Json<Move> {
    let lost = super::is_on(fields, "lost");
    Json(Move { server: None, store: named(fields, "store"), isolation: None, back: true, fit: false, lost })
}

async fn do_move_back(of: &StaffedOn, _: &Client, fields: &Fields) -> Result<String> {
    Ok(running(&admin::move_to(of.on(), at_once(), wanted_move_back(fields)).await?))
}

async fn look_at_move_back(of: &StaffedOn, fields: &Fields) -> Result<Found> {
    Ok(outlook::of(of, admin::check_move(of.on(), wanted_move_back(fields)).await?.0))
}

async fn promoting(of: &StaffedOn) -> Result<Ask> {
    let words = of.words();
    let (mut ask, _) = about(of, "promote-title", words.say(NOTICED), words.say("api-promote")).await?;
    let any = Choice::new("", words.say("fewest-databases"));
    ask.fields = vec![Field::new("server", words.say("move-on"), servers(of, any))];
    ask.fields.extend(store(of));
    ask.fields.push(isolation(words, ["schema", "database"]));
    ask.check = words.say("outlook-ask");
    Ok(ask)
}

fn wanted_promotion(fields: &Fields) -> Json<Promote> {
    Json(Promote {
        server: named(fields, "server"),
        store: named(fields, "store"),
        isolation: named(fields, "isolation"),
    })
}

async fn do_promote(of: &StaffedOn, _: &Client, fields: &Fields) -> Result<String> {
    Ok(running(&admin::promote(of.on(), at_once(), wanted_promotion(fields)).await?))
}

async fn look_at_promotion(of: &StaffedOn, fields: &Fields) -> Result<Found> {
    Ok(outlook::of(of, admin::check_promotion(of.on(), wanted_promotion(fields)).await?.0))
}

async fn demoting(of: &StaffedOn) -> Result<Ask> {
    let words = of.words();
    let (mut ask, _) = about(of, "demote-title", words.say(NOTICED), words.say("api-demote")).await?;
    ask.fields.extend(store(of));
    ask.fields.push(isolation(words, ["pooled", "schema"]));
    ask.check = words.say("outlook-ask");
    Ok(ask)
}

fn wanted_demotion(fields: &Fields) -> Json<Demote> {
    Json(Demote { store: named(fields, "store"), isolation: named(fields, "isolation") })
}

async fn do_demote(of: &StaffedOn, _: &Client, fields: &Fields) -> Result<String> {
    Ok(running(&admin::demote(of.on(), at_once(), wanted_demotion(fields)).await?))
}

async fn look_at_demotion(of: &StaffedOn, fields: &Fields) -> Result<Found> {
    Ok(outlook::of(of, admin::check_demotion(of.on(), wanted_demotion(fields)).await?.0))
}

async fn releasing(of: &StaffedOn) -> Result<Ask> {
    let words = of.words();
    let lead = words.say("release-lead");
    let (mut ask, _) = about(of, "release-title", lead, words.say("release")).await?;
    ask.notes = vec![Note::warns(words.say("release-warning"))];
    ask.fields.extend(store(of));
    ask.danger = true;
    Ok(ask)
}

async fn do_release(of: &StaffedOn, _: &Client, fields: &Fields) -> Result<String> {
    admin::release(of.on(), Json(OfStore { store: named(fields, "store") })).await?;
    Ok(done(of, "released"))
}
