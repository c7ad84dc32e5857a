//! Splits a file's text into lines of cells. Skips lines longer than the bound, without exceeding the memory of the
//! bound.
//!
//! Used by the import. Built on `csv_core`, which reports how full its buffers are, so that no cell can grow without
//! limit.

use super::{
    options::Separator,
    source::{Source, Stop},
};
use csv_core::{ReadRecordResult as Outcome, Reader, ReaderBuilder};
use std::io::Read;

/// Largest number of cells in one line.
const MOST_CELLS: usize = 4096;
/// Longest first line, in bytes.
const MOST_HEADER: usize = 64 * 1024;
/// Possible separators of cells. The export writes the first one.
const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];

/// Result of reading a line.
#[derive(Debug, PartialEq)]
pub(super) enum Next {
    /// A line. `cells` returns its cells.
    Line,
    /// A line that is longer than the bound or has too many cells.
    TooLong,
    /// The end of the file.
    End,
}

/// Lines of one file.
pub(super) struct Lines<R> {
    source: Source<R>,
    core: Reader,
    separator: u8,
    /// Largest total size of a line's cells, bytes.
    most: usize,
    cells: Vec<u8>,
    ends: Vec<usize>,
    /// Number of cells of the current line.
    count: usize,
    line: u64,
    next_line: u64,
}

impl<R: Read> Lines<R> {
    /// Reads the first line to find the separator: the one that splits the line into the most names of columns.
    pub(super) fn new(
        mut source: Source<R>,
        most: usize,
        separator: Option<Separator>,
        is_column: impl Fn(&str) -> bool,
    ) -> Result<Self, Stop> {
        let first = source.first_line(MOST_HEADER)?;
        let (mut delimiter, mut said) = (named(first), 0);
        if delimiter.is_some() {
            said = first.len();
        } else {
            delimiter = Some(guessed(first, is_column));
        }
        if let Some(separator) = separator {
            delimiter = Some(separator.byte());
        }
        source.used(said);
        let separator = delimiter.unwrap_or(DELIMITERS[0]);
        let core = ReaderBuilder::new().delimiter(separator).build();
        let (cells, ends) = (vec![0; 4096.min(most)], vec![0; 64]);
        Ok(Self { source, core, separator, most, cells, ends, count: 0, line: 1, next_line: 1 })
    }

    /// Returns the separator of cells.
    pub(super) fn separator(&self) -> u8 {
        self.separator
    }

    /// Returns the number of the line that was read last, from 1.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// Returns the cells of the line that was read last.
    pub(super) fn cells(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.count).map(|index| {
            let begin = index.checked_sub(1).map_or(0, |before| self.ends[before]);
            &self.cells[begin..self.ends[index]]
        })
    }

    /// Returns the number of bytes in the cells of the line that was read last.
    pub(super) fn length(&self) -> usize {
        self.count.checked_sub(1).map_or(0, |last| self.ends[last])
    }

    /// Reads the next nonempty line.
    pub(super) fn next(&mut self) -> Result<Next, Stop> {
        self.skip_empty()?;
        self.line = self.next_line;
        let (mut length, mut count, mut too_long) = (0, 0, false);
        loop {
            let input = self.source.text()?;
            let (outcome, read, wrote, ended) =
                self.core.read_record(input, &mut self.cells[length..], &mut self.ends[count..]);
            self.next_line += breaks(&input[..read]);
            self.source.used(read);
            (length, count) = (length + wrote, count + ended);
            match outcome {
                Outcome::InputEmpty => {}
                Outcome::OutputFull if self.cells.len() < self.most => {
                    self.cells.resize((self.cells.len() * 2).min(self.most), 0);
                }
                Outcome::OutputEndsFull if self.ends.len() < MOST_CELLS => {
                    self.ends.resize(self.ends.len() * 2, 0);
                }
                // The rest of an overlong line overwrites its beginning.
                Outcome::OutputFull | Outcome::OutputEndsFull => (length, count, too_long) = (0, 0, true),
                Outcome::Record => {
                    self.count = count;
                    return Ok(if too_long { Next::TooLong } else { Next::Line });
                }
                Outcome::End => return Ok(Next::End),
            }
        }
    }

    fn skip_empty(&mut self) -> Result<(), Stop> {
        loop {
            let text = self.source.text()?;
            let empty = text.iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
            if empty == 0 {
                return Ok(());
            }
            self.next_line += breaks(&text[..empty]);
            self.source.used(empty);
        }
    }
}

