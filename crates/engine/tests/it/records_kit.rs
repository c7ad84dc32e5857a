//! Shared by the record tests: a small clinic, in its own database and pooled with neighbours.

use rusqlite::Connection;
use std::sync::Arc;
use tenantry_engine::{
    Error, Kind, Result, Usage,
    internals::{list, migrate, read, usage, write},
    migration::{Migration, Op},
    model::{Field, FieldKind, IdKind, Index, Model, OnDelete, Overrides, Permissions},
    name::{AppName, FieldName, ModelName, StoreName},
    overrides::OverrideRow,
    place::Isolation,
    query::{Change, Filter, RecordId, Select},
    row::Collect,
    schema::{Confinement, Schema},
    value::Value,
    write::{WriteOptions, Written},
};

/// Both isolations: every conformance case runs in each.
pub(crate) const BOTH: [Isolation; 2] = [Isolation::Database, Isolation::Pooled];

/// The tenant that the cases act for, and two neighbours.
pub(crate) const TENANTS: [i64; 3] = [7, 8, 9];

/// A database with the clinic's tables, seen as one tenant.
pub(crate) struct Kit {
    pub(crate) conn: Connection,
    pub(crate) schema: Schema,
    pub(crate) who: Confinement,
    pub(crate) options: WriteOptions,
}

pub(crate) fn name(text: &str) -> FieldName {
    FieldName::parse(text).unwrap()
}

pub(crate) fn values(list: &[(&str, Value)]) -> Vec<(FieldName, Value)> {
    list.iter().map(|(field, value)| (name(field), value.clone())).collect()
}

pub(crate) fn insert(model: &str, list: &[(&str, Value)]) -> Change {
    Change::Insert { model: ModelName::parse(model).unwrap(), id: None, values: values(list) }
}

pub(crate) fn insert_as(model: &str, id: RecordId, list: &[(&str, Value)]) -> Change {
    Change::Insert { model: ModelName::parse(model).unwrap(), id: Some(id), values: values(list) }
}

pub(crate) fn update(
    model: &str,
    id: &RecordId,
    expected_version: Option<i64>,
    list: &[(&str, Value)],
) -> Change {
    let model = ModelName::parse(model).unwrap();
    Change::Update { model, id: id.clone(), expected_version, values: values(list) }
}

pub(crate) fn delete(model: &str, id: &RecordId, expected_version: Option<i64>) -> Change {
    Change::Delete { model: ModelName::parse(model).unwrap(), id: id.clone(), expected_version }
}

pub(crate) fn decimal(text: &str) -> Value {
    Value::Decimal(text.parse().unwrap())
}

/// Returns the models as one migration.
fn migrations(models: &[Arc<Model>]) -> [Migration; 1] {
    let ops = models.iter().map(|m| Op::CreateModel { model: Box::new(m.schema()) }).collect();
    let app = AppName::parse("clinic").unwrap();
    [Migration { app, name: "0001_initial".into(), depends: vec![], ops }]
}

impl Kit {
    pub(crate) fn new(isolation: Isolation) -> Self {
        Self::made(Connection::open_in_memory().unwrap(), isolation)
    }

    /// Returns a kit in a file, for several concurrent connections.
    pub(crate) fn in_file(path: &std::path::Path, isolation: Isolation) -> Self {
        let conn = Connection::open(path).unwrap();
        conn.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF").unwrap();
        Self::made(conn, isolation)
    }

    /// Returns a kit with another connection to the same file.
    pub(crate) fn again(&self, path: &std::path::Path) -> Self {
        let conn = Connection::open(path).unwrap();
        conn.busy_timeout(std::time::Duration::from_secs(60)).unwrap();
        conn.execute_batch("PRAGMA foreign_keys = ON; PRAGMA synchronous = OFF").unwrap();
        tenantry_engine::internals::list::add_functions(&conn).unwrap();
        let schema =
            Schema::new(StoreName::parse("tenant").unwrap(), models(), &migrations(&models())).unwrap();
        Self { conn, schema, who: self.who, options: self.options.clone() }
    }

