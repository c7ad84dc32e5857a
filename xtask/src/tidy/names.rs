//! Names of invariants and threats: the documentation must define each name in a comment, and a test must claim each
//! invariant. `tidy` calls it.

use super::Report;
use std::collections::BTreeSet;

/// Page that defines the invariants.
const INVARIANTS: &str = "docs/invariants.md";
/// Page that defines the threats.
const THREATS: &str = "docs/threats.md";

/// Checks the comments of every source file, and the two pages.
pub(crate) fn check(files: &[(String, String)], report: &mut Report) {
    let invariants = defined(files, INVARIANTS);
    let known: BTreeSet<&str> = invariants.iter().chain(&defined(files, THREATS)).copied().collect();
    let sources = || files.iter().filter(|(path, _)| path.ends_with(".rs") && path.starts_with("crates/"));
    for (path, text) in sources() {
        for (number, line) in text.lines().enumerate() {
            let Some((_, comment)) = line.split_once("//") else { continue };
            for name in marked(comment).filter(|name| !known.contains(name)) {
                let place = format!("{path}:{}", number + 1);
                report.faults.push(format!("{place}: `{name}` is not defined in {INVARIANTS} or {THREATS}"));
            }
            if is_numbered(comment) {
                report.faults.push(format!("{path}:{}: name the rule or threat, not its number", number + 1));
            }
        }
    }
    for name in invariants {
        let in_code = name.replace('-', "_");
        let claims = |(path, text): &(String, String)| {
            (path.contains("/tests/") || text.contains("```compile_fail"))
                && (text.contains(name) || text.contains(&in_code))
        };
        if !sources().any(claims) {
            report.faults.push(format!("{INVARIANTS}: no test claims `{name}`"));
        }
    }
}

/// Returns the names in the first column of a page's tables.
fn defined<'a>(files: &'a [(String, String)], page: &str) -> Vec<&'a str> {
    let text = files.iter().find(|(path, _)| path == page).map_or("", |(_, text)| text);
    let cells = text.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    cells.map(|(name, _)| name).collect()
}

/// Returns the words between backticks that consist of lower-case letters and hyphens, like the names of invariants.
fn marked(comment: &str) -> impl Iterator<Item = &str> {
    let is_name = |text: &&str| {
        text.contains('-')
            && text.split('-').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase()))
    };
    comment.split('`').skip(1).step_by(2).filter(is_name)
}

/// Returns true if the comment refers to a rule or threat by a number.
fn is_numbered(comment: &str) -> bool {
    let words: Vec<String> = comment.split_whitespace().map(str::to_lowercase).collect();
    words.windows(2).any(|pair| {
        let kind = pair[0].trim_start_matches('(');
        matches!(kind, "rule" | "rules" | "threat" | "threats")
            && pair[1].starts_with(|c: char| c.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn undefined_unclaimed_and_numbered_names_are_faults() {
        let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
        let files = [
            file(INVARIANTS, "| name | what |\n| `one-door` | a |\n| `no-proof` | b |"),
            file(THREATS, "| `late-thief` | c |"),
            file(
                "crates/a/src/a.rs",
                "// `one-door`, `late-thief`, `-wal`, `a_b`, `un-known`\n// as rule 3 says",
            ),
            file("crates/a/tests/it/a.rs", "fn one_door_holds() {}"),
        ];
        let mut report = Report::default();
        check(&files, &mut report);
        assert_eq!(
            report.faults,
            [
                "crates/a/src/a.rs:1: `un-known` is not defined in docs/invariants.md or docs/threats.md",
                "crates/a/src/a.rs:2: name the rule or threat, not its number",
                "docs/invariants.md: no test claims `no-proof`",
            ]
        );
    }
}
