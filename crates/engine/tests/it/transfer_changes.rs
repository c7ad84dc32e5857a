//! Catching up: after any sequence of writes during a copy, split into rounds anywhere, the copy equals the original.

use crate::{
    records_direct::Direct,
    records_kit::{delete, insert, insert_as, update},
    transfer_kit::*,
};
use proptest::prelude::*;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};
use tenantry_engine::{
    CaughtUp, Kind,
    migration::{Op, Statements},
    place::{Isolation, Place},
    query::{Change, RecordId},
    value::Value,
};
use tenantry_testkit::{dose, property, tried};

#[derive(Debug, Clone)]
enum Step {
    Insert {
        id: Option<i64>,
        email: Option<u8>,
        mentor: Option<i64>,
    },
    Update {
        id: i64,
        email: Option<u8>,
        mentor: Option<i64>,
    },
    /// Two doctors exchange their unique addresses by way of a third value.
    Exchange {
        one: i64,
        other: i64,
    },
    Delete {
        id: i64,
    },
    Hospital {
        id: u8,
    },
    CloseHospital {
        id: u8,
    },
    Round {
        most: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let email = || prop::option::of(0..6_u8);
    let mentor = || prop::option::of(1..9_i64);
    prop_oneof![
        3 => (prop::option::of(1..12_i64), email(), mentor()).prop_map(|(id, email, mentor)| Step::Insert { id, email, mentor }),
        4 => (1..9_i64, email(), mentor()).prop_map(|(id, email, mentor)| Step::Update { id, email, mentor }),
        2 => (1..9_i64, 1..9_i64).prop_map(|(one, other)| Step::Exchange { one, other }),
        3 => (1..9_i64).prop_map(|id| Step::Delete { id }),
        1 => (0..3_u8).prop_map(|id| Step::Hospital { id }),
        1 => (0..3_u8).prop_map(|id| Step::CloseHospital { id }),
        3 => (1..6_u64).prop_map(|most| Step::Round { most }),
    ]
}

fn hospital(id: u8) -> RecordId {
    RecordId::Uuid(uuid::Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 | u128::from(id)))
}

/// Returns the changes of a step. Some may be refused.
fn changes(step: &Step) -> Vec<Change> {
    let list = |email: Option<u8>, mentor: Option<i64>| {
        let email = email.map(|e| format!("{e}@y"));
        [("name", format!("Dr. {email:?}").into()), ("email", email.into()), ("mentor", mentor.into())]
    };
    let email =
        |id: i64, value: &str| update("doctors", &RecordId::Integer(id), None, &[("email", value.into())]);
    match *step {
        Step::Insert { id: None, email, mentor } => vec![insert("doctors", &list(email, mentor))],
        Step::Insert { id: Some(id), email, mentor } => {
            vec![insert_as("doctors", RecordId::Integer(id), &list(email, mentor))]
        }
        Step::Update { id, email, mentor } => {
            vec![update("doctors", &RecordId::Integer(id), None, &list(email, mentor))]
        }
        Step::Exchange { one, other } => {
            let (a, b) = (format!("{one}@own"), format!("{other}@own"));
            vec![email(one, "third@own"), email(other, &a), email(one, &b)]
        }
        Step::Delete { id } => vec![delete("doctors", &RecordId::Integer(id), None)],
        Step::Hospital { id } => {
            vec![insert_as("hospitals", hospital(id), &[("name", "City Clinic".into())])]
        }
        Step::CloseHospital { id } => vec![delete("hospitals", &hospital(id), None)],
        Step::Round { .. } => vec![],
    }
}

impl Clinic {
    async fn round(&self, from: &Place, to: &Place, after: u64, most: u64) -> CaughtUp {
        self.test.engine.copy_changes(from, to, &self.script, MARK, after, most).await.unwrap()
    }

    /// Runs rounds until no change is left. Repeats each round but the last, as after a crash.
    async fn catch_up(&self, from: &Place, to: &Place, mut after: u64, most: u64) -> u64 {
        loop {
            let now = self.round(from, to, after, most).await;
            assert!(now.changes <= most && now.seq >= after);
            if now.changes < most {
                return now.seq;
            }
            assert_eq!(self.round(from, to, after, most).await, now);
            after = now.seq;
        }
    }

    async fn same(&self, old: &Place, new: &Place) {
        assert_eq!(self.digest(new).await, self.digest(old).await);
        assert_eq!(self.lines(new).await, self.lines(old).await);
        assert_eq!(self.usage(new).await.rows, self.usage(old).await.rows);
        for text in ["dr", "city", "angstrom", "third"] {
            assert_eq!(self.search(new, text).await, self.search(old, text).await, "{text}");
        }
        let session = self.test.engine.session(new, &self.schema).await.unwrap();
        if new.isolation == Isolation::Pooled {
            let counted = session.usage().await.unwrap();
            assert_eq!(self.counted_anew(new), counted.bytes);
        }
        self.is_sound(new);
    }

    /// Returns the bytes of a pooled tenant, recounted from its rows.
    fn counted_anew(&self, place: &Place) -> u64 {
        let kit = Direct::reader(&self.test.file(place), place);
        kit.recounted().bytes
    }
}

