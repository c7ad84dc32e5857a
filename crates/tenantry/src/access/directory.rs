//! Cache of users, and look-ups of tenants by their various names.
//!
//! `credentials`, `enter` and sign-in call it. The control store's invalidations drop entries. An entry that was loaded
//! while something changed is not cached. The cache holds no password hash, and a look-up never falls back to another
//! tenant or user (`default-tenant`).

use super::jwt::ClaimedUser;
use crate::{
    Error, Result,
    control::{Control, Subject, params},
    locale::Locale,
    topology::{TenantRecord, Topology},
    users,
};
use quick_cache::sync::Cache;
use std::{hash::Hash, sync::Arc};
use tenantry_engine::{
    Tx,
    name::{RoleName, Slug, TenantId, UserId},
};

/// Number of users cached in memory.
const USERS: usize = 50_000;
/// Number of external tenant names cached in memory.
const NAMES: usize = 20_000;

/// A user as of the last change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Id of the user.
    pub id: UserId,
    /// Label of the user in the logs: `user:ID`.
    pub label: String,
    /// E-mail address of the user, in lower case.
    pub email: String,
    /// Display name of the user.
    pub name: String,
    /// True if the user passes every permission list.
    pub superuser: bool,
    /// True if the user is platform staff.
    pub staff: bool,
    /// True if the user may sign in.
    pub active: bool,
    /// True if the user has proven that the address is theirs.
    pub confirmed: bool,
    /// Language and time zone that the person has chosen for pages.
    pub locale: Locale,
    /// Number of the user's current credentials. A session created under another number is invalid.
    pub credentials: i64,
    /// Tenants of the user with the role in each, ordered by tenant id.
    pub memberships: Vec<(TenantId, RoleName)>,
}

impl User {
    /// Returns the user's role in this tenant.
    pub fn role_in(&self, tenant: TenantId) -> Option<&RoleName> {
        let at = self.memberships.binary_search_by_key(&tenant, |(id, _)| *id).ok()?;
        Some(&self.memberships[at].1)
    }
}

/// The cache of users, and the topology with its cached tenants.
pub struct Directory {
    control: Control,
    topology: Topology,
    users: Arc<Cache<UserId, Arc<User>>>,
    /// Users and tenants by their names in foreign tokens. An entry is valid only while its record is the current one,
    /// so any change of the record also invalidates the name.
    named_users: Cache<ClaimedUser, Arc<User>>,
    named_tenants: Cache<String, Arc<TenantRecord>>,
}

impl Directory {
    /// Creates an empty directory that listens to the control store's invalidations.
    pub(super) fn new(control: Control, topology: Topology) -> Self {
        let users: Arc<Cache<UserId, Arc<User>>> = Arc::new(Cache::new(USERS));
        let listening = Arc::clone(&users);
        control.listen(move |subject| match subject {
            Subject::User(id) => drop(listening.remove(id)),
            Subject::Everything => listening.clear(),
            _ => {}
        });
        Self { control, topology, users, named_users: Cache::new(USERS), named_tenants: Cache::new(NAMES) }
    }

    /// Returns the user with this id.
    ///
    /// # Errors
    /// Returns the errors of the control store.
    pub async fn user(&self, id: UserId) -> Result<Option<Arc<User>>> {
        cached(&self.control, &self.users, id, async |tx| read_user(tx, id).await).await
    }

    /// Returns the user whom a foreign token names.
    ///
    /// # Errors
    /// Returns the errors of the control store.
    pub async fn claimed(&self, claimed: &ClaimedUser) -> Result<Option<Arc<User>>> {
        if let Some(user) = self.named_users.get(claimed)
            && self.users.get(&user.id).is_some_and(|current| Arc::ptr_eq(&current, &user))
        {
            return Ok(Some(user));
        }
        let epoch = self.control.epoch();
        let mut tx = self.control.snapshot().await?;
        let found = match claimed {
            ClaimedUser::Email(email) => users::by_email(&mut tx, email).await?,
            ClaimedUser::Subject { issuer, subject } => users::by_identity(&mut tx, issuer, subject).await?,
        };
        drop(tx);
        let Some(found) = found else { return Ok(None) };
        let user = self.user(found.id).await?;
        if let Some(user) = user.as_ref().filter(|_| self.control.epoch() == epoch) {
            self.named_users.insert(claimed.clone(), user.clone());
        }
        Ok(user)
    }

    /// Returns the tenant with this id.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] when there is no such tenant.
    pub async fn tenant(&self, id: TenantId) -> Result<Arc<TenantRecord>> {
        self.topology.by_id(id).await
    }

    /// Returns the tenant with this slug, never a first or default tenant.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] when there is no such tenant.
    pub async fn by_slug(&self, slug: &Slug) -> Result<Arc<TenantRecord>> {
        self.topology.by_slug(slug).await
    }

    /// Returns the tenant whose settings have this external id. The id is a bound value, never part of a name.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] when there is no such tenant.
    pub async fn by_external_id(&self, external: &str) -> Result<Arc<TenantRecord>> {
        if let Some(tenant) = self.named_tenants.get(external)
            && Arc::ptr_eq(&self.topology.by_id(tenant.id).await?, &tenant)
        {
            return Ok(tenant);
        }
        let epoch = self.control.epoch();
        let sql = "SELECT id FROM tenants WHERE settings ->> 'external_id' = ?";
        let rows = self.control.snapshot().await?.query(sql, params![external]).await?;
        let one = rows.first().ok_or(Error::NotFound("tenant"))?;
        let tenant = self.tenant(TenantId::from_raw(one.integer(0)?)).await?;
        if self.control.epoch() == epoch {
            self.named_tenants.insert(external.to_owned(), tenant.clone());
        }
        Ok(tenant)
    }
}

/// Returns the value from the cache, or loads it. A loaded value is cached only if nothing changed meanwhile. The load
/// is boxed because it is rare: the future of a warm request stays small.
pub(super) async fn cached<K: Hash + Eq + Clone, V>(
    control: &Control,
    cache: &Cache<K, Arc<V>>,
    key: K,
    load: impl AsyncFnOnce(&mut Tx) -> Result<Option<V>>,
) -> Result<Option<Arc<V>>> {
    if let Some(hit) = cache.get(&key) {
        return Ok(Some(hit));
    }
    let cold = async {
        let epoch = control.epoch();
        let mut tx = control.snapshot().await?;
        let Some(value) = load(&mut tx).await? else { return Ok(None) };
        let value = Arc::new(value);
        cache.insert(key.clone(), value.clone());
        if control.epoch() != epoch {
            cache.remove(&key);
        }
        Ok(Some(value))
    };
    Box::pin(cold).await
}

async fn read_user(tx: &mut Tx, id: UserId) -> Result<Option<User>> {
    let user = match users::by_id(tx, id).await {
        Ok(user) => user,
        Err(Error::NotFound(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    let sql = "SELECT tenant, role FROM memberships WHERE user_id = ? ORDER BY tenant";
    let rows = tx.query(sql, params![id.get()]).await?;
    let memberships =
        rows.iter().map(|row| Ok((TenantId::from_raw(row.integer(0)?), RoleName::parse(row.text(1)?)?)));
    let confirmed = user.is_confirmed();
    Ok(Some(User {
        id,
        confirmed,
        label: format!("user:{id}"),
        email: user.email,
        name: user.name,
        locale: user.locale,
        superuser: user.is_superuser,
        staff: user.is_staff,
        active: user.is_active,
        credentials: user.credentials,
        memberships: memberships.collect::<Result<_>>()?,
    }))
}
