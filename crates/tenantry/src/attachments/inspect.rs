//! Makes models of the tables of a database that another program made: `tenantry inspect`.
//!
//! A model is the text of its file. A person reads it and changes it before the app uses it; nothing is guessed that the
//! person would not see there.

use super::{Attachments, address::Address, attach::CHECKS, check::explained};
use crate::{Error, Result, access::Actor, apps::TAKEN_NAMES};
use std::{collections::BTreeSet, fmt::Write};
use tenantry_engine::{
    FoundColumn, FoundTable,
    name::{FieldName, ModelName, StoreName},
    place::EngineKind,
};

/// Number of decimals of a number whose column sets none.
const USUAL_SCALE: u32 = 6;
/// Largest number of decimals of a field.
const MOST_SCALE: u32 = 9;
/// Names of columns with the time at which a row was made, in the order of preference.
const MADE: [&str; 4] = ["create_date", "created_at", "created_on", "inserted_at"];
/// Names of columns with the time at which a row was last changed.
const CHANGED: [&str; 4] = ["write_date", "updated_at", "modified_at", "updated_on"];
/// Names that every model has already.
const IMPLICIT: [&str; 6] = ["id", "created_at", "updated_at", "version", "rowid", "oid"];

/// What an inspection found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inspected {
    /// Names of models, each with the text of its file.
    pub models: Vec<(ModelName, String)>,
    /// Tables for which there is no model.
    pub unread: Vec<Unread>,
}

/// A table for which there is no model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// Name of the table.
    pub table: String,
    /// Why there is no model.
    pub why: String,
}

impl Attachments<'_> {
    /// Returns models that read tables of a PostgreSQL database; of all tables of its schema `public` if `tables` is empty.
    /// Columns with a text for each language are read in `language`. Changes nothing.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] unless the actor is a superuser or the operator; [`Error::Invalid`] with the remedy if the
    /// database cannot be read, or a named table does not exist.
    pub async fn inspect(
        &self,
        actor: &Actor,
        store: &StoreName,
        url: &str,
        tables: &[String],
        language: &str,
    ) -> Result<Inspected> {
        Self::require_superuser(actor)?;
        self.require_external(store)?;
        let address = Address::parse(url, &self.platform.config().attachments)?;
        if address.engine != EngineKind::Postgres {
            return Err(Error::invalid("url", "models read tables of other programs on PostgreSQL only"));
        }
        let work = async {
            let opened = self.open(address, store).await?;
            let engine = &self.platform.0.engine;
            engine.describe(&opened.server, tables, language).await.map_err(explained)
        };
        let Ok(found) = tokio::time::timeout(CHECKS, work).await else {
            return Err(Error::invalid("url", "the database answers too slowly"));
        };
        let found = found?;
        if let Some(missing) = tables.iter().find(|table| !found.iter().any(|one| one.name == **table)) {
            return Err(Error::invalid(
                "tables",
                format!("there is no table {missing} in the schema public"),
            ));
        }
        Ok(models(store, &found, language))
    }
}

fn models(store: &StoreName, found: &[FoundTable], language: &str) -> Inspected {
    let mut all = Inspected::default();
    let named: BTreeSet<&str> =
        found.iter().filter(|table| name_of(table).is_ok()).map(|table| table.name.as_str()).collect();
    for table in found {
        match name_of(table) {
            Ok(name) => all.models.push((name, file(store, table, &named, language))),
            Err(why) => all.unread.push(Unread { table: table.name.clone(), why }),
        }
    }
    all
}

/// Returns the name of the model of a table.
///
/// # Errors
/// Returns why there can be no model.
fn name_of(table: &FoundTable) -> Result<ModelName, String> {
    if !table.columns.iter().any(|column| column.is_key && key_kind(column).is_some()) {
        return Err("it has no primary key of one column that is an integer or a UUID".into());
    }
    if table.columns.iter().all(|column| column.is_key || kind_of(column, &BTreeSet::new()).is_none()) {
        return Err("no column has a type that a field can have".into());
    }
    let name = ModelName::parse(&table.name).map_err(|error| error.to_string())?;
    match TAKEN_NAMES.contains(&name.as_str()) {
        true => Err("a page of the console has its name: rename the file of a model that you write".into()),
        false => Ok(name),
    }
}

fn key_kind(column: &FoundColumn) -> Option<&'static str> {
    match column.kind.as_str() {
        "bigint" | "integer" | "smallint" => Some("integer"),
        "uuid" => Some("uuid"),
        _ => None,
    }
}

/// The type of a field, and the expression of its column unless that is its name.
struct FieldOf {
    lines: String,
    expression: Option<String>,
}

