//! `GET /assets/{version}/{name}`: files that pages load. Public, and the same for all callers.

use crate::http::problem::{Problem, Result};
use axum::{body::Body, extract::Path, response::Response};
use http::{HeaderMap, HeaderValue, header};
use std::borrow::Cow;
use tenantry_console::assets;

/// Caching of a file whose URL contains the hash of its contents.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// Caching of a file that a page of another version requests: the file of this version is sent, so it must not be
/// cached.
const ANEW: HeaderValue = HeaderValue::from_static("no-cache");

/// `GET /assets/{version}/{name}`.
pub(in crate::http) async fn asset(
    Path((version, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response> {
    let asset = assets::find(&name).ok_or_else(Problem::absent)?;
    let gzip = asset.gzip().filter(|_| takes_gzip(&headers) && !cfg!(debug_assertions));
    let body = match gzip {
        Some(bytes) => Body::from(bytes),
        None => match asset.contents() {
            Cow::Borrowed(bytes) => Body::from(bytes),
            Cow::Owned(bytes) => Body::from(bytes),
        },
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.media_type));
    headers.insert(header::CACHE_CONTROL, if version == assets::version() { FOR_EVER } else { ANEW });
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if gzip.is_some() {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(response)
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    accepted.is_some_and(|value| {
        value.split(',').any(|coding| coding.split(';').next().is_some_and(|c| c.trim() == "gzip"))
    })
}
