//! A client that keeps its connection open, and its server.

use super::{cast::Cast, shot::Shot};
use ::http::{HeaderValue, Request};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use tenantry_server::http::{self, ServeOptions};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
};

/// Serves the cast's app on a separate port until the sender is dropped.
pub(crate) async fn serve(cast: &Cast) -> (SocketAddr, oneshot::Sender<()>, JoinHandle<()>) {
    let (app, router) = cast.app.served();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(async move {
        let until = async { drop(stopped.await) };
        http::serve(app, router, listener, ServeOptions::default(), until).await.unwrap();
    });
    (address, stop, running)
}

pub(crate) struct Wire {
    address: SocketAddr,
    open: Option<SendRequest<Full<Bytes>>>,
}

impl Wire {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, open: None }
    }

    /// Returns status and body, or `None` for a request that HTTP cannot express.
    pub(crate) async fn send(&mut self, shot: &Shot) -> Option<(u16, String)> {
        let request = request(shot)?;
        // The server may have closed the connection after the last answer, so retry once.
        for _ in 0..2 {
            let sender = self.connected().await;
            if let Ok(response) = sender.send_request(request.clone()).await {
                let status = response.status().as_u16();
                if let Ok(body) = response.into_body().collect().await {
                    return Some((status, String::from_utf8_lossy(&body.to_bytes()).into_owned()));
                }
            }
            self.open = None;
        }
        panic!("no answer to {shot:?}");
    }

    async fn connected(&mut self) -> &mut SendRequest<Full<Bytes>> {
        let usable = match &mut self.open {
            Some(sender) => sender.ready().await.is_ok(),
            None => false,
        };
        if !usable {
            let stream = TcpStream::connect(self.address).await.unwrap();
            stream.set_nodelay(true).unwrap();
            let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
            tokio::spawn(connection);
            self.open = Some(sender);
        }
        self.open.as_mut().expect("just connected")
    }
}

fn request(shot: &Shot) -> Option<Request<Full<Bytes>>> {
    let mut request = Request::builder().method(shot.route.method.clone()).uri(&shot.path);
    let headers = shot.shown.iter().map(|s| &s.header).chain(&shot.names);
    let mut hosted = false;
    for (name, value) in headers {
        // A value that no client can send is no attack.
        let value = HeaderValue::from_bytes(value.as_bytes()).ok()?;
        hosted |= *name == "host";
        request = request.header(*name, value);
    }
    if !hosted {
        request = request.header("host", "localhost");
    }
    if !shot.body.0.is_empty() {
        request = request.header("content-type", shot.body.0);
    }
    request.body(Full::from(shot.body.1.clone())).ok()
}
