//! The rows of the table `attachments`. No value that leaves this module contains a URL in clear text.

use super::health::Health;
use crate::{
    Error, Result,
    control::{Subject, Write, params},
    secrets::Sealed,
};
use serde::Serialize;
use tenantry_engine::{
    SqlRow, Tx,
    name::{ServerName, Slug, StoreName, TenantId},
    place::EngineKind,
};

/// An attached database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Attachment {
    /// Number of the attachment.
    pub id: i64,
    /// Short name of the tenant.
    pub tenant: Slug,
    /// Name of the store.
    pub store: StoreName,
    /// Name of the server that stands for the database in placements.
    pub server: ServerName,
    /// Software of the database.
    pub engine: EngineKind,
    /// Address without credentials.
    pub address: String,
    /// True if the platform may create and migrate the tables of the models there.
    pub grants_schema: bool,
    /// Id of the key that encrypts the URL; `None` if the URL has no password and no key is configured.
    pub key: Option<String>,
    /// Time of the attachment, in microseconds since 1970, UTC.
    pub attached_at_us: i64,
    /// True if requests go to the database. False while its rows are being moved, and while it is retained.
    pub in_use: bool,
    /// State of the database when it was last checked.
    pub health: Health,
    /// Reason, if it is not well.
    pub health_detail: Option<String>,
    /// Time at which the state began, in microseconds since 1970, UTC.
    pub health_at_us: i64,
}

/// What the engine needs to open an attached database.
pub(super) struct Stored {
    pub(super) id: i64,
    pub(super) tenant: TenantId,
    pub(super) store: StoreName,
    pub(super) server: ServerName,
    pub(super) engine: EngineKind,
    pub(super) identity: String,
    pub(super) url: Url,
}

/// A URL as it is stored.
#[derive(Clone)]
pub(super) enum Url {
    /// Encrypted.
    Sealed(Sealed),
    /// A URL without password, stored while no key is configured.
    Plain(String),
}

/// An attachment to record.
pub(super) struct New<'a> {
    pub(super) id: i64,
    pub(super) tenant: TenantId,
    pub(super) store: &'a StoreName,
    pub(super) server: &'a ServerName,
    pub(super) engine: EngineKind,
    pub(super) address: &'a str,
    pub(super) identity: &'a str,
    pub(super) url: &'a Url,
    pub(super) grants_schema: bool,
}

const COLUMNS: &str = "a.id, t.slug, a.store, a.server, a.engine, a.address, a.grants_schema, a.key_id, a.attached_at, \
    EXISTS (SELECT 1 FROM placements AS p WHERE p.server = a.server AND p.state = 'ready'), \
    a.health, a.health_detail, a.health_at";

fn read(r: &SqlRow) -> Result<Attachment> {
    Ok(Attachment {
        id: r.integer(0)?,
        tenant: Slug::parse(r.text(1)?)?,
        store: StoreName::parse(r.text(2)?)?,
        server: ServerName::parse(r.text(3)?)?,
        engine: engine(r.text(4)?)?,
        address: r.text(5)?.to_owned(),
        grants_schema: r.integer(6)? != 0,
        key: r.opt_text(7)?.map(str::to_owned),
        attached_at_us: r.integer(8)?,
        in_use: r.integer(9)? != 0,
        health: Health::parse(r.text(10)?)?,
        health_detail: r.opt_text(11)?.map(str::to_owned),
        health_at_us: r.integer(12)?,
    })
}

fn engine(text: &str) -> Result<EngineKind> {
    let known = [EngineKind::Sqlite, EngineKind::Postgres, EngineKind::Mongo];
    let found = known.into_iter().find(|kind| kind.as_str() == text);
    found.ok_or_else(|| Error::Internal(format!("attachment on {text:?}")))
}

