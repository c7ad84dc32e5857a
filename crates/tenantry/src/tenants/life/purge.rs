//! Counts and removes the rows of the control store about a tenant. Called only by the purge operation and its dry run.
//!
//! The list also contains rows that stay, with the reason: the audit log, which holds ids and the slug but no content,
//! and names, which must never be reused (`checked-names`, `no-reuse` and `audited-commit`).

use crate::{
    Result,
    control::{Subject, Write, params},
};
use tenantry_engine::{
    Tx,
    name::{TenantId, UserId},
};

/// A kind of rows about a tenant.
pub(crate) struct Kind {
    /// Description, for operators.
    pub(crate) what: &'static str,
    /// Table of the rows.
    pub(crate) table: &'static str,
    /// SQL that counts the rows; `?1` is the tenant's id.
    pub(crate) count: &'static str,
    /// Reason why the rows stay; `None` if they are removed.
    pub(crate) retained: Option<&'static str>,
}

/// SQL that selects the members who belong to no other tenant and are not staff.
const ONLY_HERE: &str = "SELECT m.user_id FROM memberships m JOIN users u ON u.id = m.user_id \
    WHERE m.tenant = ?1 AND u.is_superuser = 0 AND u.is_staff = 0 \
    AND NOT EXISTS (SELECT 1 FROM memberships o WHERE o.user_id = m.user_id AND o.tenant <> ?1)";

/// All kinds of rows about a tenant.
pub(crate) const KINDS: &[Kind] = &[
    gone("memberships", "memberships", "SELECT count(*) FROM memberships WHERE tenant = ?1"),
    gone(
        "users who belong to no other company, with their log-ins elsewhere",
        "users",
        "SELECT count(*) FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.tenant = ?1 \
         AND u.is_superuser = 0 AND u.is_staff = 0 \
         AND NOT EXISTS (SELECT 1 FROM memberships o WHERE o.user_id = m.user_id AND o.tenant <> ?1)",
    ),
    gone(
        "sessions",
        "sessions",
        "SELECT count(*) FROM sessions s WHERE s.tenant = ?1 OR s.user_id IN (SELECT m.user_id FROM memberships m \
         JOIN users u ON u.id = m.user_id WHERE m.tenant = ?1 AND u.is_superuser = 0 AND u.is_staff = 0 \
         AND NOT EXISTS (SELECT 1 FROM memberships o WHERE o.user_id = m.user_id AND o.tenant <> ?1))",
    ),
    gone("API keys", "api_keys", "SELECT count(*) FROM api_keys WHERE tenant = ?1"),
    gone("subscription", "subscriptions", "SELECT count(*) FROM subscriptions WHERE tenant = ?1"),
    gone("licence", "licences", "SELECT count(*) FROM licences WHERE tenant = ?1"),
    gone("uses of features", "usage_counts", "SELECT count(*) FROM usage_counts WHERE tenant = ?1"),
    gone("keys of uses", "usage_keys", "SELECT count(*) FROM usage_keys WHERE tenant = ?1"),
    gone("invitations", "invitations", "SELECT count(*) FROM invitations WHERE tenant = ?1"),
    gone("letters", "mails", "SELECT count(*) FROM mails WHERE tenant = ?1"),
    gone("name, e-mail address and settings", "tenants", "SELECT count(*) FROM tenants WHERE id = ?1"),
    gone("saved views of lists", "views", "SELECT count(*) FROM views WHERE tenant = ?1"),
    gone(
        "views with which lists open",
        "view_defaults",
        "SELECT count(*) FROM view_defaults WHERE tenant = ?1",
    ),
    gone("proofs of isolation", "proofs", "SELECT count(*) FROM proofs WHERE tenant = ?1"),
    gone("exports under way", "exports", "SELECT count(*) FROM exports WHERE tenant = ?1"),
    gone("keys of imports", "imports", "SELECT count(*) FROM imports WHERE tenant = ?1"),
    gone(
        "origins of imported records",
        "imported_rows",
        "SELECT count(*) FROM imported_rows WHERE tenant = ?1",
    ),
    gone(
        "addresses of attached databases",
        "attachments",
        "SELECT count(*) FROM attachments WHERE tenant = ?1",
    ),
    gone("sizes of databases, day by day", "sizes", "SELECT count(*) FROM sizes WHERE tenant = ?1"),
    gone("notes of restores", "restores", "SELECT count(*) FROM restores WHERE tenant = ?1"),
    stays(
        "operations",
        "operations",
        "SELECT count(*) FROM operations WHERE tenant = ?1",
        "that they happened; what they were about and what they said is blanked",
    ),
    stays(
        "names of databases",
        "placements",
        "SELECT count(*) FROM placements WHERE tenant = ?1",
        "no name is ever used twice",
    ),
    stays(
        "former short names",
        "retired_slugs",
        "SELECT count(*) FROM retired_slugs WHERE tenant = ?1",
        "nobody else may get them",
    ),
    stays(
        "audit log",
        "audit",
        "SELECT count(*) FROM audit WHERE tenant = ?1",
        "who did what when, by ids, and reasons that were given; a chain that nothing can be cut out of",
    ),
];

