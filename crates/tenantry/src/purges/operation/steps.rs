//! Steps of `Purge`. Called only by the journal's driver.

use super::{CERTIFIED, Fate, Purge, Trace, survey as surveying};
use crate::{
    Error, Result,
    control::Write,
    mail,
    operations::Context,
    platform::health::lost,
    tenants::{self, Retirement, State, life::purge},
    topology::Policy,
};
use futures_util::future::BoxFuture;
use serde_json::json;
use tenantry_engine::{Kind, name::StoreName, place::Place};

/// Refuses a tenant that is not cancelled, or whose retention is not over.
pub(super) fn begin<'a>(write: &'a mut Write, p: &'a mut Purge) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let tenant = tenants::by_id(write, p.tenant).await?;
        if tenant.slug != p.slug {
            return Err(Error::Conflict(format!("{} is now called {}", p.slug, tenant.slug)));
        }
        let ends = Retirement::of(write, p.tenant).await?;
        let due = ends.is_some_and(|ends| ends.is_over(write.due_us()));
        if tenant.state == State::Cancelled && !due && !p.early {
            return Err(Error::Conflict(format!("{} is kept for now: its retention is not over", p.slug)));
        }
        p.begun_at_us = write.at_us();
        tenants::transition(write, &p.by, p.tenant, State::Purging, None).await
    })
}

pub(super) fn unbegin<'a>(write: &'a mut Write, p: &'a mut Purge) -> BoxFuture<'a, Result<()>> {
    Box::pin(tenants::transition(write, &p.by, p.tenant, State::Cancelled, Some("the purge did not begin")))
}

pub(super) fn survey<'a>(context: &'a Context, p: &'a mut Purge) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        p.survey = Some(surveying::look(context, p.tenant).await?);
        let placements = surveying::all_placements(&mut context.control.snapshot().await?, p.tenant).await?;
        let ours = placements.into_iter().filter(|placement| placement.policy != Policy::External);
        p.places = ours.map(|placement| placement.place).collect();
        refuse_another(context, p).await
    })
}

pub(super) fn cut_off<'a>(write: &'a mut Write, p: &'a mut Purge) -> BoxFuture<'a, Result<()>> {
    Box::pin(purge::cut_off(write, p.tenant))
}

pub(super) fn databases<'a>(context: &'a Context, p: &'a mut Purge) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        p.unremoved.clear();
        let mut first = Ok(());
        // A database that cannot be removed does not stop the removal of the others.
        for (done, place) in p.places.iter().enumerate() {
            context.progress.set(done as u64, p.places.len() as u64, "databases");
            let error = match context.databases.purge(place).await {
                Ok(()) => continue,
                Err(Error::Engine(error)) => lost::named(&context.databases, &p.slug, place, error).await,
                Err(error) => error,
            };
            p.unremoved.push((place.clone(), error.to_string()));
            first = first.and(Err(error));
        }
        first
    })
}

pub(super) fn files<'a>(context: &'a Context, p: &'a mut Purge) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let removed = context.files.remove_all(p.tenant).await;
        p.files += removed.map_err(|e| Error::Unavailable(e.to_string()))?;
        mail::sweep(&context.control, &context.letters).await
    })
}

/// Refuses if something else is in the place of one of the databases, or a file there cannot be read. Removing it might
/// destroy another tenant's data, and the certificate would name a database that was never found.
async fn refuse_another(context: &Context, p: &Purge) -> Result<()> {
    for place in &p.places {
        if let Some(error) = context.databases.engine().unusable(place).await?
            && (matches!(error.kind(), Kind::NoAccess | Kind::Io)
                || context.databases.holds_another(place, &error).await)
        {
            return Err(lost::said(context.databases.host_of(place), &p.slug, place, &error));
        }
    }
    Ok(())
}

/// Removes the backups unless they are retained. The background pass removes retained ones when they expire.
pub(super) fn backups<'a>(context: &'a Context, p: &'a mut Purge) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        if p.backups_days == 0 {
            p.backups += crate::backups::remove_all(context, &p.by, p.tenant).await?;
        }
        Ok(())
    })
}

pub(super) fn certify<'a>(write: &'a mut Write, p: &'a mut Purge) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        purge::blank(write, p.tenant).await?;
        let sql = "UPDATE tenants SET state = 'gone', state_at = ? WHERE id = ?";
        let at = write.at_us();
        // The retention of the tenant's backups begins here.
        let gone_at = write.retain_from_us();
        write.execute(sql, crate::control::params![gone_at, p.tenant.get()]).await?;
        let survey = p.survey.as_ref().ok_or_else(|| Error::Internal("a purge without a survey".into()))?;
        let certificate = json!({
            "tenant": p.tenant,
            "slug": p.slug,
            "ends": survey.ends,
            "early": p.early,
            "begun_at_us": p.begun_at_us,
            "purged_at_us": at,
            "traces": fates(p, &survey.traces),
            "files_removed": p.files,
            "backups_removed": p.backups,
            "not_removed": p.left,
            "final_backup": p.final_backup,
            "final_backup_kept_days": p.final_backup.as_ref().map(|_| p.backups_days),
        });
        write.audit(&p.by, Some(p.tenant), CERTIFIED, certificate).await?;
        write.invalidate(&crate::control::Subject::Tenant(p.tenant)).await
    })
}

/// Returns the surveyed places with their fate. A place was not removed if its step failed before the purge was
/// abandoned.
fn fates(p: &Purge, traces: &[Trace]) -> Vec<Trace> {
    let because = |step: &str| p.left.iter().find(|(failed, _)| failed == step).map(|(_, why)| why.as_str());
    let why = |trace: &Trace| {
        if trace.what == surveying::FILES {
            return because("files");
        }
        if trace.what == surveying::BACKUPS {
            return because("backups");
        }
        let is_here = |place: &Place| surveying::shown(place) == trace.place;
        // If no database is named, the step failed before it tried any.
        let failed = p.unremoved.iter().find(|(place, _)| is_here(place));
        let any = because("databases").filter(|_| p.unremoved.is_empty() && p.places.iter().any(is_here));
        failed.map(|(_, why)| why.as_str()).or(any)
    };
    let fate = |trace: &Trace| match why(trace).filter(|_| trace.fate == Fate::Removed) {
        Some(why) => Trace { fate: Fate::NotRemoved, detail: json!({ "why": why }), ..trace.clone() },
        None => trace.clone(),
    };
    traces.iter().map(fate).collect()
}

/// Removes deleted rows also from the `-wal` files of shared databases. Then copies the certificate to the backup
/// store, where it outlives the catalog.
pub(super) fn scrub<'a>(context: &'a Context, p: &'a mut Purge) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let engine = context.databases.engine();
        for place in p.places.iter().filter(|place| place.isolation.is_pooled()) {
            engine.scrub(place).await?;
        }
        let control = context.databases.system_place(&StoreName::parse("control")?);
        engine.scrub(&control.ok_or(Error::NotFound("store"))?).await?;
        crate::backups::purged::keep(context, p.tenant).await
    })
}
