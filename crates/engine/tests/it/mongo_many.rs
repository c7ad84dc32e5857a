//! Many tenants with a database each on one MongoDB deployment: few places are open, and one client serves all.

use crate::{
    carry_kit::{first, models},
    schema_kit::store,
};
use futures_util::future::try_join_all;
use mongodb::bson::doc;
use std::sync::Arc;
use tenantry_engine::{
    CacheLimits, Engine, MongoOptions, ServerSpec, Template,
    name::{FieldName, ModelName, PhysicalName, ServerName, TenantId},
    place::{Isolation, Place},
    query::{Change, RecordId},
    row::Collect,
    schema::Schema,
    value::Value,
    write::WriteOptions,
};
use tenantry_testservers::{Mongod, mongod};

const TENANTS: usize = 60;
const OPEN: usize = 10;
const CALLERS: usize = 64;
const CONNECTIONS: u32 = 8;

fn place(tenant: usize) -> Place {
    Place {
        server: ServerName::parse("mongo").unwrap(),
        store: store("tenant"),
        isolation: Isolation::Database,
        physical: PhysicalName::parse(&format!("org_{tenant}")).unwrap(),
        tenant: Some(TenantId::from_raw(i64::try_from(tenant + 1).unwrap())),
        generation: 1,
    }
}

fn thing(name: &str) -> Vec<Change> {
    let values = vec![(FieldName::parse("name").unwrap(), Value::from(name))];
    vec![Change::Insert { model: ModelName::parse("things").unwrap(), id: None, values }]
}

/// Each caller visits the tenants in its own order, reads the row that says whose it is, and sometimes writes.
#[tokio::test(flavor = "multi_thread")]
async fn few_places_are_open_whatever_the_number_of_tenants() {
    let server = Mongod::start(&mongod().unwrap()).unwrap();
    let options = MongoOptions { url: server.url(), prefix: String::new(), most_connections: CONNECTIONS };
    let spec = ServerSpec::mongo(ServerName::parse("mongo").unwrap(), options);
    let cache = CacheLimits { open_databases: Some(OPEN), ..CacheLimits::default() };
    let engine = Engine::open(vec![spec], cache).unwrap();
    engine.set_platform("many").unwrap();
    let all = [first()];
    let template = Template::new(&store("tenant"), &all).unwrap();
    let list = models().into_iter().map(Arc::new).collect();
    let schema = Arc::new(Schema::new(store("tenant"), list, &all).unwrap());
    let made = (0..TENANTS).map(async |tenant| {
        engine.provision(&place(tenant), &template).await?;
        let session = engine.session(&place(tenant), &schema).await?;
        session.write(thing(&format!("of {tenant}")), &WriteOptions::default()).await.map(drop)
    });
    try_join_all(made).await.unwrap();
    let callers = (0..CALLERS).map(|caller| {
        let (engine, schema) = (engine.clone(), schema.clone());
        tokio::spawn(async move {
            // The step has no divisor in common with the number of tenants.
            for step in 0..TENANTS / 2 {
                let tenant = (caller * 13 + step * [7, 11, 17, 23][caller % 4]) % TENANTS;
                let session = engine.session(&place(tenant), &schema).await.unwrap();
                let fields = [FieldName::parse("name").unwrap()];
                let read = session.get("things", &RecordId::Integer(1), &fields, Collect::default());
                let found = read.await.unwrap().unwrap();
                assert_eq!(found.rows[0][0], Value::from(format!("of {tenant}").as_str()));
                if step % 10 == caller % 10 {
                    session.write(thing("more"), &WriteOptions::default()).await.unwrap();
                }
                assert!(engine.open_databases() <= OPEN, "{}", engine.open_databases());
            }
        })
    });
    try_join_all(callers).await.unwrap();
    assert!(engine.opens() > TENANTS as u64, "places were closed to make room: {}", engine.opens());
    let client = mongodb::Client::with_uri_str(server.url()).await.unwrap();
    let own = doc! { "$currentOp": { "allUsers": true, "idleConnections": true, "localOps": true } };
    let pipeline = vec![own, doc! { "$match": { "appName": "tenantry" } }, doc! { "$count": "n" }];
    let mut counted = client.database("admin").aggregate(pipeline).await.unwrap();
    assert!(counted.advance().await.unwrap());
    let connections = counted.current().get_i32("n").unwrap();
    // Two more connections watch the server.
    assert!((2..=CONNECTIONS.cast_signed() + 2).contains(&connections), "{connections} connections");
}
