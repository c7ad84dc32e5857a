//! Parses one `models/NAME.toml` to a [`Model`] and reports every problem with its line.
//!
//! [`super::load`] calls it. Rules that involve other models are in `check.rs`.

use super::{
    FieldKind, Grant, IdKind, Model, Overrides, Permissions, Scope, Source, custom,
    field::{self, ParsedField},
    indexes::indexes,
    problem::{Problem, Sink},
    reader::{At, Section},
    reads::reads,
    workflow::workflow,
};
use crate::name::{FieldName, ModelName, StoreName};
use std::collections::HashMap;
use toml::de::DeTable;

/// A model, with the line numbers of its parts for checks across models.
pub(crate) struct Parsed {
    pub(crate) model: Model,
    pub(crate) file: String,
    pub(crate) lines: HashMap<String, usize>,
}

impl Parsed {
    /// Returns a problem at a part of this model.
    pub(crate) fn problem(&self, part: &str, message: impl Into<String>) -> Problem {
        let line = self.lines.get(part).copied().unwrap_or(1);
        Problem { file: self.file.clone(), line, message: message.into() }
    }
}

const KNOWN: &str = "label, store, id, display, tenant_field, audit, custom_fields, fields, indexes, permissions, overrides, reads, \
    workflow";
/// Maximum number of fields of a model. SQLite's limit is 2000 columns, but rows that wide serve no purpose.
const FIELDS_MAX: usize = 500;

/// Parses one file. The model is `None` if the file cannot be understood.
pub(crate) fn parse(
    source: &Source<'_>,
    scope: &dyn Fn(&StoreName) -> Option<Scope>,
) -> (Option<Parsed>, Vec<Problem>) {
    let mut sink = Sink::new(source.file, source.text);
    let (table, errors) = DeTable::parse_recoverable(source.text);
    for e in &errors {
        sink.add(e.span().map_or(0, |s| s.start), format!("not valid TOML: {}", e.message()));
    }
    if !sink.is_clean() {
        return (None, sink.into_problems());
    }
    let name = ModelName::parse(source.name).map_err(|e| sink.add(0, format!("file name: {e}"))).ok();
    let mut root = Section::new(table.get_ref(), 0);
    let mut lines = HashMap::new();
    let model = name.and_then(|name| model(&mut sink, &mut root, source, name, scope, &mut lines));
    root.finish(&mut sink, KNOWN);
    let parsed = model.map(|model| Parsed { model, file: source.file.to_owned(), lines });
    (parsed, sink.into_problems())
}

fn model(
    sink: &mut Sink,
    root: &mut Section<'_>,
    source: &Source<'_>,
    name: ModelName,
    scope: &dyn Fn(&StoreName) -> Option<Scope>,
    lines: &mut HashMap<String, usize>,
) -> Option<Model> {
    let label = root.text(sink, "label").map_or_else(|| human(name.as_str()), |t| t.value.to_owned());
    let store = store(sink, root, scope);
    let id = id_kind(sink, root);
    let tenant_field = tenant_field(sink, root)?;
    let display = root.parsed::<FieldName>(sink, "display");
    let audit = root.flag(sink, "audit");
    let has_custom = root.flag(sink, "custom_fields");
    let mut fields = fields(sink, root, &tenant_field, lines);
    let indexes = indexes(sink, root, &fields);
    if let Some(display) = &display
        && !fields.iter().any(|f| f.name == display.value)
    {
        sink.add(display.at, format!("`display`: there is no field `{}`", display.value));
    }
    let mut permissions = permissions(sink, root, store.as_ref().map(|(_, scope)| *scope));
    let reads = reads(sink, root, &fields, &mut permissions);
    let overrides = overrides(sink, root, &fields, store.as_ref(), scope);
    if let Some((_, at)) = &overrides {
        lines.insert("overrides".into(), sink.line(*at));
    }
    let workflow = workflow(sink, root, &fields, lines);
    if let (Some(_), Some((_, at))) = (&workflow, &overrides) {
        sink.add(*at, "a model with a workflow cannot be overridden by tenants");
    }
    if let (Some(_), Some(_)) = (&workflow, &reads) {
        sink.add(root.at, "a model with `reads` only reads: remove `workflow`");
    }
    if let (Some(_), true) = (&reads, overrides.is_some() || audit || has_custom || !indexes.is_empty()) {
        sink.add(
            root.at,
            "a model with `reads` only reads: remove `audit`, `custom_fields`, `indexes` and `overrides`",
        );
    }
    if has_custom {
        add_custom(sink, root, &tenant_field, store.as_ref(), &mut fields);
    }
    Some(Model {
        app: source.app.clone(),
        name,
        label,
        store: store?.0,
        id,
        display: display.map(|d| d.value),
        fields,
        indexes,
        permissions,
        tenant_field,
        overrides: overrides.map(|(o, _)| o),
        audit,
        reads,
        workflow,
    })
}

