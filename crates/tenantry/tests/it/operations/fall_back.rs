//! The retained database of a move is put back into use after the new server's disk was lost.

use super::{
    Scenario,
    backup::through,
    kit::{contents, count, rows, tenant, whole},
    moves::{open_to_writes, ready, to_disk},
};
use crate::test_platform::{TestPlatform, by, operator, registration, slug};
use std::{fs, path::PathBuf};

pub(super) const LOST: Scenario = Scenario {
    name: "fall_back",
    kind: "fall_back",
    prepare: |w| {
        Box::pin(async {
            tenant(w, "alpha").await;
            to_disk(w).await.unwrap();
            lose(w);
        })
    },
    run: |w| Box::pin(fall_back(w)),
    finished: |w| {
        Box::pin(async {
            // Put the lost files back while everything is inspected.
            bring_back(w);
            whole(w).await;
            assert_eq!(contents(w, "alpha").await, rows());
            open_to_writes(w).await;
            let server = ready(w, "tenant").await.place.server.to_string();
            let told = count(w, "SELECT count(*) FROM audit WHERE action = 'tenant.fall_back'").await;
            lose(w);
            match (server.as_str(), told) {
                ("main", 1) => true,
                ("disk", 0) => false,
                other => panic!("half put back: {other:?}"),
            }
        })
    },
    endless: |w, _| {
        Box::pin(async move {
            bring_back(w);
            if count(w, "SELECT count(*) FROM tenants").await == 0 {
                w.operations.create_tenant(&by(), registration("alpha")).await.unwrap();
            }
            if ready(w, "tenant").await.place.server.as_str() == "main" {
                to_disk(w).await.unwrap();
            }
            lose(w);
            let done = fall_back(w).await;
            bring_back(w);
            done.unwrap();
        })
    },
};

async fn fall_back(w: &TestPlatform) -> tenantry::Result<()> {
    through(w, w.platform.moves().fall_back(&operator(), &slug("alpha"), None).await).await
}

/// Renames the files of server `disk`, so that no process can open them from now on.
fn lose(w: &TestPlatform) {
    for (path, name) in files(w).into_iter().filter(|(_, name)| !name.ends_with(".lost")) {
        fs::rename(&path, path.with_file_name(format!("{name}.lost"))).unwrap();
    }
}

/// Renames the files back.
pub(super) fn bring_back(w: &TestPlatform) {
    for (path, name) in files(w) {
        if let Some(name) = name.strip_suffix(".lost") {
            fs::rename(&path, path.with_file_name(name)).unwrap();
        }
    }
}

fn files(w: &TestPlatform) -> Vec<(PathBuf, String)> {
    let disk = w.platform.config().servers.iter().find(|s| s.name.as_str() == "disk").unwrap();
    let entries = fs::read_dir(disk.path().unwrap()).unwrap().map(Result::unwrap);
    let files = entries.filter(|entry| entry.file_type().unwrap().is_file());
    files.map(|entry| (entry.path(), entry.file_name().into_string().unwrap())).collect()
}

/// After a second loss the database that was in use last is used, not the one lost first, whose generation is later.
#[tokio::test]
async fn lost_twice_it_is_what_it_was_last() {
    let dir = tempfile::tempdir().unwrap();
    let w = TestPlatform::open(dir.path()).await.with_plans().await;
    tenant(&w, "alpha").await;
    to_disk(&w).await.unwrap();
    lose(&w);
    fall_back(&w).await.unwrap();
    bring_back(&w);
    super::restore::add_later(&w).await;
    let then = contents(&w, "alpha").await;
    assert_ne!(then, rows());
    to_disk(&w).await.unwrap();
    let second = ready(&w, "tenant").await.place.physical.to_string();
    for (path, name) in files(&w).into_iter().filter(|(_, name)| name.starts_with(&second)) {
        fs::rename(&path, path.with_file_name(format!("{name}.lost"))).unwrap();
    }
    fall_back(&w).await.unwrap();
    assert_eq!(contents(&w, "alpha").await, then);
    bring_back(&w);
    whole(&w).await;
}

/// The disk is back when the operation checks again, or the retained database is damaged: nothing is given up.
#[tokio::test]
async fn what_came_back_is_not_given_up_and_what_is_damaged_is_not_put_back() {
    let dir = tempfile::tempdir().unwrap();
    let w = std::sync::Arc::new(TestPlatform::open(dir.path()).await.with_plans().await);
    tenant(&w, "alpha").await;
    let before = ready(&w, "tenant").await.place;
    to_disk(&w).await.unwrap();
    lose(&w);
    let back = w.clone();
    w.operations.faults().watch(std::sync::Arc::new(move |point| {
        let back = back.clone();
        Box::pin(async move {
            if point == "fall_back:look:before" {
                bring_back(&back);
            }
            Ok(())
        })
    }));
    let refused = fall_back(&w).await.unwrap_err().to_string();
    assert!(refused.contains("can be opened again: nothing was changed"), "{refused}");
    assert_eq!(ready(&w, "tenant").await.place.server.as_str(), "disk");
    open_to_writes(&w).await;

    w.operations.faults().watch(std::sync::Arc::new(|_| Box::pin(async { Ok(()) })));
    lose(&w);
    let kept = w.root.join(format!("{}.db", before.physical));
    let whole = fs::read(&kept).unwrap();
    fs::write(&kept, [&whole[..4096], &vec![0x5a; whole.len() - 4096][..]].concat()).unwrap();
    let refused = fall_back(&w).await.unwrap_err().to_string();
    assert!(refused.contains("is damaged too: restore a backup"), "{refused}");
    assert_eq!(ready(&w, "tenant").await.place.server.as_str(), "disk");
    fs::write(&kept, whole).unwrap();
    fall_back(&w).await.unwrap();
    assert_eq!(ready(&w, "tenant").await.place, before);
    bring_back(&w);
}

/// The disk fails between the swap and the proof: the move ends unverified and does not block the tenant; the retained
/// database can be used again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_whose_new_disk_dies_after_the_swap_ends_unproven_and_is_taken_back() {
    let dir = tempfile::tempdir().unwrap();
    let w = std::sync::Arc::new(TestPlatform::open(dir.path()).await.with_plans().await);
    tenant(&w, "alpha").await;
    let dying = w.clone();
    w.operations.faults().watch(std::sync::Arc::new(move |point| {
        let dying = dying.clone();
        Box::pin(async move {
            if point == "move:prove:before" {
                lose(&dying);
            }
            Ok(())
        })
    }));
    to_disk(&w).await.unwrap();
    let unproven = "SELECT count(*) FROM operations WHERE kind = 'move' AND state = 'done' AND result ->> 'verified' = 0";
    assert_eq!(count(&w, unproven).await, 1);
    assert_eq!(count(&w, "SELECT count(*) FROM placements WHERE state = 'kept' AND until IS NULL").await, 1);
    fall_back(&w).await.unwrap();
    assert_eq!(contents(&w, "alpha").await, rows());
    open_to_writes(&w).await;
    bring_back(&w);
    whole(&w).await;
}
