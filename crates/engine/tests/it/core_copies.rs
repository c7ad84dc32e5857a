//! Copies under write load, and databases made from copies (`wrong-tenant-restore`, `stale-wal` and `torn-copy`).

use crate::core_support::*;
use rusqlite::{Connection, OpenFlags};
use tenantry_engine::{AdoptOptions, Kind, place::Place};

fn next(place: &Place, generation: u64) -> Place {
    let physical = format!("{}_g{generation}", place.physical).parse().unwrap();
    Place { physical, generation, ..place.clone() }
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_taken_under_write_load_are_whole() {
    let test = TestEngine::new(8);
    let db = system(&test).await;
    let writing = tokio::spawn(async move {
        for number in 0..400 {
            let mut tx = db.begin().await?;
            // The table always has two equal rows, so a torn copy would have an odd number.
            tx.execute(
                "INSERT INTO t(name) VALUES(?1), (?1)",
                &[format!("{number} {}", "z".repeat(500)).into()],
            )
            .await?;
            tx.commit().await?;
        }
        Ok::<(), tenantry_engine::Error>(())
    });
    let mut last = 0;
    for number in 0..10 {
        let to = test.dir.path().join(format!("copy{number}"));
        let copy = test.engine.copy_out(&control(), &script("control"), &to).await.unwrap();
        assert_eq!(copy.bytes, std::fs::metadata(&to).unwrap().len());
        let conn = Connection::open_with_flags(&to, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        let rows: i64 = conn.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap();
        assert!(rows % 2 == 0 && rows >= last);
        last = rows;
        assert_eq!(
            *test.engine.copy_out(&control(), &script("control"), &to).await.unwrap_err().kind(),
            Kind::Io,
            "never over a file"
        );
    }
    writing.await.unwrap().unwrap();
}

#[tokio::test]
async fn wrong_tenant_restore_a_copy_becomes_only_its_own_tenants_next_generation() {
    let test = TestEngine::new(8);
    test.engine.provision(&tenant(1), &bare()).await.unwrap();
    test.engine.fence(&tenant(1), true).await.unwrap();
    let copy = test.dir.path().join("copy");
    test.engine.copy_out(&tenant(1), &script("tenant"), &copy).await.unwrap();
    let second = next(&tenant(1), 2);
    for _ in 0..2 {
        test.engine.adopt(&second, &script("tenant"), &copy, tenant(1).tenant.unwrap()).await.unwrap();
        test.engine.verify(&second).await.unwrap();
    }
    let conn = Connection::open(test.file(&second)).unwrap();
    assert_eq!(
        conn.query_row("SELECT state FROM _tenantry_place", [], |row| row.get::<_, String>(0)).unwrap(),
        "open"
    );
    drop(conn);
    // Refused: an adoption for another tenant, over an existing database, or at an older generation than the copy's.
    let stranger = Place { tenant: tenant(2).tenant, ..next(&tenant(1), 3) };
    assert_eq!(
        *test
            .engine
            .adopt(&stranger, &script("tenant"), &copy, tenant(2).tenant.unwrap())
            .await
            .unwrap_err()
            .kind(),
        Kind::WrongIdentity
    );
    assert!(!test.file(&stranger).exists());
    test.engine.provision(&tenant(3), &bare()).await.unwrap();
    let taken = Place { physical: tenant(3).physical, ..tenant(1) };
    assert_eq!(
        *test
            .engine
            .adopt(&taken, &script("tenant"), &copy, tenant(1).tenant.unwrap())
            .await
            .unwrap_err()
            .kind(),
        Kind::WrongIdentity
    );
    let older = Place { generation: 0, ..next(&tenant(1), 4) };
    assert_eq!(
        *test
            .engine
            .adopt(&older, &script("tenant"), &copy, tenant(1).tenant.unwrap())
            .await
            .unwrap_err()
            .kind(),
        Kind::Fenced
    );
    assert_eq!(
        *test
            .engine
            .copy_out(&tenant(9), &script("tenant"), &test.dir.path().join("none"))
            .await
            .unwrap_err()
            .kind(),
        Kind::Missing
    );
}

#[tokio::test]
async fn a_damaged_copy_is_refused() {
    let test = TestEngine::new(8);
    test.engine.provision(&tenant(1), &bare()).await.unwrap();
    let copy = test.dir.path().join("copy");
    test.engine.copy_out(&tenant(1), &script("tenant"), &copy).await.unwrap();
    let whole = std::fs::read(&copy).unwrap();
    let place = next(&tenant(1), 2);
    for damaged in
        [whole[..whole.len() / 2].to_vec(), [vec![7; 5000], whole[5000..].to_vec()].concat(), vec![]]
    {
        std::fs::write(&copy, damaged).unwrap();
        let error =
            test.engine.adopt(&place, &script("tenant"), &copy, tenant(1).tenant.unwrap()).await.unwrap_err();
        assert!(matches!(error.kind(), Kind::Corrupt | Kind::WrongIdentity), "{error}");
        assert!(!test.file(&place).exists());
    }
}

/// A copy includes the part of the live database that is still in its `-wal`. The copy is one file and needs no `-wal`.
#[tokio::test]
async fn a_copy_of_a_database_in_use_is_one_file() {
    let test = TestEngine::new(8);
    let db = system(&test).await;
    let mut tx = db.begin().await.unwrap();
    tx.execute("INSERT INTO t(name) VALUES('in the log')", &[]).await.unwrap();
    tx.commit().await.unwrap();
    let mut log = test.file(&control()).into_os_string();
    log.push("-wal");
    assert!(std::fs::metadata(&log).unwrap().len() > 0);
    let (folder, to) = (test.dir.path().join("copies"), test.dir.path().join("copies/one"));
    std::fs::create_dir(&folder).unwrap();
    test.engine.copy_out(&control(), &script("control"), &to).await.unwrap();
    let conn = Connection::open_with_flags(&to, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let (name, mode): (String, String) = conn
        .query_row("SELECT name, (SELECT * FROM pragma_journal_mode) FROM t", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    assert_eq!((name.as_str(), mode.as_str()), ("in the log", "delete"));
    drop(conn);
    let beside: Vec<_> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(beside, ["one"]);
}

#[tokio::test]
async fn a_copy_that_is_used_up_becomes_the_database_only_if_it_is_whole() {
    let test = TestEngine::new(8);
    test.engine.provision(&tenant(1), &bare()).await.unwrap();
    let (copy, of) = (test.dir.path().join("copy"), tenant(1).tenant.unwrap());
    let options = AdoptOptions { used_up: true, ..AdoptOptions::default() };
    for (generation, damage) in [(2, false), (3, true)] {
        test.engine.copy_out(&tenant(1), &script("tenant"), &copy).await.unwrap();
        let new = next(&tenant(1), generation);
        if damage {
            // The last page of an index claims one more fragmented byte, which no query notices.
            let mut bytes = std::fs::read(&copy).unwrap();
            let page = bytes.chunks_mut(4096).skip(1).filter(|page| page[0] == 0x0a).last().unwrap();
            page[7] ^= 1;
            std::fs::write(&copy, bytes).unwrap();
        }
        let adopted = test.engine.adopt_with(&new, &script("tenant"), &copy, of, options).await;
        assert_eq!(adopted.err().map(|error| error.kind().clone()), damage.then_some(Kind::Corrupt));
        assert!(!copy.exists(), "it was used up");
        assert_eq!(test.file(&new).exists(), !damage);
    }
    test.engine.verify(&next(&tenant(1), 2)).await.unwrap();
}
