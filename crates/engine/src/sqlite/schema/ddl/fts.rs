//! Full-text search of a model: an FTS5 index over the table's rows, maintained by triggers.

use super::{list, quoted, table::Layout};

impl Layout<'_> {
    /// Returns the statements that create the (empty) search index and its triggers; none if the model has no search
    /// fields.
    pub(crate) fn fts(&self) -> Vec<String> {
        let fields: Vec<&str> = self.model.search_fields().map(|f| f.name.as_str()).collect();
        if fields.is_empty() {
            return Vec::new();
        }
        let model = self.model.name.as_str();
        let table = quoted(model);
        let fts = quoted(&format!("{model}__fts"));
        let columns = list(fields.iter().copied());
        let of = |row: &str| {
            let names = std::iter::once(self.rowid()).chain(fields.iter().copied());
            names.map(|n| format!("{row}.{}", quoted(n))).collect::<Vec<_>>().join(", ")
        };
        let add = format!("INSERT INTO {fts}(rowid, {columns}) VALUES ({});", of("new"));
        let remove = format!("INSERT INTO {fts}({fts}, rowid, {columns}) VALUES ('delete', {});", of("old"));
        let trigger = |suffix: &str, event: &str, body: &str| {
            let name = quoted(&format!("{model}__fts_{suffix}"));
            format!("CREATE TRIGGER {name} AFTER {event} ON {table} BEGIN {body} END")
        };
        vec![
            format!(
                "CREATE VIRTUAL TABLE {fts} USING fts5({columns}, content={table}, content_rowid=\"{}\", \
                 tokenize=\"unicode61 remove_diacritics 2\")",
                self.rowid()
            ),
            trigger("ai", "INSERT", &add),
            trigger("ad", "DELETE", &remove),
            trigger("au", &format!("UPDATE OF {columns}"), &format!("{remove} {add}")),
        ]
    }

    /// Returns the statement that fills the search index from the existing rows.
    pub(crate) fn fill_fts(&self) -> Option<String> {
        let fts = quoted(&format!("{}__fts", self.model.name));
        self.model.search_fields().next().map(|_| format!("INSERT INTO {fts}({fts}) VALUES ('rebuild')"))
    }

    /// Returns the statements that drop the search index, triggers first.
    pub(crate) fn drop_fts(&self) -> Vec<String> {
        if self.model.search_fields().next().is_none() {
            return Vec::new();
        }
        let name = |suffix: &str| quoted(&format!("{}__fts{suffix}", self.model.name));
        vec![
            format!("DROP TRIGGER {}", name("_ai")),
            format!("DROP TRIGGER {}", name("_ad")),
            format!("DROP TRIGGER {}", name("_au")),
            format!("DROP TABLE {}", name("")),
        ]
    }
}
