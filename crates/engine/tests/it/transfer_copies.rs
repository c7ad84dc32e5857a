//! Copies of places of each isolation become places of each isolation: all rows arrive, no other tenant is affected,
//! and invalid copies are refused.

use crate::{
    records_kit::{field, models},
    transfer_kit::*,
};
use rusqlite::Connection;
use std::sync::Arc;
use tenantry_engine::{
    Kind, ModelDiff,
    migration::Op,
    model::FieldKind,
    name::{ModelName, StoreName},
    place::{Isolation, Place},
    schema::Schema,
};

fn kind<T: std::fmt::Debug>(result: tenantry_engine::Result<T>) -> Kind {
    result.unwrap_err().kind().clone()
}

#[tokio::test]
async fn round_trips_carry_everything_and_leave_neighbours_alone() {
    for (from, to) in WAYS {
        let clinic = Clinic::new().await;
        let (old, new) = (place(from, TENANT, 1), place(to, TENANT, 2));
        clinic.make(&old).await;
        let (neighbours, held) = (clinic.neighbours().await, clinic.usage(&old).await);
        clinic.test.engine.fence(&old, true).await.unwrap();
        let copy = clinic.copy(&old, "copy").await;
        for _ in 0..2 {
            clinic.test.engine.adopt(&new, &clinic.script, &copy, of(TENANT)).await.unwrap();
        }
        let digest = clinic.digest(&old).await;
        assert_eq!(digest.rows(), 5, "a hospital and four doctors");
        assert_eq!(clinic.digest(&new).await, digest, "{from:?} -> {to:?}");
        let of_copy = clinic.test.engine.digest_copy(&copy, &clinic.schema, Some(of(TENANT))).await.unwrap();
        assert_eq!(of_copy, digest);
        assert_eq!(clinic.lines(&new).await, clinic.lines(&old).await);
        assert_eq!(clinic.usage(&new).await.rows, 5);
        if from == to {
            assert_eq!(clinic.usage(&new).await, held);
        }
        assert_eq!(clinic.search(&new, "angstrom").await.len(), 4);
        let diff = clinic.test.engine.compare(&old, &new, &clinic.schema).await.unwrap();
        assert!(diff.iter().all(|d| d.added + d.changed + d.removed == 0), "{diff:?}");
        assert_eq!(clinic.neighbours().await, neighbours);
        clinic.is_sound(&new);
        // An id that was assigned once is never assigned again, and the old place stays closed.
        assert_eq!(clinic.next_id(&new).await, tenantry_engine::query::RecordId::Integer(6));
        assert_ne!(clinic.digest(&new).await, digest);
        let diff = clinic.test.engine.compare(&old, &new, &clinic.schema).await.unwrap();
        let doctors =
            ModelDiff { model: ModelName::parse("doctors").unwrap(), added: 1, changed: 0, removed: 0 };
        assert!(diff.contains(&doctors), "{diff:?}");
        assert_eq!(
            kind(
                clinic.write(&old, &[crate::records_kit::insert("hospitals", &[("name", "x".into())])]).await
            ),
            Kind::Fenced
        );
    }
}

/// The copy of a pooled tenant contains only that tenant's rows, even in its free pages.
#[tokio::test]
async fn a_copy_of_a_pooled_tenant_holds_nothing_of_others() {
    let clinic = Clinic::new().await;
    let (mine, theirs) = (place(Isolation::Pooled, TENANT, 1), place(Isolation::Pooled, NEIGHBOUR, 1));
    clinic.make(&mine).await;
    let secret = crate::records_kit::insert("hospitals", &[("name", "ZebraSecret".into())]);
    clinic.write(&theirs, &[secret]).await.unwrap();
    let copy = clinic.copy(&mine, "copy").await;
    let bytes = std::fs::read(&copy).unwrap();
    assert!(!bytes.windows(11).any(|w| w.eq_ignore_ascii_case(b"ZebraSecret")));
    let info = clinic.test.engine.inspect_copy(&copy, &store(), Some(of(TENANT))).await.unwrap();
    assert_eq!((info.generation, info.rows, info.tenant), (1, 5, Some(of(TENANT))));
    assert_eq!(info.schema_version, clinic.script.fingerprint());
    assert_eq!(info.migrations, ["clinic/0001_step"]);
}

