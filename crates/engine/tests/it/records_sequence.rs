//! Compares random sequences of changes with a model in memory, on every database and in every isolation: the same
//! outcomes, the same rows, correct counters, a matching full-text index, and unchanged neighbours.

use crate::records_kit::*;
use proptest::prelude::*;
use std::collections::BTreeMap;
use tenantry_engine::{
    Kind,
    query::{Change, Filter, RecordId},
    value::Value,
};
use tenantry_testkit::property;

#[derive(Debug, Clone)]
enum Step {
    Insert { email: Option<u8>, mentor: Option<i64> },
    Update { id: i64, expected: Option<i64>, email: Option<u8>, mentor: Option<i64> },
    Delete { id: i64, expected: Option<i64> },
}

fn step() -> impl Strategy<Value = Step> {
    let email = || prop::option::of(0..4_u8);
    let mentor = || prop::option::of(1..7_i64);
    let expected = || prop::option::weighted(0.3, 1..4_i64);
    prop_oneof![
        3 => (email(), mentor()).prop_map(|(email, mentor)| Step::Insert { email, mentor }),
        3 => (1..7_i64, expected(), email(), mentor())
            .prop_map(|(id, expected, email, mentor)| Step::Update { id, expected, email, mentor }),
        2 => (1..7_i64, expected()).prop_map(|(id, expected)| Step::Delete { id, expected }),
    ]
}

#[derive(Debug, Clone, PartialEq)]
struct Doctor {
    email: Option<u8>,
    mentor: Option<i64>,
    version: i64,
}

/// The expected state, in plain Rust.
#[derive(Debug, Clone, Default)]
struct Model {
    rows: BTreeMap<i64, Doctor>,
    last: i64,
}

impl Model {
    fn run(&mut self, step: &Step) -> Result<(), Kind> {
        match *step {
            Step::Insert { email, mentor } => {
                let id = self.last + 1;
                self.check(id, email, mentor)?;
                self.rows.insert(id, Doctor { email, mentor, version: 1 });
                self.last = id;
            }
            Step::Update { id, expected, email, mentor } => {
                let version = self.found(id, expected)?;
                self.check(id, email, mentor)?;
                let same = Doctor { email, mentor, version };
                let version = if self.rows.get(&id) == Some(&same) { version } else { version + 1 };
                self.rows.insert(id, Doctor { email, mentor, version });
            }
            Step::Delete { id, expected } => {
                self.found(id, expected)?;
                self.rows.remove(&id);
                for pupil in self.rows.values_mut().filter(|d| d.mentor == Some(id)) {
                    *pupil = Doctor { email: pupil.email, mentor: None, version: pupil.version + 1 };
                }
            }
        }
        Ok(())
    }

    fn found(&self, id: i64, expected: Option<i64>) -> Result<i64, Kind> {
        let version = self.rows.get(&id).ok_or(Kind::NotFound)?.version;
        // The delete of a row that mentors itself updates the row, after its version was compared.
        if expected.is_some_and(|e| e != version) { Err(Kind::Conflict(version)) } else { Ok(version) }
    }

    fn check(&self, id: i64, email: Option<u8>, mentor: Option<i64>) -> Result<(), Kind> {
        if email.is_some() && self.rows.iter().any(|(other, d)| *other != id && d.email == email) {
            return Err(Kind::Unique(vec!["email".into()]));
        }
        match mentor {
            Some(mentor) if mentor != id && !self.rows.contains_key(&mentor) => {
                Err(dangling_to("mentor", &format!("{mentor} of doctors")))
            }
            _ => Ok(()),
        }
    }
}

fn change(step: &Step) -> Change {
    let list = |email: Option<u8>, mentor: Option<i64>| {
        let email = email.map(|e| format!("{e}@x"));
        [("name", "somebody".into()), ("email", email.into()), ("mentor", mentor.into())]
    };
    match *step {
        Step::Insert { email, mentor } => insert("doctors", &list(email, mentor)),
        Step::Update { id, expected, email, mentor } => {
            update("doctors", &RecordId::Integer(id), expected, &list(email, mentor))
        }
        Step::Delete { id, expected } => delete("doctors", &RecordId::Integer(id), expected),
    }
}

fn stored(kit: &Kit) -> BTreeMap<i64, Doctor> {
    let rows = kit.pages("doctors", &Default::default(), None).unwrap();
    let doctor = |row: Vec<Value>| {
        let integer = |field: &str| match kit.column("doctors", &row, field) {
            Value::Integer(i) => Some(i),
            _ => None,
        };
        let email = match kit.column("doctors", &row, "email") {
            Value::Text(t) => t[..1].parse().ok(),
            _ => None,
        };
        let version = integer("version").unwrap();
        (integer("id").unwrap(), Doctor { email, mentor: integer("mentor"), version })
    };
    rows.into_iter().map(doctor).collect()
}

/// Checks that the search has the words of the rows and no others.
fn search_is_whole(kit: &Kit, rows: usize) {
    match kit.case.on {
        On::Sqlite => {
            kit.side().run("INSERT INTO doctors__fts(doctors__fts, rank) VALUES ('integrity-check', 1)")
        }
        On::Postgres(_) => {
            let wrong =
                "SELECT count(*) FROM doctors WHERE _search IS DISTINCT FROM $$'somebody':2$$::tsvector";
            assert_eq!(kit.side().integer(wrong), 0);
        }
        #[cfg(feature = "mongodb")]
        On::Mongo => {
            let script = std::sync::Arc::new(
                tenantry_engine::Script::new(kit.schema.store(), &migrations(&models())).unwrap(),
            );
            let faults = runtime().block_on(kit.engine.check_search(&kit.place, &script)).unwrap();
            assert_eq!(faults, []);
        }
    }
    assert_eq!(kit.count(&Filter::All(vec![]), Some("some"), None).unwrap(), rows as u64);
}

#[test]
fn changes_agree_with_a_model_in_memory() {
    let kits = kits();
    property(60, prop::collection::vec(prop::collection::vec(step(), 1..4), 1..15), |batches| {
        for kit in &mut *kits.borrow_mut() {
            let mut before = vec![];
            if kit.reset().case.is_pooled() {
                for neighbour in &TENANTS[1..] {
                    for mentor in [None, Some(1), Some(2), Some(1)] {
                        kit.act_as(*neighbour).one(change(&Step::Insert { email: None, mentor }));
                    }
                }
                before = kit.side().other_doctors();
                kit.act_as(TENANTS[0]);
            }
            let mut model = Model::default();
            for batch in &batches {
                let mut next = model.clone();
                let outcome = batch
                    .iter()
                    .enumerate()
                    .try_for_each(|(i, s)| next.run(s).map_err(|kind| (Some(i), kind)));
                let changes: Vec<_> = batch.iter().map(change).collect();
                let done = kit.apply(&changes).map(|_| ()).map_err(|e| (e.index(), e.kind().clone()));
                assert_eq!(&done, &outcome, "{:?} {:?}", kit.case, batch);
                if done.is_ok() {
                    model = next;
                }
                assert_eq!(stored(kit), model.rows.clone());
            }
            let counted = kit.counted();
            assert_eq!(counted.rows, model.rows.len() as u64);
            assert_eq!(kit.recounted(), counted);
            search_is_whole(kit, model.rows.len());
            if kit.case.is_pooled() {
                assert_eq!(kit.side().other_doctors(), before);
            }
        }
    });
}
