//! Kit for the record tests: a small clinic in one place, on every database and in every isolation. All calls go
//! through the engine's public interface; the tests' own statements run on a separate connection.

pub(crate) use crate::records_models::{field, models};
use crate::records_side::{Home, Side};
use std::{
    cell::RefCell,
    sync::{Arc, Mutex, MutexGuard, OnceLock},
};
use tenantry_engine::{
    CacheLimits, Engine, Error, Kind, Result, Session, Template, Usage,
    migration::{Migration, Op},
    model::Model,
    name::{AppName, FieldName, ModelName, PhysicalName, ServerName, StoreName, TenantId},
    overrides::OverrideRow,
    place::{Isolation, Place},
    query::{Aggregate, Change, Filter, Groups, RecordId, Select},
    row::{Collect, Visit},
    schema::Schema,
    value::Value,
    write::{WriteOptions, Written},
};
use tokio::runtime::Runtime;

/// Database software of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum On {
    Sqlite,
    /// Index of the PostgreSQL server in the test run.
    Postgres(usize),
    #[cfg(feature = "mongodb")]
    Mongo,
}

/// A database and an isolation: every conformance case runs in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) on: On,
    pub(crate) isolation: Isolation,
}

impl Case {
    pub(crate) fn is_pooled(self) -> bool {
        self.isolation == Isolation::Pooled
    }
}

/// Returns all cases.
pub(crate) fn cases() -> Vec<Case> {
    let servers = tenantry_testkit::postgres::servers().len();
    let both = |on| [Isolation::Database, Isolation::Pooled].map(|isolation| Case { on, isolation });
    let postgres = (0..servers).flat_map(|server| {
        let each = [Isolation::Database, Isolation::Schema, Isolation::Pooled];
        each.map(|isolation| Case { on: On::Postgres(server), isolation })
    });
    #[cfg(feature = "mongodb")]
    let mongo = both(On::Mongo);
    #[cfg(not(feature = "mongodb"))]
    let mongo: [Case; 0] = [];
    both(On::Sqlite).into_iter().chain(postgres).chain(mongo).collect()
}

/// Returns the cases of databases that join: conditions follow references there, and tenants have SQL. MongoDB does
/// neither.
pub(crate) fn joining() -> impl Iterator<Item = Case> {
    cases().into_iter().filter(|case| matches!(case.on, On::Sqlite | On::Postgres(_)))
}

/// Returns the cases in which tenants share tables.
pub(crate) fn pooled() -> Vec<Case> {
    cases().into_iter().filter(|case| case.is_pooled()).collect()
}

/// Returns a kit for each case, for tests that reset them repeatedly.
pub(crate) fn kits() -> RefCell<Vec<Kit>> {
    RefCell::new(cases().into_iter().map(Kit::new).collect())
}

/// The tenant that the cases act for, and two neighbours.
pub(crate) const TENANTS: [i64; 3] = [7, 8, 9];

/// Returns the runtime of the kits. The tests themselves do not run on it.
pub(crate) fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
    })
}

