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
mod steps;
mod unpack;

pub(crate) use check::precheck;

use super::{
    Operation, Operations, Step,
    arrive::{self, Arrival, Arrives, Arriving},
};
use crate::{Result, audit::By};
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
    fn arrival(&mut self) -> &mut Arrival {
        &mut self.arrival
    }
}

impl Operation for ImportTenant {
    const KIND: &'static str = "import";

    fn steps() -> &'static [Step<Self>] {
        &[
            Step::Control { name: "check", run: arrive::check, undo: Some(arrive::nothing) },
            Step::Outside { name: "unpack", run: steps::unpack, undo: arrive::leave },
            Step::Control { name: "record", run: arrive::record, undo: Some(arrive::unrecord) },
            Step::Outside { name: "adopt", run: arrive::adopt, undo: arrive::remove },
            Step::Outside { name: "files", run: steps::files, undo: arrive::unfile },
            Step::Control { name: "subscribe", run: arrive::subscribe, undo: None },
            Step::Control { name: "owner", run: arrive::own, undo: None },
            Step::Control { name: "activate", run: steps::activate, undo: None },
        ]
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
