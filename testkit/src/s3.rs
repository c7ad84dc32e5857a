//! An S3-compatible store in this process, over a directory, for suites of backups.

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use s3s_fs::FileSystem;
use std::path::Path;
use tokio::net::TcpListener;

/// The accepted access key and its secret.
pub const KEY: (&str, &str) = ("suite", "suite-secret");

/// Serves the directory until the runtime ends; its sub-directories are buckets. Returns the address.
///
/// # Panics
/// On any failure: a suite without its store must not pass.
pub async fn serve(root: &Path) -> String {
    let mut service = S3ServiceBuilder::new(FileSystem::new(root).expect("a directory"));
    service.set_auth(SimpleAuth::from_single(KEY.0, KEY.1));
    let service = service.build();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let service = service.clone();
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(socket), service));
        }
    });
    format!("http://{address}")
}
