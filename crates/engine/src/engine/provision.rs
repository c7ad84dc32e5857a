//! New databases, made in one go or prepared while something else is going on.

use super::{Engine, blocking};
use crate::{
    error::Result,
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
}
