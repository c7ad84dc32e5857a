//! API keys: a program's access to one tenant, with a role and an optional expiry. The key is shown only once.
//!
//! `credentials` calls it for each request, and the tenant's settings pages manage the keys. A key is valid for its
//! tenant only, cannot change credentials, and is refused from the first request after its revocation.

use super::{
    directory::cached,
    handle::Tenant,
    seen::{Kind, LastSeen, Seen},
    token::{Token, TokenHash, TokenKind},
};
use crate::{
    Error, Result,
    control::{Control, Subject, params},
    error::{FieldError, Rule, Wrong},
    users,
};
use quick_cache::sync::Cache;
use serde::Serialize;
use serde_json::json;
use std::sync::Arc;
use tenantry_engine::{
    SqlRow, Tx,
    name::{RoleName, TenantId, UserId},
};

/// Number of keys cached in memory.
const CACHED: usize = 50_000;
/// Largest number of live keys of one tenant.
const PER_TENANT: i64 = 100;
/// Number of characters of a key that stay visible, to recognise the key.
const PREFIX_CHARS: usize = 10;

/// The columns of a [`KeyInfo`].
const LISTED: &str = "SELECT k.id, k.name, k.prefix, k.role, k.created_at, k.expires_at, k.seen_at, k.created_by, \
    u.email, CASE WHEN u.is_active = 1 THEN m.role END FROM api_keys k LEFT JOIN users u ON u.id = k.created_by \
    LEFT JOIN memberships m ON m.user_id = k.created_by AND m.tenant = k.tenant";

/// A live key as of the last change.
#[derive(Debug)]
pub struct Key {
    /// Id with which to list and revoke the key.
    pub id: i64,
    /// Label of the key in the logs: `key:ID`.
    pub label: String,
    /// Tenant for which the key is valid.
    pub tenant: TenantId,
    /// Role with which the key was created. If its maker has lost rights since, the key has lost them too.
    pub role: RoleName,
    /// User id of the member who created the key; `None` if the operator did.
    pub made_by: Option<UserId>,
    /// Expiry in microseconds since 1970, UTC; `None` if the key never expires.
    pub expires_us: Option<i64>,
    seen: LastSeen,
}

/// A key as its tenant sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyInfo {
    /// Id with which to revoke the key.
    pub id: i64,
    /// Name that states the purpose of the key.
    pub name: String,
    /// First characters of the key, by which to recognise it.
    pub prefix: String,
    /// Role with which the key was created.
    pub role: String,
    /// The member who created the key; `None` if the operator did.
    pub made_by: Option<Maker>,
    /// Time of creation, in microseconds since 1970, UTC.
    pub created_us: i64,
    /// Expiry in microseconds since 1970, UTC; `None` if the key never expires.
    pub expires_us: Option<i64>,
    /// Time of the last use in microseconds since 1970, UTC, with coarse resolution; `None` if the key was never used.
    pub seen_us: Option<i64>,
}

/// The member who created a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Maker {
    /// User id of the member.
    pub id: UserId,
    /// E-mail address of the member.
    pub email: String,
    /// Current role of the member in the tenant, which limits the key's role. `None` ends the key: the member left, or
    /// may not sign in.
    pub role: Option<String>,
}

/// A key to create.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// Name that states the purpose of the key, 1 to 80 characters.
    pub name: String,
    /// Role of the key, one of the configured roles.
    pub role: String,
    /// Expiry in microseconds since 1970, UTC; `None` if the key never expires.
    pub expires_us: Option<i64>,
}

/// The keys of all tenants.
pub struct ApiKeys {
    control: Control,
    cache: Arc<Cache<TokenHash, Arc<Key>>>,
    seen: Seen,
    roles: Vec<RoleName>,
}

impl ApiKeys {
    /// Creates the service. `roles` are the configured roles; holders of the first role may manage keys.
    pub(super) fn new(control: Control, seen: Seen, roles: Vec<RoleName>) -> Self {
        let cache: Arc<Cache<TokenHash, Arc<Key>>> = Arc::new(Cache::new(CACHED));
        let listening = Arc::clone(&cache);
        control.listen(move |subject| match subject {
            Subject::ApiKey(hash) => drop(TokenHash::from_hex(hash).map(|hash| listening.remove(&hash))),
            Subject::Everything => listening.clear(),
            _ => {}
        });
        Self { control, cache, seen, roles }
    }

    /// Returns the live key with this token hash, and records its use.
    pub(super) async fn find(&self, hash: TokenHash) -> Result<Option<Arc<Key>>> {
        let found = cached(&self.control, &self.cache, hash, async |tx| read(tx, hash).await).await?;
        let now_us = self.control.now_us();
        let live = found.filter(|key| key.expires_us.is_none_or(|end| now_us < end));
        if let Some(key) = &live {
            self.seen.note(Kind::Key, key.id, &key.seen, now_us);
        }
        Ok(live)
    }

    /// Checks the fields of a new key.
    ///
    /// # Errors
    /// Returns [`Error::InvalidFields`] with all invalid fields.
    fn check(&self, new: &NewKey) -> Result<()> {
        let mut wrong = Wrong::default();
        if !(1..=80).contains(&new.name.trim().chars().count()) {
            wrong.add(FieldError::new("name", Rule::Value, "write 1 to 80 characters"));
        }
        if new.name.contains(char::is_control) {
            wrong.add(FieldError::new("name", Rule::Value, "must not contain control characters"));
        }
        wrong.take(users::check_shown("name", &new.name))?;
        if self.roles.iter().all(|role| role.as_str() != new.role) {
            let names: Vec<_> = self.roles.iter().map(RoleName::as_str).collect();
            let reason = format!("must be one of: {}", names.join(", "));
            wrong.add(FieldError::new("role", Rule::Value, reason));
        }
        if new.expires_us.is_some_and(|end| end <= self.control.now_us()) {
            wrong.add(FieldError::new("expires_at", Rule::Value, "lies in the past"));
        }
        wrong.finish()
    }

