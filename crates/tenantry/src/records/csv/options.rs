//! Options that determine how an import reads a file.

use super::{
    ImportKey,
    formats::{DateOrder, DecimalMark},
};
use crate::{Error, Result};

/// Options that determine how an import reads a file. By default, the file determines everything.
#[derive(Debug, Clone, Default)]
pub struct ImportOptions {
    /// Names of the fields that the columns set, in the order of the columns. An empty name ignores a column. If this
    /// is `None`, the first line of the file names the fields.
    pub columns: Option<Vec<String>>,
    /// Encoding of the file's text.
    pub encoding: FileEncoding,
    /// Separator of cells. If this is `None`, the first line determines it.
    pub separator: Option<Separator>,
    /// Order of dates that are not written as 2026-11-21. If this is `None`, such dates are refused.
    pub dates: Option<DateOrder>,
    /// Decimal mark. If this is `None`, decimals are written as 1234.50.
    pub decimals: Option<DecimalMark>,
    /// True to retain the refused lines for [`super::ImportReport::refused_csv`].
    pub keep_refused: bool,
    /// Idempotency key. An import that stored nothing may be sent again with the same key.
    pub once: Option<ImportKey>,
}

/// Encoding of a file's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FileEncoding {
    /// UTF-8, or UTF-16 with a byte order mark.
    #[default]
    Unicode,
    /// Windows-1250: Central European.
    Windows1250,
    /// Windows-1251: Cyrillic.
    Windows1251,
    /// Windows-1252: Western European.
    Windows1252,
    /// Windows-1254: Turkish.
    Windows1254,
}

impl FileEncoding {
    /// All encodings, with their names in the API.
    pub const ALL: [(Self, &'static str); 5] = [
        (Self::Unicode, "unicode"),
        (Self::Windows1250, "windows-1250"),
        (Self::Windows1251, "windows-1251"),
        (Self::Windows1252, "windows-1252"),
        (Self::Windows1254, "windows-1254"),
    ];

    /// Returns the encoding with this name.
    ///
    /// # Errors
    /// Returns an error that lists the encodings if there is no such encoding.
    pub fn parse(name: &str) -> Result<Self> {
        let found = Self::ALL.iter().find(|(_, known)| known.eq_ignore_ascii_case(name));
        found.map(|(encoding, _)| *encoding).ok_or_else(|| {
            let names = Self::ALL.map(|(_, name)| name).join(", ");
            Error::invalid("encoding", format!("one of: {names}"))
        })
    }

    /// Returns the decoder of a single-byte encoding; `None` for Unicode.
    pub(super) fn single_byte(self) -> Option<&'static encoding_rs::Encoding> {
        match self {
            Self::Unicode => None,
            Self::Windows1250 => Some(encoding_rs::WINDOWS_1250),
            Self::Windows1251 => Some(encoding_rs::WINDOWS_1251),
            Self::Windows1252 => Some(encoding_rs::WINDOWS_1252),
            Self::Windows1254 => Some(encoding_rs::WINDOWS_1254),
        }
    }
}

/// Separator of the cells in a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Separator {
    /// Comma: `,`
    Comma,
    /// Semicolon: `;`
    Semicolon,
    /// A tab.
    Tab,
}

impl Separator {
    /// All separators, with their names in the API.
    pub const ALL: [(Self, &'static str); 3] =
        [(Self::Comma, "comma"), (Self::Semicolon, "semicolon"), (Self::Tab, "tab")];

    /// Returns the separator with this name.
    ///
    /// # Errors
    /// Returns an error if there is no such separator.
    pub fn parse(name: &str) -> Result<Self> {
        let found = Self::ALL.iter().find(|(_, known)| *known == name);
        found
            .map(|(separator, _)| *separator)
            .ok_or_else(|| Error::invalid("separator", "one of: comma, semicolon, tab"))
    }

    pub(super) fn of(byte: u8) -> Self {
        Self::ALL
            .map(|(separator, _)| separator)
            .into_iter()
            .find(|s| s.byte() == byte)
            .unwrap_or(Self::Comma)
    }

    pub(super) fn byte(self) -> u8 {
        match self {
            Self::Comma => b',',
            Self::Semicolon => b';',
            Self::Tab => b'\t',
        }
    }
}

/// The first lines of a file.
#[derive(Debug)]
pub struct CsvHead {
    /// Cells of the first line.
    pub names: Vec<String>,
    /// Cells of some of the lines that follow.
    pub rows: Vec<Vec<String>>,
    /// Separator of cells.
    pub separator: Separator,
}
