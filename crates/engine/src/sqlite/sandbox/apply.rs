//! Writes the changes of an operator's UPDATE of a [`Window`] to the rows of the place.
//!
//! The rows are checked like those of a request: a value that no app could read, or that breaks a rule of its field, is
//! refused. Fields that the statement did not change are not checked, because a repair may take several statements.

use super::window::{COLUMNS, Table, Window};
use crate::{
    error::{Error, Kind, Result},
    input,
    model::Field,
    sqlite::{cells::raw, schema::ddl::quoted},
};
use rusqlite::{Connection, ErrorCode, types::ValueRef};

impl Window {
    /// Makes the connection record an UPDATE of a view: for each row, the new values and the old ones.
    pub(in crate::sqlite) fn take_updates(&mut self, conn: &Connection) -> Result<()> {
        for table in &self.tables {
            let (noted, model) = (quoted(&self.noted(&table.model)), quoted(&table.model));
            let free = || free(table);
            let declared: String = free().map(|c| format!(", {}, {}", quoted(c), old(c))).collect();
            let values: String = free().map(|c| format!(", NEW.{c}, OLD.{c}", c = quoted(c))).collect();
            conn.execute_batch(&format!(
                "CREATE TEMP TABLE {noted}(id PRIMARY KEY{declared});
                 CREATE TEMP TRIGGER {} INSTEAD OF UPDATE ON temp.{model} BEGIN
                   INSERT OR REPLACE INTO {noted} VALUES (OLD.id{values});
                 END",
                quoted(&self.trigger(&table.model)),
            ))?;
        }
        self.can_update = true;
        Ok(())
    }

    /// Drops the views, and writes the recorded values to the rows of the place. Raises the version of each row that
    /// changes, and returns the number of changed rows. Call this without the authorizer.
    ///
    /// # Errors
    /// Returns [`Kind::Invalid`] for a value that breaks a rule of its field, and [`Kind::Statement`] for a value that
    /// the database refuses.
    pub(in crate::sqlite) fn apply(self, conn: &Connection) -> Result<u64> {
        for Table { model, .. } in &self.tables {
            let (inner, model) = (quoted(&self.inner(model)), quoted(model));
            conn.execute_batch(&format!("DROP VIEW temp.{model}; DROP VIEW temp.{inner}"))?;
        }
        let mut changed = 0;
        for table in &self.tables {
            let noted = quoted(&self.noted(&table.model));
            let is_noted: bool =
                conn.query_row(&format!("SELECT EXISTS(SELECT 1 FROM temp.{noted})"), [], |row| row.get(0))?;
            if is_noted {
                changed += write(conn, table, &noted).map_err(|error| named(error, &table.model))?;
                check(conn, table, &noted)?;
            }
        }
        Ok(changed)
    }
}

/// Returns the columns that a statement may change.
fn free(table: &Table) -> impl Iterator<Item = &str> {
    table.columns.iter().map(String::as_str).filter(|column| !COLUMNS.contains(column))
}

/// Returns the quoted name of the column that holds the old value of `column`.
fn old(column: &str) -> String {
    quoted(&format!("old {column}"))
}

/// Writes the recorded values to the rows that differ from them.
fn write(conn: &Connection, table: &Table, noted: &str) -> rusqlite::Result<u64> {
    let (model, whose) = (quoted(&table.model), &table.whose);
    let set: String = free(table).map(quoted).map(|c| format!("{c} = noted.{c}, ")).collect();
    let differs = free(table).map(quoted).map(|c| format!("{model}.{c} IS NOT noted.{c}"));
    let differs = differs.collect::<Vec<_>>().join(" OR ");
    let sql = format!(
        "UPDATE main.{model} SET {set}version = {model}.version + 1 FROM temp.{noted} AS noted \
         WHERE {whose} AND {model}.id = noted.id AND ({differs})"
    );
    Ok(conn.execute(&sql, [])? as u64)
}

/// Checks the values that the statement changed.
fn check(conn: &Connection, table: &Table, noted: &str) -> Result<()> {
    let model = quoted(&table.model);
    for (field, most) in table.fields.iter().zip(&table.most_bytes) {
        let column = field.name.as_str();
        if !free(table).any(|own| own == column) {
            continue;
        }
        let sql = format!(
            "SELECT {model}.id, {model}.{c} FROM main.{model} JOIN temp.{noted} AS noted ON noted.id = {model}.id \
             WHERE {} AND {model}.{c} IS NOT noted.{}",
            table.whose,
            old(column),
            c = quoted(column),
        );
        let mut statement = conn.prepare(&sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            check_value(&table.model, (field, *most), row.get_ref(0)?, row.get_ref(1)?)?;
        }
    }
    Ok(())
}

fn check_value(
    model: &str,
    (field, most): (&Field, Option<usize>),
    id: ValueRef<'_>,
    value: ValueRef<'_>,
) -> Result<()> {
    input::check_correction(field, most, raw(value)).map_err(|rule| {
        let id = match id {
            ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
            id => id.as_i64().unwrap_or_default().to_string(),
        };
        Error::invalid(format!("{model}.{} of record {id}", field.name), rule)
    })
}

/// Names the constraint that a value breaks, in the words of the database.
fn named(error: rusqlite::Error, model: &str) -> Error {
    match &error {
        rusqlite::Error::SqliteFailure(code, Some(message))
            if code.code == ErrorCode::ConstraintViolation =>
        {
            let kind = Kind::Statement(format!("{model}: {message}"));
            Error::with_source(kind, "sqlite", error)
        }
        _ => error.into(),
    }
}
