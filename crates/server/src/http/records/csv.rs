//! CSV import and export, streamed: memory is bounded by a few chunks, whatever the file's size.

use super::ModelPath;
use crate::{
    http::{
        App,
        body::{self, Json},
        disposition,
        problem::{Code, Problem, Result},
        query,
        scope::Scope,
    },
    wire::record::ImportReport,
};
use axum::{
    body::Body,
    extract::{Path, RawQuery, Request},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, future, stream};
use http::{HeaderValue, header};
use http_body::Body as _;
use std::{
    io::{self, Read},
    sync::mpsc::{Receiver, SyncSender, sync_channel},
};
use tenantry::query::Select;
use tokio::{runtime::Handle, sync::mpsc, task::spawn_blocking};

/// Largest number of chunks between the socket and the database. A chunk is at most a socket buffer.
const PIECES: usize = 4;

/// `POST /api/records/{model}/import`, body `text/csv`. With `?dry_run=true` it only checks. With `report=csv` the
/// answer contains the refused lines.
pub(in crate::http) async fn import(
    app: App,
    scope: Scope,
    Path(path): Path<ModelPath>,
    RawQuery(text): RawQuery,
    request: Request,
) -> Result<Response> {
    if !matches!(body::media_type(request.headers()).as_str(), "text/csv" | "application/csv") {
        return Err(Problem::new(Code::UnsupportedMediaType, "Send the file as `content-type: text/csv`."));
    }
    // Refuse a model that the caller may not see before the first byte is read.
    super::of(&app, &scope, &path.model)?;
    let asked = query::import(text.as_deref().unwrap_or_default())?;
    let is_csv = asked.options.keep_refused;
    let name = format!("{}-refused.csv", path.model);
    let most = app.platform().config().limits.import_csv_bytes;
    if request.body().size_hint().lower() > most {
        let text = format!("A file of records has at most {most} bytes here (limits.import_csv_bytes).");
        return Err(Problem::new(Code::TooLarge, text));
    }
    let (sender, receiver) = sync_channel(PIECES);
    let worker = spawn_blocking(move || {
        Handle::current().block_on(async {
            let records = super::of(&app, &scope, &path.model)?.with_custom_fields().await?;
            Ok::<_, Problem>(
                records
                    .with_dry_run(asked.dry_run)
                    .import_csv_as(Pieces { receiver, rest: Bytes::new(), has_ended: false }, &asked.options)
                    .await?,
            )
        })
    });
    pump(body::stream(request.into_body()), sender).await;
    match worker.await {
        Ok(report) if is_csv => Ok(refused_lines(report?.refused_csv(), &name)),
        Ok(report) => Ok(Json(ImportReport::from(report?)).into_response()),
        Err(error) => Err(Problem::internal(format!("import: {error}"))),
    }
}

/// Returns the refused lines as a file.
pub(in crate::http) fn refused_lines(csv: Vec<u8>, name: &str) -> Response {
    attachment(Body::from(csv), name)
}

fn attachment(body: Body, name: &str) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    headers.insert(header::CONTENT_DISPOSITION, disposition::attachment(name));
    response
}

/// Passes the body's chunks to the worker until either side ends. An empty chunk marks the end of the body: if the
/// connection closes earlier, the worker must not mistake the received part for the whole file.
async fn pump(pieces: impl Stream<Item = io::Result<Bytes>> + Unpin, sender: SyncSender<io::Result<Bytes>>) {
    let is_end = |piece: &io::Result<Bytes>| future::ready(!matches!(piece, Ok(bytes) if bytes.is_empty()));
    let mut pieces = pieces.filter(is_end).chain(stream::iter([Ok(Bytes::new())]));
    while let Some(piece) = pieces.next().await {
        let sender = sender.clone();
        // Wait for room outside the async thread.
        if !matches!(spawn_blocking(move || sender.send(piece)).await, Ok(Ok(()))) {
            return;
        }
    }
}

/// Blocking reader of the chunks.
struct Pieces {
    receiver: Receiver<io::Result<Bytes>>,
    rest: Bytes,
    has_ended: bool,
}

impl Read for Pieces {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() && !self.has_ended {
            match self.receiver.recv() {
                Ok(piece) => self.rest = piece?,
                Err(_) => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
            self.has_ended = self.rest.is_empty();
        }
        let length = into.len().min(self.rest.len());
        into[..length].copy_from_slice(&self.rest.split_to(length));
        Ok(length)
    }
}

/// `GET /api/records/{model}/export`: accepts the filters and the sort order of a list. The audit log records it. It is
/// refused during impersonation.
pub(in crate::http) async fn export(
    app: App,
    scope: Scope,
    Path(path): Path<ModelPath>,
    RawQuery(text): RawQuery,
) -> Result<Response> {
    let name = format!("{}.csv", path.model);
    let records = super::of(&app, &scope, &path.model)?.with_custom_fields().await?;
    let select = query::export(&records, text.as_deref().unwrap_or_default())?.select;
    drop(records);
    let mut pieces = pages(app, scope, path.model, select);
    // The first page decides whether the answer is a problem. A later failure can only truncate the answer.
    let first = pieces.recv().await.transpose()?.unwrap_or_default();
    let rest =
        stream::unfold(pieces, |mut pieces| async { pieces.recv().await.map(|piece| (piece, pieces)) });
    let rest = rest.map(|piece| piece.map_err(|problem| io::Error::other(problem.log_text().to_owned())));
    Ok(attachment(Body::from_stream(stream::once(async { Ok(first) }).chain(rest)), &name))
}

/// Reads pages in a separate task, which owns the scope and ends when the client disconnects.
fn pages(app: App, scope: Scope, model: String, select: Select) -> mpsc::Receiver<Result<Bytes>> {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let export = async {
            let records = super::of(&app, &scope, &model)?.with_custom_fields().await?;
            Ok(records.export_csv(select)?)
        };
        let mut export = match export.await {
            Ok(export) => export,
            Err(problem) => return drop(sender.send(Err(problem)).await),
        };
        while let Some(piece) = export.page().await.transpose() {
            let failed = piece.is_err();
            if sender.send(piece.map_err(Problem::from)).await.is_err() || failed {
                break;
            }
        }
        // The answer may end only once the audit log has the export; otherwise the answer is truncated.
        if let Err(error) = export.finish().await {
            drop(sender.send(Err(error.into())).await);
        }
    });
    receiver
}
