//! The operation that discards a staged restore.
//!
//! Steps: discard | remove | gone. From the first step on it only goes forward: a half-removed database is useless. It
//! is an operation so that it never overlaps a swap of the same restore.

use crate::operations::{Context, Operation, Step, step};
use crate::{
    Error, Result,
    audit::By,
    backups::restores::{self, State},
    control::Write,
    topology::{record, swap},
};
use futures_util::future::BoxFuture;
use tenantry_engine::{
    name::{Slug, TenantId},
    place::Place,
};

/// State of the operation.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct RestoreDiscard {
    by: By,
    tenant: TenantId,
    slug: Slug,
    places: Vec<Place>,
    /// Id of the only restore that may be discarded; `None` for whichever restore is staged.
    #[serde(default)]
    only: Option<i64>,
}

impl RestoreDiscard {
    pub(crate) fn new(by: By, tenant: TenantId, slug: Slug) -> Self {
        Self { by, tenant, slug, places: vec![], only: None }
    }

    /// Restricts the operation to this restore, so that it does not discard one that was staged later.
    pub(crate) fn only(mut self, restore: i64) -> Self {
        self.only = Some(restore);
        self
    }
}

impl Operation for RestoreDiscard {
    const KIND: &'static str = "restore_discard";
    const POINT_OF_NO_RETURN: Option<&'static str> = Some("discard");

    fn steps() -> &'static [Step<Self>] {
        &[
            Step::Control { name: "discard", run: discard, undo: Some(step::nothing) },
            Step::Outside { name: "remove", run: remove, undo: step::leave },
            Step::Control { name: "gone", run: gone, undo: None },
        ]
    }

    fn tenant(&self) -> Option<TenantId> {
        Some(self.tenant)
    }

    fn by(&self) -> &By {
        &self.by
    }

    fn what(&self) -> String {
        format!("discard what was restored beside {}", self.slug)
    }
}

fn discard<'a>(write: &'a mut Write, d: &'a mut RestoreDiscard) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let nothing = || Error::Conflict(format!("nothing is restored beside {}", d.slug));
        let restore = restores::latest(write, d.tenant, State::Staged).await?;
        let restore = restore.filter(|restore| d.only.is_none_or(|only| restore.id == only));
        let restore = restore.ok_or_else(nothing)?;
        let now = write.at_us();
        for pair in &restore.stores {
            swap::discard(write, &pair.other, now).await?;
        }
        restores::set(write, restore.id, State::Discarded, &restore.stores).await?;
        d.places = restore.stores.into_iter().map(|pair| pair.other).collect();
        let detail = serde_json::json!({ "backup": restore.backup });
        write.audit(&d.by, Some(d.tenant), "tenant.restore_discard", detail).await
    })
}

fn remove<'a>(context: &'a Context, d: &'a mut RestoreDiscard) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        for place in &d.places {
            context.databases.remove(place).await?;
        }
        Ok(())
    })
}

fn gone<'a>(write: &'a mut Write, d: &'a mut RestoreDiscard) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        for place in &d.places {
            record::set_gone(write, place).await?;
        }
        Ok(())
    })
}
