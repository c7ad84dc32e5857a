//! Reads TOML key by key, and collects every problem with its line instead of stopping at the first.
//!
//! The raw stages of `tenantry.toml`, `app.toml` and demo data call it. Serde would stop at the first wrong type, so
//! this code walks the spanned document by hand. It never decides what values mean. [`Source`] stores the positions and
//! problems.

use crate::config::{ServerLabels, source::Source, units};
use std::{borrow::Cow, cell::RefCell, fmt::Display, ops::RangeInclusive, str::FromStr, time::Duration};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// A table of the file. An absent table reads as empty, so every key takes its default.
pub(crate) struct Section<'a> {
    source: &'a Source,
    table: Option<&'a DeTable<'a>>,
    path: String,
    asked: RefCell<Vec<String>>,
}

impl<'a> Section<'a> {
    /// Returns the document itself as a section.
    pub(crate) fn root(source: &'a Source, document: &'a Spanned<DeTable<'a>>) -> Self {
        Self::new(source, Some(document.get_ref()), String::new())
    }

    fn new(source: &'a Source, table: Option<&'a DeTable<'a>>, path: String) -> Self {
        Self { source, table, path, asked: RefCell::default() }
    }

    fn join(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Returns the raw value of a key. Records that the key is known, and its position.
    pub(crate) fn value(&self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        let mut asked = self.asked.borrow_mut();
        if !asked.iter().any(|known| known == key) {
            asked.push(key.to_owned());
        }
        drop(asked);
        let (name, value) = self.table?.get_key_value(key)?;
        self.source.saw(self.join(key), &name.span());
        Some(value)
    }

    /// Returns true if the file has the key.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.value(key).is_some()
    }

    /// Reports a problem on the line of this key, or of the section if the key is absent.
    pub(crate) fn problem(&self, key: &str, message: impl Display) {
        self.source.report(&self.join(key), format!("{}: {message}", self.join(key)));
    }

    fn wrong(&self, key: &str, value: &Spanned<DeValue<'_>>, message: impl Display) {
        self.source.at(value.span(), format!("{}: {message}", self.join(key)));
    }

