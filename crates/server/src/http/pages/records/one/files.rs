//! Files of records on pages: the download, which also works during a support visit, and the upload in a form.

use super::super::{Place, Row, id_of};
use crate::http::{
    App,
    body::media_type,
    pages::{
        upload::File,
        visit::{Fields, Sent, Site, Visit},
        words::{self, Words},
    },
    problem::{Code, FieldProblem, Problem, Result},
    records::file_response,
};
use axum::{extract::Path, response::Response};
use futures_util::stream;
use serde_json::Value as Json;
use tenantry::{
    access::gates::Verb,
    model::{Field, FieldKind, Model},
    records::{Input, Upload},
};
use tenantry_console::records as view;

/// Largest form with files, bytes. The server holds it in memory, unlike an upload through the API.
const FORM: usize = 32 << 20;
/// Bytes reserved for the other fields of a form.
const REST: usize = 1 << 20;

/// `GET /{model}/{id}/files/{field}/`, and the same under `/admin/data/`.
pub(in crate::http) async fn download(
    app: App,
    site: Site,
    Path((model, id, field)): Path<(String, String, String)>,
) -> Result<Response> {
    let place = Place::of(&app, &site, &model).await?;
    let (info, bytes) = place.records()?.get_file(&id, &field).await?;
    Ok(file_response(&info, bytes))
}

/// Returns the largest file that a form accepts for a field, bytes.
fn most(max_bytes: u64) -> u64 {
    max_bytes.min((FORM - REST) as u64)
}

/// Returns the largest file of a file field, bytes, or `None` for another field.
fn limit(field: &Field) -> Option<u64> {
    match field.kind {
        FieldKind::File { max_bytes } => Some(most(max_bytes)),
        _ => None,
    }
}

/// Reads a sent form with its files, if the model has file fields.
pub(in crate::http::pages::records) async fn read(visit: &Visit, sent: Sent) -> Result<(Fields, Vec<File>)> {
    match media_type(sent.0.headers()).as_str() {
        "multipart/form-data" => visit.upload(sent, FORM).await,
        _ => Ok((visit.fields(sent).await?, vec![])),
    }
}

/// Changes that a form makes to the files of a record.
pub(in crate::http::pages::records) struct Change {
    files: Vec<File>,
    /// Names of the fields whose file is removed.
    removed: Vec<String>,
}

impl Change {
    /// Reads the changes of a form.
    ///
    /// # Errors
    /// Returns a problem that names every file that is too long.
    pub(in crate::http::pages::records) fn of(
        place: &Place<'_>,
        fields: &Fields,
        files: Vec<File>,
    ) -> Result<Self, Vec<FieldProblem>> {
        let (model, words) = (&place.model, place.words());
        let field = |name: &str| model.field(name).and_then(limit);
        let files: Vec<_> = files.into_iter().filter(|file| field(&file.field).is_some()).collect();
        let too_long = |file: &&File| field(&file.field).is_some_and(|most| file.bytes.len() as u64 > most);
        let wrong = |file: &File| {
            let most = words.bytes(field(&file.field).unwrap_or_default());
            let text: String =
                words.text("file-too-long").with("name", &*file.name).with("most", most).into();
            FieldProblem::new(&file.field, text)
        };
        let wrong: Vec<_> = files.iter().filter(too_long).map(wrong).collect();
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let ticked = |name: &str| fields.sent(&format!("_remove_{name}")).is_some();
        let is_new = |name: &str| files.iter().any(|file| file.field == name);
        let removed =
            model.fields.iter().filter(|field| limit(field).is_some()).map(|field| field.name.to_string());
        let removed = removed.filter(|name| ticked(name) && !is_new(name)).collect();
        Ok(Self { files, removed })
    }

    /// Returns true if the form leaves the files as they are.
    pub(in crate::http::pages::records) fn is_none(&self) -> bool {
        self.files.is_empty() && self.removed.is_empty()
    }

    /// Adds the removal of files to the change of a record.
    pub(in crate::http::pages::records) fn remove(&self, input: &mut Input) {
        for name in &self.removed {
            input.insert(name.clone(), Json::Null);
        }
    }

    /// Stores the new files of a stored record. Returns the code of the next page's notice, which is empty if all files
    /// are stored.
    pub(in crate::http::pages::records) async fn store(
        self,
        place: &Place<'_>,
        id: &str,
    ) -> Result<&'static str> {
        for File { field, name, media_type, bytes } in self.files {
            let bytes = stream::iter([Ok(bytes)]);
            let stored = place.records()?.put_file(id, &field, Upload { name, media_type, bytes }).await;
            match stored.map_err(Problem::from) {
                Ok(_) => {}
                Err(problem) if problem.code() == Code::LimitExceeded => return Ok("limit"),
                Err(problem) if problem.code() == Code::Denied => return Ok("denied"),
                Err(problem) => return Err(problem),
            }
        }
        Ok("")
    }
}

/// Returns the notice for a code of [`Change::store`]: the record is stored without its file.
pub(in crate::http::pages::records) fn notice(words: &Words, word: &str) -> Option<&'static str> {
    match word {
        "limit" => Some(words.say("file-over-limit")),
        "denied" => Some(words.say("file-denied")),
        _ => None,
    }
}

/// Returns the input of a file field, or `None` for another field or if the visitor may not store files.
pub(in crate::http::pages::records) fn input(
    place: &Place<'_>,
    field: &Field,
    row: Option<&Row>,
    wrong: &[FieldProblem],
) -> Option<view::Field> {
    let most = limit(field).filter(|_| place.may(Verb::Update))?;
    let name = field.name.to_string();
    let now = row.and_then(|row| {
        let file = row.get(&name)?.as_object()?;
        let part = |name: &str| file.get(name).map(super::super::cells::text).unwrap_or_default();
        let size = file.get("size").and_then(Json::as_u64).unwrap_or(0);
        Some((path(place, &place.model, &id_of(row), &name), part("name"), place.words().bytes(size)))
    });
    let wrong: Vec<_> =
        wrong.iter().filter(|wrong| wrong.field == name).map(|wrong| words::human(&wrong.message)).collect();
    Some(view::Field {
        label: field.label.clone(),
        required: false,
        help: place.words().text("file-at-most").with("most", place.words().bytes(most)).into(),
        wrong: wrong.join(". "),
        theirs: None,
        narrows: false,
        input: view::Input::File { now },
        name,
    })
}

/// Returns the address of a record's file.
pub(in crate::http::pages::records) fn path(
    place: &Place<'_>,
    model: &Model,
    id: &str,
    field: &str,
) -> String {
    format!("{}files/{field}/", place.path(model, id))
}