/// Returns attachments that were not detached, from the one after `after`.
pub(super) async fn page(
    tx: &mut Tx,
    tenant: Option<TenantId>,
    after: i64,
    most: u32,
) -> Result<Vec<Attachment>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM attachments AS a JOIN tenants AS t ON t.id = a.tenant \
         WHERE a.detached_at IS NULL AND a.id > ?1 AND (?3 = 0 OR a.tenant = ?3) ORDER BY a.id LIMIT ?2"
    );
    let values = params![after, i64::from(most), tenant.map_or(0, TenantId::get)];
    tx.query(&sql, values).await?.iter().map(read).collect()
}

/// Returns the attachment whose database the tenant's store uses.
pub(super) async fn in_use(tx: &mut Tx, tenant: TenantId, store: &StoreName) -> Result<Option<Attachment>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM attachments AS a JOIN tenants AS t ON t.id = a.tenant \
         JOIN placements AS p ON p.server = a.server AND p.state = 'ready' \
         WHERE a.detached_at IS NULL AND a.tenant = ? AND a.store = ?"
    );
    tx.query(&sql, params![tenant.get(), store.as_str()]).await?.first().map(read).transpose()
}

/// Returns the attachments that are not well, at most `most`.
pub(crate) async fn unwell(tx: &mut Tx, most: u32) -> Result<Vec<Attachment>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM attachments AS a JOIN tenants AS t ON t.id = a.tenant \
         WHERE a.detached_at IS NULL AND a.health <> 'ok' ORDER BY a.id LIMIT ?"
    );
    tx.query(&sql, params![i64::from(most)]).await?.iter().map(read).collect()
}

const STORED: &str = "id, tenant, store, server, engine, identity, url, key_id";

fn read_stored(r: &SqlRow) -> Result<Stored> {
    let text = r.text(6)?.to_owned();
    Ok(Stored {
        id: r.integer(0)?,
        tenant: TenantId::from_raw(r.integer(1)?),
        store: StoreName::parse(r.text(2)?)?,
        server: ServerName::parse(r.text(3)?)?,
        engine: engine(r.text(4)?)?,
        identity: r.text(5)?.to_owned(),
        url: match r.opt_text(7)? {
            Some(key) => Url::Sealed(Sealed { key: key.to_owned(), text }),
            None => Url::Plain(text),
        },
    })
}

/// Returns what the engine needs for the attachment with this server.
pub(super) async fn stored(tx: &mut Tx, server: &ServerName) -> Result<Option<Stored>> {
    let sql = format!("SELECT {STORED} FROM attachments WHERE server = ? AND detached_at IS NULL");
    tx.query(&sql, params![server.as_str()]).await?.first().map(read_stored).transpose()
}

/// Returns attachments whose URL is not sealed with the key `newest`, from the one after `after`.
pub(super) async fn under_other_keys(
    tx: &mut Tx,
    newest: &str,
    after: i64,
    most: u32,
) -> Result<Vec<Stored>> {
    let sql = format!(
        "SELECT {STORED} FROM attachments \
         WHERE detached_at IS NULL AND id > ?1 AND (key_id IS NULL OR key_id <> ?2) ORDER BY id LIMIT ?3"
    );
    tx.query(&sql, params![after, newest, i64::from(most)]).await?.iter().map(read_stored).collect()
}

/// Returns the slug of the tenant and the store to which the database with this identity is attached.
pub(super) async fn with_identity(
    tx: &mut Tx,
    identity: &str,
) -> Result<Option<(Slug, StoreName, ServerName)>> {
    let sql = "SELECT t.slug, a.store, a.server FROM attachments AS a JOIN tenants AS t ON t.id = a.tenant \
        WHERE a.identity = ? AND a.detached_at IS NULL";
    let rows = tx.query(sql, params![identity]).await?;
    let read = |r: &SqlRow| {
        Ok((Slug::parse(r.text(0)?)?, StoreName::parse(r.text(1)?)?, ServerName::parse(r.text(2)?)?))
    };
    rows.first().map(read).transpose()
}

