//! A primary with a streaming standby, tenants of each isolation on it, and engines that use the standby as their
//! replica.

use crate::{
    postgres_kit::*,
    records_kit::{insert, migrations, models, name, update},
};
use std::{sync::Arc, time::Duration};
use tenantry_engine::{
    CacheLimits, ConnectionLimits, Engine, Position, PostgresOptions, ReplicaOptions, ReplicaReport,
    Replication, Result, ServerSpec, Template,
    engine::Session,
    name::{ServerName, StoreName},
    place::Place,
    query::RecordId,
    row::Collect,
    schema::Schema,
    value::Value,
    write::WriteOptions,
};
use tenantry_testkit::{
    postgres::PASSWORD,
    replicated::{Replicated, connect, until},
};

/// A lag that is longer than any test takes.
pub const HOUR: Duration = Duration::from_secs(3600);
pub const SHORT: Duration = Duration::from_millis(400);

/// A primary with a standby, and a tenant of each isolation, each with one hospital.
pub struct World {
    /// Must be dropped before the servers end, because its drop removes what it created.
    pub home: Home,
    pub pair: Replicated,
    pub schema: Arc<Schema>,
    pub tenants: Vec<(Place, RecordId)>,
}

impl World {
    pub async fn on(version: u32) -> Self {
        let pair = Replicated::start(version);
        let home = Home::make(&pair.primary.url()).await;
        let mut world = Self { pair, home, schema: crate::records_kit::schema(), tenants: vec![] };
        let engine = world.engine(HOUR);
        let template = Template::new(&StoreName::parse("tenant").unwrap(), &migrations(&models())).unwrap();
        for place in [own(1), schema(2)] {
            engine.provision(&place, &template).await.unwrap();
        }
        engine.create_system(&pool()).await.unwrap();
        engine.migrate(&pool(), &migrations(&models())).await.unwrap();
        engine.enrol(&pooled(3)).await.unwrap();
        for place in [own(1), schema(2), pooled(3)] {
            let session = world.session(&engine, &place).await.unwrap();
            let change = insert("hospitals", &[("name", Value::Text("first".into()))]);
            let id = session.write(vec![change], &options()).await.unwrap().remove(0).id;
            world.tenants.push((place, id));
        }
        world.pair.caught_up().await;
        world
    }

    /// Returns an engine with the standby as a replica. To the servers, each engine is another process.
    pub fn engine(&self, lag: Duration) -> Engine {
        self.engine_with(lag, self.pair.at_replica(&self.home.options().url))
    }

    pub fn engine_with(&self, lag: Duration, url: String) -> Engine {
        self.engine_at(lag, self.home.options(), url)
    }

    /// Returns an engine that reaches both servers through poolers with these addresses.
    pub fn engine_behind(&self, lag: Duration, primary: &str, replica: &str) -> Engine {
        let url = |address: &str| format!("postgresql://{0}:{PASSWORD}@{address}/{0}", self.home.owner());
        let options = PostgresOptions { url: url(primary), prepares: false, ..self.home.options() };
        self.engine_at(lag, options, url(replica))
    }

    fn engine_at(&self, lag: Duration, options: PostgresOptions, url: String) -> Engine {
        let connections = ConnectionLimits { wait: Duration::from_millis(500), ..options.connections };
        let replicas = vec![ReplicaOptions { name: ServerName::parse("east").unwrap(), url, connections }];
        let server = ServerName::parse("pg").unwrap();
        let spec = ServerSpec::replicated(server, options, Replication { lag, replicas });
        let engine = Engine::open(vec![spec], CacheLimits::default()).unwrap();
        engine.set_platform(PLATFORM).unwrap();
        engine
    }

    pub async fn session(&self, engine: &Engine, place: &Place) -> Result<Session> {
        Ok(engine.session(place, &self.schema).await?.may_lag())
    }

    /// Returns the name of the tenant's hospital, as a read returns it.
    pub async fn name(&self, engine: &Engine, tenant: &(Place, RecordId)) -> String {
        self.name_after(engine, tenant, &[]).await
    }

    /// Returns the name of the tenant's hospital, as a reader that knows these positions sees it.
    pub async fn name_after(
        &self,
        engine: &Engine,
        (place, id): &(Place, RecordId),
        positions: &[Position],
    ) -> String {
        let session = self.session(engine, place).await.unwrap().after(positions).await;
        let found = session.get("hospitals", id, &[name("name")], Collect::default()).await.unwrap();
        text(&found.unwrap().rows[0][0])
    }

    /// Renames the tenant's hospital, and returns the position of the write.
    pub async fn rename(
        &self,
        engine: &Engine,
        (place, id): &(Place, RecordId),
        to: &str,
    ) -> Option<Position> {
        let session = self.session(engine, place).await.unwrap();
        let change = update("hospitals", id, None, &[("name", Value::Text(to.into()))]);
        session.write(vec![change], &options()).await.unwrap().remove(0).position
    }

    /// Waits until the replica answers the reads of every tenant.
    pub async fn is_used(&self, engine: &Engine) {
        for tenant in &self.tenants {
            self.is_used_for(engine, tenant).await;
        }
    }

    /// Waits until the replica answers the reads of this tenant.
    pub async fn is_used_for(&self, engine: &Engine, tenant: &(Place, RecordId)) {
        until("the replica is used", async || {
            let before = report(engine).reads;
            self.name(engine, tenant).await;
            report(engine).reads > before
        })
        .await;
    }

    /// Changes the names on the promoted replica or on the primary, bypassing the engine.
    pub async fn rename_raw(&self, at_replica: bool, to: &str) {
        let url = if at_replica { self.pair.replica.url() } else { self.pair.primary.url() };
        let (database, home) = (self.home.name("tenant_1_1"), self.home.owner());
        for (database, nspname) in [
            (database.as_str(), "public".to_owned()),
            (home.as_str(), self.home.name("tenant_2_1")),
            (home.as_str(), self.home.name("pool")),
        ] {
            let sql = format!("UPDATE {nspname}.hospitals SET name = '{to}'");
            connect(&url, database).await.batch_execute(&sql).await.unwrap();
        }
    }
}

pub fn options() -> WriteOptions {
    WriteOptions { actor: "ann".into(), ..Default::default() }
}

pub fn text(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        other => panic!("{other:?}"),
    }
}

pub fn report(engine: &Engine) -> ReplicaReport {
    engine.replicas().remove(0)
}
