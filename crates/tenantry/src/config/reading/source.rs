//! A TOML file while it is being read: positions of its values, and its problems so far.
//!
//! The raw stages of `tenantry.toml` and of apps create and finish it; sections of [`crate::config::reader`] report to
//! it.

use crate::config::problem::{Problem, Problems};
use std::{cell::RefCell, collections::HashMap, ops::Range};
use toml::{Spanned, de::DeTable};

/// A file while it is being read: the starts of its lines, the lines of known paths, and its problems so far.
pub(crate) struct Source {
    file: String,
    line_starts: Vec<usize>,
    lines: RefCell<HashMap<String, usize>>,
    problems: RefCell<Vec<Problem>>,
}

impl Source {
    /// Parses the text. A syntax error counts as a problem like any other.
    pub(crate) fn parse<'t>(file: &str, text: &'t str) -> (Self, Spanned<DeTable<'t>>) {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1));
        let source = Self {
            file: file.to_owned(),
            line_starts: starts.collect(),
            lines: RefCell::default(),
            problems: RefCell::default(),
        };
        let (document, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            source.at(error.span().unwrap_or(0..0), error.message());
        }
        (source, document)
    }

    fn line(&self, span: &Range<usize>) -> usize {
        self.line_starts.partition_point(|start| *start <= span.start)
    }

    /// Reports a problem at this position.
    pub(in crate::config) fn at(&self, span: Range<usize>, message: impl Into<String>) {
        let problem = Problem { file: self.file.clone(), line: self.line(&span), message: message.into() };
        self.problems.borrow_mut().push(problem);
    }

    /// Records the position of a path's value.
    pub(in crate::config) fn saw(&self, path: String, span: &Range<usize>) {
        self.lines.borrow_mut().insert(path, self.line(span));
    }

    /// Reports a problem of the checked stage, on the line of this path or of the nearest path above it.
    pub(crate) fn report(&self, path: &str, message: String) {
        let lines = self.lines.borrow();
        let mut path = path;
        let line = loop {
            match (lines.get(path), path.rsplit_once('.')) {
                (Some(line), _) => break *line,
                (None, Some((parent, _))) => path = parent,
                (None, None) => break 0,
            }
        };
        self.problems.borrow_mut().push(Problem { file: self.file.clone(), line, message });
    }

    /// Ends the reading of the file.
    ///
    /// # Errors
    /// Returns all problems, if there are any.
    pub(crate) fn finish(self) -> Result<(), Problems> {
        Problems(self.problems.into_inner()).into_result()
    }
}
