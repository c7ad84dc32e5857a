//! Rules about words: a header on every module, no unfinished code, nothing `unsafe`, and no path of the author's
//! machine.

use super::{Report, Source, code};

/// Words that code must not contain, with reasons.
const WORDS: [(&str, &str); 3] =
    [("todo!", "unfinished"), ("unimplemented!", "unfinished"), ("unsafe", "no unsafe code in this project")];

/// Output macros that are allowed only in the file for command-line output, because they panic when a reader closes the
/// pipe.
const PRINTING: [&str; 4] = ["println!", "print!", "eprintln!", "eprint!"];
const OUTPUT_OF: &str = "crates/server/src/";

/// Checks every file.
pub(crate) fn check(files: &[(String, String)], sources: &[Source], report: &mut Report) {
    for source in sources {
        let first = source.text.lines().find(|line| !line.trim().is_empty()).unwrap_or("");
        if !first.starts_with("//!") {
            report.faults.push(format!("{}:1: open with `//!`: what it is, who calls it", source.path));
        }
        for (word, why) in WORDS {
            for line in code::lines_with(&source.code, word) {
                report.faults.push(format!("{}:{line}: {word}: {why}", source.path));
            }
        }
        printing(source, report);
    }
    for (path, text) in files {
        machine_paths(path, text, report);
    }
}

fn printing(source: &Source, report: &mut Report) {
    if !source.path.starts_with(OUTPUT_OF) {
        return;
    }
    for (n, line) in source.code.lines().enumerate() {
        let prints = line.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '!')));
        for word in prints.filter(|word| PRINTING.contains(word)) {
            let why = "panics on a closed pipe: use say! or tell! of cli/out.rs";
            report.faults.push(format!("{}:{}: {word} {why}", source.path, n + 1));
        }
    }
}

fn machine_paths(path: &str, text: &str, report: &mut Report) {
    // Split, so that this file does not match itself.
    let marks = [concat!("/ho", "me/"), concat!("/Use", "rs/"), concat!("/ro", "ot/"), concat!("/wo", "rk/")];
    for (i, line) in text.lines().enumerate() {
        for mark in marks.iter().filter(|mark| is_rooted(line, mark)) {
            report.faults.push(format!("{path}:{}: a machine's path ({mark}…)", i + 1));
        }
    }
}

/// Returns true if the mark starts a path here and does not continue one (`docs/home/`, `example.com/users/`).
fn is_rooted(line: &str, mark: &str) -> bool {
    line.match_indices(mark).any(|(i, _)| {
        let before = line[..i].chars().next_back();
        before.is_none_or(|c| !(c.is_alphanumeric() || matches!(c, '/' | '.' | '-' | '_' | '}' | '*')))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printing_is_for_one_file() {
        let code = "fn a() { println!(x); say!(x); }\nfn b() { eprintln!(x) }".to_owned();
        let found = |path: &str| {
            let mut report = Report::default();
            let source = Source { path: path.into(), text: code.clone(), code: code.clone() };
            printing(&source, &mut report);
            report.faults.len()
        };
        assert_eq!((found("crates/server/src/cli/a.rs"), found("xtask/src/a.rs")), (2, 0));
    }

    #[test]
    fn rooted_paths_only() {
        let mark = concat!("/ho", "me/");
        assert!(is_rooted(&format!("see {mark}me"), mark));
        assert!(!is_rooted(&format!("docs{mark}page.md"), mark));
    }
}
