//! The table of letters: waiting, sent or given up, with the hash of each letter's link.
//!
//! [`super::Mailer`] and `accounts` call it. Everything here is a statement of the control store. A letter that was
//! claimed but not settled becomes due again after this or another process has crashed.

use crate::{
    Error, Result,
    access::{
        ratelimit::Letters,
        token::{Token, TokenKind},
    },
    control::{
        Control, Write,
        clock::{DAY_US, SECOND_US},
        params,
    },
    users,
};
use std::time::Duration;
use tenantry_engine::{
    SqlRow, Tx,
    name::{TenantId, UserId},
};

/// Number of attempts before a letter is given up. With the waits between them, they take about eight hours.
const MOST_ATTEMPTS: i64 = 10;
/// Wait after the first attempt, in microseconds. It doubles with each further attempt.
const FIRST_WAIT_US: i64 = 60 * SECOND_US;
/// Time after which a letter that got no slot asks for one again, in microseconds.
const ASK_AGAIN_US: i64 = 3600 * SECOND_US;
/// Number of days for which a letter's row is retained after it was sent or given up.
const KEEP_DAYS: i64 = 90;
/// Number of characters of a failure's reason that are stored.
const REASON_CHARS: usize = 300;

/// Purpose of a letter. Its link serves this purpose only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Invitation,
    Verify,
    Reset,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::Verify => "verify",
            Self::Reset => "reset",
        }
    }

    fn parse(text: &str) -> Result<Self> {
        let all = [Self::Invitation, Self::Verify, Self::Reset];
        let found = all.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| Error::Internal(format!("a letter of kind {text}")))
    }
}

/// A letter to write.
pub(crate) struct Draft<'a> {
    pub(crate) kind: Kind,
    pub(crate) address: &'a str,
    pub(crate) user: Option<UserId>,
    pub(crate) invitation: Option<i64>,
    pub(crate) tenant: Option<TenantId>,
}

/// Lifetimes of links.
pub(super) struct Lifetimes {
    pub(super) invitation_us: i64,
    pub(super) verify_us: i64,
    pub(super) reset_us: i64,
}

/// A letter that this process is sending.
pub(super) struct Claimed {
    pub(super) id: i64,
    pub(super) kind: Kind,
    pub(super) address: String,
    pub(super) user: Option<UserId>,
    pub(super) invitation: Option<i64>,
    pub(super) tenant: Option<TenantId>,
    attempts: i64,
    pub(super) token: Token,
}

/// A link that is followed in time and for the first time.
pub(crate) struct Link {
    pub(crate) mail: i64,
    pub(crate) address: String,
    pub(crate) user: Option<UserId>,
    pub(crate) invitation: Option<i64>,
}

/// Puts a letter into the outbox, as part of a change. If the same letter is already waiting for its first attempt,
/// adds none and returns false.
pub(crate) async fn enqueue(write: &mut Write, draft: &Draft<'_>) -> Result<bool> {
    let at = write.at_us();
    let sql = "INSERT INTO mails (kind, address, user_id, invitation, tenant, state, next_at, created_at) \
        VALUES (?, ?, ?, ?, ?, 'waiting', ?, ?)";
    let (user, tenant) = (draft.user.map(UserId::get), draft.tenant.map(TenantId::get));
    let same = "SELECT 1 FROM mails WHERE state = 'waiting' AND attempts = 0 AND used_at IS NULL AND kind = ?1 \
        AND address = ?2 AND user_id IS NOT DISTINCT FROM ?3 AND invitation IS NOT DISTINCT FROM ?4";
    let waiting = params![draft.kind.as_str(), draft.address, user, draft.invitation];
    if !write.query(same, waiting).await?.is_empty() {
        return Ok(false);
    }
    let values = params![draft.kind.as_str(), draft.address, user, draft.invitation, tenant, at, at];
    write.execute(sql, values).await?;
    Ok(true)
}

/// Puts a letter into the outbox that asks its reader to confirm their address. If the same letter is already waiting
/// for its first attempt, adds none and returns false.
pub(crate) async fn ask_to_confirm(
    write: &mut Write,
    user: UserId,
    address: &str,
    tenant: Option<TenantId>,
) -> Result<bool> {
    enqueue(write, &Draft { kind: Kind::Verify, address, user: Some(user), invitation: None, tenant }).await
}

/// SQL that selects due letters. A date far in the future was recorded under a wrong clock and counts as due. A letter
/// that waits for its slot becomes due at once when its invitation is closed, so that the slot becomes free.
const DUE: &str = "FROM mails WHERE state = 'waiting' AND (next_at <= ?1 OR next_at > ?1 + 86400000000 \
    OR attempts = 0 AND invitation IS NOT NULL AND invitation NOT IN (SELECT id FROM invitations WHERE state = 'open')) \
    ORDER BY next_at LIMIT 1";