/// Parses the `tenant_field` key of a table.
pub(crate) fn tenant_field(sink: &mut Sink, root: &mut Section<'_>) -> Option<FieldName> {
    let Some(At { value, at }) = root.parsed::<FieldName>(sink, "tenant_field") else {
        return FieldName::parse("tenant_id").ok();
    };
    if field::RESERVED.contains(&value.as_str()) {
        sink.add(at, format!("`tenant_field`: `{value}` is reserved: every model has that column already"));
    }
    Some(value)
}

/// Returns a name as a label: `first_name` → `First name`.
pub(crate) fn human(name: &str) -> String {
    let mut text = name.replace('_', " ");
    if let Some(first) = text.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    text
}

fn store(
    sink: &mut Sink,
    root: &mut Section<'_>,
    scope: &dyn Fn(&StoreName) -> Option<Scope>,
) -> Option<(StoreName, Scope)> {
    let present = root.has("store");
    let Some(At { value, at }) = root.parsed::<StoreName>(sink, "store") else {
        if !present {
            sink.add(root.at, "`store` is missing: name the store whose databases hold this model");
        }
        return None;
    };
    let found = scope(&value);
    if found.is_none() {
        sink.add(at, format!("there is no store `{value}` in the configuration"));
    }
    found.map(|scope| (value, scope))
}

/// Parses the `id` key of a table.
pub(crate) fn id_kind(sink: &mut Sink, root: &mut Section<'_>) -> IdKind {
    match root.text(sink, "id") {
        Some(At { value: "uuid", .. }) => IdKind::Uuid,
        Some(At { value: "integer", .. }) | None => IdKind::Integer,
        Some(At { value, at }) => {
            sink.add(at, format!("`id` must be \"integer\" or \"uuid\", not {value:?}"));
            IdKind::Integer
        }
    }
}

fn fields(
    sink: &mut Sink,
    root: &mut Section<'_>,
    tenant_field: &FieldName,
    lines: &mut HashMap<String, usize>,
) -> Vec<super::Field> {
    let Some(section) = root.section(sink, "fields") else {
        sink.add(root.at, "a model needs at least one field: add a table [fields.NAME]");
        return Vec::new();
    };
    let mut out = Vec::new();
    for (key, table) in section.into_sections(sink) {
        let Some(name) = FieldName::parse(key.value).map_err(|e| sink.add(key.at, e.to_string())).ok() else {
            continue;
        };
        lines.insert(format!("fields.{name}"), sink.line(key.at));
        if let Some(ParsedField { field, to_at }) = field::read(sink, table, name, Some(tenant_field), key.at)
        {
            if field.kind == FieldKind::Custom {
                let remedy = "set `custom_fields = true` in the model instead";
                sink.add(key.at, format!("a model cannot declare a field of type \"custom\": {remedy}"));
            }
            if let Some(at) = to_at {
                lines.insert(format!("fields.{}.to", field.name), sink.line(at));
            }
            out.push(field);
        }
    }
    if out.len() > FIELDS_MAX {
        sink.add(root.at, format!("{} fields are too many; a model may have {FIELDS_MAX}", out.len()));
    }
    out
}

