//! Migrations, checks and repairs of a database.

use super::Backend;
use crate::{
    error::Result,
    identity::proof::Proof,
    ledger::MigrateReport,
    place::Place,
    schema::{Fault, Inspection, Schema, Script},
    sqlite::files,
};
use std::{sync::Arc, time::Duration};

impl Backend {
    pub(crate) async fn migrate_with(&self, place: &Place, script: &Arc<Script>) -> Result<MigrateReport> {
        let script = script.clone();
        self.on_file(place, move |site| files::migrate_file(site, &script)).await
    }

    pub(crate) async fn rehearse(&self, place: &Place, script: &Script) -> Result<()> {
        let script = script.clone();
        self.on_file(place, move |site| files::rehearse_file(site, &script)).await
    }

    pub(crate) async fn inspect(&self, place: &Place, script: &Script) -> Result<Inspection> {
        let script = script.clone();
        self.on_file(place, move |site| files::inspect_file(site, &script)).await
    }

    pub(crate) async fn check_search(&self, place: &Place, script: &Arc<Script>) -> Result<Vec<Fault>> {
        let script = script.clone();
        self.on_file(place, move |site| files::check_search(site, &script)).await
    }

    pub(crate) async fn check_rows(&self, place: &Place, script: &Arc<Script>) -> Result<Vec<Fault>> {
        let script = script.clone();
        self.on_file(place, move |site| files::check_rows(site, &script)).await
    }

    /// See [`crate::Engine::prove`]. SQLite has no roles, so no neighbour is probed.
    pub(crate) async fn prove(&self, place: &Place, _: Option<&Place>) -> Result<Proof> {
        self.on_file(place, files::prove).await
    }

    /// See [`crate::Engine::prove_pool`].
    pub(crate) async fn prove_pool(&self, pool: &Place, schema: &Schema) -> Result<Proof> {
        let tables = files::pooled_tables(schema);
        self.on_file(pool, move |site| files::prove_pool(site, &tables)).await
    }

    pub(crate) async fn operator_repair(
        &self,
        place: &Place,
        script: &Arc<Script>,
        text: &str,
        limit: Duration,
    ) -> Result<Option<u64>> {
        let (script, text) = (script.clone(), text.to_owned());
        self.on_file(place, move |site| files::repair(site, &script, &text, limit)).await
    }

    pub(crate) async fn trim_activity(
        &self,
        place: &Place,
        before: jiff::Timestamp,
        most: u32,
    ) -> Result<u64> {
        self.on_file(place, move |site| files::trim_activity(site, before, most)).await
    }

    pub(crate) async fn check_pages(&self, place: &Place) -> Result<()> {
        self.on_file(place, files::check_all_pages).await
    }

    pub(crate) async fn scrub(&self, place: &Place) -> Result<()> {
        let queue = self.queue(place);
        self.on_file(place, move |site| files::scrub(site, &*queue)).await
    }
}