    /// Creates a key. Only the result contains the token; it is stored nowhere.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] unless the actor holds the first configured role as themselves;
    /// [`Error::InvalidFields`] for an invalid name, role or expiry; [`Error::Conflict`] if the tenant already has 100
    /// live keys.
    pub async fn create(&self, tenant: &Tenant, new: NewKey) -> Result<(Token, KeyInfo)> {
        tenant.require_manager()?;
        self.check(&new)?;
        let name = new.name.trim();
        let mut write = self.control.begin().await?;
        let live = "SELECT count(*) FROM api_keys WHERE tenant = ? AND revoked_at IS NULL";
        let count = write.query(live, params![tenant.id().get()]).await?;
        if count.first().map_or(Ok(0), |row| row.integer(0))? >= PER_TENANT {
            return Err(Error::Conflict("there are 100 keys already; revoke one first".into()));
        }
        let token = Token::generate(TokenKind::ApiKey);
        let info = insert(&mut write, tenant, name, &new, &token).await?;
        // Record only ids: the log outlives names.
        let detail = json!({ "key": info.id, "role": info.role });
        write.audit(&tenant.actor().by(), Some(tenant.id()), "api_key.create", detail).await?;
        write.commit().await?;
        Ok((token, info))
    }

    /// Returns the live keys of the tenant, newest first.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] in the cases of [`ApiKeys::create`].
    pub async fn list(&self, tenant: &Tenant) -> Result<Vec<KeyInfo>> {
        tenant.require_manager()?;
        let sql =
            format!("{LISTED} WHERE k.tenant = ? AND k.revoked_at IS NULL ORDER BY k.id DESC LIMIT 200");
        let rows = self.control.snapshot().await?.query(&sql, params![tenant.id().get()]).await?;
        rows.iter().map(info).collect()
    }

    /// Revokes a key of this tenant. The next request with it is refused.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] when the tenant has no such live key; [`Error::Denied`] in the cases of
    /// [`ApiKeys::create`].
    pub async fn revoke(&self, tenant: &Tenant, id: i64) -> Result<()> {
        tenant.require_manager()?;
        let mut write = self.control.begin().await?;
        let sql = "UPDATE api_keys SET revoked_at = ? WHERE id = ? AND tenant = ? AND revoked_at IS NULL RETURNING hash";
        let values = params![write.at_us(), id, tenant.id().get()];
        let revoked = write.query(sql, values).await?;
        let row = revoked.first().ok_or(Error::NotFound("API key"))?;
        write.invalidate(&Subject::ApiKey(row.text(0)?.to_owned())).await?;
        write.audit(&tenant.actor().by(), Some(tenant.id()), "api_key.revoke", json!({ "key": id })).await?;
        write.commit().await?;
        self.control.refresh().await
    }
}

async fn insert(
    write: &mut crate::control::Write,
    tenant: &Tenant,
    name: &str,
    new: &NewKey,
    token: &Token,
) -> Result<KeyInfo> {
    let prefix: String = token.reveal().chars().take(PREFIX_CHARS).collect();
    let sql = "INSERT INTO api_keys (tenant, name, prefix, hash, role, created_by, created_at, expires_at) \
               VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id";
    let values = params![
        tenant.id().get(),
        name,
        prefix.as_str(),
        token.hash().to_hex(),
        new.role.as_str(),
        tenant.actor().user_id().map(|user| user.get()),
        write.at_us(),
        new.expires_us
    ];
    let rows = write.query(sql, values).await?;
    let id = rows.first().ok_or_else(|| Error::Internal("no id for a new key".into()))?.integer(0)?;
    let listed = write.query(&format!("{LISTED} WHERE k.id = ?"), params![id]).await?;
    info(listed.first().ok_or(Error::NotFound("API key"))?)
}

async fn read(tx: &mut Tx, hash: TokenHash) -> Result<Option<Key>> {
    let sql = "SELECT id, tenant, role, expires_at, seen_at, created_by FROM api_keys \
               WHERE hash = ? AND revoked_at IS NULL";
    let rows = tx.query(sql, params![hash.to_hex()]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let id = row.integer(0)?;
    Ok(Some(Key {
        id,
        label: format!("key:{id}"),
        tenant: TenantId::from_raw(row.integer(1)?),
        role: RoleName::parse(row.text(2)?)?,
        made_by: row.opt_integer(5)?.map(UserId::from_raw),
        expires_us: row.opt_integer(3)?,
        seen: LastSeen::at(row.opt_integer(4)?.unwrap_or(0)),
    }))
}

fn info(row: &SqlRow) -> Result<KeyInfo> {
    Ok(KeyInfo {
        id: row.integer(0)?,
        name: row.text(1)?.to_owned(),
        prefix: row.text(2)?.to_owned(),
        role: row.text(3)?.to_owned(),
        made_by: maker(row)?,
        created_us: row.integer(4)?,
        expires_us: row.opt_integer(5)?,
        seen_us: row.opt_integer(6)?,
    })
}

fn maker(row: &SqlRow) -> Result<Option<Maker>> {
    let Some(id) = row.opt_integer(7)? else { return Ok(None) };
    let (email, role) = (row.opt_text(8)?.unwrap_or_default(), row.opt_text(9)?);
    Ok(Some(Maker { id: UserId::from_raw(id), email: email.to_owned(), role: role.map(str::to_owned) }))
}
