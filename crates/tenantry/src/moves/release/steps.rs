//! Steps of `Release`. Called only by the journal's driver.

use super::Release;
use crate::{
    Result,
    control::Write,
    operations::Context,
    topology::{record, swap},
};
use futures_util::future::BoxFuture;
use serde_json::json;

/// Refuses a placement that is in use, staged or gone.
pub(super) fn check<'a>(write: &'a mut Write, r: &'a mut Release) -> BoxFuture<'a, Result<()>> {
    Box::pin(swap::release(write, &r.place))
}

pub(super) fn remove<'a>(context: &'a Context, r: &'a mut Release) -> BoxFuture<'a, Result<()>> {
    Box::pin(context.databases.remove(&r.place))
}

pub(super) fn gone<'a>(write: &'a mut Write, r: &'a mut Release) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        record::set_gone(write, &r.place).await?;
        record::forget_attached(write, &r.place).await?;
        let detail =
            json!({ "store": r.place.store, "server": r.place.server, "database": r.place.physical });
        write.audit(&r.by, r.place.tenant, "tenant.release", detail).await
    })
}
