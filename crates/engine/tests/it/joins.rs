//! A tenant's own SQL joins its tables with shared data, in every database and isolation that has such SQL.

use crate::{
    records_kit::{Case, insert, joining, migrations, models, name, runtime},
    records_models::field,
    records_side::{Home, Side},
};
use serde_json::{Value as Json, json};
use std::sync::Arc;
use tenantry_engine::{
    CacheLimits, Engine, Kind, Result, SharedStore, SqlLimits, SqlRows, Template,
    migration::{Migration, Op},
    model::{FieldKind, IdKind, Model},
    name::{AppName, ModelName, PhysicalName, ServerName, StoreName, TenantId},
    place::{Isolation, Place},
    query::Change,
    schema::Schema,
    value::Value,
    write::{WriteOptions, Written},
};
use tenantry_testkit::tried;

/// A text that no statement of a tenant may see.
const SECRET: &str = "secret-of-the-platform";

/// A tenant next to a shared store.
struct World {
    engine: Engine,
    tenant: Place,
    models: Vec<Arc<Model>>,
    migrations: Vec<Migration>,
    // Must be the last field: its drop removes what the others use.
    home: Home,
}

fn own_cases() -> impl Iterator<Item = Case> {
    joining().filter(|case| !case.is_pooled())
}

fn place(store: &str, isolation: Isolation, tenant: Option<i64>) -> Place {
    Place {
        server: ServerName::parse("local").unwrap(),
        store: StoreName::parse(store).unwrap(),
        isolation,
        physical: PhysicalName::parse(&tenant.map_or(store.into(), |id| format!("{store}_{id}"))).unwrap(),
        tenant: tenant.map(TenantId::from_raw),
        generation: 1,
    }
}

/// Returns the clinic's models with two more models of the shared store: one whose ids are of another kind, and one
/// that tenants may not read.
pub(crate) fn all_models() -> Vec<Arc<Model>> {
    let mut all = models();
    let regions = all.iter().find(|model| model.name.as_str() == "regions").unwrap().clone();
    let another = |text: &str, id| {
        let fields = vec![field("name", FieldKind::Text { max_length: None })];
        Arc::new(Model { name: ModelName::parse(text).unwrap(), id, fields, ..(*regions).clone() })
    };
    all.push(another("rates", IdKind::Uuid));
    all.push(another("deals", IdKind::Integer));
    all
}

fn open(home: &Home) -> Engine {
    let engine = Engine::open(vec![home.spec()], CacheLimits::default()).unwrap();
    engine.set_platform("platform-of-the-joins").unwrap();
    engine
}

impl World {
    fn new(case: Case) -> Self {
        let home = Home::new(case);
        let (engine, models) = (open(&home), all_models());
        let migrations = migrations(&models).to_vec();
        let tenant = place("tenant", case.isolation, Some(7));
        let shared = place("shared", Isolation::Database, None);
        runtime().block_on(async {
            engine.create_system(&shared).await.unwrap();
            engine.migrate(&shared, &migrations).await.unwrap();
            engine.provision(&tenant, &Template::new(&tenant.store, &migrations).unwrap()).await.unwrap();
        });
        let world = Self { engine, tenant, models, migrations, home };
        world.allow_wrapper();
        for region in ["north", "south"] {
            world.write("shared", insert("regions", &[("name", Value::Text(region.into()))]));
        }
        world.write("shared", insert("rates", &[("name", Value::Text("daily".into()))]));
        world.write("shared", insert("deals", &[("name", Value::Text(SECRET.into()))]));
        for (doctor, region) in [("Ash", 2), ("Birch", 1)] {
            let values = [("name", Value::Text(doctor.into())), ("region", Value::Integer(region))];
            world.write("tenant", insert("doctors", &values));
        }
        world
    }

