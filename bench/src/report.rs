//! The results: `bench.json` at the root, and a table for people.

use crate::rounds::Compared;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// One figure and its baseline.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
pub(crate) struct Entry {
    /// Name.
    pub(crate) name: String,
    /// Tenantry's figure.
    pub(crate) value: f64,
    /// Unit of value and baseline.
    pub(crate) unit: String,
    /// The baseline, measured in the same minutes.
    pub(crate) baseline: f64,
    /// Tenantry ÷ baseline, inverted for costs so that more is better.
    pub(crate) ratio: f64,
    /// Date of the measurement, UTC.
    pub(crate) date: String,
    /// Measured with small counts: proves that the benchmark works, not how fast it is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) quick: bool,
}

impl Entry {
    /// Creates an entry from rates: more is better.
    pub(crate) fn rate(name: &str, unit: &str, compared: Compared, quick: bool) -> Self {
        let Compared { ours, baseline, ratio } = compared;
        Self::new(name, unit, (ours, baseline, ratio), quick)
    }

    /// Creates an entry from costs (time, bytes, handles): less is better, so the ratio is inverted.
    pub(crate) fn cost(name: &str, unit: &str, ours: f64, baseline: f64, quick: bool) -> Self {
        let ratio = if ours > 0.0 { baseline / ours } else { 1.0 };
        Self::new(name, unit, (ours, baseline, ratio), quick)
    }

    fn new(name: &str, unit: &str, (value, baseline, ratio): (f64, f64, f64), quick: bool) -> Self {
        let date = jiff::Timestamp::now().strftime("%Y-%m-%d").to_string();
        let [value, baseline, ratio] = [value, baseline, ratio].map(|v| (v * 1000.0).round() / 1000.0);
        Self { name: name.into(), value, unit: unit.into(), baseline, ratio, date, quick }
    }
}

/// Replaces the entries of the same names; others stay.
pub(crate) fn write(path: &Path, new: &[Entry]) -> Result<()> {
    let mut entries: Vec<Entry> = match std::fs::read_to_string(path) {
        Ok(text) => serde_json::from_str(&text).with_context(|| format!("{} is not ours", path.display()))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    for entry in new {
        match entries.iter_mut().find(|old| old.name == entry.name) {
            Some(old) => *old = entry.clone(),
            None => entries.push(entry.clone()),
        }
    }
    // One entry per line, so that a changed figure changes one line.
    let lines: Vec<String> = entries.iter().map(serde_json::to_string).collect::<Result<_, _>>()?;
    std::fs::write(path, format!("[\n  {}\n]\n", lines.join(",\n  ")))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Prints the table.
pub(crate) fn print(entries: &[Entry]) {
    let mut table = comfy_table::Table::new();
    table.load_preset(comfy_table::presets::UTF8_FULL_CONDENSED);
    table.set_header(["benchmark", "ours", "baseline", "unit", "ratio"]);
    for e in entries {
        table.add_row([
            e.name.clone(),
            number(e.value),
            number(e.baseline),
            e.unit.clone(),
            format!("{:.2}", e.ratio),
        ]);
    }
    println!("{table}");
}

fn number(value: f64) -> String {
    if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_turned_round_and_old_entries_kept() -> Result<()> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("bench.json");
        write(&path, &[Entry::cost("a", "ms", 2.0, 1.0, false), Entry::cost("b", "ms", 1.0, 1.0, false)])?;
        write(&path, &[Entry::cost("a", "ms", 1.0, 4.0, false)])?;
        let read: Vec<Entry> = serde_json::from_str(&std::fs::read_to_string(&path)?)?;
        let got: Vec<_> = read.iter().map(|e| (e.name.as_str(), e.ratio)).collect();
        assert_eq!(got, [("a", 4.0), ("b", 1.0)]);
        Ok(())
    }
}