    /// Returns the text of a key, if present.
    pub(crate) fn text(&self, key: &str) -> Option<&'a str> {
        let value = self.value(key)?;
        let text = value.get_ref().as_str();
        if text.is_none() {
            self.wrong(key, value, "must be text in quotes");
        }
        text
    }

    /// Returns the text of a key, parsed as `T`.
    pub(crate) fn parsed<T: FromStr<Err: Display>>(&self, key: &str) -> Option<T> {
        let value = self.value(key)?;
        self.parse_one(key, value)
    }

    fn parse_one<T: FromStr<Err: Display>>(&self, key: &str, value: &Spanned<DeValue<'_>>) -> Option<T> {
        let Some(text) = value.get_ref().as_str() else {
            self.wrong(key, value, "must be text in quotes");
            return None;
        };
        text.parse().map_err(|error| self.wrong(key, value, error)).ok()
    }

    /// Returns a list of texts parsed as `T`, without those that do not parse.
    pub(crate) fn list<T: FromStr<Err: Display>>(&self, key: &str) -> Option<Vec<T>> {
        let value = self.value(key)?;
        let Some(items) = value.get_ref().as_array() else {
            self.wrong(key, value, "must be a list: [\"…\", \"…\"]");
            return None;
        };
        Some(items.iter().filter_map(|item| self.parse_one(key, item)).collect())
    }

    /// Returns a whole number in the range.
    pub(crate) fn number(&self, key: &str, range: RangeInclusive<u64>) -> Option<u64> {
        let value = self.value(key)?;
        let number = integer(value.get_ref()).and_then(|n| u64::try_from(n).ok());
        match number.filter(|n| range.contains(n)) {
            Some(number) => Some(number),
            None => {
                let most =
                    if *range.end() == u64::MAX { String::new() } else { format!(" to {}", range.end()) };
                self.wrong(key, value, format_args!("must be a whole number from {}{most}", range.start()));
                None
            }
        }
    }

    /// Returns a number of bytes, from a whole number or a text with a unit such as "256 MiB".
    pub(crate) fn bytes(&self, key: &str) -> Option<u64> {
        let value = self.value(key)?;
        let bytes = match value.get_ref() {
            DeValue::String(text) => units::bytes(text),
            other => integer(other).and_then(|n| u64::try_from(n).ok()),
        };
        if bytes.is_none() {
            self.wrong(
                key,
                value,
                "must be bytes: a whole number, or text such as \"256 MiB\" (KiB, MiB, GiB, TiB)",
            );
        }
        bytes
    }

    /// Returns a duration, from a whole number with a unit, such as "5 s".
    pub(crate) fn duration(&self, key: &str) -> Option<Duration> {
        let value = self.value(key)?;
        let duration = value.get_ref().as_str().and_then(units::duration);
        if duration.is_none() {
            self.wrong(
                key,
                value,
                "must be a time: text such as \"250 ms\", \"5 s\", \"10 min\", \"12 h\" or \"7 days\"",
            );
        }
        duration
    }

    /// Returns a table of labels.
    pub(crate) fn labels(&self, key: &str) -> Option<ServerLabels> {
        let value = self.value(key)?;
        let pairs = value.get_ref().as_table().and_then(|table| {
            let pair = |(name, value): (&Spanned<Cow<'_, str>>, &Spanned<DeValue<'_>>)| {
                Some((name.get_ref().to_string(), value.get_ref().as_str()?.to_owned()))
            };
            table.iter().map(pair).collect::<Option<Vec<_>>>()
        });
        let Some(pairs) = pairs else {
            self.wrong(key, value, "must be labels: { tier = \"premium\", region = \"eu\" }");
            return None;
        };
        let labels = ServerLabels::unchecked(pairs);
        labels.check().map_err(|reason| self.wrong(key, value, reason)).ok()?;
        Some(labels)
    }

    /// Returns a boolean.
    pub(crate) fn flag(&self, key: &str) -> Option<bool> {
        let value = self.value(key)?;
        let flag = value.get_ref().as_bool();
        if flag.is_none() {
            self.wrong(key, value, "must be true or false");
        }
        flag
    }

    /// Returns the meaning of one word from a closed list.
    pub(crate) fn one_of<T: Copy>(&self, key: &str, words: &[(&str, T)]) -> Option<T> {
        let value = self.value(key)?;
        let found = value.get_ref().as_str().and_then(|text| words.iter().find(|(word, _)| *word == text));
        if found.is_none() {
            let all = words.iter().map(|(word, _)| format!("\"{word}\"")).collect::<Vec<_>>().join(", ");
            self.wrong(key, value, format_args!("must be one of {all}"));
        }
        found.map(|(_, meaning)| *meaning)
    }

    /// Returns a table below this one.
    pub(crate) fn section(&self, key: &str) -> Section<'a> {
        let table = self.value(key).and_then(|value| {
            if !value.get_ref().is_table() {
                self.wrong(key, value, format_args!("must be a section: [{}]", self.join(key)));
            }
            value.get_ref().as_table()
        });
        Section::new(self.source, table, self.join(key))
    }

    /// Returns every table of a group such as `[plans.NAME]`, in the order of the file, each with its parsed name.
    pub(crate) fn named<T: FromStr<Err: Display>>(&self, key: &str) -> Vec<(T, Section<'a>)> {
        let group = self.section(key);
        let mut all = Vec::new();
        for (name, value) in group.table.into_iter().flatten() {
            match name.get_ref().parse() {
                Ok(parsed) if value.get_ref().is_table() => all.push((parsed, group.section(name.get_ref()))),
                Ok(_) => group.wrong(
                    name.get_ref(),
                    value,
                    format_args!("must be a section: [{}.NAME]", group.path),
                ),
                Err(error) => self.source.at(name.span(), format!("{}: {error}", group.path)),
            }
        }
        all
    }

    /// Returns every table of an array `[[key]]`.
    pub(crate) fn array(&self, key: &str) -> Vec<Section<'a>> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let Some(items) = value.get_ref().as_array() else {
            self.wrong(key, value, format_args!("must be a list of sections: [[{}]]", self.join(key)));
            return Vec::new();
        };
        let mut all = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let path = format!("{}.{}", self.join(key), index + 1);
            self.source.saw(path.clone(), &item.span());
            match item.get_ref().as_table() {
                Some(table) => all.push(Section::new(self.source, Some(table), path)),
                None => self.wrong(key, item, "must be a table"),
            }
        }
        all
    }

    /// Returns true if the key is absent or has exactly this text.
    pub(crate) fn is_text(&self, key: &str, text: &str) -> bool {
        self.value(key).is_none_or(|value| value.get_ref().as_str() == Some(text))
    }

    /// Reports keys that no reader has asked for, because they are probably misspelled.
    pub(crate) fn finish(self) {
        self.check_keys();
    }

    /// Reports keys that no reader has asked for, like [`Self::finish`], for a section that is only borrowed.
    pub(crate) fn check_keys(&self) {
        let asked = self.asked.borrow();
        for name in self.table.into_iter().flatten().map(|(name, _)| name) {
            if asked.iter().any(|key| key == name.get_ref()) {
                continue;
            }
            let near = asked.iter().min_by_key(|key| distance(key, name.get_ref()));
            let hint = match near.filter(|key| distance(key, name.get_ref()) <= SLIP) {
                Some(key) => format!("did you mean `{key}`?"),
                None => format!("known here: {}", asked.join(", ")),
            };
            self.source.at(name.span(), format!("unknown key `{}`; {hint}", self.join(name.get_ref())));
        }
    }
}

/// Parses a TOML integer.
fn integer(value: &DeValue<'_>) -> Option<i64> {
    let number = value.as_integer()?;
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

/// Largest edit distance at which a known key is suggested for an unknown one.
const SLIP: usize = 2;

/// Returns the edit distance (Levenshtein), for "did you mean".
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let best = (diagonal + usize::from(x != *y)).min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = std::mem::replace(&mut row[j + 1], best);
        }
    }
    row[b.len()]
}
