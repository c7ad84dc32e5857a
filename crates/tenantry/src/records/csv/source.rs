//! Text of an uploaded file as a stream of pieces: UTF-8, UTF-16 with a byte order mark (the "Unicode text" of
//! spreadsheets), or an older encoding that the caller names.
//!
//! Used by the reader of lines. It holds one piece at a time and stops at a file that is too long.

use super::options::FileEncoding;
use std::io::{self, Read};

/// Number of bytes read at a time.
const PIECE: usize = 16 * 1024;

/// The reason why a file was not read to its end.
#[derive(Debug)]
pub(super) enum Stop {
    /// The file has more bytes than this limit.
    TooLong(u64),
    /// The byte order mark indicates UTF-16, but the file is not valid UTF-16.
    NotText,
    /// Reading failed.
    Broken(io::Error),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Encoding {
    Unknown,
    Utf8,
    Utf16Little,
    Utf16Big,
    SingleByte(&'static encoding_rs::Encoding),
}

/// A file that is read once and decoded to UTF-8.
pub(super) struct Source<R> {
    inner: R,
    /// Number of bytes that may still be read.
    left: u64,
    most: u64,
    encoding: Encoding,
    /// Bytes that are not decoded yet: a character that is split at the end of a piece.
    raw: Vec<u8>,
    text: Vec<u8>,
    at: usize,
    ended: bool,
}

impl<R: Read> Source<R> {
    /// Creates a source that reads at most `most` bytes of `inner`.
    pub(super) fn new(inner: R, most: u64) -> Self {
        let (raw, text) = (Vec::with_capacity(PIECE), Vec::with_capacity(PIECE));
        Self { inner, left: most, most, encoding: Encoding::Unknown, raw, text, at: 0, ended: false }
    }

    /// Sets the encoding of the file.
    pub(super) fn encoded(mut self, encoding: FileEncoding) -> Self {
        if let Some(encoding) = encoding.single_byte() {
            self.encoding = Encoding::SingleByte(encoding);
        }
        self
    }

    /// Returns the decoded text that is not consumed yet; empty at the end of the file.
    pub(super) fn text(&mut self) -> Result<&[u8], Stop> {
        if self.at == self.text.len() {
            self.text.clear();
            self.at = 0;
            self.more()?;
        }
        Ok(&self.text[self.at..])
    }

    /// Consumes `bytes` of the text.
    pub(super) fn used(&mut self, bytes: usize) {
        self.at = (self.at + bytes).min(self.text.len());
    }

    /// Returns the first line without consuming it. Returns only about `most` bytes of a longer line.
    pub(super) fn first_line(&mut self, most: usize) -> Result<&[u8], Stop> {
        loop {
            let end = self.text.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            match end {
                Some(end) => return Ok(&self.text[..end]),
                None if self.ended || self.text.len() >= most => return Ok(&self.text),
                None => self.more()?,
            }
        }
    }

    /// Reads until there is new text or the file ends.
    fn more(&mut self) -> Result<(), Stop> {
        let before = self.text.len();
        while self.text.len() == before && !self.ended {
            let held = self.raw.len();
            self.raw.resize(held + PIECE, 0);
            let read = self.inner.read(&mut self.raw[held..]);
            self.raw.truncate(held + *read.as_ref().unwrap_or(&0));
            match read {
                Ok(0) => self.ended = true,
                Ok(bytes) => self.count(bytes)?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Stop::Broken(error)),
            }
            self.decode()?;
        }
        Ok(())
    }

    fn count(&mut self, bytes: usize) -> Result<(), Stop> {
        self.left = self.left.checked_sub(bytes as u64).ok_or(Stop::TooLong(self.most))?;
        Ok(())
    }

    fn decode(&mut self) -> Result<(), Stop> {
        if self.encoding == Encoding::Unknown {
            if self.raw.len() < 3 && !self.ended {
                return Ok(());
            }
            let (encoding, mark) = match self.raw.as_slice() {
                [0xef, 0xbb, 0xbf, ..] => (Encoding::Utf8, 3),
                [0xff, 0xfe, ..] => (Encoding::Utf16Little, 2),
                [0xfe, 0xff, ..] => (Encoding::Utf16Big, 2),
                _ => (Encoding::Utf8, 0),
            };
            self.encoding = encoding;
            self.raw.drain(..mark);
        }
        match self.encoding {
            Encoding::Utf16Little => self.wide(u16::from_le_bytes),
            Encoding::Utf16Big => self.wide(u16::from_be_bytes),
            Encoding::SingleByte(encoding) => {
                let (text, _) = encoding.decode_without_bom_handling(&self.raw);
                self.text.extend_from_slice(text.as_bytes());
                self.raw.clear();
                Ok(())
            }
            Encoding::Utf8 | Encoding::Unknown => {
                self.text.append(&mut self.raw);
                Ok(())
            }
        }
    }

    fn wide(&mut self, unit: fn([u8; 2]) -> u16) -> Result<(), Stop> {
        let mut whole = self.raw.len() / 2 * 2;
        let unit_at = |raw: &[u8], at: usize| unit([raw[at], raw[at + 1]]);
        // The second half of a surrogate pair may be in the next piece.
        if whole >= 2 && !self.ended && (0xd800..0xdc00).contains(&unit_at(&self.raw, whole - 2)) {
            whole -= 2;
        }
        let units = (0..whole).step_by(2).map(|at| unit_at(&self.raw, at));
        for letter in char::decode_utf16(units) {
            let letter = letter.map_err(|_| Stop::NotText)?;
            self.text.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
        }
        self.raw.drain(..whole);
        if self.ended && !self.raw.is_empty() { Err(Stop::NotText) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reader that returns one byte at a time, so that every character is split.
    struct Bytewise<'a>(&'a [u8]);

    impl Read for Bytewise<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let Some((first, rest)) = self.0.split_first() else { return Ok(0) };
            into[0] = *first;
            self.0 = rest;
            Ok(1)
        }
    }

    fn all(bytes: &[u8], most: u64) -> Result<String, Stop> {
        let mut source = Source::new(Bytewise(bytes), most);
        let mut text = Vec::new();
        loop {
            let piece = source.text()?.to_vec();
            if piece.is_empty() {
                return Ok(String::from_utf8(text).unwrap());
            }
            source.used(piece.len());
            text.extend(piece);
        }
    }

    #[test]
    fn every_encoding_of_spreadsheets_is_read() {
        let text = "näme;x\r\nŽ🩺;1\r\n";
        let wide = |mark: u16, bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
            std::iter::once(mark).chain(text.encode_utf16()).flat_map(bytes).collect()
        };
        let (little, big) = (wide(0xfeff, u16::to_le_bytes), wide(0xfeff, u16::to_be_bytes));
        let marked = ["\u{feff}", text].concat();
        for bytes in [text.as_bytes(), marked.as_bytes(), &little, &big] {
            assert_eq!(all(bytes, 1000).unwrap(), text);
        }
        assert!(matches!(all(&little[..little.len() - 1], 1000), Err(Stop::NotText)));
        assert!(matches!(all(&[0xff, 0xfe, 0, 0xd8, b'a', 0], 1000), Err(Stop::NotText)));
        assert_eq!(all(b"", 1000).unwrap(), "");
    }

    #[test]
    fn a_file_that_is_too_long_is_stopped() {
        assert_eq!(all(b"abcd", 4).unwrap(), "abcd");
        assert!(matches!(all(b"abcde", 4), Err(Stop::TooLong(4))));
    }
}
