//! The operation that creates a second tenant with the contents of a first, for staging, teaching and experiments. On
//! request, the second tenant gets no personal data.
//!
//! It is an arrival whose copies come from a live tenant. Personal data is blanked in the copy, before the new tenant
//! exists.

mod databases;
mod files;

use crate::{
    Error, Result,
    control::Write,
    tenants::{self, State},
};
use crate::{
    arrivals::operation::{CopyOf, Source},
    operations::Context,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tenantry_engine::{
    engine::Blanked,
    name::{Slug, StoreName, TenantId},
};

/// The tenant to clone.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct FromTenant {
    pub(super) tenant: TenantId,
    pub(super) slug: Slug,
    /// Counts of blanked values; `None` if nothing is to be blanked.
    pub(super) blank: Option<Blanked>,
}

impl Source for FromTenant {
    const KIND: &'static str = "clone";
    const BRING: &'static str = "copy";
    const ACTION: &'static str = "tenant.clone";

    fn what(&self, new: &Slug) -> String {
        format!("clone {} as {new}", self.slug)
    }

    fn detail(&self) -> Value {
        json!({ "of": self.tenant, "slug": self.slug, "blanked": self.blank })
    }

    fn add_outcome(&self, outcome: &mut Value) {
        outcome["blanked"] = json!(self.blank);
    }

    async fn check(&self, write: &mut Write) -> Result<()> {
        let found = tenants::by_id(write, self.tenant).await?;
        match found.state {
            State::Active | State::Suspended | State::Cancelled => Ok(()),
            state => {
                let reason = format!("{} is {} and cannot be cloned", found.slug, state.as_str());
                Err(Error::Conflict(reason))
            }
        }
    }

    async fn bring(&mut self, context: &Context, _: &[StoreName]) -> Result<Vec<CopyOf>> {
        databases::copy(context, self).await
    }

    async fn files(&self, context: &Context, copies: &[CopyOf], tenant: TenantId) -> Result<u64> {
        files::copy(context, copies, self.tenant, tenant).await
    }
}
