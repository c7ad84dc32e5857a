//! Makes new databases, either at once or prepared in the background.

use super::{Engine, blocking};
use crate::{
    error::{Error, Kind, Result},
    place::Place,
    sqlite::{self, Template, TemporaryFile},
};
use tokio::task::{JoinHandle, spawn_blocking};

/// A new database that has no final name yet. Dropping it leaves nothing behind.
#[derive(Debug)]
pub struct Prepared {
    place: Place,
    work: JoinHandle<Result<TemporaryFile>>,
}

impl Engine {
    /// Makes the file of a system store with the platform's own tables only. Idempotent.
    ///
    /// # Errors
    /// `WrongIdentity` if the file exists but belongs to another place.
    pub async fn create_system(&self, place: &Place) -> Result<()> {
        self.provision(place, &Template::bare(place.store.clone())).await
    }

    /// Makes the database of `place` from a template. Idempotent; never overwrites.
    ///
    /// # Errors
    /// `WrongIdentity` if the file exists but belongs to another place.
    pub async fn provision(&self, place: &Place, template: &Template) -> Result<()> {
        let (server, place, template) = (self.server(place)?.1.clone(), place.clone(), template.clone());
        blocking(move || sqlite::provision(&server, &place, &template)).await
    }

    /// Starts to make the database of `place` under a temporary name, on a blocking thread. Nothing is decided by that:
    /// [`Engine::provision_prepared`] gives it its name, or it is removed. Must be called on a runtime.
    ///
    /// # Errors
    /// [`Kind::UnknownServer`] if there is no such server.
    pub fn prepare(&self, place: &Place, template: &Template) -> Result<Prepared> {
        let (server, template) = (self.server(place)?.1.clone(), template.clone());
        let of = place.clone();
        let work = spawn_blocking(move || sqlite::prepare(&server, &of, &template));
        Ok(Prepared { place: place.clone(), work })
    }

    /// Like [`Engine::provision`], but uses `prepared` if it belongs to `place`; otherwise makes the database now.
    ///
    /// # Errors
    /// `WrongIdentity` if the file exists but belongs to another place.
    pub async fn provision_prepared(
        &self,
        place: &Place,
        template: &Template,
        prepared: Option<Prepared>,
    ) -> Result<()> {
        let Some(prepared) = prepared.filter(|prepared| prepared.place == *place) else {
            return self.provision(place, template).await;
        };
        let Ok(Ok(file)) = prepared.work.await else {
            // The failure repeats, or it was temporary.
            return self.provision(place, template).await;
        };
        let (server, place) = (self.server(place)?.1.clone(), place.clone());
        blocking(move || sqlite::name_prepared(&server, &place, file)).await
    }

    /// Moves a tenant's own database that is lost, as `error` says, away from its path. A process that has it open
    /// would go on writing to it; from now on each of its writes is refused. The file is retained under another name;
    /// anything that is not a regular file stays in place. May be repeated.
    ///
    /// # Errors
    /// The errors of the disk.
    pub async fn set_aside(&self, place: &Place, error: &Error) -> Result<()> {
        self.close(place);
        let (server, physical) = (self.server(place)?.1.clone(), place.physical.clone());
        let is_ours = *error.kind() != Kind::WrongIdentity;
        blocking(move || match server.exists(&physical) {
            true => server.set_aside(&physical, is_ours),
            false => Ok(()),
        })
        .await
    }

    /// Undoes [`Engine::set_aside`].
    ///
    /// # Errors
    /// The errors of the disk.
    pub async fn put_back(&self, place: &Place) -> Result<()> {
        self.close(place);
        let (server, physical) = (self.server(place)?.1.clone(), place.physical.clone());
        blocking(move || server.put_back(&physical)).await
    }
}
