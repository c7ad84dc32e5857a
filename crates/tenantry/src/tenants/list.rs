//! Lists tenants for `tenantry tenant list` and the staff pages, with all columns and one query per page.

use super::{Retirement, State};
use crate::{
    Error, Result,
    apps::StoreSchema,
    config::Scope,
    control::{clock::DAY_US, params},
    tenants::databases::fit::Labelled,
    topology::{Placement, placement},
};
use std::collections::HashMap;
use tenantry_engine::{
    SqlRow, Tx,
    name::{ServerName, Slug, TenantId},
    value::Value,
};

/// Conditions, order and size of a page of tenants.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Text that the slug, name or e-mail address contains, ASCII case-insensitive.
    pub search: Option<String>,
    /// Only tenants in this state; `None` lists all except purged tenants.
    pub state: Option<State>,
    /// Only tenants on this plan.
    pub plan: Option<String>,
    /// Only tenants with a database on this server.
    pub server: Option<ServerName>,
    /// Only tenants with a database that is not at the loaded schema.
    pub behind: bool,
    /// Only active tenants without a good backup.
    pub without_backup: bool,
    /// Only tenants with a database on a server that does not fit their plan.
    pub misplaced: bool,
    /// Order of the tenants.
    pub sort: Sort,
    /// Only tenants that come after this one in the order.
    pub after: Option<TenantId>,
    /// Largest number of rows, 1 to 1000.
    pub limit: u32,
}

/// Order of a list of tenants. Tenants that compare equal are ordered by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    /// Order by creation, oldest first.
    #[default]
    Oldest,
    /// Order by creation, newest first.
    Newest,
    /// Order by display name.
    Name,
    /// Order by slug.
    Slug,
    /// Order by the time of the last good backup: first tenants without one, then the oldest backup first.
    Backup,
}

impl Sort {
    /// All orders.
    pub const ALL: [Self; 5] = [Self::Oldest, Self::Newest, Self::Name, Self::Slug, Self::Backup];

    /// Returns the name of the order in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Oldest => "oldest",
            Self::Newest => "newest",
            Self::Name => "name",
            Self::Slug => "slug",
            Self::Backup => "backup",
        }
    }

    /// Parses the name of the order in the API.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] for any other text.
    pub fn parse(text: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|sort| sort.as_str() == text);
        found.ok_or_else(|| Error::invalid("sort", "must be oldest, newest, name, slug or backup"))
    }

    /// Returns the SQL expression to order by before the id.
    fn key(self) -> Option<&'static str> {
        match self {
            Self::Oldest | Self::Newest => None,
            Self::Name => Some("lower(t.name)"),
            Self::Slug => Some("t.slug"),
            Self::Backup => Some(BACKED_UP),
        }
    }
}

/// A line of the list. It contains no sizes, because they are not in the catalog: callers ask the engine for each
/// placement.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Listed {
    /// Permanent id of the tenant.
    pub id: TenantId,
    /// Display name.
    pub name: String,
    /// Short name in URLs.
    pub slug: Slug,
    /// E-mail address for letters about the tenant.
    pub email: String,
    /// State of the tenant.
    pub state: State,
    /// Reason for maintenance, while only staff may enter.
    pub maintenance: Option<String>,
    /// Dates of the tenant's retention, if it was cancelled.
    pub retirement: Option<Retirement>,
    /// Number of members.
    pub users: i64,
    /// Code of the plan, if subscribed.
    pub plan: Option<String>,
    /// State of the subscription as of now, if the tenant has one.
    pub subscription: Option<crate::plans::State>,
    /// Number of whole days until the trial or paid period ends, rounded up; `None` if the end is open or there is no
    /// subscription.
    pub days_remaining: Option<i64>,
    /// Time of creation, in microseconds since 1970, UTC.
    pub created_at_us: i64,
    /// Time of the last good backup, in microseconds since 1970, UTC; `None` if there is none.
    pub backup_at_us: Option<i64>,
    /// Placements of the tenant, with schema versions. Empty if the tenant has no database.
    pub placements: Vec<Placement>,
}

impl Listed {
    /// Returns the display name, or the short name of a purged tenant, whose display name is deleted.
    pub fn called(&self) -> &str {
        if self.name.is_empty() { self.slug.as_str() } else { &self.name }
    }
}