/// A place with the clinic's tables, seen as one tenant.
pub(crate) struct Kit {
    pub(crate) case: Case,
    pub(crate) engine: Engine,
    pub(crate) place: Place,
    pub(crate) schema: Arc<Schema>,
    pub(crate) options: WriteOptions,
    side: Mutex<Side>,
    // Must be the last field: its drop removes what the others use.
    home: Arc<Home>,
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
pub(crate) fn migrations(models: &[Arc<Model>]) -> [Migration; 1] {
    let ops = models.iter().map(|m| Op::CreateModel { model: Box::new(m.schema()) }).collect();
    let app = AppName::parse("clinic").unwrap();
    [Migration { app, name: "0001_initial".into(), depends: vec![], ops }]
}

/// Returns the clinic's schema.
pub(crate) fn schema() -> Arc<Schema> {
    let store = StoreName::parse("tenant").unwrap();
    Arc::new(Schema::new(store, models(), &migrations(&models())).unwrap())
}

fn place(isolation: Isolation, tenant: Option<i64>) -> Place {
    Place {
        server: ServerName::parse("local").unwrap(),
        store: StoreName::parse("tenant").unwrap(),
        isolation,
        physical: PhysicalName::parse("clinic").unwrap(),
        tenant: tenant.map(TenantId::from_raw),
        generation: 3,
    }
}

impl Kit {
    pub(crate) fn new(case: Case) -> Self {
        let home = Arc::new(Home::new(case));
        let engine = open(&home);
        let own = place(case.isolation, Some(TENANTS[0]));
        let store = StoreName::parse("tenant").unwrap();
        let made = async {
            if !case.is_pooled() {
                let template = Template::new(&store, &migrations(&models())).unwrap();
                return engine.provision(&own, &template).await.unwrap();
            }
            let pool = place(case.isolation, None);
            engine.create_system(&pool).await.unwrap();
            engine.migrate(&pool, &migrations(&models())).await.unwrap();
            for tenant in TENANTS {
                engine.enrol(&place(case.isolation, Some(tenant))).await.unwrap();
            }
        };
        runtime().block_on(made);
        let side = Mutex::new(home.side(&own));
        let options = WriteOptions { actor: "ann".into(), ..Default::default() };
        Self { case, engine, place: own, schema: schema(), options, side, home }
    }

    /// Returns a kit with another engine on the same place, like another process.
    pub(crate) fn again(&self) -> Self {
        let (home, place, schema) = (self.home.clone(), self.place.clone(), schema());
        let (engine, side) = (open(&home), Mutex::new(home.side(&place)));
        let options = self.options.clone();
        Self { case: self.case, engine, place, schema, options, side, home }
    }

    /// Removes all rows, as if the place were new.
    pub(crate) fn reset(&mut self) -> &mut Self {
        self.side().reset(self.case);
        self.act_as(TENANTS[0])
    }

    /// Acts as another tenant from now on, of the same database if pooled.
    pub(crate) fn act_as(&mut self, tenant: i64) -> &mut Self {
        self.place.tenant = Some(TenantId::from_raw(tenant));
        self
    }

    fn session(&self) -> Result<Session> {
        runtime().block_on(self.engine.session(&self.place, &self.schema))
    }

    /// Returns the kind of the error with which no session is opened.
    pub(crate) fn no_session(&self) -> Kind {
        self.session().expect_err("must be refused").kind().clone()
    }

    /// Returns the counters of the place.
    pub(crate) fn counted(&self) -> Usage {
        self.side().counters(self.place.tenant.unwrap().get())
    }

    /// Recounts the rows and bytes of this tenant from its rows.
    pub(crate) fn recounted(&self) -> Usage {
        let (mut rows, mut bytes) = (0, 0);
        for plan in self.schema.plans() {
            let all =
                self.pages(plan.model().name.as_str(), &Select { limit: 500, ..Select::default() }, None);
            for row in all.unwrap() {
                rows += 1;
                bytes += row.iter().map(stored_bytes).sum::<u64>();
            }
        }
        Usage { rows, bytes }
    }

    pub(crate) fn usage(&self) -> Result<Usage> {
        let session = self.session()?;
        runtime().block_on(session.usage())
    }

    pub(crate) fn apply(&self, changes: &[Change]) -> Result<Vec<Written>> {
        let session = self.session()?;
        runtime().block_on(session.write(changes, &self.options))
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
        let mut rows = self.visit(model, id, &[], Collect::default())?;
        assert_eq!(rows.rows.len(), 1);
        rows.rows.pop()
    }

    pub(crate) fn try_get(&self, model: &str, id: &RecordId) -> Result<Option<Collect>> {
        let session = self.session()?;
        runtime().block_on(session.get(model, id, &[], Collect::default()))
    }

