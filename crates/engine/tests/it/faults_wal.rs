//! T9: whatever part of the `-wal` has reached the disk, and however its end is torn, the database opens in the state
//! after one of its transactions: the last complete one, never a mixture.
//!
//! The writes are those of tenants, of an absorption and of catching up. The main file is that of the last checkpoint:
//! SQLite changes it only after it has synced the `-wal`. Disks that lose or reorder *synced* writes are not tested
//! here.

use crate::{core_support::TestEngine, faults_kit::*, transfer_kit::*};
use std::path::{Path, PathBuf};
use tenantry_engine::{
    Digest, Kind, PlaceState,
    name::PhysicalName,
    place::{Isolation, Place},
};
use tenantry_testkit::{Random, dose, tried};

const HEADER: usize = 32;
const FRAME: usize = 24 + 4096;

/// A database, its `-wal`, and its state after each commit.
struct Recorded {
    main: Vec<u8>,
    wal: Vec<u8>,
    /// Length of the `-wal` after a commit, and the contents of the places at that time.
    commits: Vec<(usize, Vec<Option<Digest>>)>,
}

impl Recorded {
    /// Returns the state after the last commit that ends before `length`.
    fn expected(&self, length: usize) -> &[Option<Digest>] {
        &self.commits.iter().rev().find(|(end, _)| *end <= length).unwrap().1
    }
}

struct Recorder<'c> {
    clinic: &'c Clinic,
    file: PathBuf,
    watched: Vec<Place>,
    commits: Vec<(usize, Vec<Option<Digest>>)>,
}

impl Recorder<'_> {
    fn wal(&self) -> Vec<u8> {
        let mut path = self.file.clone().into_os_string();
        path.push("-wal");
        std::fs::read(path).unwrap_or_default()
    }

    async fn state(clinic: &Clinic, places: &[Place]) -> Vec<Option<Digest>> {
        let mut state = vec![];
        for place in places {
            match clinic.test.engine.digest(place, &clinic.schema).await {
                // A place that is being filled has no tenant yet, and the next call that fills it starts again.
                Ok(digest) => {
                    let info = clinic.test.engine.place_info(place).await.unwrap();
                    state.push((info.state == PlaceState::Open).then_some(digest));
                }
                Err(error) => {
                    assert!(matches!(error.kind(), Kind::WrongIdentity), "{error}");
                    state.push(None);
                }
            }
        }
        state
    }

    async fn committed(&mut self) {
        let length = if self.commits.is_empty() { 0 } else { self.wal().len() };
        self.commits.push((length, Self::state(self.clinic, &self.watched).await));
    }
}

/// Writes to an open database and returns the files on disk afterwards. The `-wal` has been restarted once, so that
/// frames of the first round follow those of the second.
async fn record(clinic: &Clinic, isolation: Isolation) -> (Recorded, Vec<Place>) {
    let (mine, other) = places(isolation);
    let newcomer = pooled(50, 1);
    clinic.make(&mine).await;
    let copy = clinic.copy(&mine, "copy").await;
    let file = clinic.test.file(&mine);
    let watched = if isolation == Isolation::Pooled {
        vec![mine.clone(), other, newcomer.clone()]
    } else {
        vec![mine.clone()]
    };
    // The session stays open, so that only the checkpoint below writes anything back.
    let _open = clinic.test.engine.session(&mine, &clinic.schema).await.unwrap();
    for number in 0..8 {
        pair(clinic, &mine, 100 + number).await.unwrap();
    }
    let conn = rusqlite::Connection::open(&file).unwrap();
    let busy: i64 = conn.query_row("PRAGMA wal_checkpoint(RESTART)", [], |row| row.get(0)).unwrap();
    assert_eq!(busy, 0);
    let main = std::fs::read(&file).unwrap();
    let mut recorder = Recorder { clinic, file, watched: watched.clone(), commits: vec![] };
    let old = recorder.wal().len();
    recorder.committed().await;
    let mut end = 0;
    for number in 0..6 {
        pair(clinic, &mine, number).await.unwrap();
        if number == 2 && isolation == Isolation::Pooled {
            let end_before = frames_of_first_salt(&recorder.wal());
            recorder.commits.push((end_before, Recorder::state(clinic, &watched).await));
            clinic.test.engine.adopt(&newcomer, &clinic.script, &copy, of(TENANT)).await.unwrap();
        }
        end = frames_of_first_salt(&recorder.wal());
        recorder.commits.push((end, Recorder::state(clinic, &watched).await));
    }
    assert!(recorder.wal().len() == old.max(end), "the -wal was written from its start again");
    let wal = recorder.wal();
    (Recorded { main, wal, commits: recorder.commits }, watched)
}