/// SQL expression of the text that a search looks through. Each column is on its own line, so no search term matches
/// across two columns.
const SEARCHED: &str = "lower(t.slug || '\n' || t.name || '\n' || t.email)";

/// SQL expression for the time of the last good backup; 0 if there is none.
const BACKED_UP: &str =
    "coalesce((SELECT max(b.at) FROM backups b WHERE b.tenant = t.id AND b.state = 'good'), 0)";

const SELECT: &str = "SELECT t.id, t.name, t.slug, t.email, t.state, t.created_at, \
    (SELECT count(*) FROM memberships m WHERE m.tenant = t.id), p.code, s.state, s.ends_at, t.maintenance, \
    t.cancelled_at, t.closes_at, t.purges_at, \
    coalesce((SELECT max(b.at) FROM backups b WHERE b.tenant = t.id AND b.state = 'good'), 0) \
    FROM tenants t LEFT JOIN subscriptions s ON s.tenant = t.id LEFT JOIN plans p ON p.id = s.plan";

/// Conditions of a statement, with their values.
#[derive(Default)]
pub(crate) struct Where {
    pub(crate) text: Vec<String>,
    pub(crate) values: Vec<Value>,
}

impl Where {
    pub(crate) fn and<const N: usize>(&mut self, text: impl Into<String>, values: [Value; N]) {
        self.text.push(text.into());
        self.values.extend(values);
    }

    /// Adds a search in the slug, name and e-mail address of the tenant. The statement must name the table of tenants
    /// `t`.
    pub(crate) fn search(&mut self, search: Option<&str>) {
        if let Some(search) = search.filter(|search| !search.is_empty()) {
            let search = Value::from(search.to_ascii_lowercase());
            self.and(format!("replace({SEARCHED}, ?, '') <> {SEARCHED}"), [search]);
        }
    }

    fn of(filter: &Filter, schemas: &[StoreSchema], plans: &[Labelled]) -> Self {
        let mut all = Self::default();
        match filter.state {
            Some(state) => all.and("t.state = ?", [state.as_str().into()]),
            None => all.and("t.state <> 'gone'", []),
        }
        all.search(filter.search.as_deref());
        if let Some(plan) = &filter.plan {
            all.and("p.code = ?", [plan.as_str().into()]);
        }
        if let Some(server) = &filter.server {
            let sql = "EXISTS (SELECT 1 FROM placements l WHERE l.tenant = t.id AND l.server = ? \
                AND l.state IN ('planned', 'ready'))";
            all.and(sql, [server.as_str().into()]);
        }
        if filter.behind {
            all.behind(schemas);
        }
        if filter.without_backup {
            let sql = "t.state = 'active' AND NOT EXISTS (SELECT 1 FROM backups b WHERE b.tenant = t.id \
                AND b.state = 'good')";
            all.and(sql, []);
        }
        if filter.misplaced {
            all.misplaced(plans);
        }
        all
    }

    fn misplaced(&mut self, plans: &[Labelled]) {
        let (each, values): (Vec<_>, Vec<_>) = plans.iter().map(Labelled::misplaced).unzip();
        let each = if each.is_empty() { "1 = 0".to_owned() } else { each.join(" OR ") };
        self.and(format!("({each})"), []);
        self.values.extend(values.into_iter().flatten());
    }

    fn behind(&mut self, schemas: &[StoreSchema]) {
        let stores: Vec<_> = schemas.iter().filter(|schema| schema.scope == Scope::Tenant).collect();
        let each = vec!["(l.store = ? AND l.schema_version IS DISTINCT FROM ?)"; stores.len()].join(" OR ");
        let each = if stores.is_empty() { "1 = 0" } else { &each };
        self.and(
            format!(
                "EXISTS (SELECT 1 FROM placements l WHERE l.tenant = t.id AND l.state = 'ready' \
                 AND l.provision <> 'external' AND ({each}))"
            ),
            [],
        );
        for schema in stores {
            self.values.extend([schema.store.as_str().into(), schema.fingerprint.as_str().into()]);
        }
    }

