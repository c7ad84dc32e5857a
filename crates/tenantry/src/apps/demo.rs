//! Demo data of an app: tables as CSV, typed against the models before anything is written.
//!
//! `tenantry demo` calls it. It returns changes and writes nothing itself.

use super::{App, Apps, builtin};
use crate::config::{DEFAULT_TOML, Problem, Problems, reader::Section, source::Source};
use serde_json::Value as Json;
use tenantry_engine::{
    model::{FieldKind, Model, default},
    name::{FieldName, ModelName, PlanName, RoleName, Slug, StoreName},
    query::{Change, RecordId},
    value::Value,
};

/// Returns the configuration with which the demo of a built-in app runs. `None` if there is no such app.
pub fn demo_config(app: &str) -> Option<&'static str> {
    let own = builtin::files(app)?.iter().find(|file| file.path == "demo/tenantry.toml");
    Some(own.map_or(DEFAULT_TOML, |file| file.text))
}

/// The demo data of an app.
#[derive(Debug, Clone, PartialEq)]
pub struct Demo {
    /// Rows of system stores, in the order in which they are loaded.
    pub shared: Vec<DemoTable>,
    /// Tenants to register.
    pub tenants: Vec<DemoTenant>,
    /// Paths of the API to show, with the session of the first tenant's owner.
    pub show: Vec<DemoPath>,
}

/// A path of the API that shows something of the demo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoPath {
    /// What the answer shows.
    pub about: String,
    /// Path with its query.
    pub path: String,
}

/// A tenant of the demo.
#[derive(Debug, Clone, PartialEq)]
pub struct DemoTenant {
    /// Slug of the tenant.
    pub slug: Slug,
    /// Display name of the tenant.
    pub name: String,
    /// E-mail address with which the owner signs in.
    pub email: String,
    /// Name of the owner.
    pub owner: String,
    /// Plan of the tenant; `None` for the default plan.
    pub plan: Option<PlanName>,
    /// Members besides the owner.
    pub members: Vec<DemoMember>,
    /// Stores for which the tenant has a database of its own.
    pub attached: Vec<StoreName>,
    /// Fields that the tenant adds to models, as the API takes them.
    pub fields: Vec<DemoPart>,
    /// Rows of the tenant, in the order in which they are loaded.
    pub tables: Vec<DemoTable>,
    /// The tenant's own values of shared records (`changed`, by id), and the entries that it adds (`added`).
    pub own: Vec<DemoPart>,
}

/// A member of a tenant of the demo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoMember {
    /// E-mail address with which the member signs in.
    pub email: String,
    /// Display name.
    pub name: String,
    /// Role in the tenant.
    pub role: RoleName,
}

/// JSON for one model.
#[derive(Debug, Clone, PartialEq)]
pub struct DemoPart {
    /// Name of the model.
    pub model: ModelName,
    /// Contents of the file.
    pub json: Json,
}

/// Rows of one model. A row refers only to rows of earlier tables.
#[derive(Debug, Clone, PartialEq)]
pub struct DemoTable {
    /// Name of the model.
    pub model: ModelName,
    /// One insert per row, including its id.
    pub rows: Vec<Change>,
}

impl Apps {
    /// Returns the demo data of an app, or `None` if it has none.
    ///
    /// # Errors
    /// Returns all problems of the app's files, with their lines.
    pub fn demo(&self, app: &str) -> Result<Option<Demo>, Problems> {
        let Some(app) = self.app(app) else { return Ok(None) };
        let Some(text) = app.source.text("demo/demo.toml") else { return Ok(None) };
        let (source, document) = Source::parse(&app.source.display("demo/demo.toml"), text);
        let root = Section::root(&source, &document);
        let mut problems = Vec::new();
        let shared = self.tables(app, "shared", &root.list("shared").unwrap_or_default(), &mut problems);
        let mut tenants = Vec::new();
        for section in root.array("tenants") {
            let Some(slug) = section.parsed::<Slug>("slug") else {
                section.problem("slug", "is required");
                continue;
            };
            let words = |key: &str| section.text(key).unwrap_or_default().to_owned();
            let list = |key: &str| section.list(key).unwrap_or_default();
            let (name, email, owner) = (words("name"), words("email"), words("owner"));
            let tables = self.tables(app, slug.as_str(), &list("tables"), &mut problems);
            let fields = self.parts(app, slug.as_str(), &list("fields"), "fields", &mut problems);
            let own = self.parts(app, slug.as_str(), &list("own"), "own", &mut problems);
            let (plan, members, attached) =
                (section.parsed("plan"), members(&section), section.list("attached").unwrap_or_default());
            tenants.push(DemoTenant {
                slug,
                name,
                email,
                owner,
                plan,
                members,
                attached,
                fields,
                tables,
                own,
            });
            section.finish();
        }
        let show = shown(&root);
        root.finish();
        source.finish()?;
        Problems(problems).into_result()?;
        Ok(Some(Demo { shared, tenants, show }))
    }

