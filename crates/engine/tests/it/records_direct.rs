//! The clinic on a SQLite connection of the test, for checks that need such a connection.

use crate::records_kit::{TENANTS, migrations, models, schema};
use rusqlite::Connection;
use std::sync::Arc;
use tenantry_engine::{
    Result, Usage,
    internals::{list, migrate, usage, write},
    name::StoreName,
    place::{Isolation, Place},
    query::Change,
    schema::{Confinement, Schema},
    write::{WriteOptions, Written},
};

/// A database with the clinic's tables, seen as one tenant.
pub(crate) struct Direct {
    pub(crate) conn: Connection,
    schema: Arc<Schema>,
    who: Confinement,
    options: WriteOptions,
}

impl Direct {
    pub(crate) fn new(isolation: Isolation) -> Self {
        Self::made(Connection::open_in_memory().unwrap(), isolation)
    }

    /// Returns a kit with a connection to the file of a place that the engine made.
    pub(crate) fn reader(path: &std::path::Path, place: &Place) -> Self {
        let conn = Connection::open(path).unwrap();
        list::add_functions(&conn).unwrap();
        let tenant = place.tenant.map_or(0, |t| t.get());
        let who = Confinement { isolation: place.isolation, tenant, generation: place.generation, ledger: 1 };
        Self { conn, schema: schema(), who, options: WriteOptions::default() }
    }

    fn made(mut conn: Connection, isolation: Isolation) -> Self {
        conn.execute_batch("PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF").unwrap();
        list::add_functions(&conn).unwrap();
        let store = StoreName::parse("tenant").unwrap();
        migrate::migrate(&mut conn, &store, isolation, &migrations(&models())).unwrap();
        let tenants = if isolation == Isolation::Pooled { &TENANTS[..] } else { &TENANTS[..1] };
        for tenant in tenants {
            let sql = "INSERT INTO _tenantry_place (tenant, store, generation) VALUES (?1, 'tenant', 3)";
            conn.execute(sql, [tenant]).unwrap();
        }
        let who = Confinement { isolation, tenant: TENANTS[0], generation: 3, ledger: 1 };
        Self {
            conn,
            schema: schema(),
            who,
            options: WriteOptions { actor: "ann".into(), ..Default::default() },
        }
    }

    /// Recounts the rows and bytes of every tenant, and returns this tenant's usage.
    pub(crate) fn recounted(&self) -> Usage {
        let (store, isolation) = (self.schema.store(), self.who.isolation);
        migrate::count_again(&self.conn, store, isolation, &migrations(&models())).unwrap();
        usage::usage(&self.conn, &self.schema, &self.who).unwrap()
    }

    pub(crate) fn apply(&self, changes: &[Change]) -> Result<Vec<Written>> {
        write::apply(&self.conn, &self.schema, &self.who, changes, &self.options, None)
    }

    pub(crate) fn one(&self, change: Change) -> Written {
        self.apply(&[change]).unwrap().remove(0)
    }

    pub(crate) fn integer(&self, sql: &str) -> i64 {
        self.conn.query_row(sql, [], |row| row.get(0)).unwrap()
    }
}
