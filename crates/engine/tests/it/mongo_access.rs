//! A MongoDB deployment with users: the rights that the guide names are enough for the whole life of a place, and a wrong
//! password is said.

use crate::{
    carry_kit::{first, migration, models},
    schema_kit::store,
};
use mongodb::bson::doc;
use std::sync::Arc;
use tenantry_engine::{
    CacheLimits, Engine, Kind, MongoOptions, Script, ServerSpec, Template,
    engine::DumpFormat,
    migration::{Op, Statements},
    name::{FieldName, ModelName, PhysicalName, ServerName, TenantId},
    place::{Isolation, Place},
    query::{Change, Filter, Select},
    row::Collect,
    schema::Schema,
    value::Value,
    write::WriteOptions,
};
use tenantry_testservers::{Mongod, mongod};

const GUIDE: &str = include_str!("../../../../docs/guides/mongodb.md");

/// Returns the command of the guide that makes the role.
fn role_of_the_guide() -> mongodb::bson::Document {
    let (_, after) = GUIDE.split_once("db.adminCommand(").expect("the guide makes a role");
    let (command, _) = after.split_once(")\n").expect("the command ends");
    serde_json::from_str(command).expect("the command is JSON")
}

fn engine(url: String) -> Engine {
    let name = ServerName::parse("mongo").unwrap();
    let options = MongoOptions { url, prefix: "app_".into(), most_connections: 8 };
    let engine = Engine::open(vec![ServerSpec::mongo(name, options)], CacheLimits::default()).unwrap();
    engine.set_platform("access").unwrap();
    engine
}

fn place(isolation: Isolation, physical: &str, generation: u64) -> Place {
    Place {
        server: ServerName::parse("mongo").unwrap(),
        store: store("tenant"),
        isolation,
        physical: PhysicalName::parse(physical).unwrap(),
        tenant: Some(TenantId::from_raw(7)),
        generation,
    }
}

/// Starts a server that knows a user with the role of the guide. Returns it with the URL of that user.
async fn server() -> (Mongod, String) {
    let mut server = Mongod::start(&mongod().unwrap()).unwrap();
    let client = mongodb::Client::with_uri_str(server.url()).await.unwrap();
    let admin = client.database("admin");
    admin.run_command(role_of_the_guide()).await.unwrap();
    let user = doc! { "createUser": "app", "pwd": "s3cret", "roles": ["tenantry"] };
    admin.run_command(user).await.unwrap();
    drop(client);
    server.require_users().unwrap();
    let url = format!("mongodb://app:s3cret@{}/?replicaSet=rs0", server.address());
    (server, url)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rights_of_the_guide_are_enough_for_the_life_of_a_place() {
    let (_server, url) = server().await;
    let engine = engine(url);
    let own = place(Isolation::Database, "own", 1);
    let second = Op::Raw {
        store: store("tenant"),
        statements: Statements {
            mongo: vec![
                r#"{ "update": "things", "updates": [{ "q": {}, "u": { "$set": { "whole": 3 } } }] }"#.into(),
            ],
            ..Statements::default()
        },
        reverse: None,
    };
    let all = [first(), migration("0002_more", vec![second])];
    engine.provision(&own, &Template::new(&own.store, &all[..1]).unwrap()).await.unwrap();
    engine.migrate(&own, &all).await.unwrap();
    let list = models().into_iter().map(Arc::new).collect();
    let schema = Arc::new(Schema::new(store("tenant"), list, &all).unwrap());
    let session = engine.session(&own, &schema).await.unwrap();
    let values = vec![(FieldName::parse("name").unwrap(), Value::from("one"))];
    let insert = Change::Insert { model: ModelName::parse("things").unwrap(), id: None, values };
    session.write(vec![insert], &WriteOptions::default()).await.unwrap();
    let found = session.select("things", &Select::default(), None, Collect::default()).await.unwrap().0;
    assert_eq!(found.rows.len(), 1);
    assert_eq!(session.count("things", &Filter::All(vec![]), None, None).await.unwrap(), 1);
    engine.check_pages(&own).await.unwrap();
    assert!(engine.size_bytes(&own).await.unwrap() > 0);
    assert!(engine.exists(&own).await.unwrap());
    assert!(!engine.database_files(&own.server).await.unwrap().is_empty());
    let folder = tempfile::tempdir().unwrap();
    engine.dump(&own, DumpFormat::Mongodump, &folder.path().join("dump")).await.unwrap();
    let script = Arc::new(Script::new(&store("tenant"), &all).unwrap());
    let copy = folder.path().join("copy.db");
    engine.copy_out(&own, &script, &copy).await.unwrap();
    let pool = Place { tenant: None, ..place(Isolation::Pooled, "pool", 1) };
    engine.create_system(&pool).await.unwrap();
    engine.migrate(&pool, &all).await.unwrap();
    let pooled = place(Isolation::Pooled, "pool", 2);
    engine.adopt(&pooled, &script, &copy, TenantId::from_raw(7)).await.unwrap();
    engine.withdraw(&pooled).await.unwrap();
    let lost = engine.verify(&place(Isolation::Database, "own", 9)).await.unwrap_err();
    engine.set_aside(&own, &lost).await.unwrap();
    engine.put_back(&own).await.unwrap();
    engine.drop_database(&own).await.unwrap();
    assert!(!engine.exists(&own).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_said_and_not_shown() {
    let (_server, url) = server().await;
    let engine = engine(url.replace("s3cret", "guessed"));
    let refused = engine.verify(&place(Isolation::Database, "own", 1)).await.unwrap_err();
    assert_eq!(*refused.kind(), Kind::NoAccess, "{refused}");
    assert!(!format!("{refused} {refused:?}").contains("guessed"), "{refused:?}");
}

/// The engine reads from the primary whatever the URL prefers: a secondary may lack what was acknowledged.
#[tokio::test(flavor = "multi_thread")]
async fn a_preference_for_secondaries_has_no_effect() {
    let server = Mongod::start(&mongod().unwrap()).unwrap();
    let engine = engine(format!("{}&readPreference=secondary", server.url()));
    let own = place(Isolation::Database, "own", 1);
    engine.provision(&own, &Template::new(&own.store, &[first()]).unwrap()).await.unwrap();
    // There is no secondary that could answer.
    engine.verify(&own).await.unwrap();
}