/// Result of [`claim`].
pub(super) enum Next {
    /// A letter to send.
    Letter(Claimed),
    /// A letter was postponed, because its address has got too many, or dropped, because its subject is gone.
    PutOff,
    /// No letter is due.
    Nothing,
}

/// Claims the next due letter, charges it to its address, and generates its token.
pub(super) async fn claim(control: &Control, lifetimes: &Lifetimes, rate: &Letters) -> Result<Next> {
    let now_us = control.now_us();
    let peek = format!("SELECT id {DUE}");
    if control.snapshot().await?.query(&peek, params![now_us]).await?.is_empty() {
        return Ok(Next::Nothing);
    }
    let mut write = control.begin().await?;
    let now_us = write.at_us();
    let sql = format!("SELECT id, kind, address, user_id, invitation, tenant, attempts, charged {DUE}");
    let rows = write.query(&sql, params![now_us]).await?;
    let Some(row) = rows.first() else { return Ok(Next::Nothing) };
    let claimed = read(row)?;
    let is_charged = row.boolean(7)?;
    let is_put_off = match is_wanted(&mut write, &claimed).await? {
        false => dropped(&mut write, &claimed, is_charged.then_some(rate)).await?,
        true => !is_charged && slowed(&mut write, &claimed, rate).await?,
    };
    if is_put_off {
        write.commit_unaudited().await?;
        return Ok(Next::PutOff);
    }
    let lifetime_us = match claimed.kind {
        Kind::Invitation => lifetimes.invitation_us,
        Kind::Verify => lifetimes.verify_us,
        Kind::Reset => lifetimes.reset_us,
    };
    let wait_us = FIRST_WAIT_US << claimed.attempts.clamp(0, 10);
    let sql = "UPDATE mails SET token_hash = ?, attempts = attempts + 1, next_at = ?, expires_at = ?, charged = 1 WHERE id = ?";
    let values = params![claimed.token.hash().to_hex(), now_us + wait_us, now_us + lifetime_us, claimed.id];
    write.execute(sql, values).await?;
    // This is bookkeeping: the change that put the letter here is in the audit log.
    write.commit_unaudited().await?;
    Ok(Next::Letter(claimed))
}

/// Charges a letter to its address. Returns true if it cannot be sent now; its row then states when it can be sent, or
/// when to ask for a slot again.
async fn slowed(write: &mut Write, letter: &Claimed, rate: &Letters) -> Result<bool> {
    let reserved = rate.reserve(letter.kind.as_str(), &letter.address, is_holders(write, letter).await?);
    let wait_us = match reserved {
        Some(Duration::ZERO) => return Ok(false),
        Some(wait) => i64::try_from(wait.as_micros()).unwrap_or(DAY_US),
        // The letter is not given up: that state would reveal to its sender that others write to this address.
        None => ASK_AGAIN_US,
    };
    let sql = "UPDATE mails SET charged = ?, next_at = ? WHERE id = ?";
    let next_at = write.at_us() + wait_us;
    write.execute(sql, params![i64::from(reserved.is_some()), next_at, letter.id]).await?;
    Ok(true)
}

/// Drops a letter whose subject is gone, and gives its slot back if it was charged and never sent. Returns true.
async fn dropped(write: &mut Write, letter: &Claimed, charged: Option<&Letters>) -> Result<bool> {
    if let Some(rate) = charged.filter(|_| letter.attempts == 0) {
        rate.give_back(letter.kind.as_str(), &letter.address, is_holders(write, letter).await?);
    }
    let sql = "UPDATE mails SET state = 'dropped', token_hash = NULL WHERE id = ?";
    write.execute(sql, params![letter.id]).await?;
    Ok(true)
}

/// Returns true if the letter is still wanted: its invitation can be answered, or its account is active.
async fn is_wanted(tx: &mut Tx, letter: &Claimed) -> Result<bool> {
    let (sql, id) = match (letter.kind, letter.user, letter.invitation) {
        (Kind::Invitation, _, Some(id)) => ("SELECT 1 FROM invitations WHERE id = ? AND state = 'open'", id),
        (Kind::Verify | Kind::Reset, Some(user), _) => {
            ("SELECT 1 FROM users WHERE id = ? AND is_active = 1", user.get())
        }
        _ => return Ok(false),
    };
    Ok(!tx.query(sql, params![id]).await?.is_empty())
}

