//! The platform's own tables in every database, and the version of their format. Opening a database for writing
//! upgrades an older format. A later format than this program knows is refused.
//!
//! To add a format: raise [`VERSION`], change [`CREATE`] and add a step to [`STEPS`]. A step may not rename a table or
//! a column, because SQLite then checks the whole schema, and a tenant's own views may fail that check.

use crate::error::{Error, Kind, Result};
use rusqlite::{Connection, MAIN_DB, Transaction, TransactionBehavior};

macro_rules! meta_table {
    () => {
        "CREATE TABLE _tenantry_meta(one INTEGER PRIMARY KEY CHECK(one = 1), version INTEGER NOT NULL) STRICT;"
    };
}

macro_rules! record_index {
    () => {
        "CREATE INDEX _tenantry_activity__record__idx ON _tenantry_activity(tenant, model, record);
"
    };
}

/// SQL that creates the table of places; `$more` contains the columns that later formats add.
macro_rules! place_table {
    ($more:literal) => {
        concat!(
            "CREATE TABLE _tenantry_place(
  tenant INTEGER NOT NULL, store TEXT NOT NULL, generation INTEGER NOT NULL, platform TEXT NOT NULL DEFAULT '',
  state TEXT NOT NULL DEFAULT 'open' CHECK(state IN ('open', 'fenced', 'filling', 'closed', 'leaving')),
  holder INTEGER, recorder INTEGER, log_upto INTEGER, rows INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0",
            $more,
            ",
  PRIMARY KEY(tenant, store)) STRICT, WITHOUT ROWID;"
        )
    };
}

/// Version of the format that [`CREATE`] makes. Databases without a version row have format 1.
const VERSION: i64 = 5;

/// Steps from each format to the next one, beginning with format 1.
const STEPS: [&str; 4] = [TO_2, TO_3, TO_4, TO_5];

const TO_2: &str = concat!(
    "CREATE TABLE _tenantry_place_1 AS SELECT * FROM _tenantry_place; DROP TABLE _tenantry_place;",
    meta_table!(),
    place_table!(""),
    // `fenced`: 0 is open, 1 is fenced by no operation, 2 is made from a copy, any other value is a fencing token.
    // `carried`: the lowest number marks rows that are being removed; another negative number is the token of the call
    // that fills the place.
    "INSERT INTO _tenantry_place(tenant, store, generation, platform, state, holder, recorder, log_upto, rows, bytes)
     SELECT tenant, store, generation, platform,
       CASE WHEN carried = -9223372036854775808 THEN 'leaving' WHEN carried < 0 THEN 'filling'
            WHEN fenced = 0 THEN 'open' WHEN fenced = 2 THEN 'closed' ELSE 'fenced' END,
       CASE WHEN carried = -9223372036854775808 THEN NULL WHEN carried < 0 THEN carried
            WHEN fenced NOT IN (0, 1, 2) THEN fenced END,
       nullif(recording, 0), CASE WHEN carried >= 0 THEN carried END, rows, bytes
     FROM _tenantry_place_1;
     DROP TABLE _tenantry_place_1;
     INSERT INTO _tenantry_meta(one, version) VALUES(1, 2)"
);

/// Before format 3, only the bytes of pools were counted. A pool has its own row, so a file with one row is not a pool.
const TO_3: &str = "ALTER TABLE _tenantry_place ADD COLUMN counted INTEGER NOT NULL DEFAULT 1;
    UPDATE _tenantry_place SET bytes = 0, counted = 0
    WHERE tenant = 0 OR (SELECT count(*) FROM _tenantry_place) = 1;
    UPDATE _tenantry_meta SET version = 3";

/// Since format 4, the history of a record is read through an index.
const TO_4: &str = concat!(record_index!(), "UPDATE _tenantry_meta SET version = 4");

/// Since format 5, a place remembers which operation may not record any more.
const TO_5: &str =
    "ALTER TABLE _tenantry_place ADD COLUMN barred INTEGER; UPDATE _tenantry_meta SET version = 5";

