//! The operation that imports a database which all organisations shared.
//!
//! Steps: begin | survey | approve | tenants, shared, rows, compare | record. The survey only reads. After `approve` the
//! operation goes forward only: every later step may be repeated, because a document becomes a row at most once. A dry run ends
//! with the survey.

use super::{
    compare::compare,
    ids::SHARED,
    plan::Plan,
    report::{Difference, Organisation, Report},
    source::Source,
    survey::survey,
    verbs::SharedImport,
    write::Target,
};
use crate::{
    Error, Platform, Result,
    access::{Operator, Tenant},
    audit::By,
    control::Write,
    operations::{Context, Operation, Step, step},
    platform::inner::Inner,
    records::Scope,
    tenants::{NewTenant, State},
};
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;
use tenantry_engine::name::{Slug, TenantId};

/// Name of the operation in the journal.
pub(super) const KIND: &str = "shared_import";

/// State of the operation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SharedImportRun {
    by: By,
    wanted: SharedImport,
    report: Report,
}

impl SharedImportRun {
    pub(super) fn new(by: By, wanted: SharedImport) -> Self {
        Self { by, wanted, report: Report::default() }
    }
}

impl Operation for SharedImportRun {
    const KIND: &'static str = KIND;
    const POINT_OF_NO_RETURN: Option<&'static str> = Some("approve");
    const ESSENTIAL: &'static [&'static str] = &["shared", "rows", "compare"];

    fn steps() -> &'static [Step<Self>] {
        &[
            Step::Control { name: "begin", run: begin, undo: Some(step::nothing) },
            Step::Outside { name: "survey", run: look, undo: step::leave },
            Step::Control { name: "approve", run: step::nothing, undo: Some(step::nothing) },
            Step::Outside { name: "tenants", run: create, undo: step::leave },
            Step::Outside { name: "shared", run: shared, undo: step::leave },
            Step::Outside { name: "rows", run: rows, undo: step::leave },
            Step::Outside { name: "compare", run: compare_all, undo: step::leave },
            Step::Control { name: "record", run: record, undo: None },
        ]
    }

    fn tenant(&self) -> Option<TenantId> {
        None
    }

    fn by(&self) -> &By {
        &self.by
    }

    fn what(&self) -> String {
        let verb = if self.wanted.dry_run { "look at" } else { "import" };
        format!("{verb} the shared database {}", self.wanted.source)
    }

    fn outcome(&self) -> serde_json::Value {
        let mut outcome = self.report.shown();
        outcome["dry_run"] = self.wanted.dry_run.into();
        outcome["complete"] = (!self.wanted.dry_run && self.report.is_complete()).into();
        outcome
    }
}

fn begin<'a>(write: &'a mut Write, run: &'a mut SharedImportRun) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let detail = json!({ "source": run.wanted.source.to_string(), "dry_run": run.wanted.dry_run });
        write.audit(&run.by, None, "shared_import.run", detail).await
    })
}

fn look<'a>(context: &'a Context, run: &'a mut SharedImportRun) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let work = Work::new(context, run)?;
        let source = work.source(context, &run.wanted);
        let report = survey(context, &work.plan, &source).await?;
        if !run.wanted.dry_run {
            permit(&report, &run.wanted)?;
        }
        run.report = report;
        Ok(())
    })
}

/// Refuses a run that would leave something behind without the operator's word.
fn permit(report: &Report, wanted: &SharedImport) -> Result<()> {
    const ALL: &str = "a dry run lists all";
    if let Some(field) = report.unknown_fields.first() {
        return Err(Error::invalid(
            "mapping",
            format!(
                "{} of {}, in {} documents, is a field of no model: rename it, name it in `ignore`, or name a JSON field in \
             `keep_in`; {ALL}",
                field.field, field.collection, field.documents
            ),
        ));
    }
    if let Some(unmapped) = report.unmapped.iter().find(|unmapped| unmapped.refuses) {
        return Err(Error::invalid(
            "mapping",
            format!(
                "collection {} of {} is not named: name its model, or the reason why you `skip` it; {ALL}",
                unmapped.collection, unmapped.database
            ),
        ));
    }
    let creates = wanted.create_missing.is_some();
    let blocking = match creates {
        true => report.faulty,
        false => report.blocking,
    };
    if blocking > 0 && !wanted.skip_invalid {
        let first = report.faults.first().map(|fault| {
            format!("{} {}: {} {}", fault.collection, fault.document, fault.field, fault.reason)
        });
        return Err(Error::invalid(
            "source",
            format!(
                "{blocking} documents cannot become records, such as {}: correct them, or leave them out with skip_invalid; {ALL}",
                first.unwrap_or_default()
            ),
        ));
    }
    Ok(())
}

