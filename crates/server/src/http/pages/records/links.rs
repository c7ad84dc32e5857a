//! The parameters of a list's address. They are the whole state of the list, and have the same names as in the API.

use crate::http::{pages::answer::percent, query::pairs};

/// Parameters in their order, without empty ones.
#[derive(Debug, Clone, Default)]
pub(in crate::http::pages) struct Params(pub(in crate::http::pages) Vec<(String, String)>);

impl Params {
    /// Reads a query string. Leaves out parameters of the page itself, which begin with `_`.
    pub(in crate::http::pages) fn read(query: &str) -> Self {
        let all = pairs(query).flatten().filter(|(name, value)| !value.is_empty() && !name.starts_with('_'));
        Self(all.map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }

    pub(in crate::http::pages) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Returns the parameters without those that `drop` accepts.
    pub(in crate::http::pages) fn without(&self, drop: impl Fn(&str, &str) -> bool) -> Self {
        Self(self.0.iter().filter(|(name, value)| !drop(name, value)).cloned().collect())
    }

    /// Returns the parameters with this one set, on the first page.
    pub(in crate::http::pages) fn with(&self, name: &str, value: &str) -> Self {
        let mut all = self.without(|known, _| known == name || known == "after");
        all.0.push((name.to_owned(), value.to_owned()));
        all
    }

    /// Returns the query string.
    pub(in crate::http::pages) fn query(&self) -> String {
        let parts: Vec<_> =
            self.0.iter().map(|(name, value)| format!("{}={}", percent(name), percent(value))).collect();
        parts.join("&")
    }

    /// Returns the address of a list with these parameters.
    pub(in crate::http::pages) fn href(&self, path: &str) -> String {
        match self.0.is_empty() {
            true => path.to_owned(),
            false => format!("{path}?{}", self.query()),
        }
    }
}
