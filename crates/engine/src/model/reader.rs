//! Reads TOML tables key by key and reports every wrong type and unknown key with its line.
//!
//! The parsers of models and migrations use it. It does not depend on models.

use super::problem::Sink;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// A value and its byte offset in the file.
#[derive(Debug, Clone)]
pub(crate) struct At<T> {
    /// The value.
    pub(crate) value: T,
    /// Byte offset in the file.
    pub(crate) at: usize,
}

/// A table whose keys are taken one by one. Keys that are left over at the end are unknown.
pub(crate) struct Section<'t> {
    entries: Vec<(&'t str, usize, &'t Spanned<DeValue<'t>>)>,
    /// Byte offset of the table.
    pub(crate) at: usize,
}

impl<'t> Section<'t> {
    /// Wraps a parsed table.
    pub(crate) fn new(table: &'t DeTable<'t>, at: usize) -> Self {
        let entries = table.iter().map(|(k, v)| (k.get_ref().as_ref(), k.span().start, v)).collect();
        Self { entries, at }
    }

    /// Returns true if the key exists and was not taken yet.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|(k, _, _)| *k == key)
    }

    /// Takes a key, whatever its type.
    pub(crate) fn take(&mut self, key: &str) -> Option<&'t Spanned<DeValue<'t>>> {
        let index = self.entries.iter().position(|(k, _, _)| *k == key)?;
        Some(self.entries.remove(index).2)
    }

    fn typed<T>(
        &mut self,
        sink: &mut Sink,
        key: &str,
        wanted: &str,
        get: impl FnOnce(&'t DeValue<'t>) -> Option<T>,
    ) -> Option<At<T>> {
        let value = self.take(key)?;
        let at = value.span().start;
        let found = get(value.get_ref());
        if found.is_none() {
            sink.add(at, format!("`{key}` must be {wanted}, not {}", value.get_ref().type_str()));
        }
        found.map(|value| At { value, at })
    }

    /// Takes a text.
    pub(crate) fn text(&mut self, sink: &mut Sink, key: &str) -> Option<At<&'t str>> {
        self.typed(sink, key, "text in quotes", |v| v.as_str())
    }

    /// Takes a text and parses it, for example to a name.
    pub(crate) fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
        &mut self,
        sink: &mut Sink,
        key: &str,
    ) -> Option<At<T>> {
        let At { value, at } = self.text(sink, key)?;
        value.parse().map(|value| At { value, at }).map_err(|e| sink.add(at, format!("`{key}`: {e}"))).ok()
    }

    /// Takes a boolean; false if absent.
    pub(crate) fn flag(&mut self, sink: &mut Sink, key: &str) -> bool {
        self.typed(sink, key, "true or false", |v| v.as_bool()).is_some_and(|v| v.value)
    }

    /// Takes an integer.
    pub(crate) fn integer(&mut self, sink: &mut Sink, key: &str) -> Option<At<i64>> {
        self.typed(sink, key, "a whole number of 64 bits", integer)
    }

    /// Takes an integer; reports a problem if it is out of range.
    pub(crate) fn bounded(
        &mut self,
        sink: &mut Sink,
        key: &str,
        range: std::ops::RangeInclusive<i64>,
    ) -> Option<i64> {
        let At { value, at } = self.integer(sink, key)?;
        if range.contains(&value) {
            return Some(value);
        }
        sink.add(at, format!("`{key}` must lie between {} and {}, not {value}", range.start(), range.end()));
        None
    }

    /// Takes a list of texts.
    pub(crate) fn texts(&mut self, sink: &mut Sink, key: &str) -> Option<Vec<At<&'t str>>> {
        let get = |v: &'t DeValue<'t>| -> Option<Vec<At<&'t str>>> {
            let items = v.as_array()?;
            items.iter().map(|i| Some(At { value: i.get_ref().as_str()?, at: i.span().start })).collect()
        };
        self.typed(sink, key, "a list of texts", get).map(|found| found.value)
    }

    /// Takes a list of texts and parses each.
    pub(crate) fn list<T: std::str::FromStr<Err: std::fmt::Display>>(
        &mut self,
        sink: &mut Sink,
        key: &str,
    ) -> Option<Vec<At<T>>> {
        let texts = self.texts(sink, key)?;
        let mut out = Vec::with_capacity(texts.len());
        for At { value, at } in texts {
            match value.parse() {
                Ok(value) => out.push(At { value, at }),
                Err(e) => sink.add(at, format!("`{key}`: {e}")),
            }
        }
        Some(out)
    }

    /// Takes a table.
    pub(crate) fn section(&mut self, sink: &mut Sink, key: &str) -> Option<Section<'t>> {
        let found = self.typed(sink, key, "a table", |v| v.as_table())?;
        Some(Section::new(found.value, found.at))
    }

    /// Takes a list of tables; empty if absent.
    pub(crate) fn sections(&mut self, sink: &mut Sink, key: &str) -> Vec<Section<'t>> {
        let get = |v: &'t DeValue<'t>| -> Option<Vec<Section<'t>>> {
            let items = v.as_array()?;
            items.iter().map(|i| Some(Section::new(i.get_ref().as_table()?, i.span().start))).collect()
        };
        self.typed(sink, key, "a list of tables", get).map(|found| found.value).unwrap_or_default()
    }

    /// Returns every entry, which must be a table, with its key.
    pub(crate) fn into_sections(self, sink: &mut Sink) -> Vec<(At<&'t str>, Section<'t>)> {
        let mut out = Vec::new();
        for (key, at, value) in self.entries {
            match value.get_ref().as_table() {
                Some(table) => out.push((At { value: key, at }, Section::new(table, at))),
                None => sink.add(at, format!("`{key}` must be a table")),
            }
        }
        out
    }

    /// Reports the keys that were not taken.
    pub(crate) fn finish(self, sink: &mut Sink, known: &str) {
        for (key, at, _) in self.entries {
            sink.add(at, format!("unknown key `{key}`; known here: {known}"));
        }
    }
}

/// Converts a TOML integer of any radix to `i64`.
fn integer(value: &DeValue<'_>) -> Option<i64> {
    let number = value.as_integer()?;
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

/// Converts any TOML value to JSON; dates become text.
pub(crate) fn json(value: &DeValue<'_>) -> Option<serde_json::Value> {
    Some(match value {
        DeValue::String(s) => s.as_ref().into(),
        DeValue::Integer(_) => integer(value)?.into(),
        // Keeps the value of the digits as written, so that `default = 0.10` of a decimal stays exact.
        DeValue::Float(f) => float(f.as_str())?,
        DeValue::Boolean(b) => (*b).into(),
        DeValue::Datetime(d) => d.to_string().into(),
        DeValue::Array(items) => items.iter().map(|i| json(i.get_ref())).collect::<Option<Vec<_>>>()?.into(),
        DeValue::Table(table) => {
            let entry = |(k, v): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
                let key: &std::borrow::Cow<'_, str> = k.get_ref();
                Some((key.to_string(), json(v.get_ref())?))
            };
            table.iter().map(entry).collect::<Option<serde_json::Map<_, _>>>()?.into()
        }
    })
}

fn float(text: &str) -> Option<serde_json::Value> {
    let number = text.parse::<f64>().ok().filter(|n| n.is_finite())?;
    serde_json::Number::from_f64(number).map(Into::into)
}