fn breaks(text: &[u8]) -> u64 {
    text.iter().filter(|byte| **byte == b'\n').count() as u64
}

/// Returns the separator that a first line such as `sep=;` names. Some spreadsheets write such lines.
fn named(first: &[u8]) -> Option<u8> {
    match first.trim_ascii().strip_prefix(b"sep=")? {
        [delimiter] if DELIMITERS.contains(delimiter) => Some(*delimiter),
        _ => None,
    }
}

fn guessed(first: &[u8], is_column: impl Fn(&str) -> bool) -> u8 {
    // Names that are not columns count less: a file whose columns are chosen separately may contain no names of
    // columns.
    let columns = |delimiter: u8| {
        let all = first.iter().filter(|byte| **byte == delimiter).count();
        let names = first.split(|byte| *byte == delimiter).filter_map(|name| str::from_utf8(name).ok());
        let known = names.filter(|name| is_column(name.trim().trim_matches('"').trim())).count();
        (known, all)
    };
    let mut best = (DELIMITERS[0], columns(DELIMITERS[0]));
    for delimiter in DELIMITERS {
        let found = columns(delimiter);
        if found > best.1 {
            best = (delimiter, found);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str, most: usize) -> Vec<(u64, Option<Vec<String>>)> {
        let source = Source::new(text.as_bytes(), 1 << 20);
        let mut lines = Lines::new(source, most, None, |name| ["a", "b"].contains(&name)).unwrap();
        let mut found = Vec::new();
        loop {
            let cells = match lines.next().unwrap() {
                Next::End => return found,
                Next::TooLong => None,
                Next::Line => {
                    Some(lines.cells().map(|cell| String::from_utf8(cell.to_vec()).unwrap()).collect())
                }
            };
            found.push((lines.line(), cells));
        }
    }

    fn cells(of: &[&str]) -> Option<Vec<String>> {
        Some(of.iter().map(|cell| (*cell).to_owned()).collect())
    }

    #[test]
    fn the_first_line_says_what_stands_between_cells() {
        for (text, delimiter) in [("a,b\n1,2\n", ','), ("a;b\r\n1;2\r\n", ';'), ("\"a\"\t\"b\"\n1\t2", '\t')]
        {
            assert_eq!(all(text, 100), [(1, cells(&["a", "b"])), (2, cells(&["1", "2"]))], "{delimiter}");
        }
        assert_eq!(all("sep=;\na;b\n1;2\n", 100)[1], (3, cells(&["1", "2"])));
    }

    #[test]
    fn lines_are_counted_through_quotes_and_empty_lines() {
        let found = all("a,b\r\n\r\n1,\"x\r\ny\"\r\n3,4\r\n", 100);
        assert_eq!(found[1], (3, cells(&["1", "x\r\ny"])));
        assert_eq!(found[2], (5, cells(&["3", "4"])));
    }

    #[test]
    fn a_line_over_the_bound_is_passed_over() {
        let long = format!("a,b\n1,\"{}\"\n3,4\n", "x\n".repeat(40_000));
        let found = all(&long, 1000);
        assert_eq!(found[1], (2, None));
        assert_eq!(found[2], (40_003, cells(&["3", "4"])));
        let many = format!("a,b\n{}\n3,4\n", ",".repeat(MOST_CELLS + 1));
        assert_eq!(all(&many, 1000)[1], (2, None));
        assert_eq!(all(&many, 1000)[2], (3, cells(&["3", "4"])));
    }
}
