//! The table of letters: waiting, sent or given up, and the hash of the link in each.
//!
//! Called by [`super::Mailer`] and by `accounts`. Everything here is a statement of the control store. A letter that was
//! claimed and not settled comes up again: after a crash, or when another process died over it.

use crate::{
    Error, Result,
    access::token::{Token, TokenKind},
    clock::{DAY_US, SECOND_US},
    control::{Control, Write, params},
};
use tenantry_engine::{
    SqlRow, Tx,
    name::{TenantId, UserId},
};

/// Attempts before a letter is given up; with the waits between them some eight hours.
const MOST_ATTEMPTS: i64 = 10;
/// Wait after the first attempt; it doubles with each.
const FIRST_WAIT_US: i64 = 60 * SECOND_US;
/// Days a letter's row stays after it was sent or given up.
const KEEP_DAYS: i64 = 90;
/// Characters of a reason that are kept.
const REASON_CHARS: usize = 300;

/// What a letter is for. Its link does that and nothing else.
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

/// A letter to be written.
pub(crate) struct Draft<'a> {
    pub(crate) kind: Kind,
    pub(crate) address: &'a str,
    pub(crate) user: Option<UserId>,
    pub(crate) invitation: Option<i64>,
    pub(crate) tenant: Option<TenantId>,
}

/// How long links work.
pub(super) struct Lifetimes {
    pub(super) invitation_us: i64,
    pub(super) verify_us: i64,
    pub(super) reset_us: i64,
}

/// A letter that this process sends now.
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

/// A link that was followed in time, for the first time.
pub(crate) struct Link {
    pub(crate) mail: i64,
    pub(crate) address: String,
    pub(crate) user: Option<UserId>,
    pub(crate) invitation: Option<i64>,
}

/// Puts a letter into the outbox, as part of a change.
pub(crate) async fn enqueue(write: &mut Write, draft: &Draft<'_>) -> Result<()> {
    let at = write.at_us();
    let sql = "INSERT INTO mails (kind, address, user, invitation, tenant, state, next_at, created_at) \
        VALUES (?, ?, ?, ?, ?, 'waiting', ?, ?)";
    let (user, tenant) = (draft.user.map(UserId::get), draft.tenant.map(TenantId::get));
    let values = params![draft.kind.as_str(), draft.address, user, draft.invitation, tenant, at, at];
    write.execute(sql, values).await?;
    Ok(())
}

/// Puts the letter into the outbox that asks a person to confirm an address.
pub(crate) async fn ask_to_confirm(
    write: &mut Write,
    user: UserId,
    address: &str,
    tenant: Option<TenantId>,
) -> Result<()> {
    enqueue(write, &Draft { kind: Kind::Verify, address, user: Some(user), invitation: None, tenant }).await
}

/// Due now. An instant far ahead was written under a wrong clock and counts as due.
const DUE: &str = "FROM mails WHERE state = 'waiting' AND (next_at <= ?1 OR next_at > ?1 + 86400000000) \
    ORDER BY next_at LIMIT 1";

/// Takes the next letter that is due and makes its token; none: nothing is due.
pub(super) async fn claim(control: &Control, lifetimes: &Lifetimes) -> Result<Option<Claimed>> {
    let now_us = control.now_us();
    let peek = format!("SELECT id {DUE}");
    if control.snapshot().await?.query(&peek, params![now_us]).await?.is_empty() {
        return Ok(None);
    }
    let mut write = control.begin().await?;
    let now_us = write.at_us();
    let sql = format!("SELECT id, kind, address, user, invitation, tenant, attempts {DUE}");
    let rows = write.query(&sql, params![now_us]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let claimed = read(row)?;
    let lifetime_us = match claimed.kind {
        Kind::Invitation => lifetimes.invitation_us,
        Kind::Verify => lifetimes.verify_us,
        Kind::Reset => lifetimes.reset_us,
    };
    let wait_us = FIRST_WAIT_US << claimed.attempts.clamp(0, 10);
    let sql =
        "UPDATE mails SET token_hash = ?, attempts = attempts + 1, next_at = ?, expires_at = ? WHERE id = ?";
    let values = params![claimed.token.hash().to_hex(), now_us + wait_us, now_us + lifetime_us, claimed.id];
    write.execute(sql, values).await?;
    // Bookkeeping: the change that put the letter here is in the audit log.
    write.commit_unaudited().await?;
    Ok(Some(claimed))
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

/// Whether an invitation can still be answered.
pub(super) async fn is_open(tx: &mut Tx, invitation: i64) -> Result<bool> {
    let sql = "SELECT 1 FROM invitations WHERE id = ? AND state = 'open'";
    Ok(!tx.query(sql, params![invitation]).await?.is_empty())
}

pub(super) async fn sent(control: &Control, id: i64) -> Result<()> {
    settle(control, "UPDATE mails SET state = 'sent', error = NULL WHERE id = ?1", params![id]).await
}

/// What the letter was about is over.
pub(super) async fn drop_letter(control: &Control, id: i64) -> Result<()> {
    settle(control, "UPDATE mails SET state = 'dropped', token_hash = NULL WHERE id = ?1", params![id]).await
}

/// Notes a failed attempt; whether it was the last.
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

/// Removes old rows; whether there were any.
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

/// The letter whose link this is, if the link is of that kind, in time and not used.
///
/// # Errors
/// [`Error::NotFound`], whatever is wrong with it.
pub(crate) async fn link(tx: &mut Tx, token: &str, kind: Kind, now_us: i64) -> Result<Link> {
    let absent = || Error::NotFound("link");
    let token = Token::parse(token).filter(|token| token.kind() == TokenKind::Link).ok_or_else(absent)?;
    let sql = "SELECT id, address, user, invitation FROM mails WHERE token_hash = ? AND kind = ? \
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

/// Uses a link up, as part of the change it leads to.
///
/// # Errors
/// [`Error::NotFound`] when another request was first.
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

/// Voids every other link of a user: what they led to is done.
pub(crate) async fn void_links(write: &mut Write, user: UserId) -> Result<()> {
    let at = write.at_us();
    let sql = "UPDATE mails SET used_at = ?, state = iif(state = 'waiting', 'dropped', state) \
        WHERE user = ? AND used_at IS NULL";
    write.execute(sql, params![at, user.get()]).await?;
    Ok(())
}
