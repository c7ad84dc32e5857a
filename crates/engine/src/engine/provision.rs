//! New databases, made in one go or prepared while something else is going on.

use super::{Engine, blocking};
use crate::{
    error::{Error, Kind, Result},
    place::Place,
    sqlite::{self, Half, Template},
};
use tokio::task::{JoinHandle, spawn_blocking};

/// A database in the making that has no name yet. Dropping it leaves nothing behind.
#[derive(Debug)]
pub struct Prepared {
    place: Place,
    work: JoinHandle<Result<Half>>,
}

impl Engine {
    /// Makes the file of a system store with the platform's own tables only. Idempotent.
    pub async fn create_system(&self, place: &Place) -> Result<()> {
        self.provision(place, &Template::bare(place.store.clone())).await
    }

    /// Makes the database of `place` from a template. Idempotent; never overwrites.
    pub async fn provision(&self, place: &Place, template: &Template) -> Result<()> {
        let (server, place, template) = (self.server(place)?.1.clone(), place.clone(), template.clone());
        blocking(move || sqlite::provision(&server, &place, &template)).await
    }

    /// Begins to make the database of `place` where nobody finds it, on a blocking thread. Nothing is decided by
    /// that: it becomes the place's by [`Engine::provision_prepared`], or goes away. Must be called on a runtime.
    ///
    /// # Errors
    /// When there is no such server.
    pub fn prepare(&self, place: &Place, template: &Template) -> Result<Prepared> {
        let (server, template) = (self.server(place)?.1.clone(), template.clone());
        let of = place.clone();
        let work = spawn_blocking(move || sqlite::prepare(&server, &of, &template));
        Ok(Prepared { place: place.clone(), work })
    }

    /// As [`Engine::provision`], of what was prepared. What was not, or for another place, is made now.
    pub async fn provision_prepared(
        &self,
        place: &Place,
        template: &Template,
        prepared: Option<Prepared>,
    ) -> Result<()> {
        let Some(prepared) = prepared.filter(|prepared| prepared.place == *place) else {
            return self.provision(place, template).await;
        };
        let Ok(Ok(half)) = prepared.work.await else {
            // Whatever went wrong goes wrong again, or was a passing fault.
            return self.provision(place, template).await;
        };
        let (server, place) = (self.server(place)?.1.clone(), place.clone());
        blocking(move || sqlite::place_prepared(&server, &place, half)).await
    }

    /// Takes a database of its own that is lost, as `error` says, out of its place: a process that still has it open
    /// would go on writing to it, and from now on each of its writes is refused. The file is kept; what is no file
    /// stays where it is. May be repeated.
    ///
    /// # Errors
    /// Those of the disk.
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

    /// Takes [`Engine::set_aside`] back.
    ///
    /// # Errors
    /// Those of the disk.
    pub async fn put_back(&self, place: &Place) -> Result<()> {
        self.close(place);
        let (server, physical) = (self.server(place)?.1.clone(), place.physical.clone());
        blocking(move || server.put_back(&physical)).await
    }
}
