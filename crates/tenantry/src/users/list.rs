//! Lists users, and shows one user with memberships and sessions, for staff.

use super::{COLUMNS, User, Users, by_id, read};
use crate::{
    Error, Result,
    access::{Actor, sessions::SessionInfo},
    control::params,
    tenants::{State, list::Where},
};
use serde::Serialize;
use tenantry_engine::{
    SqlRow, Tx,
    name::{RoleName, Slug, TenantId, UserId},
    value::Value,
};

/// Conditions and size of a page of users. They are ordered by id.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Text that the address or the name contains, ASCII case-insensitive.
    pub search: Option<String>,
    /// Only users of this kind.
    pub only: Option<Only>,
    /// Only users with a greater id.
    pub after: Option<UserId>,
    /// Largest number of rows, 1 to 1000.
    pub limit: u32,
}

/// Kinds of users that staff look for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Only {
    /// Staff and superusers.
    Staff,
    /// Superusers.
    Superusers,
    /// Users who may not sign in.
    Closed,
    /// Active users whose address is not proven.
    Unconfirmed,
    /// Users who are locked for at least one network.
    Locked,
}

impl Only {
    /// All kinds, with their names in the API.
    pub const ALL: [(Self, &'static str); 5] = [
        (Self::Staff, "staff"),
        (Self::Superusers, "superusers"),
        (Self::Closed, "closed"),
        (Self::Unconfirmed, "unconfirmed"),
        (Self::Locked, "locked"),
    ];

    /// Parses the name of a kind in the API.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] for any other text.
    pub fn parse(text: &str) -> Result<Self> {
        let found = Self::ALL.iter().find(|(_, name)| *name == text).map(|(only, _)| *only);
        found
            .ok_or_else(|| Error::invalid("only", "must be staff, superusers, closed, unconfirmed or locked"))
    }

    /// Returns the SQL condition, with a parameter for the current time if it needs one.
    pub(crate) fn sql(self) -> &'static str {
        match self {
            Self::Staff => "(is_staff = 1 OR is_superuser = 1)",
            Self::Superusers => "is_superuser = 1",
            Self::Closed => "is_active = 0",
            Self::Unconfirmed => "is_active = 1 AND (verified_at IS NULL OR email <> address)",
            Self::Locked => "id IN (SELECT user_id FROM login_failures WHERE locked_until > ?)",
        }
    }
}

/// A membership of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Membership {
    /// Id of the tenant.
    pub tenant: TenantId,
    /// Slug of the tenant.
    pub slug: Slug,
    /// Display name of the tenant.
    pub name: String,
    /// State of the tenant.
    pub state: State,
    /// Role of the user in the tenant.
    pub role: RoleName,
    /// Start of the membership, in microseconds since 1970, UTC.
    pub since_us: i64,
}

/// A user as staff see them.
#[derive(Debug, Clone, Serialize)]
pub struct Profile {
    /// The user's record.
    pub user: User,
    /// Memberships of the user, ordered by tenant id, at most 200.
    pub memberships: Vec<Membership>,
    /// Live sessions of the user, newest first, at most 200.
    pub sessions: Vec<SessionInfo>,
}

/// SQL expression of the text that a search looks through. Each column is on its own line.
const SEARCHED: &str = "lower(address || '\n' || name)";

impl Users<'_> {
    /// Returns a page of users.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if the actor is not staff.
    pub async fn list(&self, actor: &Actor, filter: &Filter) -> Result<Vec<User>> {
        actor.require_staff()?;
        let control = self.platform().control();
        let now_us = control.now_us();
        list(&mut control.snapshot().await?, filter, now_us).await
    }

    /// Returns the number of users of a kind.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if the actor is not staff.
    pub async fn count(&self, actor: &Actor, only: Only) -> Result<u64> {
        actor.require_staff()?;
        let control = self.platform().control();
        let now_us = Value::from(control.now_us());
        let values = if only == Only::Locked { std::slice::from_ref(&now_us) } else { &[] };
        let sql = format!("SELECT count(*) FROM users WHERE {}", only.sql());
        let count = super::count(&mut control.snapshot().await?, &sql, values).await?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Returns a user with memberships and live sessions.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if the actor is not staff, and when there is no such user.
    pub async fn show(&self, actor: &Actor, id: UserId) -> Result<Profile> {
        actor.require_staff()?;
        let mut tx = self.platform().control().snapshot().await?;
        let user = by_id(&mut tx, id).await?;
        let sql = "SELECT t.id, t.slug, t.name, t.state, m.role, m.created_at FROM memberships m \
            JOIN tenants t ON t.id = m.tenant WHERE m.user_id = ? ORDER BY t.id LIMIT 200";
        let rows = tx.query(sql, params![id.get()]).await?;
        let memberships = rows.iter().map(membership).collect::<Result<Vec<_>>>()?;
        drop(tx);
        let sessions = self.platform().access().sessions().of_user(actor, id).await?;
        Ok(Profile { user, memberships, sessions })
    }
}

async fn list(tx: &mut Tx, filter: &Filter, now_us: i64) -> Result<Vec<User>> {
    let mut all = Where::default();
    all.and("id > ?", [filter.after.map_or(0, UserId::get).into()]);
    if let Some(search) = filter.search.as_deref().filter(|search| !search.is_empty()) {
        let search = Value::from(search.to_ascii_lowercase());
        all.and(format!("replace({SEARCHED}, ?, '') <> {SEARCHED}"), [search]);
    }
    match filter.only {
        Some(only @ Only::Locked) => all.and(only.sql(), [now_us.into()]),
        Some(only) => all.and(only.sql(), []),
        None => {}
    }
    let sql = format!("SELECT {COLUMNS} FROM users WHERE {} ORDER BY id LIMIT ?", all.text.join(" AND "));
    all.values.push(i64::from(filter.limit.clamp(1, 1000)).into());
    tx.query(&sql, &all.values).await?.iter().map(read).collect()
}

fn membership(r: &SqlRow) -> Result<Membership> {
    Ok(Membership {
        tenant: TenantId::from_raw(r.integer(0)?),
        slug: Slug::parse(r.text(1)?)?,
        name: r.text(2)?.to_owned(),
        state: State::parse(r.text(3)?)?,
        role: RoleName::parse(r.text(4)?)?,
        since_us: r.integer(5)?,
    })
}
