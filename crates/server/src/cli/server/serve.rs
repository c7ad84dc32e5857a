//! `tenantry serve`: serves the platform over HTTP until it is told to stop.

use crate::cli::{
    args::Listen,
    reload,
    running::{self, Socket},
    setup::Place,
};
use crate::http::{App, Options, ServeOptions, router, serve, serve_metrics};
use anyhow::{Result, anyhow};
use std::{net::SocketAddr, process::ExitCode};
use tenantry::Platform;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    task::JoinHandle,
};

/// Opens the platform and serves it.
pub(in crate::cli) async fn run(place: &Place, listen: &Listen) -> Result<ExitCode> {
    let platform = place.platform().await?;
    platform.apps().require_migrated()?;
    platform.check_secrets()?;
    platform.plans().initialise(&crate::cli::user::operator()).await?;
    tell_of_backups(&platform).await?;
    let address = listen.listen.unwrap_or(platform.config().platform.listen);
    until_stopped(platform, address, |bound| {
        say!("Tenantry serves http://{bound}  (API documentation: http://{bound}/api/docs)");
        say!("Stop it with Ctrl-C.");
    })
    .await
}

/// Warns about trouble with backups. The server starts nevertheless.
async fn tell_of_backups(platform: &Platform) -> Result<()> {
    if platform.backups().status().await?.inside_data_dir {
        tell!("warning: {}", crate::cli::backup::status::INSIDE);
    }
    let platform = platform.clone();
    tokio::spawn(async move {
        if let Some(trouble) = platform.backups().store_trouble().await {
            tracing::error!("{trouble}");
        }
    });
    Ok(())
}

/// Serves until SIGINT or SIGTERM, then lets running requests end, and closes the databases.
pub(in crate::cli) async fn until_stopped(
    platform: Platform,
    address: SocketAddr,
    announce: impl FnOnce(SocketAddr),
) -> Result<ExitCode> {
    let remedy = "stop the program that listens there, or choose another address with --listen";
    let listener = listener(address, remedy).await?;
    let bound = listener.local_addr()?;
    let app = App::new(platform.clone(), Options::of(&platform)?);
    let routes = router(app.clone());
    let metrics = metrics(&app).await?;
    platform.join().await?;
    let work = platform.start_background();
    let options = ServeOptions::of(&platform);
    log_bounds(&platform, &options);
    let reloads = (reload::on_hangup(&platform)?, listening(&app));
    // Register the signals before the announcement, so that a signal right after it is not missed.
    let stopped = stop_signal()?;
    announce(bound);
    serve(app, routes, listener, options, stopped).await?;
    metrics.abort();
    reloads.0.abort();
    drop(reloads.1);
    work.stop().await;
    platform.shutdown().await;
    Ok(ExitCode::SUCCESS)
}

/// Logs how many files and connections the process may hold open.
fn log_bounds(platform: &Platform, options: &ServeOptions) {
    let descriptors = platform.descriptors();
    tracing::info!(
        descriptors = descriptors.limit,
        for_databases = descriptors.databases,
        open_databases = descriptors.open_databases,
        connections = options.max_connections,
        connections_per_address = options.max_connections_per_address,
        "bounds of this process"
    );
}

/// Serves `/metrics` at a separate address, if one is configured, until the task is aborted.
async fn metrics(app: &App) -> Result<JoinHandle<()>> {
    let Some(address) = app.platform().config().metrics.listen else { return Ok(tokio::spawn(async {})) };
    let listener = listener(address, "choose another address in [metrics] of tenantry.toml").await?;
    say!("Metrics: http://{}/metrics", listener.local_addr()?);
    Ok(tokio::spawn(serve_metrics(app.clone(), listener, std::future::pending())))
}

async fn listener(address: SocketAddr, remedy: &str) -> Result<TcpListener> {
    let listener = TcpListener::bind(address).await;
    listener.map_err(|error| anyhow!("cannot listen on {address}: {error}\n  remedy: {remedy}"))
}

/// Returns the socket for `tenantry reload` and `tenantry monitoring`. If it cannot be created, warns and returns
/// `None`; then only SIGHUP reloads.
fn listening(app: &App) -> Option<Socket> {
    let socket = running::listen(app);
    let warn = |error: &std::io::Error| tracing::warn!(%error, "no socket for `tenantry reload`: use SIGHUP");
    socket.inspect_err(warn).ok()
}

/// Resolves at the first SIGINT or SIGTERM from now on.
fn stop_signal() -> Result<impl Future<Output = ()>> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
    })
}
