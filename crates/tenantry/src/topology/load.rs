//! Reads a tenant's record from the catalog in one consistent snapshot. Called only by the cache.

use super::{TenantRecord, placement};
use crate::{
    Error, Result,
    control::{Control, params},
    licences,
    locale::Locale,
    plans::{Entitlements, State, Subscription},
    tenants,
};
use std::sync::Arc;
use tenantry_engine::{SqlRow, Tx, name::TenantId};

pub(super) async fn by_id(control: &Control, id: TenantId) -> Result<Arc<TenantRecord>> {
    let mut tx = control.snapshot().await?;
    let tenant = tenants::by_id(&mut tx, id).await?;
    let (subscription, entitlements) = subscription(&mut tx, id).await?;
    let licence = licences::granted(&mut tx, id, &entitlements).await?;
    let placements = placement::of_tenant(&mut tx, id).await?;
    Ok(Arc::new(TenantRecord {
        id,
        slug: tenant.slug,
        name: tenant.name,
        locale: Locale::of_settings(&tenants::settings(&mut tx, id).await?),
        state: tenant.state,
        maintenance: tenant.maintenance,
        retirement: tenants::Retirement::of(&mut tx, id).await?,
        subscription,
        entitlements,
        licence,
        placements,
    }))
}

async fn subscription(tx: &mut Tx, id: TenantId) -> Result<(Option<Subscription>, Entitlements)> {
    let sql = "SELECT p.code, s.state, s.started_at, s.ends_at, p.limits, p.features \
        FROM subscriptions s JOIN plans p ON p.id = s.plan WHERE s.tenant = ?";
    match tx.query(sql, params![id.get()]).await?.first() {
        Some(row) => read(row).map(|(s, e)| (Some(s), e)),
        None => Ok((None, Entitlements::default())),
    }
}

fn read(r: &SqlRow) -> Result<(Subscription, Entitlements)> {
    let damaged = |e: serde_json::Error| Error::Internal(format!("plan {:?}: {e}", r.text(0)));
    let subscription = Subscription {
        plan: r.text(0)?.to_owned(),
        stored: State::parse(r.text(1)?)?,
        started_at_us: r.integer(2)?,
        ends_at_us: r.opt_integer(3)?,
    };
    let limits = serde_json::from_str(r.text(4)?).map_err(damaged)?;
    let features = serde_json::from_str(r.text(5)?).map_err(damaged)?;
    Ok((subscription, Entitlements { features, limits }))
}
