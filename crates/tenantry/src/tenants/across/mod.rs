//! Aggregates over the rows of a model in all tenants: numbers, sums, averages and extremes by group, in one call.
//!
//! Each tenant's database computes its own groups, with the code of the tenant's own aggregates; only groups are read and
//! added up here (`merge`). Staff never see a row: `rules` refuses questions that could select one, and groups with few
//! rows are hidden. The cost grows with the number of tenants, so one such call runs at a time in a process, a few tenants
//! are asked at a time, and the call ends at its deadline. Tenants that did not answer are named.

mod merge;
mod rules;

use super::{State, Tenants, list::Where};
use crate::{
    Error, Result,
    access::Actor,
    platform::loaded::{Loaded, ModelEntry},
    records::Unasked,
};
use futures_util::{StreamExt, future::BoxFuture, stream};
use merge::{Part, Totals};
use std::{sync::Arc, time::Instant};
use tenantry_engine::{
    list::LIMIT_MAX,
    name::{FieldName, ServerName, TenantId},
    query::{Aggregate, Filter, Function, Group, GroupOrder, Groups, Measure},
};

/// Number of tenants that one query of the catalog returns.
const BATCH: i64 = 256;
/// Largest number of tenants that an answer names as not asked.
pub const MAX_UNASKED: usize = 200;

/// The tenants whose rows count.
#[derive(Debug, Clone, Default)]
pub struct Which {
    /// Only tenants in this state; `None` means all that are not gone.
    pub state: Option<State>,
    /// Only tenants on this plan.
    pub plan: Option<String>,
    /// Only tenants with a database on this server.
    pub server: Option<ServerName>,
}

/// The groups of the rows of all tenants.
#[derive(Debug)]
pub struct Across {
    /// Groups with enough rows.
    pub groups: Vec<Group>,
    /// True if there are more groups than the limit.
    pub more: bool,
    /// Number of groups that are hidden because they have too few rows.
    pub hidden: u64,
    /// Smallest number of rows of a group that is shown.
    pub smallest_group: u32,
    /// Number of tenants that answered.
    pub asked: u64,
    /// Tenants that did not answer, up to [`MAX_UNASKED`]. Their rows are in no group.
    pub unasked: Vec<Unasked>,
    /// Number of all tenants that did not answer.
    pub unasked_count: u64,
}

/// A question, with everything that is the same for all tenants.
struct Question {
    loaded: Arc<Loaded>,
    entry: Arc<ModelEntry>,
    parts: Vec<Part>,
    until: Instant,
}

