//! `open_cold`, `open_warm`: reads from many more tenants than may be open at once.

use super::fleet::template;
use super::library::Library;
use super::{Options, spread};
use crate::baseline::files::Fleet;
use crate::home::Home;
use crate::report::Entry;
use crate::rounds::quantile;
use anyhow::{Result, ensure};
use std::path::Path;
use std::time::Duration;

/// Runs the benchmarks if requested: 10,000 tenants, of which the configuration allows 500 to be open.
pub(crate) fn run(options: &Options, scratch: &Path) -> Result<Vec<Entry>> {
    if !options.wants("open_cold") || options.against_itself {
        return Ok(Vec::new());
    }
    eprintln!("open_cold …");
    let dir = scratch.join("open");
    let (tenants, reads) = (options.count(10_000_u32, 30), options.count(10_000_u32, 60));
    let home = Home::new(&dir.join("home"), &options.server)?;
    let copy = template(&home, &dir)?;
    let connection = rusqlite::Connection::open(&copy)?;
    connection.execute_batch(PATIENT)?;
    connection.close().map_err(|(_, error)| error)?;
    let theirs = Fleet::new(&dir.join("files"), &copy, tenants)?;
    let mut ours = Library::open(&home)?;
    ours.skip(1);
    ours.create(tenants - 1)?;
    (1..=tenants).try_for_each(|n| ours.insert(n))?;
    let (mut cold_theirs, mut cold_ours, mut warm) = (Vec::new(), Vec::new(), Vec::new());
    for n in 0..reads {
        let pick = u32::try_from(spread(u64::from(n)) % u64::from(tenants))?;
        cold_theirs.push(theirs.open_and_read(pick as usize, "patients")?);
        cold_ours.push(ours.read(pick + 1)?);
        // Read the same tenant again: its database is open now.
        warm.push(ours.read(pick + 1)?);
    }
    ours.close();
    ensure!(cold_ours.len() == reads as usize, "reads went missing");
    let entry = |name: &str, ours: &[Duration], part| {
        Entry::cost(name, "µs", at(ours, part), at(&cold_theirs, part), options.quick)
    };
    Ok(vec![
        entry("open_cold", &cold_ours, 0.5),
        entry("open_cold_p99", &cold_ours, 0.99),
        entry("open_warm", &warm, 0.5),
    ])
}

const PATIENT: &str = "INSERT INTO patients (name, created_at, updated_at) VALUES ('Patient', '', '')";

fn at(taken: &[Duration], part: f64) -> f64 {
    quantile(taken.iter().map(|d| d.as_secs_f64() * 1e6), part)
}