/// What the steps of one operation use.
struct Work {
    platform: Arc<Inner>,
    plan: Plan,
    operator: Operator,
}

impl Work {
    fn new(context: &Context, run: &SharedImportRun) -> Result<Self> {
        let platform = context.platform()?;
        let plan = Plan::new(&run.wanted.mapping, &platform.loaded.load())?;
        let operator = Operator::new(&format!("import:{}", run.wanted.source));
        Ok(Self { platform, plan, operator })
    }

    fn source<'s>(&self, context: &'s Context, wanted: &'s SharedImport) -> Source<'s> {
        Source::new(&wanted.source, context.databases.engine(), &self.platform.config)
    }

    /// Enters the tenant of an organisation, if its rows may be written.
    async fn enter(&self, organisation: &Organisation) -> Result<Tenant> {
        let id = organisation.tenant.ok_or(Error::NotFound("tenant"))?;
        self.platform.control.refresh().await?;
        let tenant = self.platform.access.enter(&self.operator, TenantId::from_raw(id)).await?;
        match tenant.record().state {
            State::Active => Ok(tenant),
            State::Suspended => Err(Error::TenantSuspended),
            _ => Err(Error::Conflict("the tenant is being created or is cancelled".into())),
        }
    }

    fn target<'t>(
        &'t self,
        context: &'t Context,
        run: &'t SharedImport,
        tenant: Option<(&'t Tenant, &'t str)>,
    ) -> Target<'t> {
        let (scope, id, organisation) = match tenant {
            Some((tenant, organisation)) => (Scope::Tenant(tenant), tenant.id().get(), organisation),
            None => (Scope::Staff(&self.operator), SHARED, ""),
        };
        Target { context, platform: &self.platform, scope, tenant: id, organisation, name: &run.source }
    }
}

/// Creates tenants for unknown organisations, if that is wanted, as any other tenant.
fn create<'a>(context: &'a Context, run: &'a mut SharedImportRun) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let (false, Some(missing)) = (run.wanted.dry_run, &run.wanted.create_missing) else { return Ok(()) };
        let platform = Platform(context.platform()?);
        let operator = Operator::new(&run.by.actor);
        for organisation in run.report.organisations.iter_mut().filter(|one| one.tenant.is_none()) {
            let Some(slug) = organisation.slug.as_deref().and_then(|slug| Slug::parse(slug).ok()) else {
                let why = "its id is no slug of a tenant: give it one under [tenants] of the mapping";
                organisation.stopped = Some(why.into());
                continue;
            };
            organisation.tenant = match platform.tenants().id_of(&slug).await {
                // An earlier attempt has created it.
                Ok(id) => Some(id.get()),
                Err(Error::NotFound(_)) => {
                    let tenant =
                        NewTenant { name: organisation.id.clone(), email: missing.email.clone(), slug };
                    match platform.tenants().create(&operator, tenant, Some(&missing.plan), None).await {
                        Ok(created) => Some(created.tenant.get()),
                        Err(error) => {
                            organisation.stopped = Some(error.public_title());
                            None
                        }
                    }
                }
                Err(error) => return Err(error),
            };
        }
        Ok(())
    })
}

fn shared<'a>(context: &'a Context, run: &'a mut SharedImportRun) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        if run.wanted.dry_run {
            return Ok(());
        }
        let work = Work::new(context, run)?;
        let source = work.source(context, &run.wanted);
        let target = work.target(context, &run.wanted, None);
        for planned in work.plan.of_scope(true) {
            target.write(&work.plan, planned, &source, &mut run.report).await?;
        }
        Ok(())
    })
}

