//! T9: a disk is full for a while. Writes and copies are refused cleanly, reads continue, no work is left half done,
//! and everything works again once there is room. Other databases are not affected.

use crate::faults_kit::*;
use std::{io::Write, path::Path, process::Command};
use tenantry_engine::{Kind, place::Isolation};

/// Runs the work of a child process on a small file system that is full for a while.
async fn full_for_a_while(dir: &Path, isolation: Isolation) {
    let clinic = open(dir);
    let (engine, (mine, other)) = (&clinic.test.engine, places(isolation));
    pair(&clinic, &mine, 0).await.unwrap();
    // An open database can be read however full the disk is. Opening a database takes 32 KB for its `-shm`.
    let _open = engine.session(&other, &clinic.schema).await.unwrap();
    let (mut refused, before) = (0, clinic.digest(&other).await);
    for round in 0..8 {
        fill_disk(dir, round * 40_000);
        let mut done = vec![];
        for number in round * 100..round * 100 + 30 {
            match pair(&clinic, &mine, number + 1).await {
                Ok(()) => done.push(number + 1),
                Err(error) => {
                    assert!(matches!(error.kind(), Kind::DiskFull), "{error}");
                    refused += 1;
                }
            }
        }
        let copy = engine.copy_out(&mine, &clinic.script, &dir.join("copy")).await;
        assert_eq!(*copy.unwrap_err().kind(), Kind::DiskFull);
        assert!(!dir.join("copy").exists(), "half a copy stays behind");
        // Reads continue in both databases.
        assert_eq!(clinic.digest(&other).await, before);
        let there = pairs(&clinic, &mine).await;
        assert!(done.iter().all(|number| there.contains(number)));
        std::fs::remove_file(dir.join("ballast")).unwrap();
        pair(&clinic, &mine, round * 100 + 50).await.unwrap();
    }
    assert!(refused > 20, "{refused} writes were refused: the disk was not full");
    let copy = dir.join("copy");
    engine.copy_out(&mine, &clinic.script, &copy).await.unwrap();
    std::fs::remove_file(copy).unwrap();
    engine.shutdown().await;
    for place in [&mine, &other] {
        whole(&dir.join(format!("{}.db", place.physical)));
    }
    println!("refused {refused} writes");
}

/// Fills the disk up to this number of free bytes.
fn fill_disk(dir: &Path, but_bytes: usize) {
    let mut ballast = std::fs::File::create(dir.join("ballast")).unwrap();
    let block = [7_u8; 4096];
    while ballast.write_all(&block).is_ok() {}
    let length = ballast.metadata().unwrap().len();
    ballast.set_len(length.saturating_sub(but_bytes as u64)).unwrap();
}

/// The child has its own file system, so that no other process meets the full disk.
#[tokio::test]
async fn what_a_full_disk_refuses_is_lost_and_the_rest_stays() {
    if let Some(dir) = child() {
        furnished(&dir).await;
        for isolation in BOTH {
            full_for_a_while(&dir, isolation).await;
        }
        return;
    }
    if without("mount") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let exe = std::env::current_exe().unwrap();
    let script = format!("mount -t tmpfs -o size=6m none \"${DIRECTORY}\" && exec \"$@\"");
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script, "sh"])
        .arg(exe)
        .args(["--exact", "faults_disk::what_a_full_disk_refuses_is_lost_and_the_rest_stays", "--nocapture"])
        .env(DIRECTORY, dir.path())
        .output()
        .unwrap();
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{text}\n{errors}");
    let refused =
        text.lines().filter_map(|line| line.strip_prefix("refused ")?.split(' ').next()?.parse::<u64>().ok());
    tenantry_testkit::tried("T9 full disk", refused.sum(), "writes refused by a full disk");
}