    /// Adds the condition that continues the list after a tenant.
    async fn after(&mut self, tx: &mut Tx, sort: Sort, after: TenantId) -> Result<()> {
        let id = Value::from(after.get());
        let Some(key) = sort.key() else {
            self.and(if sort == Sort::Newest { "t.id < ?" } else { "t.id > ?" }, [id]);
            return Ok(());
        };
        let sql = format!("SELECT {key} FROM tenants t WHERE t.id = ?");
        let rows = tx.query(&sql, std::slice::from_ref(&id)).await?;
        let row = rows.first().ok_or_else(|| Error::invalid("after", "is the id of no tenant"))?;
        let at: Value = match sort {
            Sort::Backup => row.integer(0)?.into(),
            _ => row.text(0)?.into(),
        };
        self.and(format!("({key} > ? OR ({key} = ? AND t.id > ?))"), [at.clone(), at, id]);
        Ok(())
    }
}

/// Returns a page of tenants. `schemas` are the schemas of the loaded apps, and `plans` those that ask for labels.
///
/// # Errors
/// Returns [`Error::Invalid`] if the tenant that the page comes after does not exist.
pub(crate) async fn list(
    tx: &mut Tx,
    filter: &Filter,
    schemas: &[StoreSchema],
    plans: &[Labelled],
    now_us: i64,
) -> Result<Vec<Listed>> {
    let mut all = Where::of(filter, schemas, plans);
    if let Some(after) = filter.after {
        all.after(tx, filter.sort, after).await?;
    }
    let order = match (filter.sort.key(), filter.sort) {
        (Some(key), _) => format!("{key}, t.id"),
        (None, Sort::Newest) => "t.id DESC".into(),
        (None, _) => "t.id".into(),
    };
    let sql = format!("{SELECT} WHERE {} ORDER BY {order} LIMIT ?", all.text.join(" AND "));
    all.values.push(i64::from(filter.limit.clamp(1, 1000)).into());
    let rows = tx.query(&sql, &all.values).await?;
    let mut tenants = rows.iter().map(|r| read(r, now_us)).collect::<Result<Vec<_>>>()?;
    attach_placements(tx, &mut tenants).await?;
    Ok(tenants)
}

/// Returns one tenant with the columns of [`list`].
///
/// # Errors
/// Returns [`Error::NotFound`] when there is no such tenant.
pub(crate) async fn show(tx: &mut Tx, slug: &Slug, now_us: i64) -> Result<Listed> {
    let rows = tx.query(&format!("{SELECT} WHERE t.slug = ?"), params![slug.as_str()]).await?;
    let mut found = vec![read(rows.first().ok_or(Error::NotFound("tenant"))?, now_us)?];
    attach_placements(tx, &mut found).await?;
    found.pop().ok_or(Error::NotFound("tenant"))
}

fn read(r: &SqlRow, now_us: i64) -> Result<Listed> {
    let ends_at_us = r.opt_integer(9)?;
    let stored = r.opt_text(8)?.map(crate::plans::State::parse).transpose()?;
    Ok(Listed {
        id: TenantId::from_raw(r.integer(0)?),
        name: r.text(1)?.to_owned(),
        slug: Slug::parse(r.text(2)?)?,
        email: r.text(3)?.to_owned(),
        state: State::parse(r.text(4)?)?,
        retirement: super::read_retirement(r, 11)?,
        created_at_us: r.integer(5)?,
        users: r.integer(6)?,
        plan: r.opt_text(7)?.map(Into::into),
        subscription: stored.map(|s| s.at(ends_at_us, now_us)),
        days_remaining: ends_at_us.map(|end| days_until(end, now_us)),
        maintenance: r.opt_text(10)?.map(Into::into),
        backup_at_us: Some(r.integer(14)?).filter(|at| *at > 0),
        placements: vec![],
    })
}

/// Returns the number of whole days until `end_us`, rounded up, never negative.
pub(crate) fn days_until(end_us: i64, now_us: i64) -> i64 {
    let left = (end_us - now_us).max(0);
    left / DAY_US + i64::from(left % DAY_US > 0)
}

/// Adds the placements to all tenants of a page, with one query.
async fn attach_placements(tx: &mut Tx, tenants: &mut [Listed]) -> Result<()> {
    let ids: Vec<_> = tenants.iter().map(|tenant| tenant.id).collect();
    let mut all: HashMap<TenantId, Vec<Placement>> = HashMap::new();
    for (id, placement) in placement::of_tenants(tx, &ids).await? {
        all.entry(id).or_default().push(placement);
    }
    for tenant in tenants {
        tenant.placements = all.remove(&tenant.id).unwrap_or_default();
    }
    Ok(())
}