    /// Shows the row with this id.
    pub(crate) fn visit<V: Visit>(
        &self,
        model: &str,
        id: &RecordId,
        fields: &[FieldName],
        visit: V,
    ) -> Option<V> {
        let session = self.session().unwrap();
        runtime().block_on(session.get(model, id, fields, visit)).unwrap()
    }

    pub(crate) fn by_ids(&self, model: &str, ids: &[RecordId]) -> Vec<Vec<Value>> {
        let session = self.session().unwrap();
        runtime().block_on(session.by_ids(model, ids, &[], Collect::default())).unwrap().rows
    }

    /// Returns the ids to which no row belongs.
    pub(crate) fn missing(&self, model: &str, ids: &[RecordId]) -> Vec<RecordId> {
        let session = self.session().unwrap();
        runtime().block_on(session.exists(model, ids)).unwrap()
    }

    pub(crate) fn refers(&self, model: &str, field: &str, id: &RecordId) -> bool {
        let session = self.session().unwrap();
        runtime().block_on(session.refers(model, field, id)).unwrap()
    }

    /// Returns the ids on all pages of a list, page by page.
    pub(crate) fn pages(
        &self,
        model: &str,
        select: &Select,
        merge: Option<&[OverrideRow]>,
    ) -> Result<Vec<Vec<Value>>> {
        let (mut select, mut all, session) = (select.clone(), vec![], self.session()?);
        loop {
            let page = session.select(model, &select, merge, Collect::default());
            let (mut rows, next) = runtime().block_on(page)?;
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
        self.count_of("doctors", filter, search, merge)
    }

    pub(crate) fn groups(&self, asked: &Aggregate, merge: Option<&[OverrideRow]>) -> Result<Groups> {
        let session = self.session()?;
        runtime().block_on(session.aggregate("doctors", asked, merge))
    }

    pub(crate) fn groups_of(&self, model: &str, asked: &Aggregate) -> Result<Groups> {
        let session = self.session()?;
        runtime().block_on(session.aggregate(model, asked, None))
    }

    pub(crate) fn count_of(
        &self,
        model: &str,
        filter: &Filter,
        search: Option<&str>,
        merge: Option<&[OverrideRow]>,
    ) -> Result<u64> {
        let session = self.session()?;
        runtime().block_on(session.count(model, filter, search, merge))
    }

    pub(crate) fn column(&self, model: &str, row: &[Value], field: &str) -> Value {
        let columns = self.schema.model(model).unwrap().columns();
        row[columns.iter().position(|c| c.name.as_str() == field).unwrap()].clone()
    }

    /// Returns a connection that bypasses the engine.
    pub(crate) fn side(&self) -> MutexGuard<'_, Side> {
        self.side.lock().unwrap()
    }

    /// Returns the number of stored rows of a model; in a pool, of all tenants.
    pub(crate) fn stored(&self, model: &str) -> i64 {
        self.side().stored(model)
    }
}

fn open(home: &Home) -> Engine {
    let engine = Engine::open(vec![home.spec()], CacheLimits::default()).unwrap();
    engine.set_platform("platform of the record tests").unwrap();
    engine
}

/// Returns the bytes of a value that limits count: those of its stored form.
fn stored_bytes(value: &Value) -> u64 {
    let bytes = match value {
        Value::Null => 0,
        Value::Boolean(_) | Value::Integer(_) | Value::Decimal(_) => 8,
        Value::Text(text) => text.len(),
        Value::Date(_) => 10,
        Value::DateTime(_) => 27,
        Value::Uuid(_) => 36,
        Value::Json(json) => json.to_string().len(),
    };
    bytes as u64
}

/// Returns the refusal of a field that refers to a missing record: `id of model`.
pub(crate) fn dangling_to(field: &str, what: &str) -> Kind {
    Kind::Invalid(field.into(), format!("there is no record {what}"))
}
