//! Parses a list request's URL into a [`Select`]: `?status=active&age__gte=18&sort=-created_at&limit=20`.
//!
//! Called by the record routes. It knows fields and types from the model, and nothing about tenants: no parameter can
//! name one (`confined-query`). It refuses unknown parameters with a text that names the allowed ones.

mod aggregate;
mod cursor;
mod days;
mod filter;
mod groups;
mod import;
mod nothing;
mod pairs;
mod params;
mod path;
mod text;

pub use aggregate::aggregate;
pub(super) use aggregate::{FUNCTIONS, PERIODS, name_of};
pub use cursor::seal;
pub(super) use days::DAYS;
pub(super) use groups::{ANY, Part, parts, written};
pub(super) use import::import;
pub(super) use nothing::NoParameters;
pub(super) use pairs::pairs;
pub(super) use params::QueryParams;
pub use path::Models;
pub use text::{Kind, parse as parse_text};

/// Returns true if a query may name own fields of a tenant, which the caller then reads before it is parsed.
pub(super) fn names_custom(query: &str) -> bool {
    query.contains(tenantry::model::custom::FIELD)
}

use super::problem::{Code, FieldProblem, Problem, Result};
use path::{Column, MAX_REFERENCES, TIME_ZONE, Zoned, check_zone};
use tenantry::{
    model::{FieldKind, IdKind, Model},
    name::FieldName,
    query::{Direction, Filter, RecordId, Select, SortBy},
    records::Matching,
    value::Value,
};

/// Maximum number of rows of a page.
pub const MAX_LIMIT: u32 = 1000;
/// Maximum number of conditions of a request.
const MAX_CONDITIONS: usize = 50;

/// A parsed list URL.
#[derive(Debug, Clone, PartialEq)]
pub struct List {
    /// Filter, search, sort, page and columns.
    pub select: Select,
    /// True to count all matching rows too.
    pub count: bool,
    /// Paths of references to expand: `city`, `city.region`.
    pub expand: Vec<String>,
}

/// Parameters that the URL of one kind of route may contain.
#[derive(Clone, Copy)]
struct Takes {
    /// Parameters that are not filters.
    words: &'static [&'static str],
    /// True if filters by field are allowed too.
    filters: bool,
}

const LIST: Takes =
    Takes { words: &["q", "sort", "limit", "after", "count", "fields", "expand", TIME_ZONE], filters: true };
const EXPORT: Takes = Takes { words: &["q", "sort", "fields", TIME_ZONE], filters: true };
const MATCHING: Takes = Takes { words: &["q", "expect", "dry_run", TIME_ZONE], filters: true };
const ONE: Takes = Takes { words: &["fields", "expand"], filters: false };

/// Parses the query string (without `?`) of a list.
///
/// # Errors
/// Returns a problem that names all invalid parameters.
pub fn list(models: &dyn Models, query: &str) -> Result<List> {
    read(models, query, LIST)
}

/// Parses the query string of an export. It takes the parameters of a list, except page, count and expansion.
///
/// # Errors
/// Returns a problem that names all invalid parameters.
pub fn export(models: &dyn Models, query: &str) -> Result<List> {
    read(models, query, EXPORT)
}

/// Parses the query string of a single record: only `fields` and `expand`.
///
/// # Errors
/// Returns a problem that names all invalid parameters.
pub fn one(models: &dyn Models, query: &str) -> Result<List> {
    read(models, query, ONE)
}

fn read(models: &dyn Models, query: &str, takes: Takes) -> Result<List> {
    let zoned = Zoned::of(models, query);
    let models: &dyn Models = &zoned;
    let model = models.listed();
    let mut reader = Reader {
        models,
        model,
        select: Select::default(),
        count: false,
        expand: vec![],
        after: None,
        wrong: vec![],
    };
    let (filter, wrong) = parameters(models, query, takes, |name, value| reader.reserved(name, value));
    reader.select.filter = filter;
    reader.wrong = wrong;
    reader.finish()
}