/// Fencing token of the move.
const MARK: i64 = 1_000;

async fn any_sequence(from: Isolation, to: Isolation, steps: &[Step], copy_at: usize) {
    let clinic = Clinic::new().await;
    let (old, new) = (place(from, TENANT, 1), place(to, TENANT, 2));
    clinic.make(&old).await;
    clinic.test.engine.record_changes(&old, MARK).await.unwrap();
    let trimmed = clinic.test.engine.trim_activity(&old, jiff::Timestamp::now(), 9).await;
    assert_eq!(*trimmed.unwrap_err().kind(), Kind::Busy, "{old}: the copy would have other entries");
    let neighbours = clinic.neighbours().await;
    let mut seq = None;
    for (number, step) in steps.iter().enumerate() {
        if number == copy_at {
            clinic.carry(&old, &new).await.unwrap();
            seq = Some(0);
        }
        match (step, &mut seq) {
            (Step::Round { most }, Some(seq)) => *seq = clinic.round(&old, &new, *seq, *most).await.seq,
            (step, _) => drop(clinic.write(&old, &changes(step)).await),
        }
    }
    clinic.catch_up(&old, &new, seq.unwrap(), 3).await;
    clinic.test.engine.open_filled(&new, MARK).await.unwrap();
    clinic.same(&old, &new).await;
    assert_eq!(clinic.neighbours().await, neighbours);
    assert_eq!(clinic.next_id(&new).await, clinic.next_id(&old).await, "no id twice");
}

#[test]
fn any_sequence_of_writes_is_caught_up_with() {
    property(dose(6, 400), (prop::collection::vec(step(), 10..40), 0..10_usize), |(steps, copy_at)| {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        for (from, to) in WAYS {
            runtime.block_on(any_sequence(from, to, &steps, copy_at));
        }
        tried("T8 catching up", 4, "sequences of writes beside a copy");
    });
}

/// Writers continue until the fence stops them. Every acknowledged write is in the copy.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_before_the_fence_is_in_the_copy() {
    for (from, to) in WAYS {
        let clinic = Arc::new(Clinic::new().await);
        let (old, new) = (place(from, TENANT, 1), place(to, TENANT, 2));
        clinic.make(&old).await;
        let fenced = Arc::new(AtomicBool::new(false));
        let writers: Vec<_> = (0..3_u8)
            .map(|writer| {
                let (clinic, old, fenced) = (clinic.clone(), old.clone(), fenced.clone());
                tokio::spawn(async move {
                    let mut done = vec![];
                    for number in 0.. {
                        let name = format!("w{writer} n{number}");
                        let before = fenced.load(Relaxed);
                        match clinic
                            .write(&old, &[insert("doctors", &[("name", name.as_str().into())])])
                            .await
                        {
                            Ok(_) => assert!(!before, "a write after the fence"),
                            Err(error) if *error.kind() == Kind::Fenced => return done,
                            Err(error) => panic!("{error}"),
                        }
                        done.push(name);
                        tokio::task::yield_now().await;
                    }
                    done
                })
            })
            .collect();
        let engine = &clinic.test.engine;
        engine.record_changes(&old, MARK).await.unwrap();
        clinic.carry(&old, &new).await.unwrap();
        let seq = clinic.round(&old, &new, 0, 20).await.seq;
        engine.fence_recorded(&old, MARK).await.unwrap();
        fenced.store(true, Relaxed);
        clinic.catch_up(&old, &new, seq, 50).await;
        assert_eq!(clinic.digest(&new).await, clinic.digest(&old).await, "{from:?} -> {to:?}");
        let mut all = vec![];
        for writer in writers {
            all.extend(writer.await.unwrap());
        }
        let names = clinic.names(&new).await;
        assert!(all.len() > 3 && all.iter().all(|name| names.contains(name)), "{} writes", all.len());
        clinic.is_sound(&new);
        // The move is undone: the old place opens again, and its recording is deleted.
        engine.stop_recording(&old, MARK).await.unwrap();
        engine.lift_fence(&old, Some(MARK)).await.unwrap();
        clinic.next_id(&old).await;
    }
}

#[tokio::test]
async fn a_migration_in_between_is_noticed() {
    let clinic = Clinic::new().await;
    let (old, new) = (place(Isolation::Database, TENANT, 1), place(Isolation::Database, TENANT, 2));
    clinic.make(&old).await;
    let engine = &clinic.test.engine;
    clinic.carry(&old, &new).await.unwrap();
    let refused = engine.copy_changes(&old, &new, &clinic.script, MARK, 0, 9).await;
    assert_eq!(*refused.unwrap_err().kind(), Kind::Fenced, "nothing is recorded");
    engine.record_changes(&old, MARK).await.unwrap();
    engine.record_changes(&old, MARK).await.unwrap();
    let statements = Statements { sqlite: vec!["UPDATE doctors SET age = 1".into()], ..Default::default() };
    let data = migrations(vec![vec![Op::Data { store: store(), statements }]]);
    engine.migrate(&old, &data).await.unwrap();
    let refused = engine.copy_changes(&old, &new, &clinic.script, MARK, 0, 9).await;
    assert_eq!(*refused.unwrap_err().kind(), Kind::SchemaBehind);
    assert_eq!(*engine.record_changes(&new_generation(&old), MARK).await.unwrap_err().kind(), Kind::Fenced);
}

