//! Walks the whole chain and compares it with the published heads. Called by the command line and test suites. Only
//! reads.

use super::{Head, Row, hash_row, page_after};
use crate::{Result, control::Control};
use std::collections::HashMap;

const PAGE: i64 = 1000;

/// Fault of a file without heads: every commit publishes its head, so a log with rows has published some.
const BARE: &str = "audit.heads has no head although the log has rows: the file was emptied, removed or damaged, and \
    cannot show whether the log was cut off; compare with heads that were stored elsewhere";

/// Result of a verification.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Report {
    /// Number of rows in the log.
    pub rows: i64,
    /// Number of published heads that were compared.
    pub heads: usize,
    /// Number of published heads that a crash has torn, so that they cannot be compared.
    pub torn: usize,
    /// Head of the newest row. Store it elsewhere and pass it to a later verification.
    pub head: Head,
    /// Every fault in words, with the id of its row. Empty if the log is intact.
    pub faults: Vec<String>,
}

/// Finds every edited, inserted, removed or reordered row, and a truncated end. The chain must have no gaps, and must
/// contain every head of the published file and of `known` (heads that an operator has stored).
///
/// # Errors
/// Returns the errors of reading the log or the file. A fault of the chain is not an error.
pub async fn verify(control: &Control, known: &[Head]) -> Result<Report> {
    // Read the file first: rows that are committed in the meantime only make the log longer than the heads.
    let mut expected: HashMap<i64, Vec<String>> = HashMap::new();
    let (published, torn) = control.heads().slots()?;
    // If several hosts share a control store, a host that has committed nothing has no head of its own.
    let is_excused = control.is_shared() && !known.is_empty();
    let is_bare = control.heads().has_file() && published.is_empty() && !is_excused;
    for head in published.into_iter().chain(known.iter().cloned()) {
        expected.entry(head.id).or_default().push(head.hash);
    }
    let mut report = Report { heads: expected.len(), torn, ..Report::default() };
    loop {
        let mut tx = control.snapshot().await?;
        let page = page_after(&mut tx, report.head.id, PAGE).await?;
        if page.is_empty() {
            break;
        }
        page.into_iter().for_each(|row| check(row, &mut report, &mut expected));
    }
    let mut cut: Vec<_> = expected.into_keys().filter(|id| *id > 0).collect();
    cut.sort_unstable();
    if is_bare && report.rows > 0 {
        report.faults.push(BARE.to_owned());
    }
    report.faults.extend(cut.iter().map(|id| format!("row {id}: was published, is gone")));
    Ok(report)
}

fn check(row: Row, report: &mut Report, expected: &mut HashMap<i64, Vec<String>>) {
    let mut fault = |what: &str| report.faults.push(format!("row {}: {what}", row.id));
    if row.id != report.head.id + 1 {
        fault("rows before it are missing");
    } else if row.prev_hash != report.head.hash {
        fault("does not follow the row before it");
    }
    if hash_row(&row) != row.hash {
        fault("was edited");
    }
    if expected.remove(&row.id).is_some_and(|hashes| hashes.iter().any(|h| *h != row.hash)) {
        fault("differs from its published head");
    }
    report.rows += 1;
    report.head = Head { id: row.id, hash: row.hash };
}
