//! The tenants that would notice a change or a delete of a shared record: those that refer to it, and those that
//! override it. Staff see numbers, never rows.
//!
//! Called by the staff API and by the forms of shared records. It decides nothing: a delete asks every tenant again
//! (`delete`). The cost grows with the number of tenants, so an answer is one page: it takes a few seconds at most and
//! opens a bounded number of databases, so that idle databases do not displace those in use. It says how many tenants
//! are left.

use super::leaving::Referrer;
use crate::{
    Error, Result,
    access::gates::Verb,
    control::params,
    platform::loaded::{Loaded, ModelEntry},
    records::{Records, Scope, overrides::overrides_model, read::id_value},
    topology::{PlacementState, TenantRecord},
};
use futures_util::{StreamExt, future::BoxFuture, stream};
use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};
use tenantry_engine::{
    name::{FieldName, ModelName, Slug, StoreName, TenantId},
    overrides,
    query::{Filter, Operator, RecordId, Select},
    row::Collect,
    value::Value,
};

/// Number of tenants asked at a time.
const AT_ONCE: usize = 8;
/// Number of placements that one query of the catalog returns. Larger than the number of stores of an app.
const BATCH: usize = 256;
/// Time after which an answer ends.
const PATIENCE: Duration = Duration::from_secs(5);
/// Largest number of tenants that an answer names.
pub const MAX_NOTICING: usize = 200;
/// Largest number of databases that an answer opens: less than half of those that a process keeps open by default.
pub const MAX_OPENED: usize = 200;

/// A page of the tenants that would notice a change of a shared record, in the order of their ids.
#[derive(Debug, Default)]
pub struct Impact {
    /// Tenants that refer to the record or override it.
    pub noticing: Vec<Noticing>,
    /// Number of tenants that were asked successfully.
    pub asked: u64,
    /// Tenants that could not be asked.
    pub unasked: Vec<Unasked>,
    /// Id of the last tenant of this page; `None` if no tenants are left.
    pub next: Option<TenantId>,
    /// Number of tenants after this page that have not been asked.
    pub left: u64,
}

/// ImpactBounds of one answer.
#[derive(Debug, Clone, Copy)]
pub struct ImpactBounds {
    /// Largest number of tenants that the answer names, at most [`MAX_NOTICING`].
    pub noticing: usize,
    /// Largest number of databases that the answer opens, at most [`MAX_OPENED`]. A pool counts once.
    pub opened: usize,
}

impl Default for ImpactBounds {
    fn default() -> Self {
        Self { noticing: MAX_NOTICING, opened: MAX_OPENED }
    }
}

/// A tenant that would notice a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noticing {
    /// Id of the tenant.
    pub tenant: TenantId,
    /// Slug of the tenant.
    pub slug: Slug,
    /// Display name of the tenant.
    pub name: String,
    /// Numbers of the tenant's rows that refer to the record, by model and field. Omits zeros.
    pub references: Vec<(ModelName, FieldName, u64)>,
    /// Fields that the tenant overrides.
    pub own: Vec<FieldName>,
}

/// A tenant that could not be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unasked {
    /// Id of the tenant.
    pub tenant: TenantId,
    /// Slug of the tenant, or its id if the slug is unknown.
    pub slug: String,
    /// Reason, without private detail.
    pub why: String,
}

/// The question for the tenants.
struct Question<'a> {
    records: &'a Records<'a>,
    id: RecordId,
    /// Stores that may contain an answer.
    stores: Vec<StoreName>,
}

impl Records<'_> {
    /// Returns the tenants after `after` that would notice a change or a delete of this shared record.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if the actor is not staff outside any tenant, and for a missing record. Returns
    /// [`Error::Denied`] if the actor may not read the model.
    pub async fn impact(&self, id: &str, after: Option<TenantId>, bounds: ImpactBounds) -> Result<Impact> {
        let Scope::Staff(actor) = self.scope else { return Err(Error::NotFound("record")) };
        actor.require_staff()?;
        self.allow(Verb::Read)?;
        let id = self.parse_id(id)?;
        if !self.session().await?.exists(self.name(), std::slice::from_ref(&id)).await?.is_empty() {
            return Err(Error::NotFound("record"));
        }
        let question = Question { records: self, id, stores: self.answering_stores() };
        let bounds = ImpactBounds {
            noticing: bounds.noticing.clamp(1, MAX_NOTICING),
            opened: bounds.opened.clamp(1, MAX_OPENED),
        };
        question.ask(after, bounds).await
    }

    /// Returns the stores of tenants that may refer to records of this model, or contain overrides of them.
    fn answering_stores(&self) -> Vec<StoreName> {
        let own = self.entry.model.overrides.as_ref().map(|_| overrides_model(&self.entry));
        let models = self.entry.referrers.iter().map(|referrer| referrer.model.to_string()).chain(own);
        let stores = models.filter_map(|name| Some(self.loaded.entry(&name).ok()?.model.store.clone()));
        let mut stores: Vec<_> = stores.collect();
        stores.sort();
        stores.dedup();
        stores
    }
}