    /// Grants the owner the use of `postgres_fdw`, as an administrator of the server does once.
    fn allow_wrapper(&self) {
        if let side @ Side::Postgres(_) = self.home.side(&self.tenant) {
            let owner = side.texts(
                "SELECT pg_get_userbyid(datdba)::text FROM pg_database WHERE datname = current_database()",
            );
            side.run(&format!(
                "CREATE EXTENSION postgres_fdw SCHEMA public; \
                 GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO \"{}\"",
                owner[0]
            ));
        }
    }

    fn shared_place(&self) -> Place {
        place("shared", Isolation::Database, None)
    }

    fn schema(&self, store: &str) -> Arc<Schema> {
        let store = StoreName::parse(store).unwrap();
        Arc::new(Schema::new(store, self.models.clone(), &self.migrations).unwrap())
    }

    fn shared(&self, models: &[&str]) -> SharedStore {
        let models = models.iter().map(|model| ModelName::parse(model).unwrap()).collect();
        SharedStore { place: self.shared_place(), schema: self.schema("shared"), models }
    }

    fn write(&self, store: &str, change: Change) -> Vec<Written> {
        let place = if store == "shared" { self.shared_place() } else { self.tenant.clone() };
        let by = WriteOptions { actor: "ann".into(), ..Default::default() };
        runtime().block_on(async {
            let session = self.engine.session(&place, &self.schema(store)).await.unwrap();
            session.write(vec![change], &by).await.unwrap()
        })
    }

    fn sql(&self, text: &str) -> Result<SqlRows> {
        self.sql_with(&self.engine, text, &[self.shared(&["rates", "regions"])])
    }

    fn sql_with(&self, engine: &Engine, text: &str, shared: &[SharedStore]) -> Result<SqlRows> {
        runtime().block_on(async {
            let session = engine.session(&self.tenant, &self.schema("tenant")).await?;
            engine.sql(&session, text, Json::Null, SqlLimits::default(), shared).await
        })
    }

    fn rows(&self, text: &str) -> Json {
        json!(self.sql(text).unwrap_or_else(|error| panic!("{text}: {error}")).rows)
    }

    /// Removes the model `rates` from the shared store and from this world's models.
    fn remove(&mut self) {
        let op = Op::DropModel {
            model: ModelName::parse("rates").unwrap(),
            store: StoreName::parse("shared").unwrap(),
        };
        let app = AppName::parse("clinic").unwrap();
        let depends = vec![];
        self.migrations.push(Migration { app, name: "0002_gone".into(), depends, ops: vec![op] });
        self.models.retain(|model| model.name.as_str() != "rates");
    }

    /// Renames a field of `regions` in the shared store and in this world's models.
    fn rename(&mut self) {
        let op = Op::RenameField {
            model: ModelName::parse("regions").unwrap(),
            store: StoreName::parse("shared").unwrap(),
            from: name("name"),
            to: name("title"),
        };
        let app = AppName::parse("clinic").unwrap();
        let depends = vec![];
        self.migrations.push(Migration { app, name: "0002_title".into(), depends, ops: vec![op] });
        for model in &mut self.models {
            if model.name.as_str() == "regions" {
                let mut renamed = (**model).clone();
                renamed.fields[0].name = name("title");
                *model = Arc::new(renamed);
            }
        }
    }

    fn migrate_shared(&self) {
        runtime().block_on(self.engine.migrate(&self.shared_place(), &self.migrations)).unwrap();
    }
}