#[tokio::test]
async fn a_pooled_tenant_is_replaced_by_an_earlier_state_of_his_own() {
    let clinic = Clinic::new().await;
    let live = pooled(TENANT, 1);
    clinic.make(&live).await;
    let (copy, then) = (clinic.copy(&live, "copy").await, clinic.digest(&live).await);
    let (next, neighbours) = (clinic.next_id(&live).await, clinic.neighbours().await);
    assert_ne!(clinic.digest(&live).await, then);
    let restored = pooled(TENANT, 2);
    for _ in 0..2 {
        clinic.test.engine.adopt(&restored, &clinic.script, &copy, of(TENANT)).await.unwrap();
    }
    assert_eq!(clinic.digest(&restored).await, then);
    assert_eq!(clinic.usage(&restored).await.rows, 5);
    assert!(clinic.search(&restored, "newcomer").await.is_empty());
    assert_eq!(clinic.neighbours().await, neighbours);
    clinic.is_sound(&restored);
    assert_eq!(kind(clinic.test.engine.verify(&live).await), Kind::Fenced, "the old generation is gone");
    assert_eq!(kind(clinic.test.engine.adopt(&live, &clinic.script, &copy, of(TENANT)).await), Kind::Fenced);
    assert_eq!(clinic.next_id(&restored).await, next, "as it was at the time of the copy");
    // A pooled tenant whose rows came from no copy is not overwritten at its own generation.
    let other = place(Isolation::Pooled, NEIGHBOUR, 1);
    assert_eq!(kind(clinic.test.engine.adopt(&other, &clinic.script, &copy, of(TENANT)).await), Kind::Fenced);
    assert_eq!(clinic.neighbours().await, neighbours);
}

#[tokio::test]
async fn a_clone_is_another_tenants() {
    for to in [Isolation::Database, Isolation::Pooled] {
        let clinic = Clinic::new().await;
        let (old, new) = (place(Isolation::Database, TENANT, 3), place(to, 99, 1));
        clinic.make(&old).await;
        let copy = clinic.copy(&old, "copy").await;
        let engine = &clinic.test.engine;
        assert_eq!(kind(engine.adopt(&new, &clinic.script, &copy, of(99)).await), Kind::WrongIdentity);
        engine.adopt(&new, &clinic.script, &copy, of(TENANT)).await.unwrap();
        assert_eq!(clinic.digest(&new).await, clinic.digest(&old).await);
        assert_eq!(clinic.lines(&new).await, clinic.lines(&old).await);
        clinic.next_id(&new).await;
    }
}

#[tokio::test]
async fn what_is_not_as_it_should_be_is_refused() {
    for from in [Isolation::Database, Isolation::Pooled] {
        for to in [Isolation::Database, Isolation::Pooled] {
            let clinic = Clinic::new().await;
            let (old, new) = (place(from, TENANT, 1), place(to, TENANT, 2));
            clinic.make(&old).await;
            let (copy, neighbours) = (clinic.copy(&old, "copy").await, clinic.neighbours().await);
            let engine = &clinic.test.engine;
            let adopt = async |path: &std::path::Path, tenant| {
                let refused = kind(engine.adopt(&new, &clinic.script, path, of(tenant)).await);
                assert!(!clinic.test.file(&place(Isolation::Database, TENANT, 2)).exists());
                assert!(engine.verify(&new).await.is_err());
                refused
            };
            assert_eq!(adopt(&copy, 8).await, Kind::WrongIdentity, "another tenant's");
            let books = StoreName::parse("books").unwrap();
            let as_books = engine.inspect_copy(&copy, &books, Some(of(TENANT))).await;
            assert_eq!(kind(as_books), Kind::WrongIdentity, "another store's");
            let bytes = std::fs::read(&copy).unwrap();
            let damaged = clinic.test.dir.path().join("damaged");
            for (at, length) in [(bytes.len() / 2, 0), (5000, bytes.len() - 5000), (0, bytes.len())] {
                let mut broken = bytes[..at].to_vec();
                broken.extend(vec![7; length.min(4000)]);
                broken.extend(&bytes[(at + length.min(4000)).min(at + length)..at + length]);
                std::fs::write(&damaged, broken).unwrap();
                let refused = adopt(&damaged, TENANT).await;
                assert!(matches!(refused, Kind::Corrupt | Kind::WrongIdentity), "{refused:?}");
                assert!(engine.inspect_copy(&damaged, &store(), Some(of(TENANT))).await.is_err());
            }
            assert_eq!(adopt(&clinic.test.dir.path().join("none"), TENANT).await, Kind::Missing);
            assert_eq!(clinic.neighbours().await, neighbours);
        }
    }
}

