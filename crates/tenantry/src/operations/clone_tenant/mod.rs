//! The operation that makes a second tenant with the contents of a first, for staging, teaching and
//! trying things out; on request without personal data.
//!
//! check | copy | record | adopt, files | subscribe, owner, activate. Personal data is blanked in the
//! copy, before there is anything that somebody could enter.

mod steps;

pub(super) use steps::remove_left;

use super::{
    Operation, Operations, Step, World,
    arrive::{Arrival, Arrives, Arriving},
};
use crate::{Result, audit::By, control::Write};
use futures_util::future::BoxFuture;
use tenantry_engine::{
    engine::Blanked,
    name::{Slug, TenantId},
};

/// State of the operation.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct CloneTenant {
    arrival: Arrival,
    source: TenantId,
    source_slug: Slug,
    /// What was blanked; none: nothing is to be.
    blank: Option<Blanked>,
}

impl Operations {
    /// Starts it; its id in the journal.
    pub(crate) async fn clone_tenant(
        &self,
        source: (TenantId, Slug),
        blank_personal: bool,
        wanted: Arriving,
    ) -> Result<i64> {
        let (source, source_slug) = source;
        let blank = blank_personal.then(Blanked::default);
        self.spawn(CloneTenant { arrival: Arrival::new(wanted)?, source, source_slug, blank }).await
    }
}

impl Arrives for CloneTenant {
    const BRING: &'static str = "copy";
    const ACTION: &'static str = "tenant.clone";

    fn arrival(&self) -> &Arrival {
        &self.arrival
    }

    fn arrival_mut(&mut self) -> &mut Arrival {
        &mut self.arrival
    }

    fn bring<'a>(world: &'a World, c: &'a mut Self) -> BoxFuture<'a, Result<()>> {
        Box::pin(steps::copy(world, c))
    }

    fn files<'a>(world: &'a World, c: &'a mut Self) -> BoxFuture<'a, Result<()>> {
        Box::pin(steps::files(world, c))
    }

    fn detail(&self) -> serde_json::Value {
        serde_json::json!({ "of": self.source, "slug": self.source_slug, "blanked": self.blank })
    }

    fn check<'a>(&'a mut self, write: &'a mut Write) -> BoxFuture<'a, Result<()>> {
        Box::pin(steps::check(write, self.source))
    }
}

impl Operation for CloneTenant {
    const KIND: &'static str = "clone";

    fn steps() -> &'static [Step<Self>] {
        Self::STEPS
    }

    fn tenant(&self) -> Option<TenantId> {
        self.arrival.tenant
    }

    fn by(&self) -> &By {
        &self.arrival.wanted.by
    }

    fn what(&self) -> String {
        format!("clone {} as {}", self.source_slug, self.arrival.wanted.new.slug)
    }

    fn outcome(&self) -> serde_json::Value {
        let mut outcome = self.arrival.outcome();
        outcome["blanked"] = serde_json::json!(self.blank);
        outcome
    }
}
