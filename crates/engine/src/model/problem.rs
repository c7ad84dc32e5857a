//! Mistakes in a developer's files, with file and line. All mistakes are collected, not only the first.

use std::fmt;

/// One mistake in a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Name of the file, as given by the caller.
    pub file: String,
    /// Line number, from 1; 0 stands for the whole file.
    pub line: usize,
    /// Description of the mistake and its remedy.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.message),
            line => write!(f, "{}:{line}: {}", self.file, self.message),
        }
    }
}

/// Collects the problems of one file while it is parsed.
#[derive(Debug)]
pub(crate) struct Sink<'t> {
    file: &'t str,
    text: &'t str,
    problems: Vec<Problem>,
}

impl<'t> Sink<'t> {
    /// Creates a collector for a file and its text.
    pub(crate) fn new(file: &'t str, text: &'t str) -> Self {
        Self { file, text, problems: Vec::new() }
    }

    /// Adds a problem at a byte offset.
    pub(crate) fn add(&mut self, at: usize, message: impl Into<String>) {
        let line = self.line(at);
        self.problems.push(Problem { file: self.file.to_owned(), line, message: message.into() });
    }

    /// Returns the line of a byte offset, from 1.
    pub(crate) fn line(&self, at: usize) -> usize {
        let end = at.min(self.text.len());
        self.text.as_bytes()[..end].iter().filter(|b| **b == b'\n').count() + 1
    }

    /// Returns true if there is no problem so far.
    pub(crate) fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }

    /// Returns all problems.
    pub(crate) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }
}
