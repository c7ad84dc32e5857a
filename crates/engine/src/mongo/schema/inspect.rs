//! Compares the collections of a place with those that migrations make.

use super::{names, wanted::Wanted};
use crate::{
    error::Result,
    mongo::{error::is_absent, server::Server, site::Site, tables::OWN},
    place::Place,
    schema::{Drift, Inspection, Script},
};
use futures_util::TryStreamExt;
use mongodb::bson::{Bson, Document, doc};
use std::collections::BTreeMap;

/// Returns the collections of a database with their validators, except those of the platform and of the server.
pub(in crate::mongo) async fn live_collections(
    server: &Server,
    site: &Site,
) -> Result<BTreeMap<String, Document>> {
    let database = server.database(&site.database).await?;
    let list = async { database.list_collections().await?.try_collect::<Vec<_>>().await };
    let all = server.answer(list).await?.into_iter();
    let others = all.filter(|one| !one.name.starts_with(OWN) && !one.name.starts_with("system."));
    Ok(others.map(|one| (one.name, one.options.validator.unwrap_or_default())).collect())
}

/// Returns the indexes of a collection, in the form that `createIndexes` takes. Returns none if the collection does not
/// exist.
pub(in crate::mongo) async fn live_indexes(
    server: &Server,
    site: &Site,
    collection: &str,
) -> Result<Vec<Document>> {
    let answer = match server.try_run(&site.database, doc! { "listIndexes": collection }).await? {
        Err(error) if is_absent(&error) => return Ok(vec![]),
        answer => answer?,
    };
    let batch = answer.get_document("cursor").ok().and_then(|cursor| cursor.get_array("firstBatch").ok());
    Ok(batch.into_iter().flatten().filter_map(|index| index.as_document().cloned()).collect())
}

/// Removes an index. Succeeds if another process has already removed it.
pub(super) async fn drop_index(
    server: &Server,
    site: &Site,
    collection: &str,
    index: &Document,
) -> Result<()> {
    let command = doc! { "dropIndexes": collection, "index": index.get("name").cloned() };
    match server.try_run(&site.database, command).await? {
        Err(error) if !is_absent(&error) => Err(error.into()),
        _ => Ok(()),
    }
}

/// Returns true if an index may stay, because it is as wanted or the platform does not make such indexes.
pub(super) fn foreign_or_kept(index: &Document, wanted: &Wanted) -> bool {
    match wanted.indexes.iter().find(|one| one.get("name") == index.get("name")) {
        Some(wanted) => definition(wanted) == definition(index),
        None => !is_ours(index),
    }
}

/// Returns true if the platform makes indexes with such a name, which consists of the names of the fields.
fn is_ours(index: &Document) -> bool {
    let name = index.get_str("name").unwrap_or_default();
    let Ok(keys) = index.get_document("key") else { return false };
    let mut fields: Vec<&str> = keys.keys().map(String::as_str).collect();
    let stem = name.strip_suffix(".unique").unwrap_or(name);
    if name == names::SEARCH {
        return true;
    }
    if name == stem && fields.last() == Some(&"_id") && fields.len() > 1 {
        fields.pop();
    }
    let of = |fields: &[&str]| fields.join("_").replace("_id", "id") == stem || fields.join("_") == stem;
    of(&fields) || (fields.len() > 1 && of(&fields[1..]))
}

/// Returns the definition of an index as text, without its name.
fn definition(index: &Document) -> String {
    let keys = index.get_document("key").ok();
    let keys = keys.map(|keys| keys.keys().map(String::as_str).collect::<Vec<_>>().join(", "));
    let unique = if index.get_bool("unique").unwrap_or_default() { "unique " } else { "" };
    let partial = index.get_document("partialFilterExpression").ok();
    let partial = partial.map(|partial| format!(" where {partial}")).unwrap_or_default();
    format!("{unique}({}){partial}", keys.unwrap_or_default())
}

/// Definitions in a collection, by the name of the object that they define.
type Objects = BTreeMap<String, String>;

/// Returns the definitions of the fields, the validator and the indexes of a collection.
fn described(name: &str, validator: &Document, indexes: &[Document]) -> Objects {
    let mut out = Objects::new();
    let schema = validator.get_document("$jsonSchema").ok();
    let part = |key: &str| schema.and_then(|schema| schema.get(key));
    let required = part("required").and_then(Bson::as_array).map(Vec::as_slice).unwrap_or_default();
    for (field, rule) in part("properties").and_then(Bson::as_document).into_iter().flatten() {
        let must = if required.contains(&Bson::from(field.as_str())) { "required " } else { "" };
        let kind = rule.as_document().and_then(|rule| rule.get_str("bsonType").ok()).unwrap_or("any type");
        out.insert(format!("field {name}.{field}"), format!("{must}{kind}"));
    }
    let others = match part("additionalProperties") {
        Some(Bson::Boolean(false)) => "no other fields",
        _ => "any other fields",
    };
    out.insert(format!("validator {name}"), others.into());
    for index in indexes.iter().filter(|index| index.get_str("name").is_ok_and(|name| name != names::KEY)) {
        let index_name = index.get_str("name").unwrap_or_default();
        out.insert(format!("index {name}.{index_name}"), definition(index));
    }
    out
}

impl Server {
    /// Compares the collections of a place with the schema that the migrations of a script make.
    ///
    /// # Errors
    /// Returns `Statement` if the file of an applied migration was changed afterwards.
    pub(crate) async fn inspect(&self, place: &Place, script: &Script) -> Result<Inspection> {
        let site = self.site(place)?;
        let statements = script.mongo(place.isolation)?;
        let found = self.identify(&site).await?;
        let (pending, unknown) = statements.of.pending(&found.applied(&site))?;
        let mut inspection = Inspection { pending, unknown, drift: vec![], undeclared: vec![] };
        if !inspection.pending.is_empty() {
            return Ok(inspection);
        }
        let (live, wanted) = (live_collections(self, &site).await?, statements.wanted()?);
        for wanted in &wanted {
            let Some(validator) = live.get(&wanted.name) else {
                let object = format!("collection {}", wanted.name);
                let wanted = Some("its documents and indexes".into());
                inspection.drift.push(Drift { object, found: None, wanted });
                continue;
            };
            let mut indexes = live_indexes(self, &site, &wanted.name).await?;
            indexes.retain(|index| {
                is_ours(index) || wanted.indexes.iter().any(|one| one.get("name") == index.get("name"))
            });
            let found = described(&wanted.name, validator, &indexes);
            let wanted = described(&wanted.name, &wanted.validator, &wanted.indexes);
            inspection.drift.extend(differences(&found, &wanted));
        }
        let declared = |name: &String| wanted.iter().any(|wanted| wanted.name == *name);
        let undeclared = live.keys().filter(|name| !declared(name));
        inspection.undeclared = undeclared.map(|name| format!("collection {name}")).collect();
        Ok(inspection)
    }
}

fn differences(found: &Objects, wanted: &Objects) -> Vec<Drift> {
    let mut names: Vec<&String> = found.keys().chain(wanted.keys()).collect();
    names.sort();
    names.dedup();
    let each = names.into_iter().filter(|name| found.get(*name) != wanted.get(*name));
    each.map(|name| Drift {
        object: name.clone(),
        found: found.get(name).cloned(),
        wanted: wanted.get(name).cloned(),
    })
    .collect()
}
