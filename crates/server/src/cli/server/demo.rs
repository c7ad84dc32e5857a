//! `tenantry demo`: serves tenants with realistic data on loopback, and prints lines to paste.

use crate::cli::{args::Demo, serve::until_stopped, setup::Place, table};
use anyhow::{Result, anyhow, bail};
use std::{net::SocketAddr, path::Path, process::ExitCode};
use tenantry::{
    apps::demo_config,
    config::Config,
    demo::{self, Shown},
};

/// Creates the missing demo tenants, then serves them. Removes them instead if asked to.
pub(in crate::cli) async fn run(place: &Place, options: &Demo) -> Result<ExitCode> {
    let platform = place.platform_of(config(place, options)?).await?;
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
    let shown = demo::load(&platform).await?;
    until_stopped(platform, address, |bound| announce(bound, &shown)).await
}

/// Returns the configuration of the demo, with its stores on the server that the options name.
fn config(place: &Place, options: &Demo) -> Result<Config> {
    let mut config = match &options.app {
        Some(app) => of_app(place, app)?,
        None => place.config()?,
    };
    let ending = match (&options.postgres, &options.mongo) {
        (Some(_), _) => "-postgres",
        (_, Some(_)) => "-mongodb",
        _ => "",
    };
    match &place.data {
        Some(data) => config.set_data_dir(data),
        None => {
            let mut data = config.platform.data_dir.clone().into_os_string();
            data.push(ending);
            config.set_data_dir(Path::new(&data));
        }
    }
    // The files of owners are beside the platform's own files, never among them.
    let mut owners = config.platform.data_dir.clone().into_os_string();
    owners.push("-owners");
    config.attachments.directories = vec![owners.into()];
    if let Some(url) = &options.postgres {
        demo::on_postgres(&mut config, url, Some(options.isolation), true)?;
    }
    if let Some(url) = &options.mongo {
        demo::on_mongodb(&mut config, url, &options.prefix)?;
    }
    Ok(config)
}

fn of_app(place: &Place, app: &str) -> Result<Config> {
    if place.config.is_some() {
        bail!("the configuration names the apps\n  remedy: leave out --app or --config");
    }
    let Some(text) = demo_config(app) else {
        bail!("no built-in app is called {app}\n  remedy: name fbs, medadmin or valuation");
    };
    let parsed = Config::parse(&format!("the configuration of the demo of {app}"), text, Path::new(""));
    parsed.map_err(|problems| anyhow!("{problems}"))
}

fn announce(bound: SocketAddr, shown: &Shown) {
    say!("Tenantry demo on http://{bound}   API documentation: http://{bound}/api/docs\n");
    say!("  {:<24} {}   {}", "superuser", demo::SUPERUSER, demo::PASSWORD);
    for tenant in &shown.tenants {
        say!("  {:<24} {}   {}", tenant.name, tenant.email, demo::PASSWORD);
        for member in &tenant.members {
            say!("  {:<24} {}   {}", format!("  {}", member.role), member.email, demo::PASSWORD);
        }
    }
    let Some(tenant) = shown.tenants.first() else { return };
    say!("\nPaste these in another terminal:\n");
    say!("  TOKEN=$(curl -s http://{bound}/api/auth/login -H 'content-type: application/json' \\");
    say!(
        "    -d '{{\"email\":\"{}\",\"password\":\"{}\"}}' | sed 's/.*\"token\":\"\\([^\"]*\\)\".*/\\1/')",
        tenant.email,
        demo::PASSWORD
    );
    for shown in &shown.paths {
        say!("  # {}", shown.about);
        say!("  curl -s 'http://{bound}{}' -H \"authorization: Bearer $TOKEN\"", shown.path);
    }
    say!("\nStop it with Ctrl-C; run it again to continue.");
}
