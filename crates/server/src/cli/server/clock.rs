//! `tenantry clock …`: shows how far the system clock is trusted, or trusts it now.

use crate::cli::{
    setup::Place,
    table::{self, at_second},
    user::operator,
};
use crate::wire::Instant;
use anyhow::Result;
use clap::Subcommand;
use serde::Serialize;
use std::process::ExitCode;
use tenantry::{ClockState, Platform};

/// Verbs of `tenantry clock`.
#[derive(Debug, Subcommand)]
pub(crate) enum Clock {
    /// Show the system clock and the witnessed time, and whether purges wait because of them.
    Show {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Trust the system clock as it is now, so that purges and retention continue.
    Accept,
}

/// Both clocks as JSON.
#[derive(Serialize)]
struct Clocks {
    system_clock: Instant,
    witnessed: Instant,
    /// True if purges and retention wait.
    holds_back: bool,
}

/// Shows both clocks. `accept` trusts the system clock first.
pub(in crate::cli) async fn run(place: &Place, verb: &Clock) -> Result<ExitCode> {
    let accept = matches!(verb, Clock::Accept);
    let platform = if accept { place.platform().await? } else { place.reading().await? };
    let state = match accept {
        true => platform.accept_clock(&operator()).await,
        false => platform.clock_state().await,
    }?;
    if matches!(verb, Clock::Show { json: true }) {
        return table::json(&Clocks {
            system_clock: Instant(state.now_us),
            witnessed: Instant(state.witnessed_us),
            holds_back: state.holds_back(),
        });
    }
    say!("system clock    {}", at_second(state.now_us));
    say!("witnessed time  {}", at_second(state.witnessed_us));
    match warning(&state) {
        Some(warning) => say!("{warning}"),
        None => say!("they agree: purges and retention use them"),
    }
    Ok(ExitCode::SUCCESS)
}

/// Warns on standard error if purges and retention wait because of the clock.
pub(in crate::cli) async fn warn(platform: &Platform) -> Result<()> {
    if let Some(warning) = warning(&platform.clock_state().await?) {
        tell!("{warning}");
    }
    Ok(())
}

fn warning(state: &ClockState) -> Option<String> {
    let hours = state.confirmed_in_us.div_euclid(3_600_000_000) + 1;
    state.holds_back().then(|| {
        format!(
            "the system clock jumped, or no server ran for a while: nothing is purged or pruned until a server has run \
             for {hours} more hours without a jump\n  remedy: compare the system clock with another one, then run: \
             tenantry clock accept"
        )
    })
}
