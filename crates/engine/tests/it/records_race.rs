//! Several writers at once, in one process and in two (`late-writer` and `quota-race`): quotas are never exceeded, ids
//! never repeat, and no write succeeds after a fence.

use crate::records_kit::*;
use std::sync::atomic::{AtomicBool, Ordering};
use tenantry_engine::{Kind, query::RecordId};

#[test]
fn a_quota_holds_against_many_writers() {
    const WRITERS: usize = 4;
    const LIMIT: u64 = 40;
    for case in cases() {
        let mut kit = Kit::new(case);
        kit.options.max_rows = Some(LIMIT);
        let work = |writer: &Kit| {
            let tries =
                (0..20).map(|n| writer.apply(&[insert("doctors", &[("name", format!("{n}").into())])]));
            let refusals = tries.filter_map(Result::err).map(|e| e.kind().clone()).collect::<Vec<_>>();
            assert!(refusals.iter().all(|kind| *kind == Kind::Limit("rows")), "{refusals:?}");
            20 - refusals.len()
        };
        // Two processes run two writers each.
        let other = kit.again();
        let (work, kit) = (&work, &kit);
        let done: usize = std::thread::scope(|scope| {
            let writers = (0..WRITERS).map(|n| if n % 2 == 0 { kit } else { &other });
            let threads: Vec<_> = writers.map(|writer| scope.spawn(move || work(writer))).collect();
            threads.into_iter().map(|t| t.join().unwrap()).sum()
        });
        assert_eq!(done as u64, LIMIT, "{case:?}");
        assert_eq!(kit.stored("doctors"), 40);
        assert_eq!(kit.counted().rows, 40);
    }
}

#[test]
fn nothing_is_written_after_a_fence() {
    for case in cases() {
        let kit = Kit::new(case);
        let (done, writers) = (AtomicBool::new(false), [kit.again(), kit.again()]);
        let stop = &done;
        std::thread::scope(|scope| {
            for writer in &writers {
                scope.spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        match writer.apply(&[insert("doctors", &[("name", "x".into())])]) {
                            Ok(_) => {}
                            Err(error) => assert_eq!(error.kind(), &Kind::Fenced),
                        }
                    }
                });
            }
            while kit.stored("doctors") < 10 {
                std::thread::yield_now();
            }
            runtime().block_on(kit.engine.fence(&kit.place, true)).unwrap();
            let rows = kit.stored("doctors");
            for _ in 0..50 {
                assert_eq!(kit.stored("doctors"), rows, "{case:?}");
                std::thread::yield_now();
            }
            stop.store(true, Ordering::Relaxed);
        });
    }
}

/// Writes that wait at the same time share a transaction, and each is judged separately.
#[test]
fn a_refused_write_harms_no_neighbour() {
    const ROUNDS: i64 = 12;
    for case in cases() {
        let kit = Kit::new(case);
        kit.one(insert("doctors", &[("name", "first".into())]));
        let change = |number: i64| match number % 4 {
            0 => insert("doctors", &[("name", format!("good {number}").into())]),
            1 => insert("doctors", &[("name", "same".into()), ("email", "same@x".into())]),
            2 => insert("doctors", &[("name", "lost".into()), ("mentor", 999_999.into())]),
            _ => update("doctors", &RecordId::Integer(888_888), None, &[("age", 3.into())]),
        };
        let outcomes = runtime().block_on(async {
            let session = kit.engine.session(&kit.place, &kit.schema).await.unwrap();
            let writing = (0..4 * ROUNDS).map(|number| {
                let (session, options) = (session.clone(), kit.options.clone());
                let change = change(number);
                tokio::spawn(async move { session.write(vec![change], &options).await })
            });
            let mut outcomes = vec![];
            for writing in writing.collect::<Vec<_>>() {
                outcomes.push(writing.await.unwrap().map_err(|error| error.kind().clone()));
            }
            outcomes
        });
        let mut same = 0;
        for (number, outcome) in outcomes.into_iter().enumerate() {
            match (number % 4, outcome) {
                (0, Ok(written)) => assert_eq!(written.len(), 1, "{case:?}"),
                (1, Ok(_)) => same += 1,
                (1, Err(Kind::Unique(fields))) => assert_eq!(fields, ["email"], "{case:?}"),
                (2, Err(Kind::Invalid(field, _))) => assert_eq!(field, "mentor", "{case:?}"),
                (3, Err(Kind::NotFound)) => {}
                (_, other) => panic!("{case:?}, write {number}: {other:?}"),
            }
        }
        assert_eq!(same, 1, "{case:?}");
        assert_eq!(kit.stored("doctors"), 1 + ROUNDS + 1, "{case:?}");
        assert_eq!(kit.usage().unwrap(), kit.counted());
        assert_eq!(kit.counted(), kit.recounted(), "{case:?}");
    }
}