    /// Returns a kit with a connection to the file of a place that the engine made.
    pub(crate) fn reader(path: &std::path::Path, place: &tenantry_engine::place::Place) -> Self {
        let conn = Connection::open(path).unwrap();
        tenantry_engine::internals::list::add_functions(&conn).unwrap();
        let schema =
            Schema::new(StoreName::parse("tenant").unwrap(), models(), &migrations(&models())).unwrap();
        let tenant = place.tenant.map_or(0, |t| t.get());
        let who = Confinement { isolation: place.isolation, tenant, generation: place.generation, ledger: 1 };
        Self { conn, schema, who, options: WriteOptions::default() }
    }

    fn made(mut conn: Connection, isolation: Isolation) -> Self {
        conn.execute_batch("PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF").unwrap();
        tenantry_engine::internals::list::add_functions(&conn).unwrap();
        let models = models();
        let migrations = migrations(&models);
        let store = StoreName::parse("tenant").unwrap();
        migrate::migrate(&mut conn, &store, isolation, &migrations).unwrap();
        let tenants = if isolation == Isolation::Pooled { &TENANTS[..] } else { &TENANTS[..1] };
        for tenant in tenants {
            let sql = "INSERT INTO _tenantry_place (tenant, store, generation) VALUES (?1, 'tenant', 3)";
            conn.execute(sql, [tenant]).unwrap();
        }
        let schema = Schema::new(store, models, &migrations).unwrap();
        let who = Confinement { isolation, tenant: TENANTS[0], generation: 3, ledger: 1 };
        Self { conn, schema, who, options: WriteOptions { actor: "ann".into(), ..Default::default() } }
    }

    /// Acts as another tenant from now on (of the same database if pooled).
    pub(crate) fn act_as(&mut self, tenant: i64) -> &mut Self {
        self.who.tenant = tenant;
        self
    }

    /// Counts again what every tenant holds, from its rows, and returns this tenant's usage.
    pub(crate) fn recounted(&self) -> Usage {
        let (store, isolation) = (self.schema.store(), self.who.isolation);
        migrate::count_again(&self.conn, store, isolation, &migrations(&models())).unwrap();
        usage::usage(&self.conn, &self.schema, &self.who).unwrap()
    }

    pub(crate) fn apply(&self, changes: &[Change]) -> Result<Vec<Written>> {
        write::apply(&self.conn, &self.schema, &self.who, changes, &self.options)
    }

    pub(crate) fn one(&self, change: Change) -> Written {
        self.apply(&[change]).unwrap().remove(0)
    }

    pub(crate) fn refused(&self, changes: &[Change]) -> Kind {
        self.error(changes).kind().clone()
    }

    pub(crate) fn error(&self, changes: &[Change]) -> Error {
        self.apply(changes).expect_err("must be refused")
    }

    pub(crate) fn get(&self, model: &str, id: &RecordId) -> Option<Vec<Value>> {
        let mut rows = Collect::default();
        let found = read::get(&self.conn, &self.schema, &self.who, model, id, &[], &mut rows).unwrap();
        assert_eq!(found, rows.rows.len() == 1);
        rows.rows.pop()
    }

    /// Returns all pages of a list, one after the other, as the ids they show.
    pub(crate) fn pages(
        &self,
        model: &str,
        select: &Select,
        merge: Option<&[OverrideRow]>,
    ) -> Result<Vec<Vec<Value>>> {
        let (mut select, mut all) = (select.clone(), vec![]);
        loop {
            let mut rows = Collect::default();
            let next = list::select(&self.conn, &self.schema, &self.who, model, &select, merge, &mut rows)?;
            assert!(rows.rows.len() <= select.limit as usize);
            assert!(
                next.is_none() || rows.rows.len() == select.limit as usize,
                "only a full page has a next"
            );
            all.append(&mut rows.rows);
            match next {
                Some(next) => select.after = Some(next),
                None => return Ok(all),
            }
        }
    }

    /// Returns the names on all pages.
    pub(crate) fn names(&self, select: &Select, merge: Option<&[OverrideRow]>) -> Vec<String> {
        let select = Select { fields: vec![name("name")], ..select.clone() };
        let text = |row: Vec<Value>| match row.into_iter().next() {
            Some(Value::Text(text)) => text,
            other => panic!("{other:?}"),
        };
        self.pages("doctors", &select, merge).unwrap().into_iter().map(text).collect()
    }

