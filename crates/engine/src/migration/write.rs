//! Writes a migration as a file for developers: TOML with one table per operation, without default values.

use super::{Migration, Op, Statements};
use crate::model::{Field, FieldKind, IdKind, Index, Model, OnDelete};
use serde_json::Value as Json;

const HEAD: &str = "# Written by `tenantry migrate make`. Read it, change it until it has been applied somewhere, never after.\n";

impl Migration {
    /// Returns the text of the file. [`Migration::parse`] reads it back to an equal migration.
    pub fn to_text(&self) -> String {
        format!("{HEAD}{}", self.body())
    }

    /// Returns a hash of the effect of the migration, which ignores comments and layout of the file.
    pub fn checksum(&self) -> String {
        let text = format!("tenantry migration 1\n{}", self.body());
        blake3::hash(text.as_bytes()).to_hex()[..32].to_owned()
    }

    fn body(&self) -> String {
        let mut out = format!("app = {}\nname = {}\n", quote(self.app.as_str()), quote(&self.name));
        if !self.depends.is_empty() {
            out.push_str(&format!("depends = {}\n", texts(&self.depends)));
        }
        for op in &self.ops {
            out.push_str("\n[[ops]]\n");
            write_op(&mut out, op);
        }
        out
    }
}

fn line(out: &mut String, key: &str, value: impl AsRef<str>) {
    out.push_str(&format!("{key} = {}\n", value.as_ref()));
}

