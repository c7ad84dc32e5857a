//! Checks references into shared lists: an id that means Sofia in one installation may mean Paris in another. An
//! archive is accepted only if every shared record that it refers to is the same here.

use super::unpack::listed;
use crate::{
    Result,
    archive::{FILES, Manifest, bad},
    operations::Context,
};
use std::collections::BTreeMap;
use tenantry_engine::{
    name::{FieldName, ModelName},
    query::RecordId,
    row::Collect,
    value::Value,
};

/// Number of ids looked up at a time.
const IDS: usize = 1000;
/// Largest number of differences that the error text lists.
const TOLD: usize = 5;

/// Returns the scratch file name of an entry that is inspected later, or `None` if the entry is not inspected.
pub(super) fn scratch_name(path: &str) -> Option<String> {
    if path == FILES {
        return Some(FILES.into());
    }
    let model = path.strip_prefix("shared/")?.strip_suffix(".csv")?;
    ModelName::parse(model).ok().map(|model| format!("shared-{model}.csv"))
}

/// Compares every `shared/MODEL.csv` with the rows of this installation, by id and display field.
pub(super) async fn check(context: &Context, manifest: &Manifest) -> Result<()> {
    let mut differences = vec![];
    for entry in &manifest.entries {
        let Some(model) = entry.path.strip_prefix("shared/").and_then(|p| p.strip_suffix(".csv")) else {
            continue;
        };
        differences.extend(differing(context, &ModelName::parse(model)?).await?);
    }
    if differences.is_empty() {
        return Ok(());
    }
    let more = differences.len().saturating_sub(TOLD);
    differences.truncate(TOLD);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    Err(bad(format!("refers to shared records that are not the same here: {}{more}", differences.join("; "))))
}

async fn differing(context: &Context, model: &ModelName) -> Result<Vec<String>> {
    let Some(known) = context.databases.apps().model(model.as_str()) else {
        return Ok(vec![format!("{model} is no shared list here")]);
    };
    let Some(place) = context.databases.system_place(&known.store) else {
        return Ok(vec![format!("{model} is no shared list here")]);
    };
    let theirs = names(&listed(context, &format!("shared-{model}.csv"))?, known.display.as_ref())?;
    let schema = context.databases.schema(&known.store)?;
    let session = context.databases.engine().session(&place, &schema).await?;
    let mut fields = vec![FieldName::parse("id")?];
    fields.extend(known.display.clone());
    let mut ours = BTreeMap::new();
    let ids: Vec<RecordId> = theirs.keys().cloned().collect();
    for some in ids.chunks(IDS) {
        let rows = session.by_ids(model.as_str(), some, &fields, Collect::default()).await?.rows;
        ours.extend(rows.into_iter().filter_map(|row| named(row, &fields)));
    }
    let said = theirs.iter().filter_map(|(id, name)| match ours.get(id) {
        Some(here) if here == name => None,
        Some(here) => Some(format!("{model} {id} is {here:?} here, {name:?} there")),
        None => Some(format!("{model} {id} ({name}) is not here")),
    });
    Ok(said.collect())
}

/// Returns the ids in an exported list, with the display values of their records.
fn names(path: &std::path::Path, display: Option<&FieldName>) -> Result<BTreeMap<RecordId, String>> {
    let unreadable = |_| bad("is damaged: a shared list cannot be read");
    let mut lines = csv::Reader::from_path(path).map_err(unreadable)?;
    let header = lines.headers().map_err(unreadable)?.clone();
    let column = |name: &str| header.iter().position(|h| h == name);
    let (id, name) = (column("id"), display.and_then(|field| column(field.as_str())));
    let mut names = BTreeMap::new();
    for line in lines.records() {
        let line = line.map_err(unreadable)?;
        let text = id.and_then(|at| line.get(at)).unwrap_or_default();
        let id = match (text.parse(), text.parse()) {
            (Ok(number), _) => RecordId::Integer(number),
            (_, Ok(uuid)) => RecordId::Uuid(uuid),
            _ => return Err(bad("is damaged: a shared list has a record without id")),
        };
        let name = name.and_then(|at| line.get(at)).unwrap_or_default();
        names.insert(id, crate::records::unguarded(name).to_owned());
    }
    Ok(names)
}

fn named(row: Vec<Value>, fields: &[FieldName]) -> Option<(RecordId, String)> {
    let mut row = row.into_iter();
    let id = match row.next()? {
        Value::Integer(id) => RecordId::Integer(id),
        Value::Uuid(id) => RecordId::Uuid(id),
        _ => return None,
    };
    let name = match row.next() {
        Some(Value::Text(name)) => name,
        // A model without a display field is compared by id alone.
        _ if fields.len() < 2 => String::new(),
        Some(other) => text(&other),
        None => String::new(),
    };
    Some((id, name))
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Boolean(b) => b.to_string(),
        Value::Integer(i) => i.to_string(),
        Value::Decimal(d) => d.to_string(),
        Value::Text(t) => t.clone(),
        Value::Date(d) => d.to_string(),
        Value::DateTime(t) => format!("{t:.6}"),
        Value::Uuid(u) => u.to_string(),
        Value::Json(j) => j.to_string(),
    }
}
