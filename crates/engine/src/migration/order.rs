//! Orders the migrations of all apps, and identifies those of one store.

use super::{Invalid, Migration, Op};
use crate::{
    model::FieldKind,
    name::{AppName, ModelName, StoreName},
};
use std::collections::{BTreeMap, BTreeSet};

/// Orders migrations so that each comes after the migrations of its own app with smaller names, and after all
/// migrations that it depends on. The same set always gives the same order.
///
/// # Errors
/// Fails if a migration exists twice, depends on a missing one, or is part of a cycle.
pub fn order(migrations: &[Migration]) -> Result<Vec<Migration>, Invalid> {
    let mut all: BTreeMap<String, &Migration> = BTreeMap::new();
    for m in migrations {
        if all.insert(m.id(), m).is_some() {
            return Err(Invalid(format!("migration {} is there twice", m.id())));
        }
    }
    let mut waits: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut last: BTreeMap<&AppName, &str> = BTreeMap::new();
    for (id, m) in &all {
        let wait = waits.entry(id).or_default();
        wait.extend(last.insert(&m.app, id));
        for need in &m.depends {
            if !all.contains_key(need) {
                return Err(Invalid(format!("migration {id} depends on {need}, which does not exist")));
            }
            wait.insert(need);
        }
    }
    let mut out = Vec::with_capacity(all.len());
    while !waits.is_empty() {
        let Some(next) = waits.iter().find(|(_, w)| w.is_empty()).map(|(id, _)| *id) else {
            let stuck: Vec<&str> = waits.keys().copied().collect();
            return Err(Invalid(format!(
                "these migrations depend on each other in a circle: {}",
                stuck.join(", ")
            )));
        };
        waits.remove(next);
        waits.values_mut().for_each(|w| {
            w.remove(next);
        });
        out.extend(all.get(next).map(|m| (*m).clone()));
    }
    Ok(out)
}

/// Returns a short text that identifies a store's schema. Two such texts are equal exactly if the same migrations, in
/// the same order and with the same contents, touch the store. `migrations` must be ordered.
pub fn fingerprint(migrations: &[Migration], store: &StoreName) -> String {
    let own: Vec<_> =
        migrations.iter().filter(|m| m.touches(store)).map(|m| (m.id(), m.checksum())).collect();
    fingerprint_of(own.iter().map(|(id, checksum)| (&**id, &**checksum)))
}

/// Returns the [`fingerprint`] of a schema from the ids and checksums of its migrations.
pub(crate) fn fingerprint_of<'m>(migrations: impl IntoIterator<Item = (&'m str, &'m str)>) -> String {
    let mut hash = blake3::Hasher::new();
    for (id, checksum) in migrations {
        hash.update(format!("{id}\n{checksum}\n").as_bytes());
    }
    hash.finalize().to_hex()[..32].to_owned()
}

/// Returns the migrations of other apps that new operations of an app depend on: for each app whose models they refer
/// to, its last migration.
pub fn dependencies(app: &AppName, ops: &[Op], existing: &[Migration]) -> Vec<String> {
    let mut owners: BTreeMap<ModelName, &AppName> = BTreeMap::new();
    for m in existing {
        for op in &m.ops {
            match op {
                Op::CreateModel { model } => drop(owners.insert(model.name.clone(), &m.app)),
                Op::RenameModel { to, .. } => drop(owners.insert(to.clone(), &m.app)),
                _ => {}
            }
        }
    }
    let fields = ops.iter().flat_map(|op| match op {
        Op::CreateModel { model } => model.fields.iter().collect(),
        Op::AddField { field, .. } | Op::AlterField { field, .. } => vec![field],
        _ => Vec::new(),
    });
    let mut needed: BTreeSet<String> = BTreeSet::new();
    for field in fields {
        if let FieldKind::Ref { to, .. } = &field.kind
            && let Some(owner) = owners.get(to).filter(|o| **o != app)
        {
            let last = existing.iter().filter(|m| m.app == **owner).map(Migration::id).max();
            needed.extend(last);
        }
    }
    needed.into_iter().collect()
}
