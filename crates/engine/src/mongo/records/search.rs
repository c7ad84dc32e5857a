//! Full-text search. A document has the words of its search fields in `_search`, and every text as a sequence of words
//! in `_texts`. An index on the words finds candidates; the sequences show whether the words of a phrase follow each
//! other. [`crate::search`] defines the words. MongoDB's own text indexes are not used.

use super::{
    Layout,
    cursor::Columns,
    filter::{escape, never, regex},
    merge,
    query::Query,
    read,
};
use crate::{
    error::{Error, Result},
    overrides::{OverrideRow, touching},
    query::RecordId,
    schema::{Plan, Projection},
    search::{Search, words},
    value::ValueRef,
};
use mongodb::bson::{Bson, Document, RawDocument, doc};
use std::collections::BTreeSet;

/// Name of the field with the words of a document.
pub(crate) const WORDS: &str = "_search";
/// Name of the field with the texts of a document, as sequences of words.
pub(crate) const TEXTS: &str = "_texts";

/// The search of a list.
pub(crate) enum Wanted {
    /// No search: all rows match.
    All,
    /// A text without any word: no row matches.
    Nothing,
    Words(Search),
}

/// Parses the search text of a request.
///
/// # Errors
/// Returns `Invalid` if the model has no search fields, or the text has too many characters or words.
pub(crate) fn wanted(layout: &Layout<'_>, text: Option<&str>) -> Result<Wanted> {
    let Some(text) = text else { return Ok(Wanted::All) };
    if !layout.is_searched() {
        return Err(Error::invalid("search", "this model has no field to search in"));
    }
    Ok(match Search::parse(text)? {
        Some(search) => Wanted::Words(search),
        None if text.trim().is_empty() => Wanted::All,
        None => Wanted::Nothing,
    })
}

/// Adds the words of these texts to a document.
pub(crate) fn add<'t>(document: &mut Document, texts: impl Iterator<Item = &'t str>) {
    let (mut all, mut sequences) = (BTreeSet::new(), Vec::new());
    for text in texts {
        let words = words(text);
        sequences.push(Bson::String(format!(" {} ", words.join(" "))));
        all.extend(words);
    }
    let all: Vec<Bson> = all.into_iter().map(Bson::String).collect();
    document.insert(WORDS, all);
    document.insert(TEXTS, sequences);
}

/// Returns the filter that matches documents with the words and phrases of a search.
fn matches(search: &Search) -> Document {
    let (phrases, mut all) = (search.phrases(), vec![]);
    for (at, phrase) in phrases.iter().enumerate() {
        let ends_in_prefix = at + 1 == phrases.len();
        for (index, word) in phrase.iter().enumerate() {
            let is_prefix = ends_in_prefix && index + 1 == phrase.len();
            let condition = match is_prefix {
                true => pattern("^", word, ""),
                false => Bson::String(word.clone()),
            };
            all.push(doc! { WORDS: condition });
        }
        if phrase.len() > 1 {
            let end = if ends_in_prefix { "" } else { " " };
            all.push(doc! { TEXTS: pattern(" ", &phrase.join(" "), end) });
        }
    }
    doc! { "$and": all }
}

fn pattern(begin: &str, text: &str, end: &str) -> Bson {
    let mut pattern = String::from(begin);
    text.chars().for_each(|character| escape(&mut pattern, character));
    regex(pattern + end)
}

/// Rows whose searched texts the tenant overrides, and those of them that match with the tenant's texts. They are
/// judged separately, because the words in their documents are those of the shared texts.
#[derive(Debug, Default)]
pub(crate) struct Overridden {
    all: Vec<RecordId>,
    matching: Vec<RecordId>,
}

/// Returns the read of the rows whose searched texts the tenant overrides, with the overrides applied;
/// `None` if there are no such rows.
pub(crate) fn texts(layout: &Layout<'_>, rows: &[OverrideRow]) -> Result<Option<Query>> {
    let changed: Vec<OverrideRow> = touching(layout.plan, rows).into_iter().cloned().collect();
    if changed.is_empty() {
        return Ok(None);
    }
    let ids: Vec<_> = changed.iter().map(|row| row.id.clone()).collect();
    let mut pipeline = vec![doc! { "$match": read::is_one_of(layout, &ids) }];
    pipeline.extend(merge::stages(layout, &changed)?);
    Ok(Some(Query::Stages(pipeline)))
}

/// Reads the answer to [`texts`], and determines which of its rows match.
///
/// # Errors
/// Returns `Corrupt` if the value of a field does not match its storage.
pub(crate) fn overridden(layout: &Layout<'_>, search: &Search, rows: &[&RawDocument]) -> Result<Overridden> {
    let mut found = Overridden::default();
    let searched = searched(layout.plan);
    for row in rows {
        let columns = Columns::read(layout.plan, &searched, row)?;
        let texts: Vec<_> = columns.values().iter().map(as_text).collect();
        let id = layout.id_of(row)?;
        if search.is_in(&texts) {
            found.matching.push(id.clone());
        }
        found.all.push(id);
    }
    Ok(found)
}

fn as_text<'r>(value: &ValueRef<'r>) -> Option<&'r str> {
    match value {
        ValueRef::Text(text) => Some(text),
        _ => None,
    }
}

/// Returns the projection of the search fields.
pub(crate) fn searched(plan: &Plan) -> Projection<'_> {
    let positions: Vec<usize> =
        (1..=plan.model.fields.len()).filter(|position| plan.model.fields[position - 1].search).collect();
    let storages: Vec<_> = positions.iter().map(|position| plan.storages[*position]).collect();
    Projection { positions: positions.into(), storages: storages.into() }
}

/// Returns the filter that matches the documents that a list searches for.
pub(super) fn condition(layout: &Layout<'_>, wanted: &Wanted, overridden: &Overridden) -> Document {
    let search = match wanted {
        Wanted::All => return doc! {},
        Wanted::Nothing => return never(),
        Wanted::Words(search) => search,
    };
    if overridden.all.is_empty() {
        return matches(search);
    }
    let (matching, all) =
        (read::is_one_of(layout, &overridden.matching), read::is_one_of(layout, &overridden.all));
    doc! { "$or": [matching, { "$and": [{ "$nor": [all] }, matches(search)] }] }
}