/// Returns the field of a column; `None` if no field can have its type. `models` are the tables that have models.
fn kind_of(column: &FoundColumn, models: &BTreeSet<&str>) -> Option<FieldOf> {
    let plain = |kind: &str| FieldOf { lines: format!("type = \"{kind}\"\n"), expression: None };
    let quoted = quoted(&column.name);
    let decimal = |scale: u32, expression: Option<String>| FieldOf {
        lines: format!("type = \"decimal\"\nscale = {}\n", scale.min(MOST_SCALE)),
        expression,
    };
    Some(match column.kind.as_str() {
        "bigint" | "integer" | "smallint" => match &column.refers {
            Some(to) if models.contains(to.as_str()) => {
                FieldOf { lines: format!("type = \"ref\"\nto = \"{to}\"\n"), expression: None }
            }
            _ => plain("integer"),
        },
        "boolean" => plain("boolean"),
        "date" => plain("date"),
        "text" | "character varying" | "character" | "citext" => plain("text"),
        "uuid" => FieldOf { expression: Some(format!("{quoted}::text")), ..plain("text") },
        "numeric" => decimal(column.scale.unwrap_or(USUAL_SCALE), None),
        "double precision" | "real" => decimal(USUAL_SCALE, Some(format!("{quoted}::numeric"))),
        "timestamp with time zone" => plain("datetime"),
        "timestamp without time zone" => {
            FieldOf { expression: Some(format!("{quoted} AT TIME ZONE 'UTC'")), ..plain("datetime") }
        }
        "json" | "jsonb" => plain("json"),
        _ => return None,
    })
}

fn file(store: &StoreName, table: &FoundTable, models: &BTreeSet<&str>, language: &str) -> String {
    let (mut fields, mut columns, mut left_out) = (String::new(), String::new(), vec![]);
    for column in table.columns.iter().filter(|column| !column.is_key && !is_implicit(column)) {
        let Some(mut field) = kind_of(column, models) else {
            left_out.push(format!("{} ({})", column.name, column.kind));
            continue;
        };
        let Ok(name) = FieldName::parse(&column.name) else {
            left_out.push(format!("{} (its name is none of a field)", column.name));
            continue;
        };
        if column.is_translated {
            let language = language.replace('\'', "''");
            field.lines = "type = \"text\"\n".into();
            field.expression = Some(format!("{} ->> '{language}'", quoted(&column.name)));
        }
        write!(fields, "\n[fields.{name}]\n{}", field.lines).ok();
        if let Some(comment) = column.comment.as_deref().filter(|comment| !comment.trim().is_empty()) {
            writeln!(fields, "label = {}", text(comment)).ok();
        }
        if column.required {
            fields += "required = true\n";
        }
        if let Some(expression) = field.expression {
            writeln!(columns, "{name} = {}", text(&expression)).ok();
        }
    }
    let mut out = format!(
        "# Made by `tenantry inspect` of the table {}. Read it and change it as you like.\n",
        table.name
    );
    if !left_out.is_empty() {
        writeln!(out, "# Columns without a field: {}.", left_out.join(", ")).ok();
    }
    let key = table.columns.iter().find(|column| column.is_key);
    let kind = key.and_then(key_kind).unwrap_or("integer");
    let label = table.comment.as_deref().filter(|comment| !comment.trim().is_empty());
    if let Some(label) = label {
        writeln!(out, "label = {}", text(label)).ok();
    }
    writeln!(out, "store = \"{store}\"").ok();
    if kind != "integer" {
        writeln!(out, "id = \"{kind}\"").ok();
    }
    if let Some(display) = ["name", "display_name", "title"].iter().find(|name| {
        table.columns.iter().any(|column| column.name == **name)
            && fields.contains(&format!("[fields.{name}]"))
    }) {
        writeln!(out, "display = \"{display}\"").ok();
    }
    write!(out, "\n[reads]\ntable = {}\n\n[reads.columns]\n", text(&table.name)).ok();
    if let Some(key) = key.filter(|key| key.name != "id") {
        writeln!(out, "id = {}", text(&quoted(&key.name))).ok();
    }
    for (name, of, other) in [("created_at", MADE, CHANGED), ("updated_at", CHANGED, MADE)] {
        writeln!(out, "{name} = {}", text(&instant(table, of, other))).ok();
    }
    out + &columns + &fields
}

/// Returns the expression of an instant of every row, from the first column that has it.
fn instant(table: &FoundTable, of: [&str; 4], other: [&str; 4]) -> String {
    let found =
        of.iter().chain(&other).find_map(|name| table.columns.iter().find(|column| column.name == **name));
    let epoch = "timestamptz '1970-01-01 00:00:00Z'";
    match found.map(|column| (quoted(&column.name), column.kind.as_str())) {
        Some((name, "timestamp without time zone")) => {
            format!("coalesce({name} AT TIME ZONE 'UTC', {epoch})")
        }
        Some((name, "timestamp with time zone")) => format!("coalesce({name}, {epoch})"),
        _ => epoch.to_owned(),
    }
}

fn is_implicit(column: &FoundColumn) -> bool {
    IMPLICIT.contains(&column.name.as_str())
}

/// Returns a name as SQL.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Returns a text as TOML.
fn text(value: &str) -> String {
    toml_text(value)
}

fn toml_text(value: &str) -> String {
    let mut out = String::from("\"");
    for character in value.chars() {
        match character {
            '"' => out += "\\\"",
            '\\' => out += "\\\\",
            '\n' => out += "\\n",
            character if character.is_control() => out += " ",
            character => out.push(character),
        }
    }
    out + "\""
}
