//! A copy of a place's rows of one model for an operator's UPDATE, and the transfer of its changes to the rows.
//!
//! The values are checked like those of a request: a value that no app could read, or that breaks a rule of its field,
//! is refused. Values that the statement did not change are not checked, because a repair may take several statements.

use super::update::denied;
use crate::{
    cell::Storage,
    error::{Error, Kind, Result},
    input,
    postgres::{
        connections::{Connection, refusal},
        names::quoted,
        schema::{Layout, raw, read, shown},
        site::Site,
    },
};
use tokio_postgres::Row;

/// Number of rows that are read at a time.
const PORTION: usize = 500;
/// Column that a statement may change although it is not a field.
const UPDATED: &str = "updated_at";

/// A temporary table with the name of the model. It ends with the transaction.
pub(super) struct Copy<'a> {
    layout: Layout<'a>,
    /// Name of the copy.
    copy: String,
    /// Name of the table with the rows.
    table: String,
    /// Condition after `WHERE` for the rows of the place.
    whose: String,
}

impl<'a> Copy<'a> {
    pub(super) fn of(layout: Layout<'a>, site: &Site) -> Self {
        let model = quoted(layout.model.name.as_str());
        let whose = match layout.tenant() {
            Some(column) => format!("{} = {}", quoted(column), site.tenant),
            None => "true".into(),
        };
        let (copy, table) = (format!("pg_temp.{model}"), format!("{}.{model}", site.quoted));
        Self { layout, copy, table, whose }
    }

    /// Creates the copy as the owner. `role` may change its values.
    pub(super) async fn make(&self, conn: &mut Connection, role: Option<&str>) -> Result<()> {
        let Self { copy, table, whose, .. } = self;
        let fields = self.free().map(|(name, _)| name).collect::<Vec<_>>().join(", ");
        conn.batch(&format!(
            "CREATE TEMP TABLE {} ON COMMIT DROP AS \
             SELECT \"id\", {fields}, \"created_at\", \"version\" FROM {table} WHERE {whose}",
            quoted(self.layout.model.name.as_str())
        ))
        .await?;
        match role {
            Some(role) => conn.batch(&format!("GRANT SELECT, UPDATE ON {copy} TO {}", quoted(role))).await,
            None => Ok(()),
        }
    }

    /// Writes the values that differ to the rows of the place. Raises the version of each row that changes, and returns
    /// the number of these rows.
    ///
    /// # Errors
    /// Returns [`Kind::Denied`] if the keys differ, [`Kind::Invalid`] for a value that breaks a rule of its field, and
    /// [`Kind::Statement`] for a value that the database refuses.
    pub(super) async fn apply(&self, conn: &mut Connection) -> Result<u64> {
        self.compare_keys(conn).await?;
        self.check(conn).await?;
        let written = self.write(conn).await;
        written.map_err(|error| named(error, self.layout.model.name.as_str()))
    }

    /// Returns the columns that a statement may change, each quoted, with an expression that is true if the copy `n`
    /// differs from the row `o`.
    fn free(&self) -> impl Iterator<Item = (String, String)> {
        let fields = self.layout.model.fields.iter().map(|field| {
            // The type `json` has no equality operator.
            let cast = match self.layout.storage(&field.kind) {
                Ok(Storage::Json) => "::text",
                _ => "",
            };
            (field.name.as_str(), cast)
        });
        fields.chain([(UPDATED, "")]).map(|(name, cast)| {
            let name = quoted(name).to_string();
            let differs = format!("n.{name}{cast} IS DISTINCT FROM o.{name}{cast}");
            (name, differs)
        })
    }

    fn differs(&self) -> String {
        self.free().map(|(_, differs)| differs).collect::<Vec<_>>().join(" OR ")
    }

    async fn compare_keys(&self, conn: &mut Connection) -> Result<()> {
        let Self { copy, table, whose, .. } = self;
        let sql = format!(
            "SELECT EXISTS (SELECT FROM {copy} AS n FULL JOIN (SELECT * FROM {table} WHERE {whose}) AS o \
             ON n.\"id\" = o.\"id\" WHERE n.\"id\" IS NULL OR o.\"id\" IS NULL \
             OR n.\"created_at\" IS DISTINCT FROM o.\"created_at\" OR n.\"version\" IS DISTINCT FROM o.\"version\")"
        );
        match conn.once(&sql, &[]).await?.first().is_some_and(|row| row.get(0)) {
            true => Err(denied("a change of id, created_at or version")),
            false => Ok(()),
        }
    }

    /// Checks the values that the statement changed.
    async fn check(&self, conn: &mut Connection) -> Result<()> {
        let Self { copy, table, whose, .. } = self;
        let columns: String = self.free().map(|(name, differs)| format!(", n.{name}, {differs}")).collect();
        conn.batch(&format!(
            "DECLARE changed NO SCROLL CURSOR FOR SELECT n.\"id\"{columns} FROM {copy} AS n \
             JOIN (SELECT * FROM {table} WHERE {whose}) AS o ON o.\"id\" = n.\"id\" WHERE {}",
            self.differs()
        ))
        .await?;
        loop {
            let rows = conn.once(&format!("FETCH {PORTION} FROM changed"), &[]).await?;
            for row in &rows {
                self.check_row(row)?;
            }
            if rows.len() < PORTION {
                return conn.batch("CLOSE changed").await;
            }
        }
    }

    fn check_row(&self, row: &Row) -> Result<()> {
        let model = self.layout.model;
        let refused = |name: &str, rule| {
            let id = read(row, 0, Storage::of_id(model.id))?;
            let id = id.map_or_else(String::new, |id| shown(&id));
            Err(Error::invalid(format!("{}.{name} of record {id}", model.name), rule))
        };
        for (index, field) in model.fields.iter().enumerate() {
            let at = 1 + 2 * index;
            if !row.get::<_, bool>(at + 1) {
                continue;
            }
            let storage = self.layout.storage(&field.kind)?;
            let broken = match read(row, at, storage)? {
                Some(value) => {
                    input::check_correction(field, input::most_bytes(model, field), raw(&value)).err()
                }
                None => Some(storage.wanted().into()),
            };
            if let Some(rule) = broken {
                return refused(field.name.as_str(), rule);
            }
        }
        match read(row, 1 + 2 * model.fields.len(), Storage::Datetime)? {
            Some(_) => Ok(()),
            None => refused(UPDATED, Storage::Datetime.wanted().into()),
        }
    }

    async fn write(&self, conn: &mut Connection) -> Result<u64> {
        let Self { copy, table, whose, .. } = self;
        let set: String = self.free().map(|(name, _)| format!("{name} = n.{name}, ")).collect();
        let whose = if self.layout.pooled { format!("o.{whose}") } else { whose.clone() };
        let sql = format!(
            "WITH changed AS (UPDATE {table} AS o SET {set}\"version\" = o.\"version\" + 1 FROM {copy} AS n \
             WHERE {whose} AND o.\"id\" = n.\"id\" AND ({}) RETURNING 1) SELECT count(*) FROM changed",
            self.differs()
        );
        let rows = conn.once(&sql, &[]).await?;
        Ok(rows.first().map_or(0, |row| row.get::<_, i64>(0).unsigned_abs()))
    }
}

/// Names the constraint that a value breaks, in the words of the database.
fn named(error: Error, model: &str) -> Error {
    let said = refusal(&error).filter(|refused| refused.code().code().starts_with("23"));
    match said.map(|refused| format!("{model}: {}", refused.message())) {
        Some(message) => Error::with_source(Kind::Statement(message), "PostgreSQL", error),
        None => error,
    }
}