/// The databases that an answer has opened.
#[derive(Debug, Default)]
struct Opened(HashSet<(String, String)>);

impl Opened {
    /// Returns the first of these tenants whose databases are within the bound, and true if the bound was reached before
    /// the last of them. The first tenant of an answer is always among them.
    fn take(&mut self, placed: Vec<(TenantId, (String, String))>, most: usize) -> (Vec<TenantId>, bool) {
        let mut tenants: Vec<TenantId> = vec![];
        for (tenant, database) in placed {
            let is_new = !self.0.contains(&database);
            if is_new && self.0.len() >= most && tenants.last() != Some(&tenant) {
                return (tenants, true);
            }
            self.0.insert(database);
            if tenants.last() != Some(&tenant) {
                tenants.push(tenant);
            }
        }
        (tenants, false)
    }
}

impl Question<'_> {
    async fn ask(&self, mut after: Option<TenantId>, bounds: ImpactBounds) -> Result<Impact> {
        let until = Instant::now() + PATIENCE;
        let (mut found, mut opened) = (Impact::default(), Opened::default());
        loop {
            let (tenants, is_full) = opened.take(self.placed(after).await?, bounds.opened);
            let Some(last) = tenants.last().copied().or(after.filter(|_| is_full)) else { return Ok(found) };
            let is_done = self.ask_these(&tenants, until, bounds.noticing, &mut found).await;
            if is_done && is_full {
                found.next = Some(last);
            }
            if let Some(next) = found.next {
                found.left = self.left(next).await?;
                return Ok(found);
            }
            after = Some(last);
        }
    }

    /// Returns the next tenants that have databases of these stores, each with the server and name of a database.
    async fn placed(&self, after: Option<TenantId>) -> Result<Vec<(TenantId, (String, String))>> {
        if self.stores.is_empty() {
            return Ok(vec![]);
        }
        let sql = format!(
            "SELECT tenant, server, physical FROM placements WHERE {} ORDER BY tenant LIMIT {BATCH}",
            self.condition()
        );
        let mut tx = self.records.inner.control.snapshot().await?;
        let rows = tx.query(&sql, &self.values(after)).await?;
        let is_cut = rows.len() == BATCH;
        let placed = rows.iter().map(|row| {
            Ok((TenantId::from_raw(row.integer(0)?), (row.text(1)?.to_owned(), row.text(2)?.to_owned())))
        });
        let mut placed = placed.collect::<Result<Vec<_>>>()?;
        // Further placements of the last tenant may be behind the end of the batch.
        if let (true, Some((last, _))) = (is_cut, placed.last().cloned()) {
            placed.retain(|(tenant, _)| *tenant != last);
        }
        Ok(placed)
    }

    /// Returns the number of tenants after `after` that have databases of these stores.
    async fn left(&self, after: TenantId) -> Result<u64> {
        let sql = format!("SELECT count(DISTINCT tenant) FROM placements WHERE {}", self.condition());
        let mut tx = self.records.inner.control.snapshot().await?;
        let count = crate::users::count(&mut tx, &sql, &self.values(Some(after))).await?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    fn condition(&self) -> String {
        let stores = vec!["?"; self.stores.len()].join(", ");
        format!("tenant > ? AND state = 'ready' AND store IN ({stores})")
    }

    fn values(&self, after: Option<TenantId>) -> Vec<Value> {
        let mut values = params![after.map_or(0, TenantId::get)].to_vec();
        values.extend(self.stores.iter().map(|store| store.as_str().into()));
        values
    }

    /// Asks these tenants. Returns false if the answer must end before the last of them; `next` then has its end.
    async fn ask_these(
        &self,
        tenants: &[TenantId],
        until: Instant,
        limit: usize,
        found: &mut Impact,
    ) -> bool {
        let ask = |id| -> BoxFuture<'_, Result<Option<Noticing>>> { Box::pin(self.of_tenant(id)) };
        let mut answers = stream::iter(tenants.to_vec()).map(ask).buffered(AT_ONCE);
        for tenant in tenants {
            let answer = tokio::time::timeout_at(until.into(), answers.next()).await;
            let is_late = answer.is_err();
            let unasked = match answer {
                Ok(Some(Ok(noticing))) => {
                    found.asked += 1;
                    found.noticing.extend(noticing);
                    None
                }
                Ok(Some(Err(error))) => Some(error.public_title()),
                Ok(None) | Err(_) => Some("did not answer in time".to_owned()),
            };
            if let Some(why) = unasked {
                let slug =
                    self.record(*tenant).await.map_or_else(|_| tenant.to_string(), |r| r.slug.to_string());
                found.unasked.push(Unasked { tenant: *tenant, slug, why });
            }
            if is_late || found.noticing.len() >= limit || found.unasked.len() >= MAX_NOTICING {
                found.next = Some(*tenant);
                return false;
            }
        }
        true
    }

    async fn record(&self, id: TenantId) -> Result<Arc<TenantRecord>> {
        self.records.inner.access.directory().tenant(id).await
    }

    /// Returns how one tenant would notice a change; `None` if it would not.
    async fn of_tenant(&self, id: TenantId) -> Result<Option<Noticing>> {
        let record = self.record(id).await?;
        // A tenant that is not migrated yet is asked with the models of its databases.
        let loaded = self.records.loaded.clone().of(&record);
        let mut found = Noticing {
            tenant: id,
            slug: record.slug.clone(),
            name: record.name.clone(),
            references: vec![],
            own: vec![],
        };
        let mut by_store: BTreeMap<&StoreName, Vec<&Referrer>> = BTreeMap::new();
        for referrer in &self.records.entry.referrers {
            if let Ok(entry) = loaded.entry(referrer.model.as_str()) {
                by_store.entry(&entry.model.store).or_default().push(referrer);
            }
        }
        for referrers in by_store.into_values() {
            self.count(&record, &loaded, &referrers, &mut found).await?;
        }
        self.own_values_of(&record, &loaded, &mut found).await?;
        Ok(Some(found).filter(|found| !found.references.is_empty() || !found.own.is_empty()))
    }

    /// Opens a session in a store of the tenant, or returns `None` if the tenant has no database there.
    async fn session(
        &self,
        record: &TenantRecord,
        entry: &ModelEntry,
    ) -> Result<Option<tenantry_engine::Session>> {
        let is_here = |p: &&crate::topology::Placement| {
            p.state == PlacementState::Ready && p.place.store == entry.model.store
        };
        let Some(placement) = record.placements.iter().find(is_here) else { return Ok(None) };
        let session = self.records.inner.engine.session(&placement.place, &entry.schema).await?;
        Ok(Some(session.may_lag()))
    }

    async fn count(
        &self,
        record: &TenantRecord,
        loaded: &Loaded,
        referrers: &[&Referrer],
        found: &mut Noticing,
    ) -> Result<()> {
        let Some(first) = referrers.first() else { return Ok(()) };
        let entry = loaded.entry(first.model.as_str())?;
        let Some(session) = self.session(record, entry).await? else { return Ok(()) };
        for referrer in referrers {
            let filter = Filter::Compare(referrer.field.clone(), Operator::Eq, id_value(&self.id));
            let count = session.count(referrer.model.as_str(), &filter, None, None).await?;
            if count > 0 {
                found.references.push((referrer.model.clone(), referrer.field.clone(), count));
            }
        }
        Ok(())
    }

    async fn own_values_of(
        &self,
        record: &TenantRecord,
        loaded: &Loaded,
        found: &mut Noticing,
    ) -> Result<()> {
        let shared = &self.records.entry;
        if shared.model.overrides.is_none() {
            return Ok(());
        }
        let Ok(entry) = loaded.entry(&overrides_model(shared)) else { return Ok(()) };
        let Some(session) = self.session(record, entry).await? else { return Ok(()) };
        let field = |name: &str| FieldName::parse(name);
        let select = Select {
            filter: Filter::Compare(field("shared_id")?, Operator::Eq, id_value(&self.id)),
            limit: 1,
            fields: vec![field("changes")?],
            ..Select::default()
        };
        let name = entry.model.name.as_str();
        let (page, _) = session.select(name, &select, None, Collect::default()).await?;
        let plan = shared.schema.model(shared.model.name.as_str()).ok_or(Error::NotFound("model"))?;
        if let Some(Value::Json(changes)) =
            page.rows.into_iter().next().and_then(|row| row.into_iter().next())
        {
            found.own = overrides::values(plan, &changes).into_iter().map(|(name, _)| name).collect();
        }
        Ok(())
    }
}
