//! T7: backups under write load equal a committed state; every bit flip is found; another tenant's backup is refused
//! (`wrong-tenant-restore`, `stale-wal` and `torn-copy`).

use crate::{
    backups_kit::{Sums, objects},
    installation::{ISOLATIONS, Installation},
    test_platform::{TestPlatform, operator, slug},
};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};
use tenantry::backups::manifest::{Manifest, Whose};
use tenantry_testkit::{Random, dose, tried};

/// States by the number of commits that led to them, as recorded by the only writer.
type History = Arc<Mutex<HashMap<u64, Sums>>>;

async fn write_on(clinic: Arc<TestPlatform>, history: History, at: Arc<AtomicU64>, stop: Arc<AtomicBool>) {
    let mut commits = 0;
    while !stop.load(Ordering::Relaxed) {
        clinic.add_report("acme", &format!("commit {commits}")).await;
        commits += 1;
        if commits % 3 == 0 {
            let acme = clinic.enter("acme").await;
            let reports = clinic.records(&acme, "reports").unwrap();
            reports.delete(&(commits / 3).to_string(), None).await.unwrap();
            commits += 1;
        }
        at.store(commits, Ordering::SeqCst);
        let sums = clinic.sums("acme").await;
        history.lock().unwrap().insert(commits, sums);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn backups_under_write_load_equal_a_committed_state() {
    let backups = dose(100, 5_000);
    for isolation in ISOLATIONS {
        let clinic = Arc::new(
            Installation::new().isolation(isolation).with("[backups.keep]\ndaily = 1\n").start().await,
        );
        clinic.create("acme").await;
        let (history, at, stop) =
            (History::default(), Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let first = clinic.sums("acme").await;
        history.lock().unwrap().insert(0, first);
        let writer = tokio::spawn(write_on(clinic.clone(), history.clone(), at.clone(), stop.clone()));
        let mut taken = Vec::new();
        let mut restored = 0;
        for n in 0..backups {
            let before = at.load(Ordering::SeqCst);
            let backup = clinic.back_up("acme").await;
            let sums = clinic.sums_of(&backup).await;
            if n % 20 == 0 {
                let new = tenantry::NewFromCopy::named(format!("then-{n}"));
                let actor = &operator();
                let made = clinic.arrivals().from_backup(actor, &backup, false, new).await.unwrap();
                clinic.done(made).await;
                assert_eq!(clinic.sums(&format!("then-{n}")).await, sums, "{isolation} {backup}");
                restored += 1;
            }
            taken.push((before, sums, backup));
        }
        stop.store(true, Ordering::Relaxed);
        writer.await.unwrap();
        let history = history.lock().unwrap();
        let mut distinct = std::collections::BTreeSet::new();
        for (before, sums, backup) in taken {
            // No digest was recorded between the insert and the delete of a round; a backup may fall there.
            let of = history.iter().find(|(_, known)| **known == sums).map(|(commits, _)| *commits);
            match of {
                Some(commits) => {
                    assert!(commits >= before, "{isolation} {backup}: commits before it are missing");
                    distinct.insert(commits);
                }
                None => assert!(between(&history, &sums), "{isolation} {backup} is no committed state"),
            }
        }
        assert!(distinct.len() as u64 > backups / 10, "the writer wrote too little: {}", distinct.len());
        tried(&format!("T7 backups under write load, {isolation}"), backups, "equal to a committed state");
        tried(&format!("T7 of them restored, {isolation}"), restored, "with the same checksums");
    }
}

/// Returns true for a state after an insert whose delete was still to come: one row more than a known state, all else
/// equal.
fn between(history: &HashMap<u64, Sums>, sums: &Sums) -> bool {
    let rows = |sums: &Sums| sums["tenant/reports"].0;
    history.values().any(|known| {
        rows(known) + 1 == rows(sums)
            && known
                .iter()
                .filter(|(model, _)| *model != "tenant/reports")
                .all(|(m, s)| sums.get(m) == Some(s))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bit_flip_is_found() {
    let flips = dose(1_000, 100_000);
    let clinic = Installation::new().start().await;
    clinic.create("acme").await;
    for n in 0..20 {
        let report = clinic.add_report("acme", &format!("report {n}")).await;
        clinic.put_file("acme", &report["id"].to_string(), &format!("file {n}").repeat(50)).await;
    }
    let backup = clinic.back_up("acme").await;
    let objects = objects(&clinic, &backup);
    assert_eq!(objects.len(), 3, "database, files, manifest");
    let mut random = Random::new(0x7e57, 0);
    for n in 0..flips {
        let object = &objects[(n % 3) as usize];
        let whole = std::fs::read(object).unwrap();
        let bit = random.below(whole.len() * 8);
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(object, &flipped).unwrap();
        let found = clinic.backups().verify(&operator(), &backup).await.unwrap();
        assert!(found.damage.is_some(), "bit {bit} of {} was flipped and nobody saw", object.display());
        if n < 30 {
            let restore = clinic.restores().start(&operator(), &slug("acme"), &backup, None).await;
            assert!(clinic.refused(restore).await.contains("damaged"), "{}", object.display());
        }
        std::fs::write(object, whole).unwrap();
    }
    let found = clinic.backups().verify(&operator(), &backup).await.unwrap();
    assert_eq!(found.damage, None, "whole again");
    tried("T7 bit flips", flips, "all found");
}

/// A backup belongs to its tenant, whatever its folder and its manifest contain.
#[tokio::test(flavor = "multi_thread")]
async fn another_tenants_backup_is_refused_wrong_tenant_restore() {
    let mut refused = 0;
    for isolation in ISOLATIONS {
        let clinic = Installation::new().isolation(isolation).start().await;
        let names: Vec<_> = (0..dose(6, 40)).map(|n| format!("tenant-{n}")).collect();
        let mut backups = Vec::new();
        for name in &names {
            clinic.create(name).await;
            clinic.add_report(name, &format!("canary of {name}")).await;
            backups.push(clinic.back_up(name).await);
        }
        let before = clinic.sums(&names[0]).await;
        for (name, backup) in names.iter().zip(&backups).skip(1) {
            // Refer to the backup by its name.
            let asked = clinic.restores().start(&operator(), &slug(&names[0]), backup, None).await;
            assert!(clinic.refused(asked).await.contains("not of"), "{name}");
            // Put its folder among the victim's backups, first unchanged, then with a forged manifest.
            let from = objects(&clinic, backup)[0].parent().unwrap().to_owned();
            let victims = objects(&clinic, &backups[0])[0].parent().unwrap().to_owned();
            let victim = Manifest::open(&std::fs::read(victims.join("manifest.json")).unwrap()).unwrap();
            for lies in [false, true] {
                std::fs::remove_dir_all(&victims).unwrap();
                std::fs::create_dir(&victims).unwrap();
                for object in std::fs::read_dir(&from).unwrap() {
                    let object = object.unwrap();
                    std::fs::copy(object.path(), victims.join(object.file_name())).unwrap();
                }
                if lies {
                    let theirs = Manifest::open(&std::fs::read(from.join("manifest.json")).unwrap()).unwrap();
                    let whose: Option<Whose> = victim.tenant.clone();
                    let forged = Manifest { id: victim.id.clone(), tenant: whose, ..theirs };
                    std::fs::write(victims.join("manifest.json"), forged.seal().unwrap()).unwrap();
                }
                let asked = clinic.restores().start(&operator(), &slug(&names[0]), &backups[0], None).await;
                let why = clinic.refused(asked).await;
                assert!(why.contains("damaged"), "{isolation} {name} lies {lies}: {why}");
                let found = clinic.backups().verify(&operator(), &backups[0]).await.unwrap();
                assert!(found.damage.is_some());
            }
            refused += 3;
        }
        assert_eq!(clinic.sums(&names[0]).await, before);
        clinic.whole().await;
    }
    tried("T7 restores of another tenant's backup", refused, "all refused");
}

/// Hashes and manifest agree with a database that SQLite finds damaged: adopting it must check every page.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_database_under_good_hashes_is_refused() {
    for isolation in ISOLATIONS {
        let clinic = Installation::new().isolation(isolation).start().await;
        clinic.create("acme").await;
        clinic.add_report("acme", "one").await;
        let backup = clinic.back_up("acme").await;
        let folder = objects(&clinic, &backup)[0].parent().unwrap().to_owned();
        let path = folder.join("manifest.json");
        let mut manifest = Manifest::open(&std::fs::read(&path).unwrap()).unwrap();
        let copy = &mut manifest.stores[0];
        let object = folder.join(&copy.object);
        let mut raw = zstd::decode_all(&*std::fs::read(&object).unwrap()).unwrap();
        // Damage the last page of an index (one more byte in fragments) so that no ordinary read notices.
        let page = raw.chunks_mut(4096).skip(1).filter(|page| page[0] == 0x0a).last().unwrap();
        page[7] ^= 1;
        let stored = zstd::encode_all(&*raw, 3).unwrap();
        let hash = |bytes: &[u8]| blake3::hash(bytes).to_hex().to_string();
        (copy.raw.blake3, copy.raw.bytes) = (hash(&raw), raw.len() as u64);
        (copy.stored.blake3, copy.stored.bytes) = (hash(&stored), stored.len() as u64);
        std::fs::write(&object, &stored).unwrap();
        std::fs::write(&path, manifest.seal().unwrap()).unwrap();

        let before = clinic.sums("acme").await;
        let found = clinic.backups().verify(&operator(), &backup).await.unwrap().damage;
        assert!(
            found.as_ref().is_some_and(|how| how.contains("the database inside is damaged")),
            "{found:?}"
        );
        let asked = clinic.restores().start(&operator(), &slug("acme"), &backup, None).await;
        let why = clinic.refused(asked).await;
        assert!(why.contains("the database inside is damaged"), "{isolation}: {why}");
        assert!(clinic.restores().show(&slug("acme")).await.is_err());
        assert_eq!(clinic.sums("acme").await, before);
        clinic.whole().await;
    }
}
