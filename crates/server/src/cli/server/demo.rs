//! `tenantry demo`: two tenants with realistic data, served on loopback, with lines to paste.

use crate::cli::{args::Listen, serve::until_stopped, setup::Place};
use anyhow::{Result, bail};
use std::{net::SocketAddr, process::ExitCode};
use tenantry::demo::{self, Company};

/// Creates the demo tenants that are missing, then serves.
pub(in crate::cli) async fn run(place: &Place, listen: &Listen) -> Result<ExitCode> {
    let platform = place.platform().await?;
    let address = listen.listen.unwrap_or(platform.config().platform.listen);
    if !address.ip().is_loopback() {
        bail!(
            "the demo has a public password, so it serves loopback addresses only\n  remedy: for other addresses use tenantry \
             serve"
        );
    }
    let tenants = demo::load(&platform).await?;
    until_stopped(platform, address, |bound| announce(bound, &tenants)).await
}

fn announce(bound: SocketAddr, tenants: &[Company]) {
    say!("Tenantry demo on http://{bound}   API documentation: http://{bound}/api/docs\n");
    say!("  superuser   {}   {}", demo::SUPERUSER, demo::PASSWORD);
    for tenant in tenants {
        say!("  {:<14} {}   {}", tenant.name, tenant.email, demo::PASSWORD);
    }
    let Some(tenant) = tenants.first() else { return };
    say!("\nPaste these in another terminal:\n");
    say!("  TOKEN=$(curl -s http://{bound}/api/auth/login -H 'content-type: application/json' \\");
    say!(
        "    -d '{{\"email\":\"{}\",\"password\":\"{}\"}}' | sed 's/.*\"token\":\"\\([^\"]*\\)\".*/\\1/')",
        tenant.email,
        demo::PASSWORD
    );
    say!(
        "  curl -s 'http://{bound}/api/records/doctors?expand=city,clinic' -H \"authorization: Bearer $TOKEN\""
    );
    say!(
        "  curl -s 'http://{bound}/api/records/patients?q=eder&limit=3' -H \"authorization: Bearer $TOKEN\""
    );
    say!("\nStop it with Ctrl-C; run it again to continue.");
}
