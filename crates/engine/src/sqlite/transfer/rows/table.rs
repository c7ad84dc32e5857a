//! The statements that carry whole rows of one table in one isolation.
//!
//! All modules of this folder use it. No statement here reads or writes a pooled table without `{tenant_field} = ?1`.
//! `?1` is the tenant in every statement, except in those on full-text indexes: they take the number of a row that such
//! a statement returned.

use crate::{
    carry::{self, Tables},
    model::IdKind,
    name::ModelName,
    place::Isolation,
};

/// Statements for the table of one model, with the columns of [`carry::Table`].
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) model: ModelName,
    pub(crate) id: IdKind,
    /// Number of columns.
    pub(crate) columns: usize,
    /// Selects the first `?2` rows in order of id.
    pub(crate) first: String,
    /// Selects the next `?2` rows in order of id, after id `?3`.
    pub(crate) next: String,
    /// Selects one row, by id `?2`.
    pub(crate) get: String,
    /// Inserts a whole row, columns from `?2` on.
    pub(crate) insert: String,
    /// Removes the row with id `?2` and returns its row number and its columns.
    pub(crate) delete: String,
    /// Removes some rows and returns their row numbers and columns.
    pub(crate) delete_some: String,
    /// For each unique constraint, the positions of its columns and a query for the id of the row with these values
    /// (from `?2` on).
    pub(crate) unique: Vec<(Vec<usize>, String)>,
    pub(crate) search: Option<Search>,
}

/// The full-text index of a table. It is maintained explicitly, because triggers are disabled while rows are carried.
#[derive(Debug)]
pub(crate) struct Search {
    /// Positions of the indexed columns.
    pub(crate) columns: Vec<usize>,
    /// Adds row `?1` with its texts.
    pub(crate) add: String,
    /// Removes row `?1` with its texts as they were.
    pub(crate) remove: String,
    /// Rebuilds the index from all rows of the table.
    pub(crate) rebuild: String,
}

impl Table {
    /// Returns the statements of all tables, in the same order.
    pub(crate) fn all(tables: &Tables, isolation: Isolation) -> Vec<Self> {
        tables.iter().map(|table| Self::new(table, isolation)).collect()
    }

    fn new(of: &carry::Table, isolation: Isolation) -> Self {
        let (name, tenant) = (&of.model, &of.tenant);
        let scope = match isolation {
            Isolation::Pooled => format!("[{tenant}] = ?1"),
            // The tenant is bound here as well, so that callers need not distinguish the isolations.
            Isolation::Schema | Isolation::Database => "?1 IS NOT NULL".into(),
        };
        let names: Vec<_> = of.columns.iter().map(|column| format!("[{}]", column.name)).collect();
        let all = names.join(", ");
        let (tenant_column, tenant_value) = match isolation {
            Isolation::Pooled => (format!("[{tenant}], "), "?1, "),
            Isolation::Schema | Isolation::Database => (String::new(), ""),
        };
        let values = (2..names.len() + 2).map(|n| format!("?{n}")).collect::<Vec<_>>().join(", ");
        let rowid = match (isolation, of.id) {
            (Isolation::Schema | Isolation::Database, IdKind::Integer) => "id",
            _ => "_row",
        };
        let some = format!("SELECT [{rowid}] FROM [{name}] WHERE {scope} LIMIT 500");
        Self {
            model: name.clone(),
            id: of.id,
            columns: names.len(),
            first: format!("SELECT {all} FROM [{name}] WHERE {scope} ORDER BY [id] LIMIT ?2"),
            next: format!("SELECT {all} FROM [{name}] WHERE {scope} AND [id] > ?3 ORDER BY [id] LIMIT ?2"),
            get: format!("SELECT {all} FROM [{name}] WHERE {scope} AND [id] = ?2"),
            insert: format!("INSERT INTO [{name}] ({tenant_column}{all}) VALUES ({tenant_value}{values})"),
            delete: format!("DELETE FROM [{name}] WHERE {scope} AND [id] = ?2 RETURNING [{rowid}], {all}"),
            delete_some: format!(
                "DELETE FROM [{name}] WHERE {scope} AND [{rowid}] IN ({some}) RETURNING [{rowid}], {all}"
            ),
            unique: of.unique.iter().map(|positions| clash(of, &names, positions, &scope)).collect(),
            search: Search::new(of, &names),
        }
    }
}

fn clash(of: &carry::Table, names: &[String], positions: &[usize], scope: &str) -> (Vec<usize>, String) {
    let same: Vec<_> =
        positions.iter().enumerate().map(|(n, &column)| format!("{} = ?{}", names[column], n + 2)).collect();
    let sql = format!("SELECT [id] FROM [{}] WHERE {scope} AND {}", of.model, same.join(" AND "));
    (positions.to_vec(), sql)
}

impl Search {
    fn new(of: &carry::Table, names: &[String]) -> Option<Self> {
        if of.search.is_empty() {
            return None;
        }
        let name = format!("{}__fts", of.model);
        let list = of.search.iter().map(|&column| names[column].as_str()).collect::<Vec<_>>().join(", ");
        let values = (2..of.search.len() + 2).map(|n| format!("?{n}")).collect::<Vec<_>>().join(", ");
        Some(Self {
            columns: of.search.clone(),
            add: format!("INSERT INTO [{name}] (rowid, {list}) VALUES (?1, {values})"),
            remove: format!("INSERT INTO [{name}] ([{name}], rowid, {list}) VALUES ('delete', ?1, {values})"),
            rebuild: format!("INSERT INTO [{name}] ([{name}]) VALUES ('rebuild')"),
        })
    }
}