/// Returns true for a letter to the account that has confirmed the address. Such letters have their own slots: other
/// accounts with the same address take none of them.
async fn is_holders(tx: &mut Tx, letter: &Claimed) -> Result<bool> {
    let Some(user) = letter.user else { return Ok(false) };
    let user = users::by_id(tx, user).await?;
    Ok(user.is_confirmed() && user.email == letter.address)
}

fn read(row: &SqlRow) -> Result<Claimed> {
    Ok(Claimed {
        id: row.integer(0)?,
        kind: Kind::parse(row.text(1)?)?,
        address: row.text(2)?.to_owned(),
        user: row.opt_integer(3)?.map(UserId::from_raw),
        invitation: row.opt_integer(4)?,
        tenant: row.opt_integer(5)?.map(TenantId::from_raw),
        attempts: row.integer(6)?,
        token: Token::generate(TokenKind::Link),
    })
}

pub(super) async fn sent(control: &Control, id: i64) -> Result<()> {
    settle(control, "UPDATE mails SET state = 'sent', error = NULL WHERE id = ?1", params![id]).await
}

/// Drops a letter whose subject no longer exists.
pub(super) async fn drop_letter(control: &Control, id: i64) -> Result<()> {
    settle(control, "UPDATE mails SET state = 'dropped', token_hash = NULL WHERE id = ?1", params![id]).await
}

/// Records a failed attempt. Returns true if it was the last attempt.
pub(super) async fn failed(control: &Control, claimed: &Claimed, reason: &str) -> Result<bool> {
    let last = claimed.attempts + 1 >= MOST_ATTEMPTS;
    let state = if last { "failed" } else { "waiting" };
    let reason: String = reason.chars().take(REASON_CHARS).collect();
    let sql = "UPDATE mails SET state = ?2, error = ?3 WHERE id = ?1";
    settle(control, sql, params![claimed.id, state, reason]).await?;
    Ok(last)
}

async fn settle(control: &Control, sql: &str, values: &[tenantry_engine::value::Value]) -> Result<()> {
    let mut write = control.begin().await?;
    write.execute(sql, values).await?;
    write.commit_unaudited().await
}

/// Removes old rows. Returns true if there were any.
pub(super) async fn prune(control: &Control) -> Result<bool> {
    let before_us = control.now_us() - KEEP_DAYS * DAY_US;
    let old = "FROM mails WHERE state <> 'waiting' AND created_at < ?";
    let peek = format!("SELECT 1 {old} LIMIT 1");
    if control.snapshot().await?.query(&peek, params![before_us]).await?.is_empty() {
        return Ok(false);
    }
    settle(control, &format!("DELETE {old}"), params![before_us]).await?;
    Ok(true)
}

/// Returns the letter of a link, if the link is of this kind, not expired and unused.
///
/// # Errors
/// Returns [`Error::NotFound`], whatever is wrong with the link.
pub(crate) async fn link(tx: &mut Tx, token: &str, kind: Kind, now_us: i64) -> Result<Link> {
    let absent = || Error::NotFound("link");
    let token = Token::parse(token).filter(|token| token.kind() == TokenKind::Link).ok_or_else(absent)?;
    let sql = "SELECT id, address, user_id, invitation FROM mails WHERE token_hash = ? AND kind = ? \
        AND used_at IS NULL AND expires_at > ?";
    let rows = tx.query(sql, params![token.hash().to_hex(), kind.as_str(), now_us]).await?;
    let row = rows.first().ok_or_else(absent)?;
    Ok(Link {
        mail: row.integer(0)?,
        address: row.text(1)?.to_owned(),
        user: row.opt_integer(2)?.map(UserId::from_raw),
        invitation: row.opt_integer(3)?,
    })
}

/// Marks a link as used, as part of the change that it leads to.
///
/// # Errors
/// Returns [`Error::NotFound`] if another request has used the link first.
pub(crate) async fn use_link(write: &mut Write, link: &Link) -> Result<()> {
    let at = write.at_us();
    match write
        .execute("UPDATE mails SET used_at = ? WHERE id = ? AND used_at IS NULL", params![at, link.mail])
        .await?
    {
        0 => Err(Error::NotFound("link")),
        _ => Ok(()),
    }
}

/// Invalidates all other links of a user, because their purpose is fulfilled.
pub(crate) async fn void_links(write: &mut Write, user: UserId) -> Result<()> {
    let at = write.at_us();
    let sql = "UPDATE mails SET used_at = ?, state = CASE state WHEN 'waiting' THEN 'dropped' ELSE state END \
        WHERE user_id = ? AND used_at IS NULL";
    write.execute(sql, params![at, user.get()]).await?;
    Ok(())
}
