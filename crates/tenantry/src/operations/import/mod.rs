//! The operation that makes a new tenant from the archive of an export, of this or another installation:
//! all or nothing.
//!
//! check | unpack | record | adopt, files | subscribe, owner, activate. What comes from outside is
//! believed only after it was compared: every entry with its hash, the rows with their checksums, the
//! schema with what the migrations make, and references into shared lists with the lists of this
//! installation.

mod check;
mod files;
mod references;
mod unpack;

pub(crate) use check::precheck;

use super::{
    Operation, Operations, Step, World,
    arrive::{Arrival, Arrives, Arriving},
};
use crate::{Result, audit::By};
use futures_util::future::BoxFuture;
use std::path::PathBuf;
use tenantry_engine::name::TenantId;

/// State of the operation.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct ImportTenant {
    arrival: Arrival,
    archive: PathBuf,
    /// Whose archive it is, in its own words.
    of: Option<(i64, String)>,
}

impl Operations {
    /// Starts it; its id in the journal. The archive must stay where it is until the operation is over.
    pub(crate) async fn import_tenant(&self, archive: PathBuf, wanted: Arriving) -> Result<i64> {
        self.spawn(ImportTenant { arrival: Arrival::new(wanted)?, archive, of: None }).await
    }
}

impl Arrives for ImportTenant {
    const BRING: &'static str = "unpack";
    const ACTION: &'static str = "tenant.import";

    fn arrival(&self) -> &Arrival {
        &self.arrival
    }

    fn arrival_mut(&mut self) -> &mut Arrival {
        &mut self.arrival
    }

    fn bring<'a>(world: &'a World, i: &'a mut Self) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let stores: Vec<_> = i.arrival.wanted.placements.iter().map(|p| p.store.clone()).collect();
            let unpacked = unpack::all(world, &i.archive, &stores).await?;
            i.arrival.copies = unpacked.copies;
            i.of = Some(unpacked.of);
            Ok(())
        })
    }

    fn files<'a>(world: &'a World, i: &'a mut Self) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            i.arrival.files = files::put_all(world, &i.archive, i.arrival.id()?).await?;
            Ok(())
        })
    }

    fn detail(&self) -> serde_json::Value {
        let (of, slug) = self.of.clone().unwrap_or_default();
        serde_json::json!({ "of": of, "slug": slug })
    }
}

impl Operation for ImportTenant {
    const KIND: &'static str = "import";

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
        format!("import {}", self.arrival.wanted.new.slug)
    }

    fn outcome(&self) -> serde_json::Value {
        self.arrival.outcome()
    }
}
