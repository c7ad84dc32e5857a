//! Files of records, streamed in both directions.
//!
//! An upload is raw bytes, or a form with one file. A download is always an attachment, because an uploaded file must
//! never run as a page of this site.

use super::{
    FilePath, answer,
    form::{self, Preamble},
};
use crate::http::{
    App, body, disposition,
    problem::{Code, Problem, Result},
    query::NoParameters,
    scope::Scope,
};
use axum::{
    body::Body,
    extract::{DefaultBodyLimit, FromRequest, Multipart, Path, Request},
    response::Response,
};
use bytes::Bytes;
use futures_util::{StreamExt, stream::BoxStream};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use std::{io, sync::Arc};
use tenantry::records::{FileInfo, Input, Upload};

/// Header with the file's name, for uploads of raw bytes.
const FILE_NAME: &str = "x-file-name";
const UNKNOWN: &str = "application/octet-stream";

/// `PUT /api/records/{model}/{id}/files/{field}`.
pub(in crate::http) async fn upload(
    app: App,
    scope: Scope,
    _: NoParameters,
    Path(path): Path<FilePath>,
    request: Request,
) -> Result<Response> {
    let records = super::of(&app, &scope, &path.model)?;
    if body::media_type(request.headers()) != "multipart/form-data" {
        let (name, media_type) = described(request.headers());
        let upload = Upload { name, media_type, bytes: body::stream(request.into_body()) };
        return Ok(answer::changed(records.put_file(&path.id, &path.field, upload).await?));
    }
    // The field and the plan limit the size of a file, as they do for raw bytes. The framework's own limit does not
    // apply.
    let preamble = Arc::new(Preamble::default());
    let mut request = request.map(|body| form::bounded(body, preamble.clone()));
    DefaultBodyLimit::disable().apply(&mut request);
    let unreadable = |error: String| match preamble.is_too_long() {
        true => {
            let text = format!("A form has at most {} bytes before its file.", form::MOST);
            Problem::new(Code::TooLarge, text)
        }
        false => Problem::new(Code::BadRequest, "The form cannot be read.").private(error),
    };
    let mut form = Multipart::from_request(request, &app).await.map_err(|e| unreadable(e.to_string()))?;
    while let Some(part) = form.next_field().await.map_err(|e| unreadable(e.to_string()))? {
        let Some(name) = part.file_name().map(str::to_owned) else { continue };
        preamble.end();
        let media_type = media(part.content_type());
        // The form only lends its parts, so this function reads the part and passes each chunk on as it arrives.
        let bytes = part.map(|piece| piece.map_err(io::Error::other)).boxed();
        let upload = Upload { name, media_type, bytes };
        return Ok(answer::changed(records.put_file(&path.id, &path.field, upload).await?));
    }
    Err(Problem::field("form", "has no file"))
}

/// `GET /api/records/{model}/{id}/files/{field}`.
pub(in crate::http) async fn download(
    app: App,
    scope: Scope,
    _: NoParameters,
    Path(path): Path<FilePath>,
) -> Result<Response> {
    let records = super::of(&app, &scope, &path.model)?;
    let (info, bytes) = records.get_file(&path.id, &path.field).await?;
    Ok(file_response(&info, bytes))
}

/// Returns a file as an attachment.
pub(in crate::http) fn file_response(
    info: &FileInfo,
    bytes: BoxStream<'static, io::Result<Bytes>>,
) -> Response {
    let mut response = Response::new(Body::from_stream(bytes));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::try_from(media(Some(&info.media_type))).unwrap_or(HeaderValue::from_static(UNKNOWN)),
    );
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(info.size));
    headers.insert(header::CONTENT_DISPOSITION, disposition::attachment(&info.name));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    response
}

/// `DELETE /api/records/{model}/{id}/files/{field}`.
pub(in crate::http) async fn remove(
    app: App,
    scope: Scope,
    _: NoParameters,
    Path(path): Path<FilePath>,
) -> Result<StatusCode> {
    let records = super::of(&app, &scope, &path.model)?;
    let input = Input::from_iter([(path.field, serde_json::Value::Null)]);
    records.patch(&path.id, None, &input).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Returns the name and the media type of a raw body.
fn described(headers: &HeaderMap) -> (String, String) {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    let name = text(FILE_NAME).unwrap_or("file").to_owned();
    (name, media(text(header::CONTENT_TYPE.as_str())))
}

/// Returns a media type of visible ASCII and plausible length. Any other text becomes the type of plain bytes.
pub(in crate::http) fn media(text: Option<&str>) -> String {
    let sane = |t: &&str| t.len() <= 100 && t.contains('/') && t.bytes().all(|b| (b' '..0x7f).contains(&b));
    text.filter(sane).unwrap_or(UNKNOWN).to_owned()
}
