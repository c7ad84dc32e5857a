//! Transfers of rows to and from MongoDB: copies, moves, catching up, and tenants that leave a pool.

use crate::{
    carry_kit::*,
    mongo_lab::Documents,
    schema_lab::{Raw, Subject, TENANT},
};
use tenantry_engine::{
    Kind, PlaceState,
    name::{FieldName, ModelName, TenantId},
    place::{Isolation, Place},
    query::{Change, RecordId, Select},
    row::Collect,
    value::Value,
    write::WriteOptions,
};

fn documents<'s>(subject: &'s Subject<'_>) -> &'s Documents {
    match &subject.raw {
        Raw::Mongo(documents) => documents,
        _ => panic!("not on MongoDB"),
    }
}

fn thing(name: &str) -> Change {
    let values = vec![(FieldName::parse("name").unwrap(), Value::from(name))];
    Change::Insert { model: ModelName::parse("things").unwrap(), id: None, values }
}

fn renamed(id: i64, name: &str) -> Change {
    let values = vec![(FieldName::parse("name").unwrap(), Value::from(name))];
    let model = ModelName::parse("things").unwrap();
    Change::Update { model, id: RecordId::Integer(id), expected_version: None, values }
}

fn removed(id: i64) -> Change {
    let model = ModelName::parse("things").unwrap();
    Change::Delete { model, id: RecordId::Integer(id), expected_version: None }
}

impl Carrier {
    async fn write(&self, place: &Place, changes: &[Change]) {
        let session = self.lab.engine.session(place, &self.schema).await.unwrap();
        let options = WriteOptions { actor: "ann".into(), log_all: true, ..Default::default() };
        session.write(changes, &options).await.unwrap_or_else(|error| panic!("{place}: {error}"));
    }

    async fn mongo_places(&self) -> Vec<Subject<'_>> {
        let all = self.lab.on_mongo().await;
        for subject in &all {
            subject.migrate(&[first()]).await.unwrap();
        }
        all
    }
}

