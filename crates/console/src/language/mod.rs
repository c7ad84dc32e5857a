//! The languages of the console: every text of a page or a letter, as data.
//!
//! Called by templates and page handlers. The texts are Fluent files in `languages/`, with one folder for each
//! language, embedded and parsed once. A text that a language lacks is shown in English; tests make sure that none is
//! missing.

mod files;
mod format;
mod platform;
mod text;
mod texts;

pub use format::{Digits, Moment};
pub use text::{Argument, Rich, Text};

use std::{fmt, sync::LazyLock};
use texts::Texts;

/// All languages; English, the first one, has every text.
static LANGUAGES: LazyLock<Vec<Texts>> = LazyLock::new(|| files::FILES.iter().map(Texts::parse).collect());

/// A language of the console.
#[derive(Clone, Copy)]
pub struct Language(&'static Texts);

impl Language {
    /// Returns English, which has every text.
    pub fn english() -> Self {
        Self(&LANGUAGES[0])
    }

    /// Returns all languages that a user can choose.
    pub fn all() -> impl Iterator<Item = Self> {
        LANGUAGES.iter().filter(|texts| !texts.is_pseudo).map(Self)
    }

    /// Returns the language with this code, if there is one.
    pub fn with_code(code: &str) -> Option<Self> {
        LANGUAGES.iter().find(|texts| texts.code == code).map(Self)
    }

    /// Returns the language that a browser prefers, from its header `Accept-Language`; `None` if no language fits.
    pub fn accepted(header: &str) -> Option<Self> {
        let wanted = header.split(',').take(32).filter_map(|part| {
            let (tag, weight) = part.split_once(';').unwrap_or((part, "q=1"));
            let weight: f32 = weight.trim().strip_prefix("q=")?.trim().parse().ok()?;
            let tag = tag.trim();
            let language = Self::with_code(tag).or_else(|| {
                let primary = tag.split('-').next()?.to_ascii_lowercase();
                Self::all().find(|language| language.code() == primary)
            });
            (weight > 0.0).then_some((weight, language?))
        });
        // Of several languages with the same weight, the browser prefers the first.
        let best = wanted.reduce(|best, next| if next.0 > best.0 { next } else { best });
        best.map(|(_, language)| language)
    }

    /// Returns the code of the language, for the attribute `lang` of pages and for settings.
    pub fn code(self) -> &'static str {
        self.0.code
    }

    /// Returns the language's own name for itself.
    pub fn name(self) -> &'static str {
        self.say("language-name")
    }

    /// Returns a text without arguments.
    pub fn say(self, id: &'static str) -> &'static str {
        self.find(id).unwrap_or(id)
    }

    /// Returns a text without arguments whose id is computed at run time; `None` if there is no such text.
    pub fn find(self, id: &str) -> Option<&'static str> {
        self.0.plain(id).or_else(|| LANGUAGES[0].plain(id))
    }

    /// Returns a text that takes arguments.
    pub fn text(self, id: &'static str) -> Text {
        Text::new(self, id)
    }

    /// Returns a text with arguments that contains markup. The arguments are escaped.
    pub fn rich(self, id: &'static str) -> Rich {
        Rich::new(self, id)
    }

    /// Returns the style in which the language writes numbers.
    pub fn digits(self) -> Digits {
        self.0.digits
    }

    /// Formats an integer, with its digits in groups.
    pub fn number(self, number: impl Into<i128>) -> String {
        self.0.digits.number(&number.into().to_string())
    }

    /// Formats a decimal number, which is given with a point, with its digits in groups.
    pub fn decimal(self, number: &str) -> String {
        self.0.digits.number(number)
    }

    /// Formats a day.
    pub fn date(self, at: Moment) -> String {
        format::filled(self.say("date-pattern"), at, self.say("months"))
    }

    /// Formats a day and a time.
    pub fn datetime(self, at: Moment) -> String {
        format::filled(self.say("datetime-pattern"), at, self.say("months"))
    }

    /// Formats a month with its year.
    pub fn month(self, at: Moment) -> String {
        format::filled(self.say("month-pattern"), at, self.say("months"))
    }

    /// Formats a size in bytes with a fitting unit.
    pub fn bytes(self, bytes: u64) -> String {
        let units = ["unit-bytes", "unit-kib", "unit-mib", "unit-gib", "unit-tib"];
        let (mut size, mut unit) = (bytes as f64, 0);
        while size >= 1024.0 && unit + 1 < units.len() {
            (size, unit) = (size / 1024.0, unit + 1);
        }
        let digits = format!("{size:.1}");
        format!("{} {}", self.decimal(digits.trim_end_matches(".0")), self.say(units[unit]))
    }
}

impl Default for Language {
    fn default() -> Self {
        Self::english()
    }
}

impl PartialEq for Language {
    fn eq(&self, other: &Self) -> bool {
        self.code() == other.code()
    }
}

impl Eq for Language {}

impl fmt::Debug for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Language({})", self.code())
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests;