pub(super) async fn insert(write: &mut Write, new: &New<'_>) -> Result<()> {
    let at = write.at_us();
    let (url, key) = parts(new.url);
    let sql = "INSERT INTO attachments (id, tenant, store, server, engine, address, identity, url, key_id, \
        grants_schema, attached_at, health, health_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'ok', ?)";
    let values = params![
        new.id,
        new.tenant.get(),
        new.store.as_str(),
        new.server.as_str(),
        new.engine.as_str(),
        new.address,
        new.identity,
        url,
        key,
        i64::from(new.grants_schema),
        at,
        at
    ];
    write.execute(sql, values).await.map(drop).map_err(Into::into)
}

/// Replaces the URL and the rights of an attachment. Its database stays the same.
pub(super) async fn replace(
    write: &mut Write,
    server: &ServerName,
    address: &str,
    url: &Url,
    grants_schema: bool,
) -> Result<()> {
    let (url, key) = parts(url);
    let sql = "UPDATE attachments SET address = ?, url = ?, key_id = ?, grants_schema = ? WHERE server = ?";
    write.execute(sql, params![address, url, key, i64::from(grants_schema), server.as_str()]).await?;
    write.invalidate(&Subject::Attachment(server.to_string())).await
}

/// Replaces the sealed URL of an attachment, unless it was replaced meanwhile. Returns true if it did.
pub(super) async fn reseal(write: &mut Write, id: i64, old: &Url, new: &Sealed) -> Result<bool> {
    let (before, _) = parts(old);
    let sql = "UPDATE attachments SET url = ?, key_id = ? WHERE id = ? AND url = ?";
    Ok(write.execute(sql, params![new.text.as_str(), new.key.as_str(), id, before]).await? == 1)
}

/// Records the state of an attached database, if it has changed. Returns true if it has.
pub(super) async fn set_health(
    write: &mut Write,
    id: i64,
    health: Health,
    detail: Option<&str>,
) -> Result<bool> {
    let at = write.at_us();
    let sql = "UPDATE attachments SET health = ?1, health_detail = ?2, health_at = ?3 \
        WHERE id = ?4 AND detached_at IS NULL AND health <> ?1";
    let detail = detail.map(str::to_owned);
    Ok(write.execute(sql, params![health.as_str(), detail, at, id]).await? == 1)
}

/// Records that a server's database is no longer attached, unless a placement still needs it. Idempotent.
pub(crate) async fn leave_unneeded(write: &mut Write, server: &ServerName) -> Result<()> {
    let at = write.at_us();
    // The URL is of no more use.
    let sql = "UPDATE attachments SET detached_at = ?1, url = '', key_id = NULL \
        WHERE server = ?2 AND detached_at IS NULL \
        AND NOT EXISTS (SELECT 1 FROM placements WHERE server = ?2 AND state <> 'gone')";
    if write.execute(sql, params![at, server.as_str()]).await? == 1 {
        write.invalidate(&Subject::Attachment(server.to_string())).await?;
    }
    Ok(())
}

/// Returns servers of attachments that were recorded before `before_us` and that no placement needs: their attaching was
/// interrupted.
pub(super) async fn unneeded(tx: &mut Tx, before_us: i64, most: u32) -> Result<Vec<ServerName>> {
    let sql = "SELECT server FROM attachments AS a WHERE detached_at IS NULL AND attached_at < ? \
        AND NOT EXISTS (SELECT 1 FROM placements AS p WHERE p.server = a.server AND p.state <> 'gone') \
        AND NOT EXISTS (SELECT 1 FROM operations AS o WHERE o.tenant = a.tenant \
            AND o.state IN ('running', 'unwinding')) ORDER BY id LIMIT ?";
    let rows = tx.query(sql, params![before_us, i64::from(most)]).await?;
    rows.iter().map(|r| Ok(ServerName::parse(r.text(0)?)?)).collect()
}

fn parts(url: &Url) -> (String, Option<String>) {
    match url {
        Url::Sealed(sealed) => (sealed.text.clone(), Some(sealed.key.clone())),
        Url::Plain(text) => (text.clone(), None),
    }
}
