//! Copies of places, and places made from copies.

use super::{Backend, blocking};
use crate::{
    carry::{AdoptOptions, Copy, CopyOptions},
    error::Result,
    name::TenantId,
    place::Place,
    schema::Script,
    sqlite::transfer,
};
use std::{path::Path, sync::Arc};

impl Backend {
    /// Copies a place with a database of its own, page by page.
    pub(crate) async fn copy_pages(&self, place: &Place, to: &Path, options: CopyOptions) -> Result<Copy> {
        let to = to.to_owned();
        self.on_file(place, move |site| transfer::copy_out(site, &to, options)).await
    }

    pub(crate) async fn adopt_with(
        &self,
        place: &Place,
        script: &Arc<Script>,
        from: &Path,
        of: TenantId,
        options: AdoptOptions,
    ) -> Result<()> {
        if !place.isolation.is_pooled() {
            return self.adopt_file(place, from, Some(of), options).await;
        }
        let (script, from, queue) = (script.clone(), from.to_owned(), self.queue(place));
        self.on_file(place, move |site| transfer::absorb(site, &script, &from, of, options.closed, &queue))
            .await
    }

    /// Makes the database of a place from a copy; a tenant's, or a system store's (`of` is None).
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
