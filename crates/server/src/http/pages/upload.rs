//! Sent forms that contain files. The whole form is in memory, so its size is bounded.

use super::visit::{Fields, Sent, Visit};
use crate::http::{
    body::{media_type, whole},
    problem::{Code, Problem, Result},
    records::media,
};
use axum::{
    body::Body,
    extract::{DefaultBodyLimit, FromRequest, Multipart},
};
use bytes::Bytes;

/// Largest number of parts of a form.
const PARTS: usize = 5000;

/// A file of a form.
pub(super) struct File {
    /// Name of the input that sent the file.
    pub(super) field: String,
    pub(super) name: String,
    pub(super) media_type: String,
    pub(super) bytes: Bytes,
}

impl Visit {
    /// Reads a form of at most `most` bytes and checks its token. An input without a file counts as absent.
    ///
    /// # Errors
    /// Returns an error if the body is not a form or is too long, or if its token is wrong.
    pub(super) async fn upload(&self, Sent(request): Sent, most: usize) -> Result<(Fields, Vec<File>)> {
        if media_type(request.headers()) != "multipart/form-data" {
            let text = "Send the form as `content-type: multipart/form-data`.";
            return Err(Problem::new(Code::UnsupportedMediaType, text));
        }
        let unreadable =
            |error: String| Problem::new(Code::BadRequest, "The form cannot be read.").private(error);
        let (parts, body) = request.into_parts();
        let bytes = whole(body, most).await?;
        let mut request = http::Request::from_parts(parts, Body::from(bytes));
        DefaultBodyLimit::disable().apply(&mut request);
        let mut form = Multipart::from_request(request, &()).await.map_err(|e| unreadable(e.to_string()))?;
        let (mut fields, mut files) = (Fields::default(), vec![]);
        while let Some(part) = form.next_field().await.map_err(|e| unreadable(e.to_string()))? {
            if fields.0.len() + files.len() >= PARTS {
                return Err(unreadable("too many parts".to_owned()));
            }
            let field = part.name().unwrap_or_default().to_owned();
            let media_type = media(part.content_type());
            match part.file_name().map(str::to_owned) {
                None => {
                    let text = part.text().await.map_err(|e| unreadable(e.to_string()))?;
                    fields.0.push((field, text.replace("\r\n", "\n")));
                }
                Some(name) => {
                    let bytes = part.bytes().await.map_err(|e| unreadable(e.to_string()))?;
                    if !name.is_empty() {
                        files.push(File { field, name, media_type, bytes });
                    }
                }
            }
        }
        self.key.check(self.company.as_deref(), fields.get("_token"))?;
        Ok((fields, files))
    }
}
