//! Parses a migration file to a [`Migration`] and reports every problem with its line. Developers edit these files.

use super::{Migration, Op, Statements, fill_value};
use crate::{
    model::{
        Field, Index, Model, Permissions, Problem, field, indexes, parse,
        problem::Sink,
        reader::{self, At, Section},
    },
    name::{AppName, FieldName, ModelName, StoreName},
};
use serde_json::Value as Json;
use toml::de::DeTable;

const OPS: &str = "create_model, drop_model, rename_model, add_field, alter_field, rename_field, drop_field, \
                   add_index, drop_index, raw, data";

impl Migration {
    /// Parses a migration file. `file` is the name of the file in problems.
    ///
    /// # Errors
    /// Returns every problem in the file.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<Problem>> {
        let mut sink = Sink::new(file, text);
        let (table, errors) = DeTable::parse_recoverable(text);
        for e in &errors {
            sink.add(e.span().map_or(0, |s| s.start), format!("not valid TOML: {}", e.message()));
        }
        let read =
            if sink.is_clean() { migration(&mut sink, Section::new(table.get_ref(), 0)) } else { None };
        match read {
            Some(migration) if sink.is_clean() => Ok(migration),
            _ => Err(sink.into_problems()),
        }
    }
}

fn migration(sink: &mut Sink, mut root: Section<'_>) -> Option<Migration> {
    let app = need::<AppName>(sink, &mut root, "app");
    let name = match root.text(sink, "name") {
        Some(At { value, at }) if !good_name(value) => {
            sink.add(at, "`name` must be four digits, _ and a-z, 0-9, _: `0002_add_fee`");
            None
        }
        Some(name) => Some(name.value.to_owned()),
        None => {
            sink.add(0, "`name` is missing");
            None
        }
    };
    let depends = root.texts(sink, "depends").unwrap_or_default();
    let sections = root.sections(sink, "ops");
    let ops = match &app {
        Some(app) => sections.into_iter().filter_map(|s| op(sink, s, app)).collect(),
        None => Vec::new(),
    };
    root.finish(sink, "app, name, depends, ops");
    Some(Migration {
        app: app?,
        name: name?,
        depends: depends.iter().map(|d| d.value.to_owned()).collect(),
        ops,
    })
}

fn good_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    bytes.len() > 5
        && bytes.len() <= 80
        && bytes[..4].iter().all(u8::is_ascii_digit)
        && bytes[4] == b'_'
        && bytes[5..].iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'_')
}

/// Parses a required key.
fn need<T: std::str::FromStr<Err: std::fmt::Display>>(
    sink: &mut Sink,
    table: &mut Section<'_>,
    key: &str,
) -> Option<T> {
    if !table.has(key) {
        sink.add(table.at, format!("`{key}` is missing"));
    }
    table.parsed::<T>(sink, key).map(|found| found.value)
}

fn op(sink: &mut Sink, mut table: Section<'_>, app: &AppName) -> Option<Op> {
    let Some(At { value: name, at }) = table.text(sink, "op") else {
        sink.add(table.at, format!("`op` is missing; one of {OPS}"));
        return None;
    };
    let store = need::<StoreName>(sink, &mut table, "store");
    let read = match name {
        "raw" | "data" => statement_op(sink, &mut table, store, name == "data"),
        "create_model" => {
            let name = need::<ModelName>(sink, &mut table, "model");
            let model = create(sink, &mut table, app.clone(), store, name);
            model.map(|model| Op::CreateModel { model: Box::new(model) })
        }
        _ => model_op(sink, &mut table, store, name, at),
    };
    table.finish(sink, keys(name));
    read
}

/// Returns the keys of an operation, for the error message about a mistyped key.
fn keys(op: &str) -> &'static str {
    match op {
        "create_model" => "op, store, model, id, tenant_field, fields, indexes",
        "rename_model" => "op, store, model, to",
        "add_field" | "alter_field" => "op, store, model, field, fill",
        "rename_field" => "op, store, model, from, to",
        "drop_field" => "op, store, model, field",
        "add_index" | "drop_index" => "op, store, model, index",
        "raw" => "op, store, sqlite, postgres, mongo, reverse",
        "data" => "op, store, sqlite, postgres, mongo",
        _ => "op, store, model",
    }
}