#[test]
fn a_statement_joins_shared_data_under_its_plain_names() {
    for case in own_cases() {
        let world = World::new(case);
        let join = "SELECT d.name, r.name FROM doctors d JOIN regions r ON r.id = d.region ORDER BY 1";
        assert_eq!(world.rows(join), json!([["Ash", "south"], ["Birch", "north"]]), "{case:?}");
        let outer = "SELECT r.name, count(d.id) FROM \"regions\" r LEFT JOIN doctors d ON d.region = r.id \
            WHERE r.name LIKE 's%' GROUP BY r.name";
        assert_eq!(world.rows(outer), json!([["south", 1]]), "{case:?}");
        assert_eq!(world.rows("SELECT count(*) FROM regions, rates"), json!([[2]]), "{case:?}");
        // The views have exactly the columns of the models.
        for model in ["regions", "rates"] {
            let all = world.sql(&format!("SELECT * FROM {model}")).unwrap();
            assert_eq!(all.columns, ["id", "name", "created_at", "updated_at", "version"], "{case:?}");
        }
        // A name that the statement defines takes precedence.
        let own = "WITH regions AS (SELECT 5 AS x) SELECT x FROM regions";
        assert_eq!(world.rows(own), json!([[5]]), "{case:?}");
        // Statements see the current shared values, also those of another process.
        world.write("shared", insert("regions", &[("name", Value::Text("west".into()))]));
        assert_eq!(world.rows("SELECT count(*) FROM regions"), json!([[3]]), "{case:?}");
        let other = open(&world.home);
        let shared = [world.shared(&["rates", "regions"])];
        assert_eq!(json!(world.sql_with(&other, join, &shared).unwrap().rows[0]), json!(["Ash", "south"]));
        // An operator's statement joins the shared models, too.
        let script = Arc::new(tenantry_engine::Script::new(&world.tenant.store, &world.migrations).unwrap());
        let (engine, tenant) = (&world.engine, &world.tenant);
        let seen = engine.operator_sql(tenant, &script, join, SqlLimits::default(), &shared);
        assert_eq!(json!(runtime().block_on(seen).unwrap().rows[1]), json!(["Birch", "north"]), "{case:?}");
    }
}

#[test]
fn a_table_of_the_tenant_goes_before_shared_data_of_its_name() {
    for case in own_cases() {
        let world = World::new(case);
        assert_eq!(world.rows("SELECT count(*) FROM regions"), json!([[2]]), "{case:?}");
        let side = world.home.side(&world.tenant);
        side.run("CREATE TABLE regions(id integer, own text)");
        if matches!(side, Side::Postgres(_)) {
            side.run("GRANT SELECT ON regions TO PUBLIC");
        }
        assert_eq!(world.rows("SELECT count(own) FROM regions"), json!([[0]]), "{case:?}");
        assert_eq!(world.rows("SELECT count(*) FROM regions, rates"), json!([[0]]), "{case:?}");
    }
}

#[test]
fn a_statement_reaches_nothing_else_of_the_shared_store() {
    let mut count = 0;
    for case in own_cases() {
        let world = World::new(case);
        let hidden = [
            "SELECT * FROM deals",
            "SELECT count(*) FROM deals",
            "SELECT name FROM regions UNION SELECT name FROM deals",
            "SELECT * FROM shared.regions",
            "SELECT * FROM shared.deals",
            "SELECT r.* FROM regions r, deals",
            "SELECT count(*) FROM deals, regions",
            "SELECT * FROM temp.deals, regions",
            "SELECT * FROM regions, _tenantry_place",
            "SELECT count(*) FROM regions, \"_TENANTRY_ledger\"",
            "SELECT _row FROM rates",
            "SELECT rowid FROM rates",
            "SELECT * FROM regions, sqlite_temp_schema",
            "SELECT * FROM regions, pragma_database_list",
            "SELECT * FROM regions, pg_user_mappings",
            "SELECT * FROM regions, pg_foreign_server",
            "SELECT count(postgres_fdw_get_connections()) FROM regions",
            "DELETE FROM regions",
            "UPDATE regions SET name = 'x'",
            "INSERT INTO regions(name) VALUES ('x')",
            "DROP VIEW regions",
            "SELECT * FROM regions FOR UPDATE",
        ];
        for text in hidden {
            let kind = world.sql(text).map_err(|error| error.kind().clone());
            assert!(matches!(kind, Err(Kind::Denied(_) | Kind::Statement(_))), "{case:?} {text}: {kind:?}");
            assert!(!format!("{kind:?}").contains(SECRET), "{text}");
            count += 1;
        }
        assert_eq!(world.rows("SELECT count(*) FROM regions"), json!([[2]]), "{case:?}");
    }
    tried("shared data of tenants' SQL", count, "statements");
}

