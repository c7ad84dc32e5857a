//! The service of `lib.rs` on 127.0.0.1:8001, with its data under `./embed-data`.
//!
//! ```text
//! cargo run -p embed
//! ```

use tenantry_server::http::{ServeOptions, serve};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let (app, router) = embed::service(std::path::Path::new("embed-data")).await?;
    let listener = TcpListener::bind("127.0.0.1:8001").await?;
    println!("http://127.0.0.1:8001/api/docs, and our own http://127.0.0.1:8001/clinic/today");
    let stopped = async { drop(tokio::signal::ctrl_c().await) };
    serve(app.clone(), router, listener, ServeOptions::default(), stopped).await?;
    app.platform().shutdown().await;
    Ok(())
}
