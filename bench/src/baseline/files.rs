//! The hand-written loops over many database files: create one, change all, open one cold.

use anyhow::{Context, Result};
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The minimum that creating a tenant requires: copy a template, sync it, record it durably.
pub(crate) struct Creation {
    dir: PathBuf,
    template: PathBuf,
    catalog: Connection,
    made: u32,
}

impl Creation {
    /// Prepares to create files in `dir`; the catalog is another SQLite file there, at `synchronous = FULL`.
    pub(crate) fn new(dir: &Path, template: &Path) -> Result<Self> {
        std::fs::create_dir_all(dir)?;
        let catalog = Connection::open(dir.join("catalog.db"))?;
        catalog.pragma_update(None, "journal_mode", "wal")?;
        catalog.pragma_update(None, "synchronous", "full")?;
        catalog.execute_batch(
            "CREATE TABLE tenants (id INTEGER PRIMARY KEY, slug TEXT NOT NULL UNIQUE, path TEXT NOT NULL) STRICT",
        )?;
        Ok(Self { dir: dir.into(), template: template.into(), catalog, made: 0 })
    }

    /// Creates `count` files; returns how many per second.
    pub(crate) fn round(&mut self, count: u32) -> Result<f64> {
        let started = Instant::now();
        for _ in 0..count {
            self.made += 1;
            let slug = format!("tenant-{}", self.made);
            let path = self.dir.join(format!("{slug}.db"));
            std::fs::copy(&self.template, &path)?;
            std::fs::File::open(&path)?.sync_all()?;
            let mut insert =
                self.catalog.prepare_cached("INSERT INTO tenants (slug, path) VALUES (?1, ?2)")?;
            insert.execute((&slug, path.to_string_lossy()))?;
        }
        Ok(f64::from(count) / started.elapsed().as_secs_f64())
    }
}

/// Copies of one database.
pub(crate) struct Fleet {
    files: Vec<PathBuf>,
    rounds: u32,
}

impl Fleet {
    /// Copies `template` `count` times into `dir`.
    pub(crate) fn new(dir: &Path, template: &Path, count: u32) -> Result<Self> {
        std::fs::create_dir_all(dir)?;
        let files: Vec<PathBuf> = (0..count).map(|i| dir.join(format!("{i}.db"))).collect();
        for file in &files {
            std::fs::copy(template, file).with_context(|| format!("cannot copy {}", template.display()))?;
        }
        Ok(Self { files, rounds: 0 })
    }

    /// Adds a column in every file: open, execute, commit, close. Returns files per second.
    pub(crate) fn round(&mut self, table: &str) -> Result<f64> {
        self.rounds += 1;
        let sql =
            format!("BEGIN IMMEDIATE; ALTER TABLE {table} ADD COLUMN extra_{} TEXT; COMMIT", self.rounds);
        let started = Instant::now();
        for file in &self.files {
            let connection = Connection::open(file)?;
            connection.pragma_update(None, "synchronous", "normal")?;
            connection.execute_batch(&sql)?;
            connection.close().map_err(|(_, error)| error)?;
        }
        Ok(self.files.len() as f64 / started.elapsed().as_secs_f64())
    }

    /// Opens one file, reads one row and closes; returns the duration.
    pub(crate) fn open_and_read(&self, index: usize, table: &str) -> Result<Duration> {
        let path = &self.files[index % self.files.len()];
        let started = Instant::now();
        let connection = super::store::connect(path)?;
        connection
            .query_row(&format!("SELECT * FROM {table} WHERE id = 1"), [], |row| row.get::<_, i64>("id"))?;
        Ok(started.elapsed())
    }
}
