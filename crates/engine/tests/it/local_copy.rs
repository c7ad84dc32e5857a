//! Copies of shared models in memory.

use crate::records_kit::*;
use std::thread;
use tenantry_engine::{LocalCopy, place::Isolation, query::Select, row::Collect};

/// Threads that read at once read two tables.
#[test]
fn threads_that_read_at_once_see_the_same_rows() {
    let kit = Kit::new(Case { on: On::Sqlite, isolation: Isolation::Database });
    for number in 0..200 {
        kit.one(insert("hospitals", &[("name", format!("Hospital {number:03}").as_str().into())]));
    }
    let select = Select { limit: 500, ..Select::default() };
    let rows = kit.pages("hospitals", &select, None).unwrap();
    let copy = LocalCopy::new(&kit.schema, "hospitals", &rows, &[]).unwrap();
    let read = || {
        for _ in 0..50 {
            let (found, next) = copy.select(&select, Collect::default()).unwrap();
            assert_eq!((found.rows, next), (rows.clone(), None));
        }
    };
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(read);
        }
    });
}
