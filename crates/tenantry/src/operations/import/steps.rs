//! The steps of `ImportTenant`. Called by the journal's driver only.

use super::ImportTenant;
use crate::{
    Result,
    control::Write,
    operations::{World, arrive},
};
use futures_util::future::BoxFuture;
use serde_json::json;

pub(super) fn unpack<'a>(world: &'a World, i: &'a mut ImportTenant) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let stores: Vec<_> = i.arrival.wanted.placements.iter().map(|p| p.store.clone()).collect();
        let unpacked = super::unpack::all(world, &i.archive, &stores).await?;
        i.arrival.copies = unpacked.copies;
        i.of = Some(unpacked.of);
        Ok(())
    })
}

pub(super) fn files<'a>(world: &'a World, i: &'a mut ImportTenant) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        i.arrival.files = super::files::put_all(world, &i.archive, i.arrival.id()?).await?;
        Ok(())
    })
}

pub(super) fn activate<'a>(write: &'a mut Write, i: &'a mut ImportTenant) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let (of, slug) = i.of.clone().unwrap_or_default();
        arrive::activate(write, &mut i.arrival, "tenant.import", json!({ "of": of, "slug": slug })).await
    })
}
