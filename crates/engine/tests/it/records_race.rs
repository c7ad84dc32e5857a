//! Several connections write concurrently (`late-writer` and `quota-race`): quotas are never exceeded, ids never
//! repeat, and nothing is written after a fence.

use crate::records_kit::*;
use std::sync::atomic::{AtomicBool, Ordering};
use tenantry_engine::Kind;

#[test]
fn a_quota_holds_against_many_writers() {
    const WRITERS: usize = 4;
    const LIMIT: u64 = 40;
    for isolation in BOTH {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.db");
        let mut kit = Kit::in_file(&path, isolation);
        kit.options.max_rows = Some(LIMIT);
        let work = |writer: Kit| {
            let tries =
                (0..20).map(|n| writer.apply(&[insert("doctors", &[("name", format!("{n}").into())])]));
            let refusals = tries.filter_map(Result::err).map(|e| e.kind().clone()).collect::<Vec<_>>();
            assert!(refusals.iter().all(|kind| *kind == Kind::Limit("rows")), "{refusals:?}");
            20 - refusals.len()
        };
        let done: usize = std::thread::scope(|scope| {
            let writers: Vec<_> = (0..WRITERS).map(|_| kit.again(&path)).collect();
            let threads: Vec<_> = writers.into_iter().map(|writer| scope.spawn(|| work(writer))).collect();
            threads.into_iter().map(|t| t.join().unwrap()).sum()
        });
        assert_eq!(done as u64, LIMIT);
        assert_eq!(kit.integer("SELECT count(DISTINCT id) FROM doctors"), 40);
        assert_eq!(kit.integer("SELECT rows FROM _tenantry_place WHERE tenant = 7"), 40);
    }
}

#[test]
fn nothing_is_written_after_a_fence() {
    for isolation in BOTH {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.db");
        let kit = Kit::in_file(&path, isolation);
        let fencer = kit.again(&path);
        let (done, writer) = (AtomicBool::new(false), kit.again(&path));
        let stop = &done;
        std::thread::scope(|scope| {
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    match writer.apply(&[insert("doctors", &[("name", "x".into())])]) {
                        Ok(_) => {}
                        Err(error) => assert_eq!(error.kind(), &Kind::Fenced),
                    }
                }
            });
            while kit.integer("SELECT count(*) FROM doctors") < 10 {
                std::thread::yield_now();
            }
            fencer.conn.execute_batch("UPDATE _tenantry_place SET state = 'fenced'").unwrap();
            let rows = kit.integer("SELECT count(*) FROM doctors");
            for _ in 0..50 {
                assert_eq!(kit.integer("SELECT count(*) FROM doctors"), rows, "{isolation:?}");
                std::thread::yield_now();
            }
            stop.store(true, Ordering::Relaxed);
        });
    }
}
