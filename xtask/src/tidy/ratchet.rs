//! Lengths above the hard limit that are allowed for now: `xtask/tidy.ratchet`. Entries may only shrink: exceeding an
//! entry is a fault, and so is an entry that is higher than the measured length.

use super::{
    Report,
    length::{Kind, Measured},
};
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::path::Path;

const FILE: &str = "xtask/tidy.ratchet";
const HEADER: &str = "\
# Longer than the hard limit, for now. Entries may only shrink: split the thing, then run
# `cargo xtask tidy --update`. Nothing is ever added here.
";

/// Compares the measured lengths with the limits and the ratchet.
pub(crate) fn check(root: &Path, measured: &[Measured], update: bool, report: &mut Report) -> Result<()> {
    let path = root.join(FILE);
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {FILE}"))?;
    let mut allowed = parse(&text)?;
    if update {
        lower(&mut allowed, measured);
        let lines: Vec<String> = allowed.iter().map(|(key, lines)| format!("{key} {lines}\n")).collect();
        std::fs::write(&path, format!("{HEADER}{}", lines.concat()))
            .with_context(|| format!("cannot write {FILE}"))?;
    }
    compare(&allowed, measured, report);
    Ok(())
}

fn key(item: &Measured) -> String {
    format!("{} {}", item.kind.word(), item.what)
}

fn parse(text: &str) -> Result<BTreeMap<String, usize>> {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines
        .map(|line| {
            let (key, lines) = line.rsplit_once(' ').with_context(|| format!("{FILE}: {line}"))?;
            Ok((key.to_owned(), lines.parse().with_context(|| format!("{FILE}: {line}"))?))
        })
        .collect()
}

/// Lowers entries to the measured length, and removes entries that are no longer needed.
fn lower(allowed: &mut BTreeMap<String, usize>, measured: &[Measured]) {
    let now: BTreeMap<String, &Measured> = measured.iter().map(|item| (key(item), item)).collect();
    allowed.retain(|key, lines| {
        let Some(item) = now.get(key) else { return false };
        *lines = item.lines.min(*lines);
        item.lines > item.kind.hard()
    });
}

fn compare(allowed: &BTreeMap<String, usize>, measured: &[Measured], report: &mut Report) {
    let mut left: BTreeMap<&str, usize> = allowed.iter().map(|(k, v)| (k.as_str(), *v)).collect();
    for item in measured {
        let (lines, hard) = (item.lines, item.kind.hard());
        match left.remove(key(item).as_str()) {
            Some(limit) if lines > limit => {
                report.faults.push(format!("{}: {lines} lines, grown past its {limit} in {FILE}", item.what));
            }
            Some(limit) if lines < limit => {
                report
                    .faults
                    .push(format!("{}: now {lines} lines: run `cargo xtask tidy --update`", item.what));
            }
            Some(_) => {}
            None if lines > hard => report.faults.push(match item.kind {
                Kind::Habit => {
                    format!("{}: {lines} lines with words that xtask/src/tidy/habits.rs forbids", item.what)
                }
                _ => format!("{}: {lines} lines, at most {hard}", item.what),
            }),
            None if lines > item.kind.soft() => report.advice.push(format!("{}: {lines} lines", item.what)),
            None => {}
        }
    }
    for gone in left.keys() {
        report.faults.push(format!("{gone}: gone, so take it out: run `cargo xtask tidy --update`"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(entry: &str, lines: usize) -> usize {
        let mut report = Report::default();
        let measured = [Measured { kind: Kind::File, what: "a.rs".into(), lines }];
        compare(&parse(entry).unwrap_or_default(), &measured, &mut report);
        report.faults.len()
    }

    #[test]
    fn entries_only_shrink() {
        assert_eq!(faults("", 400), 0);
        assert_eq!(faults("", 401), 1);
        assert_eq!(faults("file a.rs 500\n", 500), 0);
        assert_eq!(faults("file a.rs 500\n", 501), 1);
        assert_eq!(faults("file a.rs 500\n", 450), 1);
        assert_eq!(faults("file gone.rs 500\n", 1), 1);
    }

    #[test]
    fn update_never_raises() -> Result<()> {
        let mut allowed = parse("file a.rs 500\nfile b.rs 500\n")?;
        let item = |what: &str, lines| Measured { kind: Kind::File, what: what.into(), lines };
        lower(&mut allowed, &[item("a.rs", 600), item("b.rs", 300), item("c.rs", 900)]);
        assert_eq!(allowed, BTreeMap::from([("file a.rs".to_owned(), 500)]));
        Ok(())
    }
}
