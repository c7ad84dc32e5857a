//! Lengths of files and functions. `tidy` calls it; `ratchet` decides what is too long.

use super::{Source, code};

/// A measured length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Measured {
    /// Kind of the measured item.
    pub(crate) kind: Kind,
    /// Path of the file; for a function, followed by `::name`.
    pub(crate) what: String,
    /// Number of lines.
    pub(crate) lines: usize,
}

/// Kind of a measured item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A whole source file.
    File,
    /// A function outside tests.
    Function,
    /// The lines of one file that have a forbidden habit of language.
    Habit,
}

impl Kind {
    /// Returns the number of lines from which the length gives advice.
    pub(crate) fn soft(self) -> usize {
        match self {
            Self::File => 200,
            Self::Function => 30,
            Self::Habit => 0,
        }
    }

    /// Returns the number of lines from which the length is a fault.
    pub(crate) fn hard(self) -> usize {
        match self {
            Self::File => 400,
            Self::Function => 70,
            Self::Habit => 0,
        }
    }

    /// Returns the word for the kind in the ratchet file.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Function => "fn",
            Self::Habit => "habit",
        }
    }
}

/// Measures every file, and every function outside tests.
pub(crate) fn measure(sources: &[Source]) -> Vec<Measured> {
    let mut found = Vec::new();
    for source in sources {
        found.push(Measured {
            kind: Kind::File,
            what: source.path.clone(),
            lines: source.text.lines().count(),
        });
        if !source.path.contains("/tests/") {
            functions(&source.path, &code::without_tests(&source.code), &mut found);
        }
    }
    found
}

fn functions(path: &str, code: &str, found: &mut Vec<Measured>) {
    let bytes = code.as_bytes();
    let mut from = 0;
    while let Some(at) = code[from..].find("fn ").map(|i| i + from) {
        from = at + 3;
        let starts_word = at == 0 || !code::is_word(bytes[at - 1]);
        let name: String = code[from..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if starts_word && !name.is_empty() {
            let end = code::item_end(bytes, from);
            let lines = bytes[at..end].iter().filter(|b| **b == b'\n').count() + 1;
            found.push(Measured { kind: Kind::Function, what: format!("{path}::{name}"), lines });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_end_at_their_own_brace() {
        let code = "fn a(x: [u8; 2]) -> u8 {\n if x { }\n}\ntrait T { fn b(&self); fn c(&self) {\n} }\ntype F = fn (u8);";
        let mut found = Vec::new();
        functions("p", code, &mut found);
        let got: Vec<_> = found.iter().map(|m| (m.what.as_str(), m.lines)).collect();
        assert_eq!(got, [("p::a", 3), ("p::b", 1), ("p::c", 2)]);
    }
}
