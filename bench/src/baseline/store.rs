//! One SQLite file with one table of patients: a small pool of connections used on the request's thread, cached
//! statements, WAL at NORMAL. Called by the baseline server only.

use anyhow::Result;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

const SCHEMA: &str = include_str!("schema.sql");
const GET: &str =
    "SELECT id, name, email, phone, date_of_birth, gender, address, created_at, updated_at, version
    FROM patients WHERE id = ?1";
const LIST: &str =
    "SELECT id, name, email, phone, date_of_birth, gender, address, created_at, updated_at, version
    FROM patients WHERE id > ?1 ORDER BY id LIMIT ?2";
const INSERT: &str = "INSERT INTO patients
    (name, email, phone, date_of_birth, gender, address, created_at, updated_at, version)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, 1)";

/// A row in an answer.
#[derive(Debug, Serialize)]
pub(crate) struct Patient {
    id: i64,
    name: String,
    email: Option<String>,
    phone: Option<String>,
    date_of_birth: Option<String>,
    gender: Option<String>,
    address: Option<String>,
    created_at: String,
    updated_at: String,
    version: i64,
}

/// A row in a request; its types enforce the rules that Tenantry's model has.
#[derive(Debug, Deserialize)]
pub(crate) struct NewPatient {
    name: Name,
    email: Option<String>,
    phone: Option<String>,
    date_of_birth: Option<Date>,
    gender: Option<Gender>,
    address: Option<String>,
}

/// A text that is not empty and has at most 120 characters.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Name(String);

impl TryFrom<String> for Name {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.is_empty() || text.chars().nth(120).is_some() {
            Err("1 to 120 characters")
        } else {
            Ok(Self(text))
        }
    }
}

/// A calendar date.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Date(String);

impl TryFrom<String> for Date {
    type Error = jiff::Error;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Ok(Self(text.parse::<jiff::civil::Date>()?.to_string()))
    }
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Gender {
    Female,
    Male,
    Other,
}

impl Gender {
    fn as_str(self) -> &'static str {
        match self {
            Self::Female => "female",
            Self::Male => "male",
            Self::Other => "other",
        }
    }
}

/// The database and its idle connections.
pub(crate) struct Store {
    path: PathBuf,
    readers: Mutex<Vec<Connection>>,
    writer: Mutex<Connection>,
}

/// Opens a connection with the settings that both sides use.
pub(crate) fn connect(path: &Path) -> Result<Connection> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "normal")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    Ok(connection)
}

impl Store {
    /// Opens the file and creates the table if it is missing.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let writer = connect(path)?;
        writer.execute_batch(SCHEMA)?;
        Ok(Self { path: path.into(), readers: Mutex::default(), writer: Mutex::new(writer) })
    }

    /// Runs a read on an idle connection.
    fn read<T>(&self, act: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let idle = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => connect(&self.path)?,
        };
        let answer = act(&connection);
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        answer
    }

    /// Returns one row.
    pub(crate) fn get(&self, id: i64) -> Result<Option<Patient>> {
        self.read(|connection| Ok(connection.prepare_cached(GET)?.query_row([id], patient).optional()?))
    }

    /// Returns the rows after `after` in order of id.
    pub(crate) fn list(&self, after: i64, limit: u32) -> Result<Vec<Patient>> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(LIST)?;
            let rows = statement.query_map(params![after, limit], patient)?;
            Ok(rows.collect::<rusqlite::Result<Vec<_>>>()?)
        })
    }

    /// Inserts and commits a row; returns it as stored.
    pub(crate) fn insert(&self, new: NewPatient) -> Result<Patient> {
        let now = format!("{:.6}", jiff::Timestamp::now());
        let connection = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut statement = connection.prepare_cached(INSERT)?;
        let NewPatient { name: Name(name), email, phone, date_of_birth, gender, address } = new;
        let date_of_birth = date_of_birth.map(|date| date.0);
        let gender = gender.map(Gender::as_str);
        let id = statement.insert(params![name, email, phone, date_of_birth, gender, address, now])?;
        let gender = gender.map(str::to_owned);
        let (created_at, updated_at) = (now.clone(), now);
        Ok(Patient {
            id,
            name,
            email,
            phone,
            date_of_birth,
            gender,
            address,
            created_at,
            updated_at,
            version: 1,
        })
    }
}

fn patient(row: &Row<'_>) -> rusqlite::Result<Patient> {
    Ok(Patient {
        id: row.get(0)?,
        name: row.get(1)?,
        email: row.get(2)?,
        phone: row.get(3)?,
        date_of_birth: row.get(4)?,
        gender: row.get(5)?,
        address: row.get(6)?,
        created_at: row.get(7)?,
        updated_at: row.get(8)?,
        version: row.get(9)?,
    })
}
