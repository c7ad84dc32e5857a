//! Work on whole files: provisioning, finding and removing them, and reading which places they hold.

use super::Backend;
use crate::{
    engine::Survey,
    error::{Error, Kind, Result},
    identity::{Highest, Resident},
    name::PhysicalName,
    place::{DatabaseFile, Place},
    schema::{Script, Template},
    sqlite::{
        self, TemporaryFile, files,
        transfer::{fence, unfence},
    },
};
use std::{path::PathBuf, sync::Arc};
use tokio::task::{JoinHandle, spawn_blocking};

/// A file that is being made under a temporary name.
pub(crate) type Preparing = JoinHandle<Result<TemporaryFile>>;

impl Backend {
    pub(crate) async fn provision(&self, place: &Place, template: &Template) -> Result<()> {
        let (place, template) = (place.clone(), template.clone());
        self.on_server(move |server| files::provision(server, &place, &template)).await
    }

    pub(crate) fn prepare(&self, place: &Place, template: &Template) -> Preparing {
        let (server, place, template) = (self.server.clone(), place.clone(), template.clone());
        spawn_blocking(move || files::prepare(&server, &place, &template))
    }

    /// Gives the file that [`Self::prepare`] made its final name. If that failed, makes the database now: either the
    /// failure repeats, or it was temporary.
    pub(crate) async fn name_prepared(
        &self,
        place: &Place,
        template: &Template,
        prepared: Preparing,
    ) -> Result<()> {
        let Ok(Ok(file)) = prepared.await else { return self.provision(place, template).await };
        let place = place.clone();
        self.on_server(move |server| files::name_prepared(server, &place, file)).await
    }

    /// See [`crate::Engine::database_identity`].
    pub(crate) async fn database_identity(&self) -> Result<String> {
        self.on_server(|server| server.file_identity()).await
    }

    pub(crate) async fn survey(&self, place: &Place, script: &Arc<Script>) -> Result<Survey> {
        let script = script.clone();
        self.on_file(place, move |site| files::survey(site, &script)).await
    }

    pub(crate) async fn adopt_schema(&self, place: &Place, script: &Arc<Script>) -> Result<()> {
        let script = script.clone();
        self.on_file(place, move |site| files::adopt_schema(site, &script)).await
    }

    pub(crate) async fn empty_attached(&self, place: &Place, script: &Arc<Script>) -> Result<()> {
        let script = script.clone();
        self.close(place);
        self.on_file(place, move |site| files::empty_attached(site, &script)).await
    }

    pub(crate) async fn attach(&self, place: &Place) -> Result<()> {
        match self.is_sole() {
            true => self.on_file(place, files::identify).await,
            false => self.on_file(place, files::attach).await,
        }
    }

    pub(crate) async fn enrol(&self, place: &Place) -> Result<()> {
        self.on_identity(place, |conn, site| sqlite::enrol(conn, &site.place, &site.platform)).await
    }

    pub(crate) async fn fence(&self, place: &Place, fenced: bool) -> Result<()> {
        self.on_identity(place, if fenced { fence } else { unfence }).await
    }

    pub(super) async fn on_identity(
        &self,
        place: &Place,
        work: impl FnOnce(&rusqlite::Connection, &sqlite::Site) -> Result<()> + Send + 'static,
    ) -> Result<()> {
        self.on_file(place, move |site| files::change_identity(site, work)).await
    }

    pub(crate) async fn exists(&self, place: &Place) -> Result<bool> {
        let physical = place.physical.clone();
        self.on_server(move |server| Ok(server.exists(&physical))).await
    }

    pub(crate) async fn is_taken(&self, physical: &PhysicalName) -> Result<bool> {
        if self.is_sole() {
            return Ok(false);
        }
        let physical = physical.clone();
        self.on_server(move |server| Ok(server.is_taken(&physical))).await
    }

    pub(crate) async fn database_files(&self) -> Result<Vec<DatabaseFile>> {
        match self.is_sole() {
            true => Ok(vec![]),
            false => self.on_server(files::list_files).await,
        }
    }

    pub(crate) async fn residents(&self, physical: &PhysicalName, most: u32) -> Result<Vec<Resident>> {
        let physical = physical.clone();
        self.on_server(move |server| files::residents(server, &physical, most)).await
    }

    pub(crate) async fn highest(&self, physical: &PhysicalName, platform: &str) -> Result<Option<Highest>> {
        let (physical, platform) = (physical.clone(), platform.to_owned());
        self.on_server(move |server| files::highest(server, &physical, &platform)).await
    }

    pub(crate) async fn generation_in(&self, place: &Place) -> Result<Option<i64>> {
        let place = place.clone();
        self.on_server(move |server| files::generation_in(server, &place)).await
    }

    pub(crate) async fn size_bytes(&self, place: &Place) -> Result<u64> {
        if place.isolation.is_pooled() && place.tenant.is_some() {
            return self.on_file(place, files::pooled_bytes).await;
        }
        let physical = place.physical.clone();
        self.on_server(move |server| server.size_bytes(&physical)).await
    }

    pub(crate) async fn drop_database(&self, place: &Place) -> Result<()> {
        self.close(place);
        if self.is_sole() {
            return self.on_file(place, files::leave).await;
        }
        let physical = place.physical.clone();
        self.on_server(move |server| server.remove(&physical)).await
    }

    pub(crate) async fn set_aside(&self, place: &Place, error: &Error) -> Result<()> {
        self.close(place);
        let (physical, is_ours) = (place.physical.clone(), *error.kind() != Kind::WrongIdentity);
        self.on_server(move |server| match server.exists(&physical) {
            true => server.set_aside(&physical, is_ours),
            false => Ok(()),
        })
        .await
    }

    pub(crate) async fn put_back(&self, place: &Place) -> Result<()> {
        self.close(place);
        let physical = place.physical.clone();
        self.on_server(move |server| server.put_back(&physical)).await
    }

    pub(crate) async fn damaged_template(&self, template: &Template) -> Result<Option<PathBuf>> {
        let template = template.clone();
        self.on_server(move |server| files::damaged_image(&template, server)).await
    }

    /// Returns the free bytes on the disk; `None` if they cannot be determined.
    pub(crate) fn free_bytes(&self) -> Option<u64> {
        sqlite::free_bytes(self.server.root())
    }
}