#[tokio::test]
async fn a_copy_is_brought_to_the_schema_and_one_that_is_ahead_is_refused() {
    let add = Op::AddField {
        store: store(),
        model: ModelName::parse("hospitals").unwrap(),
        field: field("beds", FieldKind::Integer { min: None, max: None }),
        fill: None,
    };
    let newer = migrations(vec![vec![add]]);
    for from in [Isolation::Database, Isolation::Pooled] {
        let clinic = Clinic::new().await;
        let engine = &clinic.test.engine;
        let old = place(from, TENANT, 1);
        clinic.make(&old).await;
        let copy = clinic.copy(&old, "copy").await;
        let wanted = script(&newer);
        let pool_b = Place { tenant: None, generation: 1, ..place(Isolation::Pooled, TENANT, 2) };
        let new = place(Isolation::Pooled, TENANT, 2);
        // First the pool is ahead of the copy, then the copy is behind the script, then both have all its migrations.
        engine.migrate(&pool_b, &newer).await.unwrap();
        assert_eq!(kind(engine.adopt(&new, &clinic.script, &copy, of(TENANT)).await), Kind::SchemaAhead);
        assert_eq!(kind(engine.adopt(&new, &wanted, &copy, of(TENANT)).await), Kind::SchemaBehind);
        let neighbour = place(Isolation::Pooled, NEIGHBOUR, 2);
        let to = clinic.test.dir.path().join("other");
        assert_eq!(kind(engine.copy_out(&neighbour, &clinic.script, &to).await), Kind::SchemaAhead);
        assert!(!to.exists());
        // A copy of a place that is behind has the schema of that place, whatever the isolation.
        engine.copy_out(&old, &wanted, &to).await.unwrap();
        assert_eq!(
            engine.migrate_copy(&to, of(TENANT), &wanted).await.unwrap().applied,
            ["clinic/0002_step"]
        );
        let report = engine.migrate_copy(&copy, of(TENANT), &wanted).await.unwrap();
        assert_eq!(report.applied, ["clinic/0002_step"]);
        assert!(engine.migrate_copy(&copy, of(TENANT), &wanted).await.unwrap().applied.is_empty());
        assert_eq!(kind(engine.migrate_copy(&copy, of(8), &wanted).await), Kind::WrongIdentity);
        assert_eq!(kind(engine.migrate_copy(&copy, of(TENANT), &clinic.script).await), Kind::SchemaAhead);
        engine.adopt(&new, &wanted, &copy, of(TENANT)).await.unwrap();
        let schema = Schema::new(store(), models(), &newer).unwrap();
        let session = engine.session(&new, &Arc::new(schema)).await.unwrap();
        assert_eq!(session.usage().await.unwrap().rows, 5);
        clinic.is_sound(&new);
    }
}

/// A new catalog, or that of another installation, does not take over old files. Adoption makes them its own.
#[tokio::test]
async fn databases_of_another_installation_are_refused() {
    for isolation in [Isolation::Database, Isolation::Pooled] {
        let clinic = Clinic::new().await;
        let (old, new) = (place(isolation, TENANT, 1), place(isolation, TENANT, 2));
        clinic.make(&old).await;
        clinic.test.engine.close(&old);
        let copy = clinic.copy(&old, "copy").await;
        let ours = crate::core_support::engine_at(clinic.test.dir.path(), 8);
        ours.set_platform("ours").unwrap();
        assert_eq!(kind(ours.set_platform("theirs")), Kind::Internal);
        assert_eq!(kind(ours.verify(&old).await), Kind::WrongIdentity);
        assert_eq!(kind(ours.digest(&old, &clinic.schema).await), Kind::WrongIdentity);
        assert_eq!(kind(ours.fence(&old, true).await), Kind::WrongIdentity);
        ours.adopt(&new, &clinic.script, &copy, of(TENANT)).await.unwrap();
        ours.verify(&new).await.unwrap();
        let theirs = crate::core_support::engine_at(clinic.test.dir.path(), 8);
        theirs.set_platform("theirs").unwrap();
        assert_eq!(kind(theirs.verify(&new).await), Kind::WrongIdentity);
        let conn = Connection::open(clinic.test.file(&new)).unwrap();
        let sql = "SELECT platform FROM _tenantry_place WHERE tenant = 7";
        assert_eq!(conn.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap(), "ours");
    }
}

/// A worker that is killed while it fills a file leaves the file under a temporary name.
#[tokio::test]
async fn what_a_killed_worker_left_goes_with_the_place() {
    for from in [Isolation::Database, Isolation::Pooled] {
        let clinic = Clinic::new().await;
        let (old, new) = (place(from, TENANT, 1), place(Isolation::Database, TENANT, 2));
        clinic.make(&old).await;
        let folder = clinic.test.dir.path().join("_tmp");
        let left = || std::fs::read_dir(&folder).unwrap().count();
        let another = folder.join("tenant_7_g22.x.db");
        std::fs::write(&another, "of another place").unwrap();
        let half = folder.join(format!("{}.0190.db", new.physical));
        std::fs::write(&half, "half").unwrap();
        clinic.carry(&old, &new).await.unwrap();
        assert_eq!((left(), half.exists()), (1, false), "{from:?}: filled by the next worker");
        std::fs::write(&half, "half").unwrap();
        clinic.test.engine.drop_database(&new).await.unwrap();
        assert_eq!((left(), another.exists()), (1, true), "{from:?}: removed with the place");
    }
}
