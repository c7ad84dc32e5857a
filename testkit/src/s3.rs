//! An S3-compatible store in this process, on top of a directory, for suites of backups.

use hyper::{
    Response,
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::rt::TokioIo;
use s3s::{Body, auth::SimpleAuth, service::S3ServiceBuilder};
use s3s_fs::FileSystem;
use std::path::Path;
use tokio::net::TcpListener;

/// The accepted access key and its secret.
pub const KEY: (&str, &str) = ("suite", "suite-secret");

/// Serves the directory until the runtime ends; its sub-directories are buckets. Returns the address.
///
/// # Panics
/// Panics on any failure: a suite without its store must not pass.
pub async fn serve(root: &Path) -> String {
    let mut service = S3ServiceBuilder::new(FileSystem::new(root).expect("a directory"));
    service.set_auth(SimpleAuth::from_single(KEY.0, KEY.1));
    let (service, root) = (service.build(), root.to_owned());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (service, root) = (service.clone(), root.clone());
            let answer = service_fn(move |request| {
                // The store on a directory would create a missing bucket; other stores answer that it is missing.
                let request: hyper::Request<hyper::body::Incoming> = request;
                let bucket = request.uri().path().split('/').nth(1).unwrap_or_default();
                let is_there = root.join(bucket).is_dir();
                let answer = is_there.then(|| Service::call(&service, request));
                async move {
                    match answer {
                        Some(answer) => answer.await,
                        None => Ok(no_such_bucket()),
                    }
                }
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(socket), answer));
        }
    });
    format!("http://{address}")
}

fn no_such_bucket() -> Response<Body> {
    let text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
        <Error><Code>NoSuchBucket</Code><Message>The specified bucket does not exist</Message></Error>";
    let mut answer = Response::new(Body::from(text.to_owned()));
    *answer.status_mut() = hyper::StatusCode::NOT_FOUND;
    answer
}
