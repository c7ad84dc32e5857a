//! Request bodies: JSON with a limit on its size, and streams.
//!
//! Handlers use it. The reader of a stream limits the stream's size. The serve loop limits how slowly a body may
//! arrive.

use crate::http::{
    App,
    problem::{Code, Problem, Result},
    query::pairs,
};
use axum::{
    body::Body,
    extract::{FromRequest, Request},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http::{HeaderMap, HeaderValue, header};
use http_body::Body as _;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::{Serialize, de::DeserializeOwned};
use std::{convert::Infallible, io, marker::PhantomData, time::Duration};
use tokio::time::timeout;

/// Longest time that a body of limited size may take to arrive completely.
const WHOLE: Duration = Duration::from_secs(60);

/// A typed JSON value. As a request body, it must be an object.
pub(in crate::http) struct Json<T>(pub(in crate::http) T);

/// A JSON array as a request body, parsed into typed elements.
pub(in crate::http) struct JsonArray<T>(pub(in crate::http) Vec<T>);

impl<T: DeserializeOwned> FromRequest<App> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self> {
        let bytes = object_bytes(request, app).await?;
        serde_json::from_slice(&bytes).map(Json).map_err(|e| unreadable(&e))
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        answer(serde_json::to_vec(&self.0))
    }
}

fn answer(json: serde_json::Result<Vec<u8>>) -> Response {
    match json {
        Ok(body) => {
            let media = HeaderValue::from_static("application/json");
            ([(header::CONTENT_TYPE, media)], body).into_response()
        }
        Err(error) => Problem::internal(format!("an answer cannot be written: {error}")).into_response(),
    }
}

impl<T: DeserializeOwned> FromRequest<App> for JsonArray<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self> {
        let bytes = json_bytes(request, app).await?;
        serde_json::from_slice(&bytes).map(JsonArray).map_err(|e| unreadable(&e))
    }
}

/// Returns the bytes of a body that must be a JSON object.
async fn object_bytes(request: Request, app: &App) -> Result<Bytes> {
    let bytes = json_bytes(request, app).await?;
    // Derived code would also read a struct's fields from an array, in the order of their declaration.
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        return Err(Problem::new(Code::BadRequest, "The body must be a JSON object, not an array."));
    }
    Ok(bytes)
}

/// Returns the bytes of a JSON body.
async fn json_bytes(request: Request, app: &App) -> Result<Bytes> {
    let media = media_type(request.headers());
    // This is also a defence: a form on another site cannot send this type without a preflight request
    // (`cross-site-request`).
    if media != "application/json" && !media.ends_with("+json") {
        let text = "Send the body as `content-type: application/json`.";
        return Err(Problem::new(Code::UnsupportedMediaType, text));
    }
    whole(request.into_body(), app.options().max_json_bytes).await
}

/// Media type of a plain HTML form.
pub(in crate::http) const FORM: &str = "application/x-www-form-urlencoded";

/// A JSON object or a plain HTML form as a request body. An empty form field counts as absent.
pub(in crate::http) struct Form<T>(pub(in crate::http) T);

impl<T: DeserializeOwned> FromRequest<App> for Form<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self> {
        if media_type(request.headers()) != FORM {
            return Json::from_request(request, app).await.map(|Json(fields)| Self(fields));
        }
        let bytes = whole(request.into_body(), app.options().max_json_bytes).await?;
        form(&bytes).map(Self)
    }
}

/// A JSON object as a request body that the handler reads only after its own checks.
pub(in crate::http) struct LaterJson<T>(Request, PhantomData<fn() -> T>);

impl<T: DeserializeOwned> LaterJson<T> {
    /// Reads the body.
    pub(in crate::http) async fn read(self, app: &App) -> Result<T> {
        Json::from_request(self.0, app).await.map(|Json(body)| body)
    }
}

impl<T> FromRequest<App> for LaterJson<T> {
    type Rejection = Infallible;

    async fn from_request(request: Request, _: &App) -> Result<Self, Infallible> {
        Ok(Self(request, PhantomData))
    }
}

/// A ZIP archive as a request body, not yet read.
pub(in crate::http) struct Zip(pub(in crate::http) Body);

impl FromRequest<App> for Zip {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &App) -> Result<Self> {
        if media_type(request.headers()) == "application/zip" {
            return Ok(Self(request.into_body()));
        }
        let text = "Send the archive as `content-type: application/zip`.";
        Err(Problem::new(Code::UnsupportedMediaType, text))
    }
}

fn form<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let text = str::from_utf8(bytes).map_err(|_| bad_form("must be UTF-8"))?;
    let mut fields = serde_json::Map::new();
    for pair in pairs(text) {
        let (name, value) = pair.map_err(bad_form)?;
        if !value.is_empty() && fields.insert(name.into_owned(), value.into_owned().into()).is_some() {
            return Err(bad_form("a field was sent twice"));
        }
    }
    serde_json::from_value(fields.into()).map_err(|e| unreadable(&e))
}

fn bad_form(why: &str) -> Problem {
    Problem::new(Code::BadRequest, format!("The form cannot be read: {why}."))
}

/// Returns the media type without parameters, in lower case. It is empty if there is none.
pub(in crate::http) fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Converts a JSON error to a problem. Serde's text contains the position and the expected type, never the platform's
/// data.
pub(in crate::http) fn unreadable(error: &serde_json::Error) -> Problem {
    Problem::new(Code::BadRequest, format!("The body cannot be read: {error}."))
}

/// Returns the whole body if it has at most `max` bytes and arrives in time. A body that declares a greater length is
/// refused before it is read.
pub(in crate::http) async fn whole(body: Body, max: usize) -> Result<Bytes> {
    let too_large = || Problem::new(Code::TooLarge, format!("At most {max} bytes are taken here."));
    if body.size_hint().lower() > max as u64 {
        return Err(too_large());
    }
    match timeout(WHOLE, Limited::new(body, max).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(error)) => Err(Problem::new(Code::BadRequest, "The body broke off, or arrived too slowly.")
            .private(error.to_string())),
        Err(_) => Err(Problem::new(Code::BadRequest, "The body did not arrive in time.")),
    }
}

/// Streams the body as it arrives.
pub(in crate::http) fn stream(body: Body) -> impl Stream<Item = io::Result<Bytes>> + Send + Unpin + 'static {
    body.into_data_stream().map(|piece| piece.map_err(io::Error::other)).boxed()
}