    /// Reads the files `MODEL.ending.json` of a tenant.
    fn parts(
        &self,
        app: &App,
        dir: &str,
        models: &[ModelName],
        ending: &str,
        problems: &mut Vec<Problem>,
    ) -> Vec<DemoPart> {
        let mut parts = Vec::new();
        for model in models {
            let path = format!("{dir}/{model}.{ending}.json");
            let text = app.source.demo_file(&path).filter(|_| self.model(model.as_str()).is_some());
            let json = text.ok_or_else(|| "has no such model, or cannot be read".to_owned());
            match json.and_then(|text| serde_json::from_str(&text).map_err(|error| error.to_string())) {
                Ok(json) => parts.push(DemoPart { model: model.clone(), json }),
                Err(message) => {
                    let file = app.source.display(&format!("demo/{path}"));
                    problems.push(Problem { file, line: 0, message });
                }
            }
        }
        parts
    }

    fn tables(
        &self,
        app: &App,
        dir: &str,
        models: &[ModelName],
        problems: &mut Vec<Problem>,
    ) -> Vec<DemoTable> {
        let mut tables = Vec::new();
        for name in models {
            let file = app.source.display(&format!("demo/{dir}/{name}.csv"));
            let problem = |message: String| Problem { file: file.clone(), line: 0, message };
            match (self.model(name.as_str()), app.source.demo_file(&format!("{dir}/{name}.csv"))) {
                (None, _) => problems.push(problem(format!("there is no model `{name}`"))),
                (_, None) => problems.push(problem("does not exist or cannot be read".into())),
                (Some(model), Some(text)) => match rows(model, &file, &text) {
                    Ok(rows) => tables.push(DemoTable { model: name.clone(), rows }),
                    Err(found) => problems.extend(found.0),
                },
            }
        }
        tables
    }
}

fn members(tenant: &Section<'_>) -> Vec<DemoMember> {
    let member = |section: Section<'_>| {
        let words = |key: &str| section.text(key).unwrap_or_default().to_owned();
        let (email, name) = (words("email"), words("name"));
        let role: Option<RoleName> = section.parsed("role");
        if role.is_none() {
            section.problem("role", "is required");
        }
        section.finish();
        Some(DemoMember { email, name, role: role? })
    };
    tenant.array("members").into_iter().filter_map(member).collect()
}

fn shown(root: &Section<'_>) -> Vec<DemoPath> {
    let path = |section: Section<'_>| {
        let words = |key: &str| section.text(key).unwrap_or_default().to_owned();
        let shown = DemoPath { about: words("about"), path: words("path") };
        section.finish();
        shown
    };
    root.array("show").into_iter().map(path).collect()
}

/// Converts a CSV table with columns `id` and field names to inserts. An empty cell is null.
fn rows(model: &Model, file: &str, text: &str) -> Result<Vec<Change>, Problems> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let problem =
        |line: u64, message: String| Problem { file: file.to_owned(), line: line as usize, message };
    let headers = match reader.headers() {
        Ok(headers) => headers.clone(),
        Err(error) => return Err(Problems(vec![problem(1, error.to_string())])),
    };
    let unknown = headers.iter().filter(|name| *name != "id" && model.field(name).is_none());
    let mut problems: Vec<Problem> =
        unknown.map(|name| problem(1, format!("`{}` has no field `{name}`", model.name))).collect();
    let mut all = Vec::new();
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                problems.push(problem(error.position().map_or(0, csv::Position::line), error.to_string()));
                continue;
            }
        };
        let line = record.position().map_or(0, csv::Position::line);
        match row(model, headers.iter().zip(record.iter())) {
            Ok(change) => all.push(change),
            Err(message) => problems.push(problem(line, message)),
        }
    }
    Problems(problems).into_result()?;
    Ok(all)
}

fn row<'r>(model: &Model, cells: impl Iterator<Item = (&'r str, &'r str)>) -> Result<Change, String> {
    let mut id = None;
    let mut values: Vec<(FieldName, Value)> = Vec::new();
    for (name, cell) in cells.filter(|(_, cell)| !cell.is_empty()) {
        if name == "id" {
            id = Some(record_id(cell)?);
        } else if let Some(field) = model.field(name) {
            let value = value(&field.kind, cell).map_err(|reason| format!("{name}: {reason}"))?;
            values.push((field.name.clone(), value));
        }
    }
    let given = |name: &FieldName| values.iter().any(|(other, _)| other == name);
    match model.fields.iter().find(|field| field.required && field.default.is_none() && !given(&field.name)) {
        Some(field) => Err(format!("{}: is required", field.name)),
        None => Ok(Change::Insert { model: model.name.clone(), id, values }),
    }
}

fn record_id(cell: &str) -> Result<RecordId, String> {
    if let Ok(number) = cell.parse::<i64>() {
        return Ok(RecordId::Integer(number));
    }
    cell.parse().map(RecordId::Uuid).map_err(|_| format!("{cell:?} is no id"))
}

/// Parses a cell as the field's type. Numbers, booleans and JSON are read as JSON, everything else as text.
fn value(kind: &FieldKind, cell: &str) -> Result<Value, String> {
    let text = || serde_json::Value::String(cell.to_owned());
    let json = || serde_json::from_str(cell).map_err(|_| format!("{cell:?} cannot be read"));
    match kind {
        FieldKind::Ref { .. } => Ok(match record_id(cell)? {
            RecordId::Integer(number) => Value::Integer(number),
            RecordId::Uuid(uuid) => Value::Uuid(uuid),
        }),
        FieldKind::Custom => json().map(Value::Json),
        FieldKind::Integer { .. } | FieldKind::Boolean | FieldKind::Json => default::typed(kind, &json()?),
        _ => default::typed(kind, &text()),
    }
}
