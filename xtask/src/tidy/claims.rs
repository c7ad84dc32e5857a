//! Checks that every test exists that a page names as its proof (`file::name`, below `tests/it`). `tidy` calls it.

use super::Report;

/// Checks every `file::name` between backticks in the pages under `docs/`.
pub(crate) fn check(files: &[(String, String)], report: &mut Report) {
    for (page, text) in files.iter().filter(|(path, _)| path.starts_with("docs/") && path.ends_with(".md")) {
        for (number, line) in text.lines().enumerate() {
            for (file, name) in named(line) {
                if !is_there(files, file, name) {
                    report.faults.push(format!("{page}:{}: no test {file}::{name}", number + 1));
                }
            }
        }
    }
}

/// Returns the names between backticks that look like a test: lower-case letters, digits and `_`, with at most one
/// folder.
fn named(line: &str) -> impl Iterator<Item = (&str, &str)> {
    let is_name =
        |text: &str| !text.is_empty() && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    let marked = line.split('`').skip(1).step_by(2);
    // `file::name` explains the form and is not a test.
    marked.filter_map(|code| code.split_once("::")).filter(move |(file, name)| {
        file.split('/').all(is_name) && is_name(name) && (*file, *name) != ("file", "name")
    })
}

fn is_there(files: &[(String, String)], file: &str, name: &str) -> bool {
    let of = |path: &str| {
        let path = path.split_once("/tests/it/").map(|(_, path)| path);
        path.is_some_and(|path| path == format!("{file}.rs") || path == format!("{file}/mod.rs"))
    };
    files.iter().any(|(path, text)| of(path) && text.contains(&format!("fn {name}(")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_that_is_gone_is_a_fault() {
        let files = [
            ("crates/a/tests/it/life.rs".to_owned(), "fn it_lives() {}".to_owned()),
            ("crates/a/tests/it/deep/mod.rs".into(), "async fn it_dives() {}".into()),
            (
                "docs/page.md".into(),
                "`life::it_lives`, `deep::it_dives`\n`file::name`, `Ok::x`, `life::it_is_gone`".into(),
            ),
        ];
        let mut report = Report::default();
        check(&files, &mut report);
        assert_eq!(report.faults, ["docs/page.md:2: no test life::it_is_gone"]);
    }
}
