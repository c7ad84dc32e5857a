//! The operation that creates a tenant from the archive of an export, from this or another installation: all or
//! nothing.
//!
//! It is an arrival whose copies are unpacked. Nothing in the archive is trusted before it has been compared: every
//! entry with its hash, the rows with their checksums, the schema with the result of the migrations, and references
//! into shared lists with the lists of this installation.

mod check;
mod files;
mod references;
mod unpack;

pub(crate) use check::{fits_plan, precheck};

use crate::Result;
use crate::{
    arrivals::operation::{CopyOf, Source},
    operations::Context,
};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use tenantry_engine::name::{Slug, StoreName, TenantId};

/// The archive to import.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct FromArchive {
    pub(super) path: PathBuf,
    /// Id and slug that the tenant in the archive has in its own installation.
    pub(super) of: Option<(i64, String)>,
}

impl Source for FromArchive {
    const KIND: &'static str = "import";
    const BRING: &'static str = "unpack";
    const ACTION: &'static str = "tenant.import";

    fn what(&self, new: &Slug) -> String {
        format!("import {new}")
    }

    fn detail(&self) -> serde_json::Value {
        let (of, slug) = self.of.clone().unwrap_or_default();
        serde_json::json!({ "of": of, "slug": slug })
    }

    async fn bring(&mut self, context: &Context, stores: &[StoreName]) -> Result<Vec<CopyOf>> {
        let unpacked = unpack::all(context, &self.path, stores).await?;
        self.of = Some(unpacked.of);
        Ok(unpacked.copies)
    }

    async fn files(&self, context: &Context, _: &[CopyOf], tenant: TenantId) -> Result<u64> {
        files::put_all(context, &self.path, tenant).await
    }
}
