//! Removes a pooled tenant with all its documents from the shared collections. Touches no other tenant's document.

use crate::{
    error::{Error, Kind, Result},
    mongo::{
        place_state::at,
        server::Server,
        site::Site,
        tables::{OWN, PLACES},
    },
    place::Place,
};
use mongodb::bson::{Document, doc};

impl Server {
    /// Removes a pooled tenant and all its documents. First changes the state of its place to *leaving*, so that no
    /// session reads or writes it any more; deletes the document of the place last. Idempotent: succeeds if the tenant is
    /// already gone, but not if it is here at another generation.
    ///
    /// # Errors
    /// Returns `Fenced` if the tenant is here at another generation.
    pub(crate) async fn withdraw(&self, place: &Place) -> Result<()> {
        let site = self.site(place)?;
        if !site.is_pooled() || place.tenant.is_none() {
            return Err(Error::new(Kind::Internal, format!("{place} is not a pooled tenant's")));
        }
        if self.find_place(&site).await?.is_none() {
            return Ok(());
        }
        self.identify(&site).await?;
        self.require_single_store(&site).await?;
        let places = self.database(&site.database).await?.collection::<Document>(PLACES);
        let leaving = doc! { "$set": { "state": "leaving" }, "$unset": { "holder": "" } };
        self.answer(async { places.update_one(at(&site), leaving).await }).await?;
        self.outlast_leases(&site, PLACES).await?;
        let database = self.database(&site.database).await?;
        let names = self.answer(async { database.list_collection_names().await }).await?;
        let models = names.iter().map(String::as_str);
        let models = models.filter(|name| !name.starts_with(OWN) && !name.starts_with("system."));
        self.clear(&site, models).await?;
        let mut gone = at(&site);
        gone.insert("state", "leaving");
        self.answer(async { places.delete_one(gone).await }).await?;
        Ok(())
    }

    /// Refuses a tenant that has several stores in this pool.
    async fn require_single_store(&self, site: &Site) -> Result<()> {
        let places = self.database(&site.database).await?.collection::<Document>(PLACES);
        let of_tenant = doc! { "tenant": site.tenant };
        match self.answer(async { places.count_documents(of_tenant).await }).await? {
            0 | 1 => Ok(()),
            _ => {
                let detail = format!(
                    "{site}: the tenant has several stores pooled here, which collections do not tell apart"
                );
                Err(Error::new(Kind::Internal, detail))
            }
        }
    }
}
