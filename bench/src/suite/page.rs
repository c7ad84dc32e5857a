//! `page_50`: the page of a list of 50 records, compared with the call of the API that reads the same records.

use super::Options;
use super::records::Side;
use crate::load;
use crate::report::Entry;
use crate::rounds::median;
use anyhow::{Result, ensure};
use std::path::Path;

/// Bound of the time that a page may take beyond its call of the API, in microseconds.
const BOUND_US: f64 = 1000.0;

/// Runs the benchmark if it was requested.
pub(crate) fn run(options: &Options, scratch: &Path) -> Result<Vec<Entry>> {
    if !options.wants("page_50") || options.against_itself {
        return Ok(Vec::new());
    }
    eprintln!("page_50 …");
    let side = Side::ours(&scratch.join("page"), &options.server)?;
    let (page, call) = (side.page(50), side.list(50));
    let (status, body) = load::once(side.addr(), &page)?;
    let rows = body.matches("<tr").count();
    ensure!(status == 200 && rows > 50, "no page of 50 records: {status}, {rows} rows");
    let requests = options.count(400, 20);
    let taken = |request: &[u8]| -> Result<f64> {
        let all = std::iter::repeat_n(request.to_vec(), requests);
        let taken = load::latencies(side.addr(), all)?;
        Ok(median(taken.iter().map(|one| one.as_secs_f64() * 1e6)))
    };
    let (mut pages, mut beyond) = (vec![], vec![]);
    for _ in 0..options.count(9, 1) {
        let (page, call) = (taken(&page)?, taken(&call)?);
        pages.push(page);
        beyond.push((page - call).max(0.0));
    }
    eprintln!("  the whole page: {:.1} µs", median(pages.into_iter()));
    Ok(vec![Entry::cost("page_50", "µs", median(beyond.into_iter()), BOUND_US, options.quick)])
}
