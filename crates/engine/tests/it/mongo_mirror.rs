//! Of several writers of a mirror, one continues from each position, and the others write nothing.

use crate::mongo_lab::spec;
use mongodb::bson::{Document, doc};
use tenantry_engine::{
    CacheLimits, Engine, Kind,
    engine::mirror::{MirrorAt, MirrorChanges, MirrorValue},
    name::{PhysicalName, ServerName},
};
use tenantry_testkit::mongodb::{self as testkit, Home};

fn one(id: i64, name: &str) -> Vec<MirrorChanges> {
    let documents = vec![(id, vec![("name", MirrorValue::Text(name.into()))])];
    vec![MirrorChanges { collection: "users", documents, only: (id - 1, id) }]
}

fn engine(home: &Home, platform: &str) -> Engine {
    let engine = Engine::open(vec![spec(home)], CacheLimits::default()).unwrap();
    engine.set_platform(platform).unwrap();
    engine
}

async fn names(home: &Home) -> Vec<String> {
    let database = testkit::client().await.database(&format!("{}admin", home.prefix()));
    let mut cursor =
        database.collection::<Document>("users").find(doc! {}).sort(doc! { "_id": 1 }).await.unwrap();
    let mut names = vec![];
    while cursor.advance().await.unwrap() {
        names.push(cursor.deserialize_current().unwrap().get_str("name").unwrap().to_owned());
    }
    names
}

#[tokio::test]
async fn of_two_writers_one_continues_from_a_position() {
    let home = Home::new().await;
    let (server, database) = (ServerName::parse("mongo").unwrap(), PhysicalName::parse("admin").unwrap());
    let at = MirrorAt { server: &server, database: &database };
    let (first, second) = (engine(&home, "ours"), engine(&home, "ours"));
    assert_eq!(first.mirrored(at).await.unwrap(), None);
    assert!(first.mirror(at, None, "a", &one(1, "first")).await.unwrap());
    assert!(!second.mirror(at, None, "a", &one(1, "late")).await.unwrap());
    assert!(second.mirror(at, Some("a"), "b", &one(2, "second")).await.unwrap());
    assert!(!first.mirror(at, Some("a"), "c", &one(2, "late")).await.unwrap());
    assert_eq!(first.mirrored(at).await.unwrap().as_deref(), Some("b"));
    assert_eq!(names(&home).await, ["first", "second"]);
    let (changes, others) = (one(3, "one"), one(3, "other"));
    let both =
        tokio::join!(first.mirror(at, Some("b"), "c", &changes), second.mirror(at, Some("b"), "d", &others),);
    assert_eq!([both.0.unwrap(), both.1.unwrap()].iter().filter(|wrote| **wrote).count(), 1);
    assert_eq!(names(&home).await.len(), 3);
    let stranger = engine(&home, "another installation");
    assert_eq!(*stranger.mirrored(at).await.unwrap_err().kind(), Kind::WrongIdentity);
}