impl Tenants<'_> {
    /// Returns aggregates over the rows of a model in all tenants that `which` selects, and writes that it did so into the
    /// audit log.
    ///
    /// # Errors
    /// Returns [`Error::Denied`] without the right to analyse all tenants; [`Error::NotFound`] for a model that tenants do
    /// not have; [`Error::Invalid`] for a question that could select single rows; [`Error::Occupied`] while this process
    /// answers another one.
    pub async fn aggregate(
        &self,
        actor: &Actor,
        model: &str,
        asked: &Aggregate,
        which: &Which,
    ) -> Result<Across> {
        self.require_analyst(actor)?;
        let inner = &self.platform.0;
        let config = &inner.config.analytics;
        let loaded = inner.loaded.load_full();
        let entry = loaded.models.get(model).filter(|entry| !entry.system && !entry.automatic);
        let entry = entry.cloned().ok_or(Error::NotFound("model"))?;
        rules::check(&loaded, &entry.model, asked)?;
        let Ok(_turn) = inner.analysing.try_acquire() else {
            return Err(Error::Occupied(
                "this server answers another question about all tenants: wait for its end".into(),
            ));
        };
        let parts = parts(&entry, asked)?;
        let question = Question { loaded, entry, parts, until: Instant::now() + config.deadline };
        let mut found = self.ask_all(&question, asked, which).await?;
        let smallest = config.smallest_group;
        let visible =
            std::mem::take(&mut found.totals).visible(&question.entry.model, asked, smallest.into())?;
        let (asked_count, unasked_count) = (found.asked, found.unasked_count);
        let detail = serde_json::json!({
            "model": model, "asked": asked_count, "unasked": unasked_count, "groups": visible.groups.len(),
            "by": asked.group_by.iter().map(|key| key.field.as_str()).collect::<Vec<_>>(),
            "plan": which.plan, "state": which.state.map(State::as_str), "server": which.server,
        });
        let mut write = inner.control.begin().await?;
        write.audit(&actor.by(), None, "tenants.aggregate", detail).await?;
        write.commit().await?;
        Ok(Across {
            groups: visible.groups,
            more: visible.more,
            hidden: visible.hidden,
            smallest_group: smallest,
            asked: asked_count,
            unasked: found.unasked,
            unasked_count,
        })
    }

    /// Requires the right to analyse the rows of all tenants: superusers have it.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] for an actor that is not staff, otherwise [`Error::Denied`].
    pub fn require_analyst(&self, actor: &Actor) -> Result<()> {
        actor.require_staff()?;
        actor.require_superuser("analyse rows of all tenants")
    }

    async fn ask_all(&self, question: &Question, asked: &Aggregate, which: &Which) -> Result<Found> {
        let mut found = Found::default();
        let mut after = 0;
        loop {
            let tenants = self.some(question, which, after).await?;
            let Some(last) = tenants.last() else { return Ok(found) };
            after = last.get();
            let ask = |id: TenantId| -> BoxFuture<'_, (TenantId, Result<Vec<Groups>>)> {
                Box::pin(async move { (id, self.ask(question, id).await) })
            };
            let at_once = self.platform.0.config.analytics.at_once as usize;
            let mut answers = stream::iter(tenants).map(ask).buffer_unordered(at_once);
            while let Some((id, answer)) = answers.next().await {
                let added = answer.and_then(|groups| found.totals.add(asked, &question.parts, groups));
                match added {
                    Ok(()) => found.asked += 1,
                    // The sum of all tenants is too large, whichever tenant came last.
                    Err(error @ Error::Invalid { .. }) if found.asked > 0 => return Err(error),
                    Err(error) => self.note(&mut found, id, &error).await,
                }
            }
        }
    }

    async fn note(&self, found: &mut Found, tenant: TenantId, error: &Error) {
        found.unasked_count += 1;
        if found.unasked.len() < MAX_UNASKED {
            let record = self.platform.0.access.directory().tenant(tenant).await;
            let slug = record.map_or_else(|_| tenant.to_string(), |record| record.slug.to_string());
            found.unasked.push(Unasked { tenant, slug, why: error.public_title() });
        }
    }

    /// Returns the next tenants that have a database of the model's store.
    async fn some(&self, question: &Question, which: &Which, after: i64) -> Result<Vec<TenantId>> {
        let mut all = Where::default();
        all.and("t.id > ?", [after.into()]);
        match which.state {
            Some(state) => all.and("t.state = ?", [state.as_str().into()]),
            None => all.and("t.state NOT IN ('gone', 'purging')", []),
        }
        let store = question.entry.model.store.as_str();
        all.and("l.store = ? AND l.state = 'ready'", [store.into()]);
        if let Some(plan) = &which.plan {
            all.and("p.code = ?", [plan.as_str().into()]);
        }
        if let Some(server) = &which.server {
            all.and("l.server = ?", [server.as_str().into()]);
        }
        let sql = format!(
            "SELECT t.id FROM tenants t JOIN placements l ON l.tenant = t.id LEFT JOIN subscriptions s ON s.tenant = t.id \
             LEFT JOIN plans p ON p.id = s.plan WHERE {} ORDER BY t.id LIMIT {BATCH}",
            all.text.join(" AND ")
        );
        let mut tx = self.platform.control().snapshot().await?;
        tx.query(&sql, &all.values).await?.iter().map(|row| Ok(TenantId::from_raw(row.integer(0)?))).collect()
    }

    /// Asks one tenant all parts of the question.
    async fn ask(&self, question: &Question, id: TenantId) -> Result<Vec<Groups>> {
        let late = || Error::Unavailable("the time for the answer is over".into());
        match tokio::time::timeout_at(question.until.into(), self.answer(question, id)).await {
            Ok(answer) => answer,
            Err(_) => Err(late()),
        }
    }

    async fn answer(&self, question: &Question, id: TenantId) -> Result<Vec<Groups>> {
        let inner = &self.platform.0;
        let record = inner.access.directory().tenant(id).await?;
        // A tenant that is not migrated yet is asked with the models of its databases.
        let loaded = question.loaded.clone().of(&record);
        let entry = loaded.entry(question.entry.model.name.as_str())?;
        let place = record.place(entry.model.store.as_str())?;
        let session = inner.engine.session(place, &entry.schema).await?.may_lag();
        let mut answers = Vec::with_capacity(question.parts.len());
        for part in &question.parts {
            let groups = session.aggregate(entry.model.name.as_str(), &part.asked, None).await?;
            if groups.more {
                let reason = format!("has more than {LIMIT_MAX} groups: group by fewer or longer periods");
                return Err(Error::Conflict(reason));
            }
            answers.push(groups);
        }
        Ok(answers)
    }
}

#[derive(Default)]
struct Found {
    totals: Totals,
    asked: u64,
    unasked: Vec<Unasked>,
    unasked_count: u64,
}

/// Returns the queries that answer a question. The first has all rows. Each field that may be null has its own, over the
/// rows with a value, so that their number is known: a result that too few rows make up is hidden, and averages are those
/// of all tenants' rows.
fn parts(entry: &ModelEntry, asked: &Aggregate) -> Result<Vec<Part>> {
    let query = |filter: Filter, of: Vec<usize>| {
        let measures = of.iter().map(|at| summed(&asked.measures[*at])).collect();
        let asked =
            Aggregate { filter, measures, order: GroupOrder::Keys, limit: LIMIT_MAX, ..asked.clone() };
        Part { of, asked }
    };
    let is_required = |name: &FieldName| entry.model.field(name.as_str()).is_some_and(|field| field.required);
    let numbered = || asked.measures.iter().enumerate();
    let always = numbered().filter(|(_, m)| is_required(&m.field)).map(|(at, _)| at).collect();
    let mut parts = vec![query(asked.filter.clone(), always)];
    let mut nullable: Vec<&FieldName> =
        asked.measures.iter().map(|measure| &measure.field).filter(|name| !is_required(name)).collect();
    nullable.sort();
    nullable.dedup();
    for name in nullable {
        let of = numbered().filter(|(_, measure)| measure.field == *name).map(|(at, _)| at).collect();
        let filter = Filter::All(vec![asked.filter.clone(), Filter::Null(name.clone(), false)]);
        parts.push(query(filter, of));
    }
    Ok(parts)
}

/// Returns the measure that each tenant computes: averages come from sums.
fn summed(measure: &Measure) -> Measure {
    match measure.function {
        Function::Average => Measure { function: Function::Sum, field: measure.field.clone() },
        _ => measure.clone(),
    }
}
