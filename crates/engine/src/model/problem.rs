//! A mistake in a file of the builder, said where it is. Collected, never thrown one at a time.

use std::fmt;

/// One mistake: where and what.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// File as the caller named it.
    pub file: String,
    /// Line, from 1; 0 when the file as a whole is meant.
    pub line: usize,
    /// What is wrong and how to put it right.
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

/// Collects the problems of one file while it is read.
#[derive(Debug)]
pub(crate) struct Sink<'t> {
    file: &'t str,
    text: &'t str,
    problems: Vec<Problem>,
}

impl<'t> Sink<'t> {
    /// For a file and its text.
    pub(crate) fn new(file: &'t str, text: &'t str) -> Self {
        Self { file, text, problems: Vec::new() }
    }

    /// Adds a problem at a byte offset.
    pub(crate) fn add(&mut self, at: usize, message: impl Into<String>) {
        let line = self.line(at);
        self.problems.push(Problem { file: self.file.to_owned(), line, message: message.into() });
    }

    /// Line of a byte offset, from 1.
    pub(crate) fn line(&self, at: usize) -> usize {
        let end = at.min(self.text.len());
        self.text.as_bytes()[..end].iter().filter(|b| **b == b'\n').count() + 1
    }

    /// Nothing found so far.
    pub(crate) fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }

    /// All that was found.
    pub(crate) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }
}