/// Returns text as a TOML string with quotes.
fn quote(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn texts(items: &[String]) -> String {
    format!("[{}]", items.iter().map(|i| quote(i)).collect::<Vec<_>>().join(", "))
}

fn write_op(out: &mut String, op: &Op) {
    let mut head = |name: &str, model: &str| {
        line(out, "op", quote(name));
        line(out, "store", quote(op.store().as_str()));
        if !model.is_empty() {
            line(out, "model", quote(model));
        }
    };
    match op {
        Op::CreateModel { model } => {
            head("create_model", model.name.as_str());
            write_model(out, model);
        }
        Op::DropModel { model, .. } => head("drop_model", model.as_str()),
        Op::RenameModel { from, to, .. } => {
            head("rename_model", from.as_str());
            line(out, "to", quote(to.as_str()));
        }
        Op::AddField { model, field, fill, .. } => {
            head("add_field", model.as_str());
            write_field(out, field, fill.as_ref());
        }
        Op::AlterField { model, field, fill, .. } => {
            head("alter_field", model.as_str());
            write_field(out, field, fill.as_ref());
        }
        Op::RenameField { model, from, to, .. } => {
            head("rename_field", model.as_str());
            line(out, "from", quote(from.as_str()));
            line(out, "to", quote(to.as_str()));
        }
        Op::DropField { model, field, .. } => {
            head("drop_field", model.as_str());
            line(out, "field", quote(field.as_str()));
        }
        Op::AddIndex { model, index, .. } => {
            head("add_index", model.as_str());
            line(out, "index", inline_index(index));
        }
        Op::DropIndex { model, index, .. } => {
            head("drop_index", model.as_str());
            line(out, "index", inline_index(index));
        }
        Op::Raw { statements, reverse, .. } => {
            head("raw", "");
            write_statements(out, statements);
            if let Some(reverse) = reverse {
                out.push_str("[ops.reverse]\n");
                write_statements(out, reverse);
            }
        }
        Op::Data { statements, .. } => {
            head("data", "");
            write_statements(out, statements);
        }
    }
}

fn write_model(out: &mut String, model: &Model) {
    if model.id == IdKind::Uuid {
        line(out, "id", quote("uuid"));
    }
    if model.tenant_field.as_str() != "tenant_id" {
        line(out, "tenant_field", quote(model.tenant_field.as_str()));
    }
    let rows =
        |items: Vec<String>| format!("[\n{}]", items.iter().map(|i| format!("  {i},\n")).collect::<String>());
    line(out, "fields", rows(model.fields.iter().map(inline_field).collect()));
    if !model.indexes.is_empty() {
        line(out, "indexes", rows(model.indexes.iter().map(inline_index).collect()));
    }
}

fn write_field(out: &mut String, field: &Field, fill: Option<&Json>) {
    line(out, "field", inline_field(field));
    if let Some(fill) = fill {
        let (key, value) = json("fill", fill);
        line(out, &key, value);
    }
}

fn write_statements(out: &mut String, statements: &Statements) {
    for (key, list) in
        [("sqlite", &statements.sqlite), ("postgres", &statements.postgres), ("mongo", &statements.mongo)]
    {
        if !list.is_empty() {
            let items: String = list.iter().map(|s| format!("  {},\n", quote(s))).collect();
            line(out, key, format!("[\n{items}]"));
        }
    }
}

fn inline_index(index: &Index) -> String {
    let fields: Vec<String> = index.fields.iter().map(ToString::to_string).collect();
    let unique = if index.unique { ", unique = true" } else { "" };
    format!("{{ fields = {}{unique} }}", texts(&fields))
}

fn inline_field(field: &Field) -> String {
    let mut parts: Vec<(String, String)> = vec![("name".into(), quote(field.name.as_str()))];
    parts.extend(kind_parts(&field.kind).into_iter().map(|(k, v)| (k.to_owned(), v)));
    let flags = [
        ("required", field.required),
        ("unique", field.unique),
        ("index", field.index),
        ("search", field.search),
    ];
    parts.extend(flags.iter().filter(|(_, on)| *on).map(|(k, _)| ((*k).to_owned(), "true".to_owned())));
    parts.extend(field.default.as_ref().map(|d| json("default", d)));
    let parts: Vec<String> = parts.iter().map(|(k, v)| format!("{k} = {v}")).collect();
    format!("{{ {} }}", parts.join(", "))
}

fn kind_parts(kind: &FieldKind) -> Vec<(&'static str, String)> {
    let named = |name: &str| vec![("type", quote(name))];
    let mut parts;
    match kind {
        FieldKind::Text { max_length } => {
            parts = named("text");
            parts.extend(max_length.map(|m| ("max_length", m.to_string())));
        }
        FieldKind::Integer { min, max } => {
            parts = named("integer");
            parts.extend(min.map(|m| ("min", m.to_string())));
            parts.extend(max.map(|m| ("max", m.to_string())));
        }
        FieldKind::Decimal { scale } => {
            parts = named("decimal");
            parts.push(("scale", scale.to_string()));
        }
        FieldKind::Boolean => parts = named("boolean"),
        FieldKind::Date => parts = named("date"),
        FieldKind::Datetime => parts = named("datetime"),
        FieldKind::Json => parts = named("json"),
        FieldKind::Custom => parts = named("custom"),
        FieldKind::File { max_bytes } => {
            parts = named("file");
            parts.push(("max_bytes", max_bytes.to_string()));
        }
        FieldKind::Choice { choices } => {
            parts = named("choice");
            parts.push(("choices", texts(choices)));
        }
        FieldKind::Ref { to, on_delete } => {
            parts = named("ref");
            parts.push(("to", quote(to.as_str())));
            if *on_delete == OnDelete::SetNull {
                parts.push(("on_delete", quote("set_null")));
            }
        }
    }
    parts
}

/// Returns a JSON value for a key: as TOML if that has the same meaning, otherwise as text under `{key}_json`.
fn json(key: &str, value: &Json) -> (String, String) {
    match value {
        Json::String(s) => (key.to_owned(), quote(s)),
        Json::Bool(b) => (key.to_owned(), b.to_string()),
        Json::Number(n) if n.is_i64() => (key.to_owned(), n.to_string()),
        other => (format!("{key}_json"), quote(&other.to_string())),
    }
}