fn statement_op(
    sink: &mut Sink,
    table: &mut Section<'_>,
    store: Option<StoreName>,
    data: bool,
) -> Option<Op> {
    let statements = statements(sink, table);
    if data {
        return Some(Op::Data { store: store?, statements });
    }
    let reverse = table.section(sink, "reverse").map(|mut section| {
        let found = self::statements(sink, &mut section);
        section.finish(sink, "sqlite, postgres, mongo");
        found
    });
    Some(Op::Raw { store: store?, statements, reverse })
}

fn statements(sink: &mut Sink, table: &mut Section<'_>) -> Statements {
    let mut list = |key: &str| -> Vec<String> {
        table.texts(sink, key).unwrap_or_default().iter().map(|s| s.value.to_owned()).collect()
    };
    Statements { sqlite: list("sqlite"), postgres: list("postgres"), mongo: list("mongo") }
}

fn model_op(
    sink: &mut Sink,
    table: &mut Section<'_>,
    store: Option<StoreName>,
    name: &str,
    at: usize,
) -> Option<Op> {
    let model = need::<ModelName>(sink, table, "model");
    Some(match name {
        "drop_model" => Op::DropModel { store: store?, model: model? },
        "rename_model" => Op::RenameModel { to: need(sink, table, "to")?, store: store?, from: model? },
        "add_field" => {
            let (field, fill) = field_and_fill(sink, table)?;
            Op::AddField { store: store?, model: model?, field, fill }
        }
        "alter_field" => {
            let (field, fill) = field_and_fill(sink, table)?;
            Op::AlterField { store: store?, model: model?, field, fill }
        }
        "rename_field" => Op::RenameField {
            from: need(sink, table, "from")?,
            to: need(sink, table, "to")?,
            store: store?,
            model: model?,
        },
        "drop_field" => Op::DropField { field: need(sink, table, "field")?, store: store?, model: model? },
        "add_index" => Op::AddIndex { index: index(sink, table)?, store: store?, model: model? },
        "drop_index" => Op::DropIndex { index: index(sink, table)?, store: store?, model: model? },
        other => {
            sink.add(at, format!("`op` {other:?} is not known; one of {OPS}"));
            return None;
        }
    })
}

fn index(sink: &mut Sink, table: &mut Section<'_>) -> Option<Index> {
    let Some(section) = table.section(sink, "index") else {
        sink.add(table.at, "`index` is missing: { fields = [\"…\"] }");
        return None;
    };
    indexes::index(sink, section).map(|(index, _)| index)
}

fn field_and_fill(sink: &mut Sink, table: &mut Section<'_>) -> Option<(Field, Option<Json>)> {
    let Some(section) = table.section(sink, "field") else {
        sink.add(table.at, "`field` is missing: { name = \"…\", type = \"…\" }");
        return None;
    };
    let field = named_field(sink, section, None)?;
    let (json, at) = match (table.take("fill"), table.text(sink, "fill_json")) {
        (Some(v), _) => (reader::json(v.get_ref()), v.span().start),
        (None, Some(text)) => (serde_json::from_str(text.value).ok(), text.at),
        (None, None) => return Some((field, None)),
    };
    let fits = json.ok_or_else(|| "cannot be read".to_owned());
    match fits.and_then(|j| fill_value(&field.kind, &j).map(|_| j)) {
        Ok(json) => Some((field, Some(json))),
        Err(e) => {
            sink.add(at, format!("`fill`: {e}"));
            None
        }
    }
}

fn named_field(sink: &mut Sink, mut section: Section<'_>, tenant: Option<&FieldName>) -> Option<Field> {
    let at = section.at;
    let name = need::<FieldName>(sink, &mut section, "name")?;
    field::read(sink, section, name, tenant, at).map(|parsed| parsed.field.schema())
}

fn create(
    sink: &mut Sink,
    table: &mut Section<'_>,
    app: AppName,
    store: Option<StoreName>,
    name: Option<ModelName>,
) -> Option<Model> {
    let id = parse::id_kind(sink, table);
    let tenant_field = parse::tenant_field(sink, table)?;
    let sections = table.sections(sink, "fields");
    let fields: Vec<Field> =
        sections.into_iter().filter_map(|s| named_field(sink, s, Some(&tenant_field))).collect();
    let sections = table.sections(sink, "indexes");
    let indexes =
        sections.into_iter().filter_map(|s| indexes::index(sink, s).map(|(index, _)| index)).collect();
    Some(Model {
        app,
        name: name?,
        label: String::new(),
        store: store?,
        id,
        display: None,
        fields,
        indexes,
        permissions: Permissions::default(),
        tenant_field,
        overrides: None,
        audit: false,
        reads: None,
        workflow: None,
    })
}
