//! Copies of places, and places made from copies or filled from other places.

use super::{Backend, blocking};
use crate::{
    carry::{AdoptOptions, Contents, Copy, CopyOptions, Mobile, Sink},
    error::{Error, Kind, Result},
    identity::PlaceState,
    name::TenantId,
    place::{Isolation, Place},
    schema::Script,
    sqlite::{Site, transfer},
};
use std::{path::Path, sync::atomic::AtomicU64};

impl Backend {
    /// Copies a place that has its own database, page by page.
    pub(crate) async fn copy_pages(&self, place: &Place, to: &Path, options: CopyOptions) -> Result<Copy> {
        let to = to.to_owned();
        self.on_file(place, move |site| transfer::copy_out(site, &to, options)).await
    }

    /// Creates `place` with these contents. See [`crate::Engine::fill`] and [`Contents::carry`].
    pub(crate) async fn fill(
        &self,
        place: &Place,
        script: &Script,
        contents: Contents,
        filled: PlaceState,
        carried: &AtomicU64,
    ) -> Result<()> {
        match place.isolation {
            Isolation::Pooled => self.fill_in_pool(place, script, contents, filled, carried).await,
            Isolation::Database => self.fill_file(place, contents, filled, carried).await,
            Isolation::Schema => Err(Error::new(Kind::Internal, format!("{place}: SQLite has no schemas"))),
        }
    }

    async fn fill_in_pool(
        &self,
        place: &Place,
        script: &Script,
        contents: Contents,
        filled: PlaceState,
        carried: &AtomicU64,
    ) -> Result<()> {
        let (applied, tables) = (contents.applied.clone(), contents.tables.clone());
        let wanted = transfer::Wanted { applied, script: script.clone(), tables, filled };
        let (site, queue) = (self.site(place), self.queue(place));
        let writer = blocking(move || transfer::Writer::filling(&site, &wanted, &queue)).await?;
        contents.fill(writer.map(|writer| Sink::Sqlite(Mobile::of(writer))), carried).await
    }

    async fn fill_file(
        &self,
        place: &Place,
        contents: Contents,
        filled: PlaceState,
        carried: &AtomicU64,
    ) -> Result<()> {
        let (server, new) = (self.server.clone(), place.clone());
        let (script, tables) = (contents.script.clone(), contents.tables.clone());
        let begin = move || transfer::begin_file(&server, &new, &script, &tables, filled);
        let Some((file, writer)) = blocking(begin).await? else { return contents.end().await };
        contents.carry(Sink::Sqlite(Mobile::of(writer)), carried).await?;
        let place = place.clone();
        self.on_server(move |server| transfer::finish_file(server, &place, file)).await
    }

    /// Creates the database of `place` with all pages of another database. Returns their size in bytes.
    pub(crate) async fn fill_pages(&self, from: Site, place: &Place) -> Result<u64> {
        let place = place.clone();
        self.on_server(move |server| transfer::fill_pages(server, &from, &place)).await
    }

    /// Creates the database of a place from a copy of tenant `of`; `None` for a system store.
    pub(crate) async fn adopt_file(
        &self,
        place: &Place,
        from: &Path,
        of: Option<TenantId>,
        options: AdoptOptions,
    ) -> Result<()> {
        let (server, place, from) = (self.server.clone(), place.clone(), from.to_owned());
        blocking(move || transfer::adopt(&server, &place, &from, of, options)).await
    }

    pub(crate) async fn withdraw(&self, place: &Place) -> Result<()> {
        let queue = self.queue(place);
        self.on_file(place, move |site| transfer::withdraw(site, &queue)).await
    }
}