/// SQL that creates the platform's own tables in a database without them.
///
/// `_tenantry_meta` has one row. `_tenantry_place` has one row per tenant and store in the database; tenant 0 is a
/// system store itself. `platform` is the installation that the row belongs to; it is empty if the row was written
/// before that was known, as in the control store. While `counted` is 0, `bytes` contains only what writes have added
/// since the row was upgraded (`records/count.rs`). For the other columns see [`crate::identity::PlaceInfo`]: while
/// there is a `recorder`, writes are recorded in `_tenantry_changes`; the operation with the token `barred` may not
/// become one.
pub(crate) const CREATE: &str = concat!(
    meta_table!(),
    place_table!(", counted INTEGER NOT NULL DEFAULT 1, barred INTEGER"),
    "INSERT INTO _tenantry_meta(one, version) VALUES(1, 5);
CREATE TABLE _tenantry_ledger(
  app TEXT NOT NULL, migration TEXT NOT NULL, checksum TEXT NOT NULL, applied_at TEXT NOT NULL, PRIMARY KEY(app, migration)) STRICT;
CREATE TABLE _tenantry_seq(
  tenant INTEGER NOT NULL, model TEXT NOT NULL, last INTEGER NOT NULL, PRIMARY KEY(tenant, model)) STRICT, WITHOUT ROWID;
CREATE TABLE _tenantry_activity(
  id INTEGER PRIMARY KEY AUTOINCREMENT, tenant INTEGER NOT NULL, at TEXT NOT NULL, actor TEXT NOT NULL, impersonator TEXT,
  action TEXT NOT NULL, model TEXT NOT NULL, record TEXT NOT NULL, detail TEXT) STRICT;
CREATE INDEX _tenantry_activity__tenant_at__idx ON _tenantry_activity(tenant, at);
",
    record_index!(),
    "CREATE TABLE _tenantry_changes(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, tenant INTEGER NOT NULL, store TEXT NOT NULL, model TEXT NOT NULL, id ANY NOT NULL) STRICT;
"
);

/// Creates the tables in a database without them, and upgrades those of an older format. Idempotent.
///
/// # Errors
/// Returns the errors of [`upgrade`].
pub(crate) fn ensure(conn: &Connection) -> Result<()> {
    match version(conn)? {
        None => Ok(conn.execute_batch(CREATE)?),
        Some(_) => upgrade(conn),
    }
}

/// Upgrades the tables. Does nothing in a database without them, nor on a read-only connection. On such a connection,
/// all statements work except those on the state of places.
///
/// # Errors
/// Returns [`Kind::FormatAhead`] if a newer version of this program made the tables.
pub(crate) fn upgrade(conn: &Connection) -> Result<()> {
    match version(conn)? {
        None | Some(VERSION) => Ok(()),
        Some(found) if found > VERSION => Err(ahead(found)),
        Some(_) if conn.is_readonly(MAIN_DB)? => Ok(()),
        Some(_) if conn.is_autocommit() => {
            let transaction = Transaction::new_unchecked(conn, TransactionBehavior::Immediate)?;
            run_steps(&transaction)?;
            Ok(transaction.commit()?)
        }
        Some(_) => run_steps(conn),
    }
}

/// Runs the missing steps; another process may have run them in the meantime.
fn run_steps(conn: &Connection) -> Result<()> {
    for (step, from) in STEPS.iter().zip(1..) {
        if version(conn)? == Some(from) {
            conn.execute_batch(step)?;
        }
    }
    Ok(())
}

/// Returns true if [`upgrade`] has something to do.
///
/// # Errors
/// Returns the errors of [`upgrade`].
pub(crate) fn is_outdated(conn: &Connection) -> Result<bool> {
    refuse_newer(conn)?;
    Ok(version(conn)?.is_some_and(|found| found < VERSION))
}

/// Refuses tables that a newer version of this program made.
///
/// # Errors
/// Returns [`Kind::FormatAhead`] if a newer version of this program made the tables.
pub(crate) fn refuse_newer(conn: &Connection) -> Result<()> {
    match version(conn)? {
        Some(found) if found > VERSION => Err(ahead(found)),
        _ => Ok(()),
    }
}

fn ahead(found: i64) -> Error {
    let detail = format!("the platform's tables have form {found}, this program knows {VERSION} at most");
    Error::new(Kind::FormatAhead, detail)
}

/// Returns the version of the tables; `None` if there are no tables.
fn version(conn: &Connection) -> Result<Option<i64>> {
    // If a statement cannot be prepared, SQLite first checks whether another process has changed the schema.
    match conn.prepare("SELECT version FROM _tenantry_meta").map_err(Error::from) {
        Ok(mut statement) => Ok(Some(statement.query_row([], |row| row.get(0))?)),
        Err(error) if *error.kind() == Kind::SchemaBehind => {
            match conn.prepare("SELECT 1 FROM _tenantry_place").map_err(Error::from) {
                Ok(_) => Ok(Some(1)),
                Err(error) if *error.kind() == Kind::SchemaBehind => Ok(None),
                Err(error) => Err(error),
            }
        }
        Err(error) => Err(error),
    }
}
