//! Pages that a copy has answered. The next request for the same page gets a copy of its bytes.
//!
//! A copy never changes, so its pages stay right as long as the copy may be read.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};
use tenantry_engine::{query::Select, value::Value};

/// Size in bytes of the pages that one copy keeps.
const MOST_BYTES: usize = 128 << 10;
/// Size in bytes of the smallest page that is kept. A smaller one is read as quickly.
const WORTH: usize = 4 << 10;

/// A page that a copy answered.
#[derive(Debug, Clone)]
pub(in crate::records) struct Listed {
    pub(in crate::records) items: Vec<u8>,
    pub(in crate::records) next: Option<Vec<Value>>,
    pub(in crate::records) count: Option<u64>,
}

/// The pages, the latest last.
#[derive(Debug, Default)]
pub(super) struct Pages(Mutex<VecDeque<(Select, Listed)>>);

impl Pages {
    /// Returns the answer to this query, with the number of all matching rows if `count`.
    pub(super) fn find(&self, select: &Select, count: bool) -> Option<Listed> {
        let pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_asked = |(of, page): &&(Select, Listed)| page.count.is_some() == count && of == select;
        pages.iter().find(is_asked).map(|(_, page)| page.clone())
    }

    /// Keeps an answer instead of the oldest ones.
    pub(super) fn keep(&self, select: &Select, page: &Listed) {
        let size = page.items.len();
        if !(WORTH..=MOST_BYTES).contains(&size) {
            return;
        }
        let mut pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut bytes: usize = pages.iter().map(|(_, page)| page.items.len()).sum();
        while bytes + size > MOST_BYTES
            && let Some((_, oldest)) = pages.pop_front()
        {
            bytes -= oldest.items.len();
        }
        pages.push_back((select.clone(), page.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(size: usize, count: Option<u64>) -> Listed {
        Listed { items: vec![b'x'; size], next: None, count }
    }

    fn select(limit: u32) -> Select {
        Select { limit, ..Select::default() }
    }

    #[test]
    fn a_page_answers_its_own_query_only() {
        let pages = Pages::default();
        pages.keep(&select(300), &page(WORTH, None));
        assert!(pages.find(&select(300), false).is_some());
        assert!(pages.find(&select(300), true).is_none(), "the number was not asked for");
        assert!(pages.find(&select(299), false).is_none());
        pages.keep(&select(299), &page(WORTH, Some(7)));
        assert_eq!(pages.find(&select(299), true).unwrap().count, Some(7));
    }

    #[test]
    fn the_bytes_of_all_pages_are_bounded() {
        let pages = Pages::default();
        pages.keep(&select(1), &page(WORTH - 1, None));
        pages.keep(&select(2), &page(MOST_BYTES + 1, None));
        assert!(pages.0.lock().unwrap().is_empty(), "too small, and too large");
        for limit in 0..100 {
            pages.keep(&select(limit), &page(MOST_BYTES / 3, None));
        }
        assert_eq!(pages.0.lock().unwrap().len(), 3);
        assert!(pages.find(&select(99), false).is_some());
        assert!(pages.find(&select(96), false).is_none());
    }
}