fn permissions(sink: &mut Sink, root: &mut Section<'_>, scope: Option<Scope>) -> Permissions {
    let mut out = Permissions::defaults(scope.unwrap_or(Scope::Tenant));
    let Some(mut table) = root.section(sink, "permissions") else { return out };
    let mut grants = |key: &str| -> Option<Vec<Grant>> {
        Some(table.list::<Grant>(sink, key)?.into_iter().map(|g| g.value).collect())
    };
    if let Some(write) = grants("write") {
        out.create.clone_from(&write);
        out.update.clone_from(&write);
        out.delete = write;
    }
    for (key, slot) in [
        ("read", &mut out.read),
        ("create", &mut out.create),
        ("update", &mut out.update),
        ("delete", &mut out.delete),
    ] {
        if let Some(list) = grants(key) {
            *slot = list;
        }
    }
    table.finish(sink, "read, write, create, update, delete");
    out
}

/// Adds the field for the values of the tenant's own fields.
fn add_custom(
    sink: &mut Sink,
    root: &Section<'_>,
    tenant_field: &FieldName,
    own: Option<&(StoreName, Scope)>,
    fields: &mut Vec<super::Field>,
) {
    let name = custom::FIELD;
    if own.is_some_and(|(_, scope)| *scope == Scope::System) {
        sink.add(root.at, "`custom_fields`: only a model of a tenant store can have custom fields");
    }
    if tenant_field.as_str() == name || fields.iter().any(|field| field.name.as_str() == name) {
        sink.add(root.at, format!("`custom_fields` adds the field `{name}`: rename the one declared here"));
        return;
    }
    fields.extend(custom::values());
}

fn overrides(
    sink: &mut Sink,
    root: &mut Section<'_>,
    fields: &[super::Field],
    own: Option<&(StoreName, Scope)>,
    scope: &dyn Fn(&StoreName) -> Option<Scope>,
) -> Option<(Overrides, usize)> {
    let mut table = root.section(sink, "overrides")?;
    let at = table.at;
    if own.is_some_and(|(_, scope)| *scope == Scope::Tenant) {
        sink.add(at, "only a model of a system store can be overridden by tenants");
    }
    let store = table.parsed::<StoreName>(sink, "store");
    match &store {
        Some(At { value, at }) if scope(value) != Some(Scope::Tenant) => {
            sink.add(*at, format!("`store`: {value} is not a store of scope \"tenant\""));
        }
        Some(_) => {}
        None => sink.add(at, "`store` must name the tenant store that keeps the overrides"),
    }
    let names = table.list::<FieldName>(sink, "fields").unwrap_or_default();
    let add = table.flag(sink, "add");
    if names.is_empty() && !add {
        sink.add(at, "`fields` must list the fields that a tenant may override");
    }
    for field in fields.iter().filter(|_| add) {
        if let Some(reason) = not_in_entries(field) {
            sink.add(at, format!("tenants cannot add entries of their own: `{}` {reason}", field.name));
        }
    }
    for At { value, at } in &names {
        match fields.iter().find(|f| f.name == *value) {
            None => sink.add(*at, format!("there is no field `{value}`")),
            Some(f) if matches!(f.kind, FieldKind::File { .. }) => {
                sink.add(*at, format!("`{value}` is a file, which cannot be overridden"));
            }
            // Nothing could prevent the deletion of the referenced row.
            Some(f) if matches!(f.kind, FieldKind::Ref { .. }) => {
                sink.add(*at, format!("`{value}` is a reference, which cannot be overridden"));
            }
            Some(_) => {}
        }
    }
    table.finish(sink, "store, fields, add");
    let fields = names.into_iter().map(|n| n.value).collect();
    Some((Overrides { store: store?.value, fields, add }, at))
}

/// Returns the reason why entries that tenants add cannot have this field.
fn not_in_entries(field: &super::Field) -> Option<&'static str> {
    match field.kind {
        FieldKind::File { .. } => Some("is a file"),
        // Nothing could prevent the deletion of the referenced row.
        FieldKind::Ref { .. } => Some("is a reference"),
        // Clones without personal data could not blank it.
        _ => field.personal.then_some("is personal"),
    }
}