const fn gone(what: &'static str, table: &'static str, count: &'static str) -> Kind {
    Kind { what, table, count, retained: None }
}

const fn stays(what: &'static str, table: &'static str, count: &'static str, why: &'static str) -> Kind {
    Kind { what, table, count, retained: Some(why) }
}

/// Returns the users who are removed with the tenant.
pub(crate) async fn users_only_here(tx: &mut Tx, id: TenantId) -> Result<Vec<UserId>> {
    let rows = tx.query(ONLY_HERE, params![id.get()]).await?;
    rows.iter().map(|r| Ok(UserId::from_raw(r.integer(0)?))).collect()
}

/// Removes every way to enter the tenant: sessions, keys, memberships, and users who belong to no other tenant.
pub(crate) async fn cut_off(write: &mut Write, id: TenantId) -> Result<()> {
    let users = users_only_here(write, id).await?;
    forget_credentials(write, id, &users).await?;
    let members = write.query("SELECT user_id FROM memberships WHERE tenant = ?", params![id.get()]).await?;
    for row in &members {
        write.invalidate(&Subject::User(UserId::from_raw(row.integer(0)?))).await?;
    }
    crate::licences::remove(write, id).await?;
    for sql in [
        "DELETE FROM api_keys WHERE tenant = ?",
        "DELETE FROM view_defaults WHERE tenant = ?",
        "DELETE FROM views WHERE tenant = ?",
        "DELETE FROM memberships WHERE tenant = ?",
        "DELETE FROM subscriptions WHERE tenant = ?",
        "DELETE FROM usage_counts WHERE tenant = ?",
        "DELETE FROM usage_keys WHERE tenant = ?",
        "DELETE FROM restores WHERE tenant = ?",
        "DELETE FROM exports WHERE tenant = ?",
        "DELETE FROM proofs WHERE tenant = ?",
        "DELETE FROM imports WHERE tenant = ?",
        "DELETE FROM imported_rows WHERE tenant = ?",
        "DELETE FROM attachments WHERE tenant = ?",
        "DELETE FROM sizes WHERE tenant = ?",
        "DELETE FROM invitations WHERE tenant = ?",
        "DELETE FROM mails WHERE tenant = ?",
    ] {
        write.execute(sql, params![id.get()]).await?;
    }
    for user in users {
        for sql in [
            "UPDATE api_keys SET created_by = NULL WHERE created_by = ?",
            "DELETE FROM identities WHERE user_id = ?",
            "DELETE FROM mails WHERE user_id = ?",
            "DELETE FROM login_failures WHERE user_id = ?",
            "DELETE FROM known_networks WHERE user_id = ?",
            "DELETE FROM users WHERE id = ?",
        ] {
            write.execute(sql, params![user.get()]).await?;
        }
    }
    write.invalidate(&Subject::Tenant(id)).await
}

async fn forget_credentials(write: &mut Write, id: TenantId, users: &[UserId]) -> Result<()> {
    let mut hashes = vec![];
    let gone = "DELETE FROM sessions WHERE tenant = ? RETURNING token_hash";
    hashes.extend(write.query(gone, params![id.get()]).await?);
    for user in users {
        let gone = "DELETE FROM sessions WHERE user_id = ? RETURNING token_hash";
        hashes.extend(write.query(gone, params![user.get()]).await?);
    }
    for row in &hashes {
        write.invalidate(&Subject::Session(row.text(0)?.to_owned())).await?;
    }
    let keys = write.query("SELECT hash FROM api_keys WHERE tenant = ?", params![id.get()]).await?;
    for row in &keys {
        write.invalidate(&Subject::ApiKey(row.text(0)?.to_owned())).await?;
    }
    Ok(())
}

/// Blanks the personal details in the rows that remain. The tenant's slug and id stay reserved.
pub(crate) async fn blank(write: &mut Write, id: TenantId) -> Result<()> {
    for sql in [
        "UPDATE tenants SET name = '', email = '', settings = '{}', state_reason = NULL, maintenance = NULL \
         WHERE id = ?",
        "UPDATE operations SET what = kind, error = NULL, error_public = NULL, error_code = NULL, progress = NULL, result = NULL \
         WHERE tenant = ?",
        "UPDATE placements SET migration_error = NULL WHERE tenant = ?",
        "UPDATE placements SET state = 'gone' WHERE tenant = ?",
    ] {
        write.execute(sql, params![id.get()]).await?;
    }
    Ok(())
}