/// Returns the end of the frames of the current round of the `-wal`: those with the salt of its header.
fn frames_of_first_salt(wal: &[u8]) -> usize {
    let salt = &wal[16..24];
    let frames = wal[HEADER..].chunks_exact(FRAME).take_while(|frame| &frame[8..16] == salt).count();
    HEADER + frames * FRAME
}

/// Opens the files that a crash would have left, and compares their contents.
async fn check(clinic: &Clinic, recorded: &Recorded, watched: &[Place], wal: &[u8], length: usize) {
    let name = "crashed";
    let at: Vec<Place> = watched
        .iter()
        .map(|place| Place { physical: PhysicalName::parse(name).unwrap(), ..place.clone() })
        .collect();
    let main = clinic.test.file(&at[0]);
    let beside = |suffix: &str| PathBuf::from(format!("{}{suffix}", main.display()));
    std::fs::write(&main, &recorded.main).unwrap();
    std::fs::write(beside("-wal"), wal).unwrap();
    let found = Recorder::state(clinic, &at).await;
    assert!(found == recorded.expected(length), "{length} bytes of the -wal make another state");
    whole(&main);
    for file in [main.clone(), beside("-wal"), beside("-shm")] {
        remove(&file);
    }
}

fn remove(path: &Path) {
    drop(std::fs::remove_file(path));
}

async fn every_end_of_the_wal(isolation: Isolation) {
    let clinic = Clinic::new_on(TestEngine::in_memory(16)).await;
    let (recorded, watched) = record(&clinic, isolation).await;
    let end = recorded.commits.last().unwrap().0;
    let (mut random, mut states) = (Random::new(7, 0), 0);
    // The `-wal` ends after every frame, and inside frames.
    let mut cuts: Vec<usize> = (0..(end - HEADER) / FRAME).map(|frame| HEADER + frame * FRAME).collect();
    cuts.extend([0, 1, HEADER - 1, end, end - 1]);
    for _ in 0..dose(450, 20_000) {
        cuts.push(random.below(end));
    }
    for cut in cuts {
        check(&clinic, &recorded, &watched, &recorded.wal[..cut], cut).await;
        states += 1;
    }
    // Torn: one bit differs, so that frame and all later frames do not count.
    for number in 0..dose(900, 40_000) {
        let last = if number % 2 == 0 { end } else { HEADER + 3 * FRAME };
        let at = random.below(last);
        let mut wal = recorded.wal.clone();
        wal[at] ^= 1 << random.below(8);
        let before = if at < HEADER { 0 } else { HEADER + (at - HEADER) / FRAME * FRAME };
        check(&clinic, &recorded, &watched, &wal, before).await;
        states += 1;
    }
    // Never written: after a frame come zeros or the previous contents.
    for _ in 0..dose(150, 2000) {
        let cut = HEADER + random.below((end - HEADER) / FRAME) * FRAME;
        let mut wal = recorded.wal[..cut].to_vec();
        wal.resize(end, 0);
        check(&clinic, &recorded, &watched, &wal, cut).await;
        states += 1;
    }
    let what = if isolation == Isolation::Pooled { "T9 wal of a pool" } else { "T9 wal" };
    tried(what, states, "torn or cut ends of the -wal");
}

#[tokio::test]
async fn every_end_of_the_wal_is_a_committed_state() {
    every_end_of_the_wal(Isolation::Database).await;
}

#[tokio::test]
async fn every_end_of_the_wal_of_a_pool_is_a_committed_state_of_all() {
    every_end_of_the_wal(Isolation::Pooled).await;
}
