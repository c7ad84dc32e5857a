//! Reads a tenant's activity log: which user changed what. The transaction of a change writes it.

use crate::{
    cell::instant,
    error::{Error, Kind, Result},
    write::Activity,
};
use mongodb::bson::{RawDocument, RawDocumentBuf, error::Error as BsonError};

/// Returns the entries. Stops once their details take more than `bytes`.
///
/// # Errors
/// Returns `Corrupt` if an entry does not have the form in which this program writes entries.
pub(crate) fn entries(rows: &[RawDocumentBuf], bytes: usize) -> Result<Vec<Activity>> {
    let (mut entries, mut taken) = (Vec::with_capacity(rows.len()), 0);
    for row in rows {
        if taken > bytes {
            break;
        }
        let (entry, size) =
            entry(row).map_err(|error| Error::with_source(Kind::Corrupt, "the activity log", error))?;
        taken += size;
        entries.push(entry);
    }
    Ok(entries)
}

fn entry(row: &RawDocument) -> Result<(Activity, usize), BsonError> {
    let text = |name: &str| row.get_str(name).map(str::to_owned);
    let maybe = |name: &str| row.get(name).ok().flatten().and_then(|value| value.as_str());
    let at = jiff::Timestamp::from_microsecond(row.get_i64("at")?).unwrap_or_default();
    let entry = Activity {
        id: row.get_document("_id")?.get_i64("n")?,
        at: instant(at).unwrap_or_default(),
        actor: text("actor")?,
        impersonator: maybe("impersonator").map(str::to_owned),
        action: text("action")?,
        model: text("model")?,
        record: text("record")?,
        detail: maybe("detail").and_then(|text| serde_json::from_str(text).ok()),
    };
    Ok((entry, maybe("detail").map_or(0, str::len)))
}
