//! `tenantry tenant move`, `promote`, `demote` and `release`.

use super::args;
use crate::cli::{setup::Place, user::operator};
use anyhow::{Result, bail};
use std::process::ExitCode;
use tenantry::{Platform, moves::Target};

/// Moves a tenant to another server, or back.
pub(super) async fn to(place: &Place, options: &args::Move) -> Result<ExitCode> {
    let platform = place.platform().await?;
    let (slug, store, by) = (&options.tenant, options.store.as_ref(), operator());
    if options.lost {
        let id = platform.moves().fall_back(&by, slug, store).await?;
        return put_back(&platform, id).await;
    }
    let target = Target { store: options.store.clone(), server: None, isolation: options.isolation };
    let id = match (&options.to, options.back) {
        (Some(server), false) => platform.moves().to_server(&by, slug, server, &target).await,
        (None, true) => platform.moves().back(&by, slug, store).await,
        _ => bail!("no server is named\n  remedy: give --to SERVER or --back"),
    };
    done(&platform, id?).await
}

/// Moves a tenant out of the pool.
pub(super) async fn promote(place: &Place, options: &args::Promote) -> Result<ExitCode> {
    let platform = place.platform().await?;
    let (store, server) = (options.store.clone(), options.to.clone());
    let target = Target { store, server, isolation: options.isolation };
    let id = platform.moves().promote(&operator(), &options.tenant, &target).await?;
    done(&platform, id).await
}

/// Moves a tenant into the pool.
pub(super) async fn demote(place: &Place, options: &args::Demote) -> Result<ExitCode> {
    let platform = place.platform().await?;
    let target = Target { store: options.store.clone(), server: None, isolation: Some(options.isolation) };
    let id = platform.moves().demote(&operator(), &options.tenant, &target).await?;
    done(&platform, id).await
}

/// Removes the databases that moves and restores retained.
pub(super) async fn release(place: &Place, options: &args::OfStore) -> Result<ExitCode> {
    let platform = place.platform().await?;
    let slug = &options.tenant;
    let released = platform.moves().release(&operator(), slug, options.store.as_ref()).await?;
    let databases = crate::cli::table::count(released, "retained database", "retained databases");
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
async fn done(platform: &Platform, id: i64) -> Result<ExitCode> {
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
