//! Writes what a write transaction stores besides its changes: entries of the activity log (`audited-commit`), the
//! touched records if the place records changes, and the last numbers and counters of the place.

use super::transaction::{Ended, Held, Work};
use crate::{
    mongo::{
        opened::Opened,
        place_state::number_of,
        tables::{ACTIVITY, CHANGES, PLACES},
        transaction::again,
    },
    write::{Effects, Write},
};
use mongodb::bson::{Document, doc};

/// Writes the log entries and the recorded changes, and updates the document of the place.
pub(super) async fn run(
    work: &mut Work<'_>,
    place: &Opened,
    writes: &[Write<'_>],
    (effects, held): (&Effects<'_>, &Held),
    now: jiff::Timestamp,
) -> Result<(), Ended> {
    let key = &place.site.key;
    let lines = lines(key, writes, (effects, held), now);
    let notes = if held.records { notes(key, effects, held) } else { vec![] };
    let (rows, bytes) = effects.grown();
    let (more_lines, more_notes) = (count(&lines), count(&notes));
    let grown = doc! { "rows": rows, "bytes": bytes, "lines": more_lines, "noted": more_notes };
    let mut change = doc! { "$inc": grown };
    if !held.last.is_empty() {
        let last = held.last.iter().map(|(model, last)| (format!("last.{model}"), (*last).into()));
        change.insert("$set", last.collect::<Document>());
    }
    insert(work, ACTIVITY, lines).await?;
    insert(work, CHANGES, notes).await?;
    let places = work.database.collection::<Document>(PLACES);
    let (server, session) = work.parts();
    let done = async { places.update_one(doc! { "_id": key }, change).session(session).await };
    let done = server.answer(done).await;
    again(done)?;
    Ok(())
}

fn count(documents: &[Document]) -> i64 {
    i64::try_from(documents.len()).unwrap_or_default()
}

fn lines(
    key: &str,
    writes: &[Write<'_>],
    (effects, held): (&Effects<'_>, &Held),
    now: jiff::Timestamp,
) -> Vec<Document> {
    let numbered = effects.lines.iter().zip(held.lines + 1..);
    let line = numbered.map(|(line, number)| {
        let options = &writes[line.write].request.options;
        doc! {
            "_id": number_of(key, number), "at": now.as_microsecond(), "actor": &options.actor,
            "impersonator": &options.impersonator, "action": line.action, "model": line.model.as_str(),
            "record": line.record.to_string(), "detail": &line.detail,
        }
    });
    line.collect()
}

/// Returns a recorded change for every time that a record was touched, including records that lost a reference.
fn notes(key: &str, effects: &Effects<'_>, held: &Held) -> Vec<Document> {
    let note = effects.touched().zip(held.noted + 1..).map(|((model, id), number)| {
        doc! { "_id": number_of(key, number), "model": model.as_str(), "id": id.to_string() }
    });
    note.collect()
}

async fn insert(work: &mut Work<'_>, name: &str, documents: Vec<Document>) -> Result<(), Ended> {
    if documents.is_empty() {
        return Ok(());
    }
    let collection = work.database.collection::<Document>(name);
    let (server, session) = work.parts();
    let done = async { collection.insert_many(documents).session(session).await };
    let done = server.answer(done).await;
    again(done)?;
    Ok(())
}
