//! Proves one place of a tenant.

use super::{
    catalog,
    report::{About, Report, Rule},
};
use crate::{
    Error, Result,
    operations::Context,
    topology::{Placement, PlacementState, Policy},
};
use tenantry_engine::{
    Kind,
    name::{Slug, TenantId},
    place::Place,
};

/// A placement to prove.
pub(super) struct Unit {
    pub(super) tenant: TenantId,
    pub(super) slug: Slug,
    pub(super) placement: Placement,
    /// Place of another tenant on the same server.
    pub(super) neighbour: Option<Place>,
}

/// Proves a placement of a tenant. Returns what was checked and found; the result is empty if the tenant was moved
/// meanwhile.
///
/// # Errors
/// Returns the errors of the control store.
pub(super) async fn prove(context: &Context, unit: &Unit) -> Result<Report> {
    let Unit { slug, placement, .. } = unit;
    let (place, mut report) = (&placement.place, Report::default());
    let about = About::place(Some(slug), place);
    if placement.state != PlacementState::Ready {
        return Ok(report);
    }
    report.check(Rule::Routing, 1);
    if !is_routed(context, unit).await? {
        report.find(Rule::Routing, &about, "this server routes requests to another place");
    }
    match inside(context, unit).await {
        Ok(proof) => {
            report.places = 1;
            report.brought = u64::from(placement.policy == Policy::External);
            report.take(&about, proof);
        }
        Err(error) => judge(&mut report, &about, &error),
    }
    // A move may have taken the rows elsewhere while they were looked for.
    let is_sound = report.holds() && report.missed == 0;
    if !is_sound && !catalog::is_current(&context.control, place).await? {
        return Ok(Report::default());
    }
    Ok(report)
}

/// Records why a place could not be proven: as a violation if another database is there, or as not checked.
pub(super) fn judge(report: &mut Report, about: &About, error: &Error) {
    let is_another = matches!(
        error,
        Error::Engine(error) if matches!(error.kind(), Kind::Missing | Kind::WrongIdentity | Kind::Fenced)
    );
    match is_another {
        true => {
            report.check(Rule::Identity, 1);
            report.find(Rule::Identity, about, error.to_string());
        }
        false => report.miss(about, error.public_title()),
    }
}

/// Returns true if requests of the tenant are routed to the place, through the cached record of the tenant.
async fn is_routed(context: &Context, unit: &Unit) -> Result<bool> {
    let place = &unit.placement.place;
    context.control.refresh().await?;
    let record = match context.topology.by_id(unit.tenant).await {
        // The tenant was purged meanwhile.
        Err(Error::NotFound(_)) => return Ok(false),
        found => found?,
    };
    Ok(record.place(place.store.as_str()).is_ok_and(|routed| routed == place))
}

async fn inside(context: &Context, unit: &Unit) -> Result<tenantry_engine::Proof> {
    let Unit { placement, neighbour, .. } = unit;
    let (place, engine) = (&placement.place, context.databases.engine());
    // A session is what a request opens.
    match engine.session(place, &context.databases.schema(&place.store)?).await {
        Ok(_) => {}
        // The rules hold for a place whose schema is behind, too.
        Err(error) if matches!(error.kind(), Kind::SchemaBehind | Kind::SchemaAhead) => {}
        Err(error) => return Err(error.into()),
    }
    match placement.policy {
        // Its roles and rights are the tenant's own.
        Policy::External => {
            engine.verify(place).await?;
            let checked = vec![(tenantry_engine::Rule::Identity, 1)];
            Ok(tenantry_engine::Proof { checked, ..Default::default() })
        }
        _ => Ok(engine.prove(place, neighbour.as_ref()).await?),
    }
}