/// Reads all parameters. Passes those of `takes.words` to `word`, which may refuse their values, and parses the others
/// as conditions. Returns the condition, and the parameters that are invalid.
fn parameters(
    models: &dyn Models,
    query: &str,
    takes: Takes,
    mut word: impl FnMut(&str, &str) -> Result<(), String>,
) -> (Filter, Vec<FieldProblem>) {
    let (mut conditions, mut number, mut wrong) = (vec![], 0, vec![]);
    for pair in pairs::pairs(query) {
        let (name, value) = match pair {
            Ok(pair) => pair,
            Err(message) => {
                wrong.push(FieldProblem::new("query", message));
                continue;
            }
        };
        if value.is_empty() && name.is_empty() {
            continue;
        }
        let condition = || match &*name {
            ANY => groups::any(models, &value),
            name => filter::condition(models, name, &value, takes.words).map(|condition| (condition, 1)),
        };
        let read = match takes.words.contains(&&*name) {
            true => word(&name, &value),
            false if takes.filters => condition().map(|(condition, more)| {
                conditions.push(condition);
                number += more;
            }),
            false => Err(format!("is no parameter here; there are: {}", takes.words.join(", "))),
        };
        if let Err(message) = read {
            wrong.push(FieldProblem::new(name.chars().take(80).collect::<String>(), message));
        }
    }
    if number > MAX_CONDITIONS {
        wrong.push(FieldProblem::new("query", format!("at most {MAX_CONDITIONS} conditions")));
    }
    (Filter::All(conditions), wrong)
}

/// Parses the query string of a change or deletion of all matching records: filters, `q`, the expected number of
/// records (`expect`), and whether to check without writing (`dry_run`).
///
/// # Errors
/// Returns a problem that names all invalid parameters. `expect` is required.
pub fn matching(models: &dyn Models, query: &str) -> Result<(Matching, bool)> {
    let zoned = Zoned::of(models, query);
    let models: &dyn Models = &zoned;
    let model = models.listed();
    let (mut search, mut expected, mut dry_run) = (None, None, false);
    let (filter, mut wrong) = parameters(models, query, MATCHING, |name, value| {
        match name {
            "q" => search = searched(model, value)?,
            TIME_ZONE => check_zone(value)?,
            "expect" => expected = Some(value.parse().map_err(|_| "a number of records")?),
            _ => dry_run = boolean(value)?,
        }
        Ok(())
    });
    if expected.is_none() && !wrong.iter().any(|wrong| wrong.field == "expect") {
        wrong.push(FieldProblem::new("expect", "say how many records match: a list with count=true tells"));
    }
    match expected {
        Some(expected) if wrong.is_empty() => Ok((Matching { filter, search, expected }, dry_run)),
        _ => Err(refused(wrong)),
    }
}

/// Parses a record's id from its path segment; `None` if no record can have such an id.
pub fn record_id(kind: IdKind, text: &str) -> Option<RecordId> {
    match kind {
        IdKind::Integer => text.parse().ok().filter(|id| *id > 0).map(RecordId::Integer),
        IdKind::Uuid => text::uuid(text).map(RecordId::Uuid),
    }
}

struct Reader<'a> {
    models: &'a dyn Models,
    model: &'a Model,
    select: Select,
    count: bool,
    expand: Vec<String>,
    after: Option<String>,
    wrong: Vec<FieldProblem>,
}

