//! Tables and JSON for people and scripts, and the formats of times and sizes. Every command that lists something uses
//! it.

use crate::wire::Page;
use anyhow::Result;
use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;
use std::process::ExitCode;

/// Prints rows under a header in capitals, in plain columns that shell tools can cut.
pub(in crate::cli) fn print(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) {
    print_named(header.iter().map(|h| h.to_uppercase()), rows);
}

/// Prints a table whose headers are shown unchanged, because they are names of columns.
pub(in crate::cli) fn print_named(
    header: impl IntoIterator<Item = String>,
    rows: impl IntoIterator<Item = Vec<String>>,
) {
    say!("{}", text(header, rows));
}

fn text(header: impl IntoIterator<Item = String>, rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header);
    rows.into_iter().for_each(|row| {
        table.add_row(row);
    });
    // One long cell at the end would make every line as long.
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// Prints an answer as indented JSON.
pub(in crate::cli) fn json(answer: &impl Serialize) -> Result<ExitCode> {
    say!("{}", serde_json::to_string_pretty(answer)?);
    Ok(ExitCode::SUCCESS)
}

/// Prints a whole list as JSON.
pub(in crate::cli) fn all<T: Serialize>(items: impl IntoIterator<Item = impl Into<T>>) -> Result<ExitCode> {
    json(&Page::<T>::all(items))
}

/// Prints a page of a list as JSON. If the page is full, it includes `key` of its last item, with which `--after`
/// continues the list.
pub(in crate::cli) fn page<T: Serialize, K: ToString>(
    items: impl IntoIterator<Item = impl Into<T>>,
    limit: u32,
    key: impl Fn(&T) -> K,
) -> Result<ExitCode> {
    json(&Page::cut(items, (limit, u64::MAX), |item| key(item).to_string()))
}

/// Number of items in a page, for commands that show a list without pages.
pub(in crate::cli) const PAGE: u32 = 1000;

/// Returns all items of a list. `next` reads the page of [`PAGE`] items after an item, or the first page.
pub(in crate::cli) async fn every<T>(
    next: impl AsyncFn(Option<&T>) -> tenantry::Result<Vec<T>>,
) -> Result<Vec<T>> {
    let mut all = Vec::new();
    loop {
        let page = next(all.last()).await?;
        let is_last = page.len() < PAGE as usize;
        all.extend(page);
        if is_last {
            return Ok(all);
        }
    }
}

/// Formats a time for people, to the minute, which suffices in most cases.
pub(in crate::cli) fn at(us: i64) -> String {
    instant(us, "%Y-%m-%d %H:%M UTC")
}

/// Formats a time to the second, for events within seconds.
pub(in crate::cli) fn at_second(us: i64) -> String {
    instant(us, "%Y-%m-%d %H:%M:%S UTC")
}

fn instant(us: i64, format: &str) -> String {
    jiff::Timestamp::from_microsecond(us)
        .map_or_else(|_| us.to_string(), |at| at.strftime(format).to_string())
}

/// Formats a number with its noun: `1 tenant`, `2 tenants`.
pub(in crate::cli) fn count(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// Formats a number of bytes for people, in the units of the configuration's limits: 1.5 MiB.
pub(in crate::cli) fn bytes(n: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
    let n = n as f64;
    match n {
        n if n < 1024.0 => format!("{n} B"),
        n if n < 1_048_576.0 => format!("{:.1} KiB", n / 1024.0),
        n if n < 1_073_741_824.0 => format!("{:.1} MiB", n / 1_048_576.0),
        _ => format!("{:.1} GiB", n / 1_073_741_824.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_the_units_of_limits() {
        for (n, said) in
            [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (256 << 20, "256.0 MiB"), (3 << 30, "3.0 GiB")]
        {
            assert_eq!(bytes(n), said);
        }
    }

    #[test]
    fn a_long_last_cell_does_not_widen_the_others() {
        let rows = [vec!["1".to_owned(), "x".repeat(500)], vec!["2".into(), "short".into()]];
        let text = text(["id".to_owned(), "firstName".into()], rows);
        assert!(text.starts_with(" id  firstName\n"), "{text}");
        assert!(text.ends_with("short"), "{text}");
    }
}