/// Rows with every kind of value move from SQLite to MongoDB, from there to each kind of place, and back.
#[tokio::test(flavor = "multi_thread")]
async fn contents_stay_equal_on_every_way_through_mongodb() {
    let carrier = Carrier::new().await;
    let (others, mongo) = (carrier.places().await, carrier.mongo_places().await);
    others[0].fill().await;
    let digest = carrier.digest(&others[0].place()).await;
    let log = others[0].log().await.len();
    let mut there = vec![];
    for like in &mongo {
        for direct in [true, false] {
            let to = carrier.target(like).await;
            for _ in 0..2 {
                match direct {
                    true => drop(carrier.carry(&others[0].place(), &to).await.unwrap()),
                    false => {
                        let (copy, _) = carrier.copy(&others[0].place()).await;
                        carrier.adopt(&to, &copy).await.unwrap();
                    }
                }
            }
            assert_eq!(carrier.digest(&to).await, digest, "{like}");
            let info = carrier.lab.engine.place_info(&to).await.unwrap();
            let state = if direct { PlaceState::Closed } else { PlaceState::Open };
            assert_eq!((info.state, info.rows), (state, digest.rows()), "{like}");
            let found = carrier.lab.at(&to).await;
            assert_eq!(documents(&found).all("_tenantry_activity").await.len(), log, "{like}");
            if !direct {
                let faults = carrier.lab.engine.check_rows(&to, &carrier.script).await.unwrap();
                assert_eq!(faults, [], "{like}");
                assert_eq!(carrier.lab.engine.check_search(&to, &carrier.script).await.unwrap(), []);
                there.push(to);
            }
        }
    }
    for from in &there {
        for like in others.iter().chain(&mongo) {
            let mut to = carrier.target(like).await;
            to.generation = 3;
            carrier.carry(from, &to).await.unwrap_or_else(|error| panic!("{from} -> {like}: {error}"));
            assert_eq!(carrier.digest(&to).await, digest, "{from} -> {like}");
        }
        // New ids continue after the ids of the source.
        let session = carrier.lab.engine.session(from, &carrier.schema).await.unwrap();
        let written = session.write(vec![thing("next")], &WriteOptions::default()).await.unwrap();
        assert_eq!(written[0].id, RecordId::Integer(5001), "{from}");
    }
    drop((others, mongo));
    carrier.lab.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_catches_up_with_what_is_written_meanwhile() {
    let carrier = Carrier::new().await;
    let (others, mongo) = (carrier.places().await, carrier.mongo_places().await);
    let pairs = mongo.iter().flat_map(|one| others.iter().flat_map(move |two| [(one, two), (two, one)]));
    for (from, like) in pairs.chain([(&mongo[0], &mongo[1]), (&mongo[1], &mongo[0])]) {
        let (engine, source) = (&carrier.lab.engine, from.place());
        let first: Vec<Change> = (0..4).map(|n| thing(&format!("early {n}"))).collect();
        carrier.write(&source, &first).await;
        let session = engine.session(&source, &carrier.schema).await.unwrap();
        let list = session.select("things", &Select::default(), None, Collect::default()).await.unwrap().0;
        let ids: Vec<i64> = list
            .rows
            .iter()
            .map(|row| match row[0] {
                Value::Integer(id) => id,
                _ => panic!("an id"),
            })
            .collect();
        // In the earlier round this operation ended at the same place; another one has ended there since.
        engine.stop_recording(&source, TOKEN + 2).await.unwrap();
        engine.record_changes(&source, TOKEN).await.unwrap();
        assert_eq!(
            kind(engine.trim_activity(&source, jiff::Timestamp::now(), 9).await),
            Kind::Busy,
            "{from}"
        );
        let to = carrier.target(like).await;
        carrier.carry(&source, &to).await.unwrap();
        carrier.write(&source, &[renamed(ids[0], "changed"), removed(ids[1]), thing("late")]).await;
        carrier.catch_up(&source, &to, 0, 2).await;
        engine.fence_recorded(&source, TOKEN).await.unwrap();
        let refused = session.write(vec![thing("too late")], &WriteOptions::default()).await;
        assert_eq!(*refused.unwrap_err().kind(), Kind::Fenced, "{from}");
        carrier.catch_up(&source, &to, 0, 100).await;
        assert_eq!(carrier.digest(&to).await, carrier.digest(&source).await, "{from} -> {like}");
        engine.open_filled(&to, TOKEN).await.unwrap();
        assert_eq!(kind(carrier.round(&source, &to, 0, 1).await), Kind::Fenced, "{from} -> {like}");
        carrier.write(&to, &[thing("in the new place")]).await;
        // Calls of a late worker have no effect. The move's own token lifts the fence.
        engine.lift_fence(&source, Some(TOKEN + 1)).await.unwrap();
        assert!(!engine.place_info(&source).await.unwrap().state.is_open());
        engine.lift_fence(&source, Some(TOKEN)).await.unwrap();
        engine.stop_recording(&source, TOKEN).await.unwrap();
        assert_eq!(kind(engine.fence_recorded(&source, TOKEN).await), Kind::Fenced, "{from}");
        assert_eq!(kind(engine.record_changes(&source, TOKEN).await), Kind::Fenced, "{from}: a late worker");
        assert_eq!(engine.place_info(&source).await.unwrap().recorder, None);
        carrier.write(&source, &[thing("still here")]).await;
    }
    drop((others, mongo));
    carrier.lab.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_leaves_a_pool_alone() {
    let carrier = Carrier::new().await;
    let mongo = carrier.mongo_places().await;
    let pool = mongo.iter().find(|subject| subject.is_pooled()).unwrap();
    let (ours, engine) = (pool.place(), &carrier.lab.engine);
    let theirs = Place { tenant: Some(TenantId::from_raw(TENANT + 1)), ..ours.clone() };
    for place in [&ours, &theirs] {
        carrier.write(place, &[thing("one"), thing("two")]).await;
    }
    let before = carrier.digest(&theirs).await;
    let stale = Place { generation: 9, ..ours.clone() };
    assert_eq!(kind(engine.withdraw(&stale).await), Kind::Fenced);
    for _ in 0..2 {
        engine.withdraw(&ours).await.unwrap();
    }
    assert_eq!(carrier.digest(&theirs).await, before);
    assert_eq!(documents(pool).all("things").await.len(), 2);
    assert_eq!(documents(pool).all("_tenantry_activity").await.len(), 2);
    assert_eq!(engine.generation_in(&ours).await.unwrap(), None);
    // This process has used the place before; its next read finds that the place has moved.
    let session = engine.session(&ours, &carrier.schema).await.unwrap();
    let read = session.select("things", &Select::default(), None, Collect::default()).await;
    assert!(matches!(read.map(|_| ()), Err(error) if *error.kind() == Kind::Fenced));
    let session = engine.session(&ours, &carrier.schema).await;
    assert!(matches!(session.map(|_| ()), Err(error) if *error.kind() == Kind::WrongIdentity));
    drop(mongo);
    carrier.lab.remove().await;
}

/// Tests `no-reuse` and `self-identifying`.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_others_is_neither_used_nor_removed_by_mistake() {
    let carrier = Carrier::new().await;
    let mongo = carrier.mongo_places().await;
    let engine = &carrier.lab.engine;
    let own = mongo.iter().find(|subject| !subject.is_pooled()).unwrap().place();
    let other = Place { tenant: Some(TenantId::from_raw(TENANT + 5)), ..own.clone() };
    let later = Place { generation: own.generation + 1, ..own.clone() };
    assert_eq!(kind(engine.verify(&other).await), Kind::WrongIdentity);
    assert_eq!(kind(engine.verify(&later).await), Kind::Fenced);
    let template = tenantry_engine::Template::new(carrier.script.store(), &[first()]).unwrap();
    assert_eq!(kind(engine.provision(&other, &template).await), Kind::WrongIdentity);
    let missing = carrier.lab.unused(&own);
    assert_eq!(kind(engine.verify(&missing).await), Kind::Missing);
    assert_eq!(
        (
            engine.is_taken(&own.server, &own.physical).await.unwrap(),
            engine.is_taken(&own.server, &missing.physical).await.unwrap()
        ),
        (true, false)
    );
    // A database without this program's collections.
    let Raw::Mongo(documents) = &carrier.lab.at(&missing).await.raw else { panic!("on MongoDB") };
    documents.put("notes").await;
    assert_eq!(kind(engine.provision(&missing, &template).await), Kind::WrongIdentity);
    let schema = Place { isolation: Isolation::Schema, ..own.clone() };
    assert!(matches!(kind(engine.verify(&schema).await), Kind::Statement(_)));
    let files = engine.database_files(&own.server).await.unwrap();
    assert!(files.iter().any(|file| file.physical.as_ref() == Some(&own.physical) && file.bytes > 0));
    assert!(files.iter().all(|file| file.physical.as_ref() != Some(&missing.physical)));
    engine.drop_database(&own).await.unwrap();
    engine.drop_database(&own).await.unwrap();
    assert_eq!(kind(engine.verify(&own).await), Kind::Missing);
    let refused = engine.session(&own, &carrier.schema).await.map(|_| ());
    assert_eq!(kind(refused), Kind::Missing);
    drop(mongo);
    carrier.lab.remove().await;
}
