//! The table of one model in one isolation, and the statements that carry its whole rows.
//!
//! Everything in this folder uses it. No statement here reads or writes a pooled table without `{tenant_field} = ?1`.
//! `?1` is the tenant in every statement, except those on full-text indexes: they take the number of a row that such a
//! statement returned.

use crate::{
    model::{IdKind, Model},
    place::Isolation,
};

/// Statements for the table of one model. Columns are `id`, the fields by name, `created_at`, `updated_at`, `version`:
/// the order does not depend on that in the model's file.
#[derive(Debug)]
pub(crate) struct Table<'m> {
    pub(crate) model: &'m Model,
    pub(crate) columns: Vec<&'m str>,
    /// Selects all rows in order of id.
    pub(crate) all: String,
    /// Selects one row, by id `?2`.
    pub(crate) get: String,
    /// Inserts a whole row, columns from `?2` on.
    pub(crate) insert: String,
    /// Removes the row with id `?2` and returns its row number and its columns.
    pub(crate) delete: String,
    /// Removes some rows and returns their row numbers and columns.
    pub(crate) delete_some: String,
    /// For each unique constraint: the positions of its columns, and a query for the id of the row with these values
    /// (from `?2` on).
    pub(crate) unique: Vec<(Vec<usize>, String)>,
    pub(crate) search: Option<Search>,
}

/// The full-text index of a table. It is maintained explicitly here, because triggers are off while rows are carried.
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

impl<'m> Table<'m> {
    pub(crate) fn new(model: &'m Model, isolation: Isolation) -> Self {
        let columns = columns(model);
        let (name, tenant) = (&model.name, &model.tenant_field);
        let scope = match isolation {
            Isolation::Pooled => format!("[{tenant}] = ?1"),
            // The tenant is bound here too, so that callers need not distinguish the isolations.
            Isolation::Schema | Isolation::Database => "?1 IS NOT NULL".into(),
        };
        let list =
            |prefix: &str| columns.iter().map(|c| format!("{prefix}[{c}]")).collect::<Vec<_>>().join(", ");
        let all = list("");
        let (tenant_column, tenant_value) = match isolation {
            Isolation::Pooled => (format!("[{tenant}], "), "?1, "),
            Isolation::Schema | Isolation::Database => (String::new(), ""),
        };
        let values = (2..columns.len() + 2).map(|n| format!("?{n}")).collect::<Vec<_>>().join(", ");
        let rowid = match (isolation, model.id) {
            (Isolation::Schema | Isolation::Database, IdKind::Integer) => "id",
            _ => "_row",
        };
        let some = format!("SELECT [{rowid}] FROM [{name}] WHERE {scope} LIMIT 500");
        Self {
            all: format!("SELECT {all} FROM [{name}] WHERE {scope} ORDER BY [id]"),
            get: format!("SELECT {all} FROM [{name}] WHERE {scope} AND [id] = ?2"),
            insert: format!("INSERT INTO [{name}] ({tenant_column}{all}) VALUES ({tenant_value}{values})"),
            delete: format!("DELETE FROM [{name}] WHERE {scope} AND [id] = ?2 RETURNING [{rowid}], {all}"),
            delete_some: format!(
                "DELETE FROM [{name}] WHERE {scope} AND [{rowid}] IN ({some}) RETURNING [{rowid}], {all}"
            ),
            unique: unique(model, &columns, &scope),
            search: Search::new(model, &columns),
            columns,
            model,
        }
    }

    /// Returns the tables of these models, sorted by name.
    pub(crate) fn all(models: impl IntoIterator<Item = &'m Model>, isolation: Isolation) -> Vec<Self> {
        let mut tables: Vec<_> = models.into_iter().map(|model| Self::new(model, isolation)).collect();
        tables.sort_by(|a, b| a.model.name.cmp(&b.model.name));
        tables
    }
}

fn columns(model: &Model) -> Vec<&str> {
    let mut fields: Vec<&str> = model.fields.iter().map(|f| f.name.as_str()).collect();
    fields.sort_unstable();
    let mut columns = vec!["id"];
    columns.extend(fields);
    columns.extend(["created_at", "updated_at", "version"]);
    columns
}

fn unique(model: &Model, columns: &[&str], scope: &str) -> Vec<(Vec<usize>, String)> {
    let single = model.fields.iter().filter(|f| f.unique).map(|f| vec![f.name.as_str()]);
    let composite = model.indexes.iter().filter(|index| index.unique);
    let composite = composite.map(|index| index.fields.iter().map(|f| f.as_str()).collect());
    single.chain(composite).map(|fields: Vec<&str>| clash(model, columns, scope, &fields)).collect()
}

fn clash(model: &Model, columns: &[&str], scope: &str, fields: &[&str]) -> (Vec<usize>, String) {
    let same: Vec<_> = fields.iter().enumerate().map(|(n, f)| format!("[{f}] = ?{}", n + 2)).collect();
    let sql = format!("SELECT [id] FROM [{}] WHERE {scope} AND {}", model.name, same.join(" AND "));
    (positions(columns, fields), sql)
}

fn positions(columns: &[&str], fields: &[&str]) -> Vec<usize> {
    fields.iter().filter_map(|field| columns.iter().position(|c| c == field)).collect()
}

impl Search {
    fn new(model: &Model, columns: &[&str]) -> Option<Self> {
        let fields: Vec<&str> = model.search_fields().map(|f| f.name.as_str()).collect();
        if fields.is_empty() {
            return None;
        }
        let name = format!("{}__fts", model.name);
        let list = fields.iter().map(|f| format!("[{f}]")).collect::<Vec<_>>().join(", ");
        let values = (2..fields.len() + 2).map(|n| format!("?{n}")).collect::<Vec<_>>().join(", ");
        Some(Self {
            columns: positions(columns, &fields),
            add: format!("INSERT INTO [{name}] (rowid, {list}) VALUES (?1, {values})"),
            remove: format!("INSERT INTO [{name}] ([{name}], rowid, {list}) VALUES ('delete', ?1, {values})"),
            rebuild: format!("INSERT INTO [{name}] ([{name}]) VALUES ('rebuild')"),
        })
    }
}
