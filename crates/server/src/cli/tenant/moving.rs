//! `tenantry tenant move`, `promote`, `demote` and `release`.

use super::args;
use crate::cli::{setup::Place, table, user::operator};
use anyhow::{Result, bail};
use std::process::ExitCode;
use tenantry::{
    Platform,
    moves::{Target, Wanted},
    name::Slug,
};

/// Moves a tenant to another server, or back.
pub(super) async fn to(place: &Place, options: &args::Move) -> Result<ExitCode> {
    let (slug, store) = (&options.tenant, options.store.clone());
    let wanted = match (&options.to, options.back) {
        _ if options.fit => Wanted::Fit(store.clone()),
        (Some(server), false) => {
            let target = Target { store: store.clone(), server: None, isolation: options.isolation };
            Wanted::ToServer(server.clone(), target)
        }
        (None, true) => Wanted::Back(store.clone()),
        _ => bail!("no server is named\n  remedy: give --to SERVER, --fit or --back"),
    };
    if options.dry_run {
        return look(place, slug, &wanted).await;
    }
    let platform = place.platform().await?;
    if options.lost {
        let id = platform.moves().fall_back(&operator(), slug, store.as_ref()).await?;
        return put_back(&platform, id).await;
    }
    begin(&platform, slug, &wanted).await
}

/// Moves a tenant out of the pool.
pub(super) async fn promote(place: &Place, options: &args::Promote) -> Result<ExitCode> {
    let (store, server) = (options.store.clone(), options.to.clone());
    let wanted = Wanted::Promote(Target { store, server, isolation: options.isolation });
    match options.dry_run {
        true => look(place, &options.tenant, &wanted).await,
        false => begin(&place.platform().await?, &options.tenant, &wanted).await,
    }
}

/// Moves a tenant into the pool.
pub(super) async fn demote(place: &Place, options: &args::Demote) -> Result<ExitCode> {
    let target = Target { store: options.store.clone(), server: None, isolation: Some(options.isolation) };
    let wanted = Wanted::Demote(target);
    match options.dry_run {
        true => look(place, &options.tenant, &wanted).await,
        false => begin(&place.platform().await?, &options.tenant, &wanted).await,
    }
}

async fn begin(platform: &Platform, slug: &Slug, wanted: &Wanted) -> Result<ExitCode> {
    let id = platform.moves().begin(&operator(), slug, wanted).await?;
    done(platform, id).await
}

/// Prints what a move would do. Exit status 1 if something is in the way.
async fn look(place: &Place, slug: &Slug, wanted: &Wanted) -> Result<ExitCode> {
    let platform = place.platform().await?;
    let outlook = platform.moves().look(&operator(), slug, wanted).await?;
    let known = |number: Option<u64>, text: fn(u64) -> String| number.map_or_else(|| "?".to_owned(), text);
    let rows = outlook.stores.iter().map(|store| {
        let from = format!("{} ({})", store.from.server, store.from.isolation.as_str());
        let to = format!("{} ({})", store.server, store.isolation.as_str());
        let (rows, bytes) = (known(store.rows, |n| n.to_string()), known(store.bytes, table::bytes));
        vec![store.from.store.to_string(), from, to, rows, bytes]
    });
    table::print(&["store", "from", "to", "rows", "size"], rows);
    say!("uploaded files: {}, which stay where they are", known(outlook.file_bytes, table::bytes));
    for store in &outlook.stores {
        for old in &store.replaces {
            say!("{}: replaces the rows of generation {} retained in the pool", old.store, old.generation);
        }
        for error in &store.obstacles {
            say!("in the way of {}: {error}", store.from.store);
        }
    }
    for error in &outlook.obstacles {
        say!("in the way: {error}");
    }
    match outlook.is_clear() {
        true => say!("nothing is in the way; nothing was changed"),
        false => say!("remove the obstacles first; nothing was changed"),
    }
    Ok(if outlook.is_clear() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Removes the databases that moves and restores retained.
pub(super) async fn release(place: &Place, options: &args::OfStore) -> Result<ExitCode> {
    let platform = place.platform().await?;
    let slug = &options.tenant;
    let released = platform.moves().release(&operator(), slug, options.store.as_ref()).await?;
    let databases = table::count(released, "retained database", "retained databases");
    say!("removed {databases} of {slug}");
    Ok(ExitCode::SUCCESS)
}

/// Follows the return to retained databases to its end, and prints which writes are lost.
async fn put_back(platform: &Platform, id: i64) -> Result<ExitCode> {
    let over = crate::cli::watch::watch_operation(platform, id).await?;
    let result = over.result.unwrap_or_default();
    for store in result["stores"].as_array().into_iter().flatten() {
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        say!(
            "{}: the database on {} {}; the one on {} is in use again",
            text(&store["store"]),
            text(&store["lost"]["server"]),
            text(&store["why"]),
            text(&store["now"]["server"])
        );
        say!("  everything written since {} is lost", text(&store["writes_lost_since"]));
    }
    say!(
        "if migrations have run since, run: tenantry migrate tenants; remove what is left of the lost database with: tenantry tenant release"
    );
    Ok(ExitCode::SUCCESS)
}

/// Follows a move to its end, and prints the result.
pub(in crate::cli) async fn done(platform: &Platform, id: i64) -> Result<ExitCode> {
    let over = crate::cli::watch::watch_operation(platform, id).await?;
    say!("{}", over.what);
    let Some(result) = over.result else { return Ok(ExitCode::SUCCESS) };
    if let Some(pause_us) = result["pause_us"].as_i64() {
        say!("writes waited for {}.{:03} ms", pause_us / 1000, pause_us % 1000);
    }
    match result["verified"].as_bool() {
        Some(true) => say!("every record is the same in both places; the old database is retained for now"),
        _ => say!(
            "records differ between the places: the old database is retained until you run: tenantry tenant release"
        ),
    }
    Ok(ExitCode::SUCCESS)
}