/// Writes the rows of all known organisations, one after the other. An organisation that cannot be written does not stop the
/// others.
fn rows<'a>(context: &'a Context, run: &'a mut SharedImportRun) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        if run.wanted.dry_run {
            return Ok(());
        }
        let work = Work::new(context, run)?;
        let total: u64 = run.report.known().map(|one| one.documents.values().sum::<u64>()).sum();
        let mut stored = 0;
        for index in 0..run.report.organisations.len() {
            let organisation = run.report.organisations[index].clone();
            if organisation.tenant.is_none() {
                continue;
            }
            let written = one(&work, context, &run.wanted, &organisation, &mut run.report).await;
            stored += organisation.documents.values().sum::<u64>();
            context.progress.set(stored, total, "documents");
            run.report.organisations[index].stopped = match written {
                Ok(()) => None,
                Err(Error::Cancelled) => return Err(Error::Cancelled),
                Err(error) => {
                    tracing::warn!(%error, organisation = organisation.id, "import of an organisation stopped");
                    Some(error.public_title())
                }
            };
        }
        Ok(())
    })
}

async fn one(
    work: &Work,
    context: &Context,
    wanted: &SharedImport,
    organisation: &Organisation,
    report: &mut Report,
) -> Result<()> {
    let tenant = work.enter(organisation).await?;
    let source = work.source(context, wanted);
    let target = work.target(context, wanted, Some((&tenant, &organisation.id)));
    for planned in work.plan.of_scope(false) {
        target.write(&work.plan, planned, &source, report).await?;
    }
    for owned in &work.plan.own_values {
        target.set_own_values(&work.plan, owned, &source, report).await?;
    }
    context.pass(KIND, "organisation").await
}

fn compare_all<'a>(context: &'a Context, run: &'a mut SharedImportRun) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        if run.wanted.dry_run {
            return Ok(());
        }
        let work = Work::new(context, run)?;
        let source = work.source(context, &run.wanted);
        let report = &mut run.report;
        // After a crash the step runs again, so count from the beginning.
        (report.differences, report.different, report.verified, report.changed_here) = (vec![], 0, 0, 0);
        let target = work.target(context, &run.wanted, None);
        let compared = compare(&target, &work.plan, &source, true, report).await?;
        more_invalid(report, None, compared.invalid, report.shared_faulty);
        report.verified += compared.verified;
        report.shared_digests = Some(compared.digests);
        for index in 0..report.organisations.len() {
            let organisation = report.organisations[index].clone();
            if organisation.tenant.is_none() || organisation.stopped.is_some() {
                continue;
            }
            let compared = match work.enter(&organisation).await {
                Ok(tenant) => {
                    let target = work.target(context, &run.wanted, Some((&tenant, &organisation.id)));
                    compare(&target, &work.plan, &source, false, report).await
                }
                Err(error) => Err(error),
            };
            match compared {
                Ok(compared) => {
                    more_invalid(report, Some(&organisation.id), compared.invalid, organisation.faulty);
                    report.verified += compared.verified;
                    report.organisations[index].verified = compared.verified;
                    report.organisations[index].digests = Some(compared.digests);
                }
                Err(Error::Cancelled) => return Err(Error::Cancelled),
                Err(error) => report.organisations[index].stopped = Some(error.public_title()),
            }
        }
        Ok(())
    })
}

/// Notes documents that were valid when the survey read them, and are not any more.
fn more_invalid(report: &mut Report, organisation: Option<&str>, now: u64, before: u64) {
    if now > before {
        report.difference(Difference {
            collection: String::new(),
            organisation: organisation.map(str::to_owned),
            document: String::new(),
            what: format!("{} documents have become invalid: a dry run lists them", now - before),
        });
    }
}

fn record<'a>(write: &'a mut Write, run: &'a mut SharedImportRun) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let source = run.wanted.source.to_string();
        if !run.wanted.dry_run {
            for one in run.report.known() {
                let detail = json!({ "source": source, "verified": one.verified, "digests": one.digests });
                let tenant = one.tenant.map(TenantId::from_raw);
                write.audit(&run.by, tenant, "shared_import.tenant", detail).await?;
            }
        }
        let detail = json!({
            "source": source, "dry_run": run.wanted.dry_run, "verified": run.report.verified,
            "different": run.report.different, "digests": run.report.shared_digests,
        });
        write.audit(&run.by, None, "shared_import.record", detail).await
    })
}
