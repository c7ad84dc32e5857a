//! List of the outbox for staff. It contains neither tokens nor texts of letters.

use crate::{Error, Result, control::params};
use serde::Serialize;
use tenantry_engine::{SqlRow, Tx};

/// A letter of the outbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Letter {
    /// Its id, which is also the name of its file if letters are written to a folder.
    pub id: i64,
    /// Its purpose: `invitation`, `verify` or `reset`.
    pub kind: String,
    /// E-mail address of the recipient.
    pub address: String,
    /// The account it concerns, if any.
    pub user: Option<i64>,
    /// The tenant it concerns, if any.
    pub tenant: Option<i64>,
    /// State of the letter.
    pub state: LetterState,
    /// Number of attempts to send it.
    pub attempts: i64,
    /// Creation, in microseconds.
    pub created_at_us: i64,
    /// Next attempt, in microseconds. `None`: there is none.
    pub next_at_us: Option<i64>,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// Its link was used, or another letter has fulfilled its purpose.
    pub is_used: bool,
}

/// State of a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LetterState {
    /// Waiting for its first or next attempt.
    Waiting,
    /// Accepted by the mail server, or written to the folder.
    Sent,
    /// Given up after the last attempt.
    Failed,
    /// Not sent, because its subject no longer existed when it was due.
    Dropped,
}

impl LetterState {
    const ALL: [Self; 4] = [Self::Waiting, Self::Sent, Self::Failed, Self::Dropped];

    /// Text in the database and for users.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
        }
    }

    /// Parses the text.
    ///
    /// # Errors
    /// [`Error::Invalid`] for any other text.
    pub fn parse(text: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|state| state.as_str() == text);
        found.ok_or_else(|| Error::invalid("state", "must be waiting, sent, failed or dropped"))
    }
}

/// Which letters to list.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter {
    /// Only letters in this state. `None`: letters that were not sent, whether waiting or given up; with `all`, every letter.
    pub state: Option<LetterState>,
    /// Letters in every state.
    pub all: bool,
    /// Only letters older than this id: the last id of the page before.
    pub before: Option<i64>,
    /// Largest number of letters, 1 to 1000.
    pub limit: u32,
}

const COLUMNS: &str = "id, kind, address, user_id, tenant, state, attempts, created_at, next_at, error, \
    CASE WHEN used_at IS NULL THEN 0 ELSE 1 END";

/// Lists letters, newest first.
pub(crate) async fn list(tx: &mut Tx, filter: &Filter) -> Result<Vec<Letter>> {
    let states = match filter.state {
        _ if filter.all => "",
        Some(LetterState::Waiting) => "state = 'waiting' AND",
        Some(LetterState::Sent) => "state = 'sent' AND",
        Some(LetterState::Failed) => "state = 'failed' AND",
        Some(LetterState::Dropped) => "state = 'dropped' AND",
        None => "state IN ('waiting', 'failed') AND",
    };
    let sql = format!("SELECT {COLUMNS} FROM mails WHERE {states} id < ? ORDER BY id DESC LIMIT ?");
    let values = params![filter.before.unwrap_or(i64::MAX), i64::from(filter.limit.clamp(1, 1000))];
    tx.query(&sql, values).await?.iter().map(read).collect()
}

/// Returns a letter.
///
/// # Errors
/// [`Error::NotFound`] when there is none with this id.
pub(super) async fn by_id(tx: &mut Tx, id: i64) -> Result<Letter> {
    let rows = tx.query(&format!("SELECT {COLUMNS} FROM mails WHERE id = ?"), params![id]).await?;
    read(rows.first().ok_or(Error::NotFound("letter"))?)
}

fn read(row: &SqlRow) -> Result<Letter> {
    let state = LetterState::parse(row.text(5)?)?;
    Ok(Letter {
        id: row.integer(0)?,
        kind: row.text(1)?.to_owned(),
        address: row.text(2)?.to_owned(),
        user: row.opt_integer(3)?,
        tenant: row.opt_integer(4)?,
        state,
        attempts: row.integer(6)?,
        created_at_us: row.integer(7)?,
        next_at_us: Some(row.integer(8)?).filter(|_| state == LetterState::Waiting),
        error: row.opt_text(9)?.map(str::to_owned),
        is_used: row.boolean(10)?,
    })
}
