//! List of the outbox for staff. It contains neither tokens nor texts of letters.

use crate::{Error, Result, control::params};
use serde::Serialize;
use tenantry_engine::{SqlRow, Tx};

/// A letter in the outbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Letter {
    /// Id of the letter, which is also the name of its file if letters are written to a folder.
    pub id: i64,
    /// Purpose of the letter: `invitation`, `verify` or `reset`.
    pub kind: String,
    /// E-mail address of the recipient.
    pub address: String,
    /// Id of the account that the letter concerns, if any.
    pub user: Option<i64>,
    /// Id of the tenant that the letter concerns, if any.
    pub tenant: Option<i64>,
    /// State of the letter.
    pub state: LetterState,
    /// Number of attempts to send the letter.
    pub attempts: i64,
    /// Time of creation, in microseconds since 1970, UTC.
    pub created_at_us: i64,
    /// Time of the next attempt, in microseconds since 1970, UTC; `None` if there is none.
    pub next_at_us: Option<i64>,
    /// Reason why the last attempt failed.
    pub error: Option<String>,
    /// True if the letter's link was used, or another letter has fulfilled its purpose.
    pub is_used: bool,
}

/// State of a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LetterState {
    /// The letter waits for its first or next attempt.
    Waiting,
    /// The mail server accepted the letter, or it was written to the folder.
    Sent,
    /// The platform gave up sending the letter after the last attempt.
    Failed,
    /// The letter was not sent, because its subject no longer existed when it was due.
    Dropped,
}

impl LetterState {
    const ALL: [Self; 4] = [Self::Waiting, Self::Sent, Self::Failed, Self::Dropped];

    /// Returns the name of the state in the database and for users.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
        }
    }

    /// Parses the name of a state.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] for any other text.
    pub fn parse(text: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|state| state.as_str() == text);
        found.ok_or_else(|| Error::invalid("state", "must be waiting, sent, failed or dropped"))
    }
}

/// Conditions and size of a page of letters.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter {
    /// Only letters in this state; `None` for letters that were not sent, whether they wait or were given up, or for
    /// every letter if `all` is set.
    pub state: Option<LetterState>,
    /// True to list letters in every state.
    pub all: bool,
    /// Only letters older than this id, the last id of the previous page.
    pub before: Option<i64>,
    /// Largest number of letters, 1 to 1000.
    pub limit: u32,
}

const COLUMNS: &str = "id, kind, address, user_id, tenant, state, attempts, created_at, next_at, error, \
    CASE WHEN used_at IS NULL THEN 0 ELSE 1 END";

/// Returns letters, newest first.
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

/// Returns the letter with this id.
///
/// # Errors
/// Returns [`Error::NotFound`] when there is no such letter.
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