fn new_generation(place: &Place) -> Place {
    Place { generation: place.generation + 1, ..place.clone() }
}

/// While no operation records, a write changes no additional row. When recording ends, nothing is left.
#[test]
fn recording_costs_nothing_while_it_is_off() {
    for isolation in [Isolation::Database, Isolation::Pooled] {
        let kit = Direct::new(isolation);
        let mentor = kit.one(insert("doctors", &[("name", "Mentor".into())])).id;
        let RecordId::Integer(number) = mentor else { panic!("an integer id") };
        let changed = |kit: &Direct| {
            let before = kit.conn.total_changes();
            let doctor =
                |n: i64| insert("doctors", &[("name", format!("{n}").into()), ("mentor", number.into())]);
            let made = kit.apply(&[doctor(1), doctor(2)]).unwrap();
            kit.one(update("doctors", &made[0].id, None, &[("age", Value::Integer(3))]));
            kit.apply(&[delete("doctors", &made[0].id, None), delete("doctors", &made[1].id, None)]).unwrap();
            kit.conn.total_changes() - before
        };
        let (off, again) = (changed(&kit), changed(&kit));
        assert_eq!(off, again);
        assert_eq!(kit.integer("SELECT count(*) FROM _tenantry_changes"), 0);
        kit.conn.execute_batch("UPDATE _tenantry_place SET recorder = 1 WHERE tenant = 7").unwrap();
        assert_eq!(changed(&kit), off + 5, "one line for each touched record");
        // A record that loses its reference counts as touched.
        kit.one(insert("doctors", &[("name", "pupil".into()), ("mentor", number.into())]));
        kit.conn.execute_batch("DELETE FROM _tenantry_changes").unwrap();
        kit.one(delete("doctors", &mentor, None));
        assert_eq!(kit.integer("SELECT count(DISTINCT id) FROM _tenantry_changes WHERE tenant = 7"), 2);
    }
}

/// A late caller, with the fencing token of a finished move or repeating one of its own steps, changes nothing.
#[tokio::test]
async fn a_worker_that_comes_late_changes_nothing_two_workers_late_writer() {
    const LATE: i64 = 2_000;
    for (from, to) in WAYS {
        let clinic = Clinic::new().await;
        let (old, new) = (place(from, TENANT, 1), place(to, TENANT, 2));
        clinic.make(&old).await;
        let engine = &clinic.test.engine;
        let late_fence = async || engine.fence_recorded(&old, LATE).await.unwrap_err().kind().clone();
        assert_eq!(late_fence().await, Kind::Fenced, "undone before it fenced");
        engine.record_changes(&old, MARK).await.unwrap();
        clinic.carry(&old, &new).await.unwrap();
        assert_eq!(late_fence().await, Kind::Fenced, "another is at it");
        let write =
            async |place: &Place| clinic.write(place, &[insert("doctors", &[("name", "N".into())])]).await;
        assert_eq!(*write(&new).await.unwrap_err().kind(), Kind::Fenced, "closed until it is opened");
        write(&old).await.unwrap();
        engine.stop_recording(&old, LATE).await.unwrap();
        assert_eq!(*engine.record_changes(&old, LATE).await.unwrap_err().kind(), Kind::Fenced);
        assert_eq!(engine.place_info(&old).await.unwrap().recorder, Some(MARK), "another is at it");
        engine.fence_recorded(&old, MARK).await.unwrap();
        engine.lift_fence(&old, Some(LATE)).await.unwrap();
        assert_eq!(*write(&old).await.unwrap_err().kind(), Kind::Fenced, "another's fence stays");
        clinic.catch_up(&old, &new, 0, 50).await;
        assert_eq!(clinic.digest(&new).await, clinic.digest(&old).await);
        let unlike = async |after| {
            let all = engine.compare_unwritten(&old, &new, &clinic.script, after).await.unwrap();
            all.iter().map(|diff| diff.added + diff.changed + diff.removed).sum::<u64>()
        };
        engine.open_filled(&new, MARK).await.unwrap();
        engine.open_filled(&new, MARK).await.unwrap();
        assert_eq!(unlike(0).await, 0);
        write(&new).await.unwrap();
        assert_eq!(unlike(0).await, 0, "what was written since is left out");
        assert_eq!(unlike(u64::MAX >> 1).await, 1, "and only that");
        let late = engine.copy_changes(&old, &new, &clinic.script, MARK, 0, 50).await;
        assert_eq!(*late.unwrap_err().kind(), Kind::Fenced, "nothing is carried into a place in use");
        clinic.carry(&old, &new).await.unwrap();
        write(&new).await.unwrap();
        engine.stop_recording(&new, MARK).await.unwrap();
        assert_eq!(engine.place_info(&new).await.unwrap().recorder, None);
    }
}
