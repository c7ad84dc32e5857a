//! Recounts rows and bytes of each place of a store, inside a migration that changed rows without going through writes.
//! Counts as writes do: rows, and bytes of stored values.

use super::ddl::quoted;
use crate::{
    cell::{DATE_BYTES, INSTANT_BYTES, NUMBER_BYTES, Storage, UUID_BYTES},
    migration::State,
    model::{IdKind, Model},
    name::StoreName,
    postgres::site::Site,
    schema::Script,
};

/// Returns the statement that sets the counters of every place in the database or schema, for the models of `state`.
pub(crate) fn recount(state: &State, store: &StoreName, pooled: bool) -> String {
    let (rows, bytes) = counted(state, store, pooled);
    format!("UPDATE _tenantry_place AS p SET rows = {rows}, bytes = {bytes} WHERE p.store = '{store}'")
}

/// Returns the statements that count the rows of an attached database, and raise its last ids to those of its rows.
pub(crate) fn recounted(script: &Script, site: &Site) -> Vec<String> {
    let (state, store, pooled) = (script.state(), script.store(), site.is_pooled());
    let mut statements = vec![recount(state, store, pooled)];
    statements.extend(renumber(state, store, pooled));
    statements
}

/// Returns a query for the counters of the place `$1` (rows and bytes), followed by their correct values. It returns
/// nothing for a place that is being moved, because its counters also change for other reasons than writes.
pub(super) fn compared(state: &State, store: &StoreName, pooled: bool) -> String {
    let (rows, bytes) = counted(state, store, pooled);
    format!(
        "SELECT p.rows, p.bytes, {rows}, {bytes} FROM _tenantry_place AS p \
         WHERE p.store = '{store}' AND p.tenant = $1 AND p.state = 'open' AND p.recorder IS NULL"
    )
}

/// Returns statements that raise the last integer ids of every place in the database or schema to those of its rows.
pub(super) fn renumber(state: &State, store: &StoreName, pooled: bool) -> Vec<String> {
    let integers = state.of_store(store).filter(|model| model.id == IdKind::Integer);
    let one = |model: &Model| {
        let name = &model.name;
        let own = if pooled {
            format!("m.{} = p.tenant", quoted(model.tenant_field.as_str()))
        } else {
            "true".into()
        };
        format!(
            "INSERT INTO _tenantry_seq AS s (tenant, model, last) \
             SELECT p.tenant, '{name}', max(m.\"id\") FROM _tenantry_place AS p JOIN {} AS m ON {own} \
             WHERE p.store = '{store}' GROUP BY p.tenant \
             ON CONFLICT (tenant, model) DO UPDATE SET last = excluded.last WHERE s.last < excluded.last",
            quoted(name.as_str())
        )
    };
    integers.map(one).collect()
}

/// Returns SQL for the number of rows and the bytes of the place `p`.
fn counted(state: &State, store: &StoreName, pooled: bool) -> (String, String) {
    let sum = |parts: Vec<String>| if parts.is_empty() { "0".to_owned() } else { parts.join(" + ") };
    let of = |model: &Model, what: &str| {
        let table = quoted(model.name.as_str());
        match pooled {
            false => format!("(SELECT {what} FROM {table} AS m)"),
            true => format!(
                "(SELECT {what} FROM {table} AS m WHERE m.{} = p.tenant)",
                quoted(model.tenant_field.as_str())
            ),
        }
    };
    let rows = state.of_store(store).map(|model| of(model, "count(*)"));
    let size = |model: &Model| format!("coalesce(sum({}), 0)::bigint", bytes_of_row(model, state));
    let bytes = state.of_store(store).map(|model| of(model, &size(model)));
    (sum(rows.collect()), sum(bytes.collect()))
}

/// Returns SQL for the bytes of one row `m`.
fn bytes_of_row(model: &Model, state: &State) -> String {
    let mut parts = vec![bytes("id", Storage::of_id(model.id))];
    for field in &model.fields {
        let storage = state.storage(model, &field.kind);
        let storage = storage.unwrap_or_else(|_| Storage::of(&field.kind, IdKind::Integer));
        parts.push(bytes(field.name.as_str(), storage));
    }
    parts.extend(["created_at", "updated_at"].map(|name| bytes(name, Storage::Datetime)));
    parts.push(bytes("version", Storage::Integer));
    parts.join(" + ")
}

/// Returns SQL for the bytes that limits count for one column of the row `m`, which are those of its stored form. See
/// [`crate::value::ValueRef::bytes`].
fn bytes(column: &str, storage: Storage) -> String {
    let column = format!("m.{}", quoted(column));
    let fixed = |bytes: i64| format!("CASE WHEN {column} IS NULL THEN 0 ELSE {bytes} END");
    match storage {
        Storage::Integer | Storage::Boolean | Storage::Decimal(_) => fixed(NUMBER_BYTES),
        Storage::Date => fixed(DATE_BYTES),
        Storage::Datetime => fixed(INSTANT_BYTES),
        Storage::Uuid => fixed(UUID_BYTES),
        Storage::Text => format!("coalesce(octet_length({column}), 0)"),
        Storage::Json => format!("coalesce(octet_length({column}::text), 0)"),
    }
}
