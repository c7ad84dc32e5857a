//! The common form of all lists.

use schemars::JsonSchema;
use serde::Serialize;

/// A page of a list.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "{T}Page")]
pub(crate) struct Page<T> {
    /// The entries of this page.
    pub(crate) items: Vec<T>,
    /// Cursor of the next page; null on the last page. Send it as `after`, or as `before` for lists that start with the
    /// newest entry.
    pub(crate) next: Option<String>,
}

impl<T: Serialize> Page<T> {
    /// Returns a page with all entries of a list.
    pub(crate) fn all<I: Into<T>>(items: impl IntoIterator<Item = I>) -> Self {
        Self { items: items.into_iter().map(Into::into).collect(), next: None }
    }

    /// Returns a page of at most `limit` entries. The page also ends after the entry that exceeds `most_bytes`.
    /// `cursor` returns the text that continues the list after an entry.
    pub(crate) fn cut<I: Into<T>>(
        items: impl IntoIterator<Item = I>,
        (limit, most_bytes): (u32, u64),
        cursor: impl Fn(&T) -> String,
    ) -> Self {
        let (mut page, mut bytes) = (Vec::new(), 0);
        for item in items {
            let item = item.into();
            bytes += serde_json::to_vec(&item).map_or(0, |json| json.len() as u64);
            page.push(item);
            if bytes > most_bytes || page.len() >= limit as usize {
                let next = page.last().map(cursor);
                return Self { items: page, next };
            }
        }
        Self { items: page, next: None }
    }
}
