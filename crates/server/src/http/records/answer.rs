//! Answers of the record routes: bytes from the platform and an entity tag. Nothing is parsed again.

use crate::http::{etag, query};
use axum::{body::Body, response::Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body_util::Full;
use std::io::Write;
use tenantry::{
    model::Model,
    query::{Aggregate, Groups},
    records::{Document, OwnValues, Page},
    row::json::write_owned,
    value::Value,
};

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Returns one record, or 304 if the caller already has this version.
pub(super) fn one(document: Document, asked: &HeaderMap) -> http::Response<Full<Bytes>> {
    // Reserves room for the guard's headers, so that the map allocates once.
    let mut headers = HeaderMap::with_capacity(8);
    let mut status = StatusCode::OK;
    let mut body = document.body;
    if let Some(version) = document.version {
        headers.insert(header::ETAG, etag::tag(version));
        if etag::unchanged(asked, version) {
            status = StatusCode::NOT_MODIFIED;
            body = Vec::new();
        }
    }
    if status == StatusCode::OK {
        headers.insert(header::CONTENT_TYPE, JSON);
    }
    let mut response = http::Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// Returns a record after a change.
pub(super) fn changed(document: Document) -> Response {
    one(document, &HeaderMap::new()).map(Body::new)
}

/// Returns a new record: 201 and its address.
pub(super) fn created(document: Document, path: &str) -> Response {
    let location = id_of(&document.body).map(|id| format!("{}/{id}", path.trim_end_matches('/')));
    let mut response = changed(document);
    *response.status_mut() = StatusCode::CREATED;
    if let Some(location) = location.and_then(|text| HeaderValue::try_from(text).ok()) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// Returns the id at the start of every record: `{"id":7,…` or `{"id":"…",…`.
fn id_of(body: &[u8]) -> Option<&str> {
    let rest = str::from_utf8(body).ok()?.strip_prefix("{\"id\":")?;
    let end = rest.find([',', '}'])?;
    Some(rest[..end].trim_matches('"'))
}

/// Returns all records of a batch.
pub(super) fn many(documents: Vec<Document>) -> Response {
    let size: usize = documents.iter().map(|d| d.body.len() + 1).sum();
    let mut body = Vec::with_capacity(size + 32);
    body.extend_from_slice(b"{\"items\":[");
    for (index, document) in documents.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        body.extend_from_slice(&document.body);
    }
    body.extend_from_slice(b"],\"next\":null}");
    let mut response = json(body);
    *response.status_mut() = StatusCode::CREATED;
    response
}

/// Returns a page with its cursor and count.
pub(super) fn page(model: &Model, query: &query::List, page: &Page) -> Response {
    let mut body = Vec::with_capacity(page.items.len() + 128);
    body.extend_from_slice(b"{\"items\":[");
    body.extend_from_slice(&page.items);
    body.extend_from_slice(b"],\"next\":");
    match query::next(model, query, page.next.as_deref()) {
        // Base64url needs no escaping.
        Some(cursor) => drop(write!(body, "\"{cursor}\"")),
        None => body.extend_from_slice(b"null"),
    }
    if let Some(count) = page.count {
        drop(write!(body, ",\"count\":{count}"));
    }
    body.push(b'}');
    json(body)
}

/// Returns groups, each with its keys, its number of records and the results of the functions by field.
pub(super) fn groups(asked: &Aggregate, groups: &Groups) -> Response {
    let names: Vec<String> = asked.group_by.iter().map(query::name_of).collect();
    let mut body = b"{\"groups\":[".to_vec();
    for (index, group) in groups.groups.iter().enumerate() {
        body.extend_from_slice(if index > 0 { b",{\"group\":{" } else { b"{\"group\":{" });
        members(&mut body, names.iter().map(String::as_str).zip(&group.keys));
        drop(write!(body, "}},\"count\":{}", group.count));
        for (name, function) in query::FUNCTIONS {
            let results = asked.measures.iter().zip(&group.measures);
            let mut results = results.filter(|(measure, _)| measure.function == function).peekable();
            if results.peek().is_some() {
                drop(write!(body, ",\"{name}\":{{"));
                members(&mut body, results.map(|(measure, result)| (measure.field.as_str(), result)));
                body.push(b'}');
            }
        }
        body.push(b'}');
    }
    drop(write!(body, "],\"more\":{}}}", groups.more));
    json(body)
}

/// Returns the shared values and the tenant's overrides.
pub(super) fn own_values(values: &OwnValues) -> Response {
    let mut body = b"{\"shared\":{".to_vec();
    members(&mut body, values.shared.iter().map(|(name, value)| (name.as_str(), value)));
    body.extend_from_slice(b"},\"own\":{");
    members(&mut body, values.own.iter().map(|(name, value)| (name.as_str(), value)));
    body.extend_from_slice(b"}}");
    json(body)
}

/// Writes the members of an object. Their names need no escaping.
fn members<'v>(body: &mut Vec<u8>, members: impl Iterator<Item = (&'v str, &'v Value)>) {
    for (index, (name, value)) in members.enumerate() {
        drop(write!(body, "{}\"{name}\":", if index > 0 { "," } else { "" }));
        write_owned(body, value);
    }
}

fn json(body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_read_from_the_front() {
        assert_eq!(id_of(br#"{"id":7,"name":"a,b"}"#), Some("7"));
        assert_eq!(id_of(br#"{"id":"0190-a"}"#), Some("0190-a"));
        assert_eq!(id_of(br#"{"name":"x"}"#), None);
    }
}
