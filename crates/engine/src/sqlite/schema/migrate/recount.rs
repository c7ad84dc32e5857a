//! Recounts rows and bytes of each tenant of a store, inside a migration that changed rows without going through
//! writes. Counts as writes do: rows, and bytes of stored values.

use crate::{
    cell::{NUMBER_BYTES, Storage},
    migration::State,
    model::{FieldKind, IdKind, Model},
    name::StoreName,
    place::Isolation,
    sqlite::schema::ddl::quoted,
};

/// Returns a statement that sets the counters of every tenant in the database, for the models of `state`.
pub(super) fn recount(state: &State, store: &StoreName, isolation: Isolation) -> String {
    let (rows, bytes) = counts(state, store, isolation);
    format!(
        "UPDATE _tenantry_place AS p SET rows = {rows}, bytes = {bytes}, counted = 1 WHERE p.store = '{store}'"
    )
}

/// Returns a query for the counters of every tenant in the database (rows and bytes), followed by their correct values.
/// It skips places that are being moved (not open, or with a recorder), because their counters also change for other
/// reasons than writes.
pub(super) fn compared(state: &State, store: &StoreName, isolation: Isolation) -> String {
    let (rows, bytes) = counts(state, store, isolation);
    format!(
        "SELECT p.rows, p.bytes, {rows}, iif(p.counted, {bytes}, p.bytes) FROM _tenantry_place AS p \
         WHERE p.store = '{store}' AND p.state = 'open' AND p.recorder IS NULL"
    )
}

/// Returns SQL for the number of rows and the bytes of the place `p`.
fn counts(state: &State, store: &StoreName, isolation: Isolation) -> (String, String) {
    let sum = |parts: Vec<String>| if parts.is_empty() { "0".to_owned() } else { parts.join(" + ") };
    let models: Vec<&Model> = state.of_store(store).collect();
    let of = |model: &Model, what: &str| match isolation {
        Isolation::Schema | Isolation::Database => {
            format!("(SELECT {what} FROM {} AS m)", quoted(model.name.as_str()))
        }
        Isolation::Pooled => format!(
            "(SELECT {what} FROM {} AS m WHERE m.{} = p.tenant)",
            quoted(model.name.as_str()),
            quoted(model.tenant_field.as_str())
        ),
    };
    let rows = sum(models.iter().map(|m| of(m, "count(*)")).collect());
    let all = models.iter().map(|m| of(m, &format!("coalesce(sum({}), 0)", size(m, state))));
    (rows, sum(all.collect()))
}

/// Returns SQL for the bytes of one row `m`.
fn size(model: &Model, state: &State) -> String {
    let target = |kind: &FieldKind| match kind {
        FieldKind::Ref { to, .. } => state.model(to.as_str()).map_or(IdKind::Integer, |model| model.id),
        _ => IdKind::Integer,
    };
    let mut parts = vec![bytes("id", Storage::of_id(model.id))];
    for field in &model.fields {
        parts.push(bytes(field.name.as_str(), Storage::of(&field.kind, target(&field.kind))));
    }
    parts.extend(["created_at", "updated_at"].map(|name| bytes(name, Storage::Datetime)));
    parts.push(bytes("version", Storage::Integer));
    parts.join(" + ")
}

/// Returns SQL for the bytes of one column of the row `m`, as limits count them; see [`crate::cell::Raw::bytes`].
pub(crate) fn bytes(column: &str, storage: Storage) -> String {
    let column = quoted(column);
    match storage.is_number() {
        true => format!("{NUMBER_BYTES} * (m.{column} IS NOT NULL)"),
        false => format!("coalesce(octet_length(m.{column}), 0)"),
    }
}