#[test]
fn a_migration_of_the_shared_store_is_followed() {
    for case in own_cases() {
        let mut world = World::new(case);
        assert_eq!(world.rows("SELECT name FROM regions WHERE id = 1"), json!([["north"]]), "{case:?}");
        let before = world.shared(&["regions"]);
        world.rename();
        let after = world.shared(&["regions"]);
        let of = |shared: &SharedStore, text: &str| {
            let done = world.sql_with(&world.engine, text, std::slice::from_ref(shared));
            done.map(|answer| json!(answer.rows)).map_err(|error| error.kind().clone())
        };
        let (old, new) = ("SELECT name FROM regions WHERE id = 1", "SELECT title FROM regions WHERE id = 1");
        // First the apps are newer than the shared store, then older.
        assert_eq!(of(&after, new), Err(Kind::SchemaBehind), "{case:?}");
        assert_eq!(of(&before, old), Ok(json!([["north"]])), "{case:?}");
        world.migrate_shared();
        assert_eq!(of(&before, old), Err(Kind::SchemaAhead), "{case:?}");
        assert_eq!(of(&after, new), Ok(json!([["north"]])), "{case:?}");
        assert!(matches!(of(&after, old), Err(Kind::Statement(_))), "{case:?}");
        // A statement that names no shared data works whatever the state of the shared store is.
        assert_eq!(of(&before, "SELECT count(*) FROM doctors"), Ok(json!([[2]])), "{case:?}");
    }
}

/// Tenants' views of a model do not prevent a migration from removing it.
#[test]
fn a_model_that_a_migration_removed_is_gone_and_the_others_stay() {
    for case in own_cases() {
        let mut world = World::new(case);
        let both = "SELECT count(*) FROM regions, rates";
        assert_eq!(world.rows(both), json!([[2]]), "{case:?}");
        let before = world.shared(&["rates", "regions"]);
        world.remove();
        world.migrate_shared();
        let after = world.shared(&["regions"]);
        let of = |engine: &Engine, shared: &SharedStore, text: &str| {
            let done = world.sql_with(engine, text, std::slice::from_ref(shared));
            done.map(|answer| json!(answer.rows)).map_err(|error| error.kind().clone())
        };
        // Checks this engine, and one that has never asked for shared data.
        for engine in [&world.engine, &open(&world.home)] {
            // Apps that still have the model are outdated.
            assert_eq!(of(engine, &before, both), Err(Kind::SchemaAhead), "{case:?}");
            for text in [both, "SELECT * FROM rates"] {
                let refused = of(engine, &after, text);
                assert!(
                    matches!(refused, Err(Kind::Statement(_) | Kind::SchemaBehind)),
                    "{case:?}: {refused:?}"
                );
            }
            let join = "SELECT d.name, r.name FROM doctors d JOIN regions r ON r.id = d.region ORDER BY 1";
            assert_eq!(
                of(engine, &after, join),
                Ok(json!([["Ash", "south"], ["Birch", "north"]])),
                "{case:?}"
            );
        }
    }
}

#[test]
fn a_lost_shared_store_stops_only_what_names_it() {
    for case in own_cases() {
        let world = World::new(case);
        runtime().block_on(world.engine.drop_database(&world.shared_place())).unwrap();
        let kind = world.sql("SELECT count(*) FROM regions").unwrap_err().kind().clone();
        assert_eq!(kind, Kind::Missing, "{case:?}");
        assert_eq!(world.rows("SELECT count(*) FROM doctors"), json!([[2]]), "{case:?}");
        assert_eq!(world.rows("SELECT 'regions' AS regions"), json!([["regions"]]), "{case:?}");
    }
}
