//! Puts all bugs into the sources at once, disabled: the function that contains a bug asks the environment which bug is
//! enabled, and runs its body with or without it. The crates are thus built once instead of once per bug.

use super::list::Bug;
use crate::tidy::code;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

/// Environment variable that names the enabled bug.
pub(crate) const AWAKE: &str = "SEEDED_BUG";

/// Returns the texts of the files with their disabled bugs, by path from the root.
pub(crate) fn sow(root: &Path, bugs: &[Bug]) -> Result<BTreeMap<String, String>> {
    let mut by_file: BTreeMap<&str, Vec<&Bug>> = BTreeMap::new();
    for bug in bugs {
        by_file.entry(&bug.file).or_default().push(bug);
    }
    let mut sown = BTreeMap::new();
    for (file, bugs) in by_file {
        let text = std::fs::read_to_string(root.join(file)).with_context(|| format!("cannot read {file}"))?;
        let mut bodies = Bodies::new();
        for bug in bugs {
            let body = body(&text, bug).with_context(|| format!("{} is in no function", bug.name))?;
            bodies.entry((body.start, body.end)).or_default().push(bug);
        }
        sown.insert(file.to_owned(), put_in(text, bodies));
    }
    Ok(sown)
}

/// Bugs by the body of the function that contains them.
type Bodies<'b> = BTreeMap<(usize, usize), Vec<&'b Bug>>;

/// Returns the body of the innermost function around a bug, from brace to brace, or `None` if there is no function.
pub(crate) fn body(text: &str, bug: &Bug) -> Option<Range<usize>> {
    let at = text.find(&bug.find)?;
    let functions = functions(&code::bare(text)).into_iter();
    functions.filter(|body| body.start < at && at + bug.find.len() < body.end).min_by_key(|body| body.len())
}

fn put_in(mut text: String, bodies: Bodies<'_>) -> String {
    for ((start, end), bugs) in bodies.into_iter().rev() {
        let whole = text[start..end].to_owned();
        let mut body = String::from("{ ");
        for bug in bugs {
            let (name, with) = (&bug.name, whole.replacen(&bug.find, &bug.put, 1));
            body +=
                &format!("if std::env::var_os({AWAKE:?}).is_some_and(|bug| bug == {name:?}) {with} else ");
        }
        text.replace_range(start..end, &(body + &whole + " }"));
    }
    text
}

/// Returns the bodies of functions in bare code. Excludes functions that run at compile time, and functions that return
/// an opaque type, because two bodies would have two types.
fn functions(code: &str) -> Vec<Range<usize>> {
    let bytes = code.as_bytes();
    let mut found = Vec::new();
    for (at, _) in code.match_indices("fn ") {
        let end = code::item_end(bytes, at + 3);
        let open = code[at..end].find('{').map(|brace| at + brace);
        let Some(open) = open.filter(|_| at == 0 || !code::is_word(bytes[at - 1])) else { continue };
        let opaque = code[at..open].split_once("->").is_some_and(|(_, result)| result.contains("impl "));
        let fixed = code[..at].trim_end().ends_with("const");
        if !opaque && !fixed {
            found.push(open..end);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_runs_with_the_bug_that_is_awake() {
        let bug = |name: &str, find: &str, put: &str| Bug {
            name: name.into(),
            what: String::new(),
            file: "a.rs".into(),
            find: find.into(),
            put: put.into(),
            package: String::new(),
            tests: vec![],
        };
        let bugs = [
            bug("one", "a > 1", "a > 2"),
            bug("two", "|| b", "|| c"),
            bug("three", "X: u8 = 1", "X: u8 = 2"),
        ];
        let text = "const X: u8 = 1;\nfn f(a: u8) -> bool { a > 1 || b }\n";
        let mut found = Bodies::new();
        for bug in &bugs[..2] {
            let body = body(text, bug).unwrap();
            found.entry((body.start, body.end)).or_default().push(bug);
        }
        assert!(body(text, &bugs[2]).is_none(), "it is in no function");
        let asks =
            |name: &str| format!("if std::env::var_os(\"SEEDED_BUG\").is_some_and(|bug| bug == {name:?})");
        let expected = format!(
            "const X: u8 = 1;\nfn f(a: u8) -> bool {{ {} {{ a > 2 || b }} else {} {{ a > 1 || c }} else {{ a > 1 || b }} }}\n",
            asks("one"),
            asks("two")
        );
        assert_eq!(put_in(text.into(), found), expected);
    }
}