    pub(crate) fn count(
        &self,
        filter: &Filter,
        search: Option<&str>,
        merge: Option<&[OverrideRow]>,
    ) -> Result<u64> {
        list::count(&self.conn, &self.schema, &self.who, "doctors", filter, search, merge)
    }

    pub(crate) fn column(&self, model: &str, row: &[Value], field: &str) -> Value {
        let columns = self.schema.model(model).unwrap().columns();
        row[columns.iter().position(|c| c.name.as_str() == field).unwrap()].clone()
    }

    pub(crate) fn integer(&self, sql: &str) -> i64 {
        self.conn.query_row(sql, [], |row| row.get(0)).unwrap()
    }
}

pub(crate) fn field(text: &str, kind: FieldKind) -> Field {
    Field {
        name: name(text),
        kind,
        label: text.into(),
        required: false,
        unique: false,
        index: false,
        search: false,
        personal: false,
        default: None,
        consistent: true,
    }
}

pub(crate) fn model(text: &str, id: IdKind, fields: Vec<Field>) -> Model {
    Model {
        app: AppName::parse("clinic").unwrap(),
        name: ModelName::parse(text).unwrap(),
        label: text.into(),
        store: StoreName::parse("tenant").unwrap(),
        id,
        display: None,
        fields,
        indexes: vec![],
        permissions: Permissions::default(),
        tenant_field: name("company_id"),
        overrides: None,
        audit: false,
    }
}

fn reference(text: &str, to: &str, on_delete: OnDelete) -> Field {
    field(text, FieldKind::Ref { to: ModelName::parse(to).unwrap(), on_delete })
}

/// Returns the clinic's models. `doctors` have every kind of field; `order` is a keyword of SQL.
pub(crate) fn models() -> Vec<Arc<Model>> {
    let text = |max| FieldKind::Text { max_length: max };
    let whole = |min, max| FieldKind::Integer { min, max };
    let doctors = vec![
        Field { required: true, search: true, ..field("name", text(Some(40))) },
        Field { unique: true, personal: true, ..field("email", text(None)) },
        Field { index: true, ..field("age", whole(Some(0), Some(150))) },
        Field { default: Some("10.00".into()), ..field("fee", FieldKind::Decimal { scale: 2 }) },
        Field { required: true, default: Some(true.into()), ..field("active", FieldKind::Boolean) },
        field("born", FieldKind::Date),
        field("seen", FieldKind::Datetime),
        field("extra", FieldKind::Json),
        field("photo", FieldKind::File { max_bytes: 1000 }),
        field("level", FieldKind::Choice { choices: vec!["junior".into(), "senior".into()] }),
        reference("hospital", "hospitals", OnDelete::Protect),
        reference("mentor", "doctors", OnDelete::SetNull),
        Field { search: true, ..field("notes", text(None)) },
        reference("region", "regions", OnDelete::Protect),
    ];
    let mut doctors = model("doctors", IdKind::Integer, doctors);
    let fields = ["name", "age", "fee", "notes", "active", "extra"].map(name).into();
    doctors.overrides = Some(Overrides { store: StoreName::parse("tenant").unwrap(), fields });
    doctors.indexes = vec![Index { fields: vec![name("name"), name("born")], unique: true }];
    let hospitals = vec![Field { required: true, search: true, ..field("name", text(None)) }];
    let order = vec![field("group", text(None)), reference("doctor", "doctors", OnDelete::Protect)];
    let audited = Model { audit: true, ..model("hospitals", IdKind::Uuid, hospitals) };
    let store = StoreName::parse("shared").unwrap();
    let regions = Model { store, ..model("regions", IdKind::Integer, vec![field("name", text(None))]) };
    vec![
        Arc::new(regions),
        Arc::new(audited),
        Arc::new(doctors),
        Arc::new(model("order", IdKind::Integer, order)),
    ]
}

/// Returns the refusal of a field that refers to a missing record: `id of model`.
pub(crate) fn dangling_to(field: &str, what: &str) -> Kind {
    Kind::Invalid(field.into(), format!("there is no record {what}"))
}
