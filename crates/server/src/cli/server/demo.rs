//! `tenantry demo`: serves two tenants with realistic data on loopback, and prints lines to paste.

use crate::cli::{args::Demo, serve::until_stopped, setup::Place, table};
use anyhow::{Result, bail};
use std::{net::SocketAddr, path::Path, process::ExitCode};
use tenantry::demo::{self, Company};

/// Creates the missing demo tenants, then serves them. Removes them instead if asked to.
pub(in crate::cli) async fn run(place: &Place, options: &Demo) -> Result<ExitCode> {
    let mut config = place.config()?;
    if let Some(url) = &options.postgres {
        if place.data.is_none() {
            let mut data = config.platform.data_dir.clone().into_os_string();
            data.push("-postgres");
            config.set_data_dir(Path::new(&data));
        }
        demo::on_postgres(&mut config, url, Some(options.isolation), true)?;
    }
    let platform = place.platform_of(config).await?;
    if options.remove {
        let removed = demo::remove(platform).await?;
        say!("removed {} and the data directory", table::count(removed, "database", "databases"));
        return Ok(ExitCode::SUCCESS);
    }
    let address = options.listen.listen.unwrap_or(platform.config().platform.listen);
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