impl Reader<'_> {
    fn reserved(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "q" => {
                self.select.search = searched(self.model, value)?;
                Ok(())
            }
            "sort" => self.sort(value),
            "limit" => {
                self.select.limit = limit(value)?;
                Ok(())
            }
            "after" => {
                self.after = Some(value.into());
                Ok(())
            }
            "count" => boolean(value).map(|wanted| self.count = wanted),
            "fields" => self.fields(value),
            TIME_ZONE => check_zone(value),
            _ => self.expand(value),
        }
    }

    fn sort(&mut self, value: &str) -> Result<(), String> {
        for key in value.split(',') {
            let (name, direction) = match key.strip_prefix('-') {
                Some(name) => (name, Direction::Descending),
                None => (key, Direction::Ascending),
            };
            let column = Column::of(self.models, name)?;
            if !column.kind.comparable() {
                return Err(format!("cannot sort by {name}"));
            }
            let by = SortBy { via: column.via, field: column.field, direction, ranks: None };
            let sort = &mut self.select.sort;
            // A key after the id, or a repeated key, does not change the order.
            if !sort
                .iter()
                .any(|known| cursor::is_id(known) || (&known.via, &known.field) == (&by.via, &by.field))
            {
                sort.push(by);
            }
        }
        if self.select.sort.len() > 4 { Err("at most 4 sort keys".into()) } else { Ok(()) }
    }

    fn fields(&mut self, value: &str) -> Result<(), String> {
        for name in value.split(',') {
            let (name, _) = text::column(self.model, name)?;
            if !self.select.fields.contains(&name) {
                self.select.fields.push(name);
            }
        }
        Ok(())
    }

    fn expand(&mut self, value: &str) -> Result<(), String> {
        for path in value.split(',') {
            let names: Vec<_> = path.split('.').collect();
            if names.len() > MAX_REFERENCES {
                return Err(format!("at most {MAX_REFERENCES} references deep"));
            }
            let first = self.model.field(names[0]);
            if !first.is_some_and(|f| matches!(f.kind, FieldKind::Ref { .. })) {
                return Err(format!(
                    "{} is not a reference; {}",
                    text::quoted(names[0]),
                    references(self.model)
                ));
            }
            // The further steps lead to other models. The platform knows and checks those.
            if let Some(bad) = names.iter().find(|n| FieldName::parse(n).is_err()) {
                return Err(format!("{} is no field name", text::quoted(bad)));
            }
            self.expand.push(path.into());
        }
        if self.expand.len() > 10 { Err("at most 10 paths".into()) } else { Ok(()) }
    }

    fn finish(mut self) -> Result<List> {
        if let Some(after) = self.after.take() {
            match cursor::open(self.models, &self.select.sort, &after) {
                Some(values) => self.select.after = Some(values),
                None => self.wrong.push(FieldProblem::new(
                    "after",
                    "not a cursor of this list: use `next` of the page before, with the same sort",
                )),
            }
        }
        if self.wrong.is_empty() {
            return Ok(List { select: self.select, count: self.count, expand: self.expand });
        }
        Err(refused(self.wrong))
    }
}

/// Returns the text to search for.
fn searched(model: &Model, value: &str) -> Result<Option<String>, String> {
    if !model.fields.iter().any(|f| f.search) {
        return Err(format!("{} has no searchable field", model.name));
    }
    let text = value.trim();
    if text.is_empty() || text.chars().count() > 200 {
        return Err("1 to 200 characters".into());
    }
    Ok(Some(text.into()))
}

fn limit(value: &str) -> Result<u32, String> {
    match value.parse() {
        Ok(limit) if (1..=MAX_LIMIT).contains(&limit) => Ok(limit),
        _ => Err(format!("a number from 1 to {MAX_LIMIT}")),
    }
}

/// Returns the problem that names all wrong parameters.
fn refused(wrong: Vec<FieldProblem>) -> Problem {
    let all: Vec<_> = wrong.iter().map(|w| format!("{}: {}", w.field, w.message)).collect();
    let text = format!("The query string breaks a rule: {}.", all.join("; "));
    Problem::new(Code::BadRequest, text).fields(wrong)
}

pub(super) fn boolean(value: &str) -> Result<bool, String> {
    match value {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err("true or false".into()),
    }
}

fn references(model: &Model) -> String {
    let names: Vec<_> = model
        .fields
        .iter()
        .filter(|f| matches!(f.kind, FieldKind::Ref { .. }))
        .map(|f| f.name.as_str())
        .collect();
    if names.is_empty() {
        format!("{} has none", model.name)
    } else {
        format!("one of: {}", names.join(", "))
    }
}

/// Returns the `next` cursor of a page, from the sort values of its last row.
pub fn next(model: &Model, list: &List, after: Option<&[Value]>) -> Option<String> {
    after.map(|values| seal(model, &list.select.sort, values))
}

#[cfg(test)]
mod tests;
