//! Changes the state of a place: which operation records its changes, which operation fenced it, and whether a copy is
//! open yet. [`crate::identity::transition`] defines the conditions of these changes.
//!
//! Each change is one conditional update of the document of the place. It waits for running writes, because each of
//! them has changed that document in its transaction. Later writes see the new state.

use super::{
    cells::whole,
    server::Server,
    site::Site,
    tables::{CHANGES, META, PLACES},
};
use crate::{
    error::{Error, Kind, Result},
    identity::{
        PlaceInfo, PlaceState,
        transition::{self, stale},
    },
    place::Place,
};
use mongodb::bson::{Bson, Document, doc};

impl Server {
    /// Durably forbids writes to this place (`fenced-generation`). If `fenced` is false, allows them again, whichever
    /// operation forbade them. A place that is not open for another reason keeps its state.
    ///
    /// # Errors
    /// Returns `Fenced` if `fenced` is false and the place is being filled or removed, or was not opened yet.
    pub(crate) async fn fence(&self, place: &Place, fenced: bool) -> Result<()> {
        let site = self.site(place)?;
        self.identify(&site).await?;
        let state = if fenced { "fenced" } else { "open" };
        let change = doc! { "$set": { "state": state }, "$unset": { "holder": "" } };
        match self.set(&site, open_or_fenced(), change).await? || fenced {
            true => Ok(()),
            false => Err(transition::not_open(place, self.info(&site).await?.state)),
        }
    }

    /// Starts recording which records writes touch, for the operation with this fencing token. Every write that begins
    /// after this call returns is recorded.
    ///
    /// # Errors
    /// Returns `Fenced` if the place is not here at its generation, or [`Server::stop_recording`] was called with the
    /// token.
    pub(crate) async fn record_changes(&self, place: &Place, token: i64) -> Result<()> {
        let site = self.site(place)?;
        let change = doc! { "$set": { "recorder": token } };
        match self.set(&site, doc! { "barred": { "$ne": token } }, change).await? {
            true => Ok(()),
            false => {
                let undone = || transition::undone(place, token);
                Err(self.info(&site).await.err().unwrap_or_else(undone))
            }
        }
    }

    /// Stops the recording of this fencing token, deletes its recorded changes, and bars the token from recording
    /// again. Another operation's recording continues. Idempotent.
    pub(crate) async fn stop_recording(&self, place: &Place, token: i64) -> Result<()> {
        let site = self.site(place)?;
        self.set(&site, doc! {}, doc! { "$set": { "barred": token } }).await?;
        if self.set(&site, doc! { "recorder": token }, doc! { "$unset": { "recorder": "" } }).await? {
            self.forget_changes(&site).await?;
        }
        Ok(())
    }

    /// Deletes the recorded changes of a place.
    pub(super) async fn forget_changes(&self, site: &Site) -> Result<()> {
        let changes = self.collection(site, CHANGES).await?;
        self.answer(async { changes.delete_many(numbered(&site.key, Bson::MinKey)).await }).await?;
        Ok(())
    }

    /// Fences a place whose changes are recorded for this fencing token.
    ///
    /// # Errors
    /// Returns `Fenced` if the changes are not, or no longer, recorded for the token.
    pub(crate) async fn fence_recorded(&self, place: &Place, token: i64) -> Result<()> {
        let site = self.site(place)?;
        let mut when = open_or_fenced();
        when.insert("recorder", token);
        match self.set(&site, when, doc! { "$set": { "state": "fenced", "holder": token } }).await? {
            true => Ok(()),
            false => Err(transition::undone(place, token)),
        }
    }

    /// Lifts the fence of this holder; another operation's fence stays. Idempotent.
    pub(crate) async fn lift_fence(&self, place: &Place, holder: Option<i64>) -> Result<()> {
        let site = self.site(place)?;
        let change = doc! { "$set": { "state": "open" }, "$unset": { "holder": "" } };
        self.set(&site, doc! { "state": "fenced", "holder": holder }, change).await.map(drop)
    }

    /// Opens a place that was filled, and records its changes for this fencing token from the first write on.
    /// Idempotent.
    ///
    /// # Errors
    /// Returns `Fenced` if the place is neither filled nor open.
    pub(crate) async fn open_filled(&self, place: &Place, token: i64) -> Result<()> {
        let site = self.site(place)?;
        let change = doc! { "$set": { "state": "open", "recorder": token } };
        if self.set(&site, doc! { "state": "closed" }, change).await? {
            return Ok(());
        }
        match self.info(&site).await?.state {
            PlaceState::Open => Ok(()),
            state => Err(transition::not_open(place, state)),
        }
    }

    /// Reads the state and the counts of a place.
    ///
    /// # Errors
    /// Returns `Fenced` if the place is not here at its generation.
    pub(crate) async fn place_info(&self, place: &Place) -> Result<PlaceInfo> {
        self.info(&self.site(place)?).await
    }

    async fn info(&self, site: &Site) -> Result<PlaceInfo> {
        match self.find_place(site).await? {
            Some(found) if is_at(&found, site) => info(&found, site),
            _ => Err(stale(&site.place)),
        }
    }

    /// Reads the document of a place, whatever its generation.
    pub(super) async fn find_place(&self, site: &Site) -> Result<Option<Document>> {
        let places = self.database(&site.database).await?.collection::<Document>(PLACES);
        Ok(self.answer(async { places.find_one(doc! { "_id": &site.key }).await }).await?)
    }

    /// Changes the document of the place if the place is at its generation and the filter `when` matches. Returns true
    /// if both hold.
    ///
    /// # Errors
    /// Returns `WrongIdentity` or `Missing` if the database is not one of the platform's.
    async fn set(&self, site: &Site, when: Document, change: Document) -> Result<bool> {
        let mut filter = at(site);
        filter.extend(when);
        let places = self.collection(site, PLACES).await?;
        let done = self.answer(async { places.update_one(filter, change).await }).await?;
        if done.matched_count > 0
            || self.answer(async { places.find_one(doc! { "_id": META }).await }).await?.is_some()
        {
            return Ok(done.matched_count > 0);
        }
        let error = Error::new(Kind::WrongIdentity, format!("{site}: no identity inside"));
        Err(self.or_missing(site, error).await)
    }
}

/// Returns the filter that matches the document of a place at its generation.
pub(super) fn at(site: &Site) -> Document {
    doc! { "_id": &site.key, "generation": site.generation }
}

/// Returns the filter that matches the document of a place at its generation if sessions may read the place.
pub(super) fn readable(site: &Site) -> Document {
    let mut readable = at(site);
    readable.insert("state", doc! { "$nin": ["filling", "leaving"] });
    readable
}

fn open_or_fenced() -> Document {
    doc! { "state": { "$in": ["open", "fenced"] } }
}

/// Returns true if the document of a place is at the generation of `site`.
pub(super) fn is_at(found: &Document, site: &Site) -> bool {
    found.get("generation").and_then(whole) == Some(site.generation)
}

/// Reads the state and the counts from the document of a place.
///
/// # Errors
/// Returns `Corrupt` if its state is unknown.
pub(super) fn info(found: &Document, site: &Site) -> Result<PlaceInfo> {
    let number = |name: &str| found.get(name).and_then(whole);
    let count = |name: &str| number(name).and_then(|count| u64::try_from(count).ok());
    let state = PlaceState::parse(found.get_str("state").unwrap_or_default(), number("holder"));
    Ok(PlaceInfo {
        state: state.ok_or_else(|| transition::unknown(&site.place))?,
        recorder: number("recorder"),
        log_upto: number("log_upto"),
        rows: count("rows").unwrap_or_default(),
        bytes: Some(count("bytes").unwrap_or_default()),
    })
}

/// Returns the `_id` of a numbered document of a place: an entry of its activity log, or a recorded change.
pub(super) fn number_of(key: &str, number: impl Into<Bson>) -> Document {
    doc! { "p": key, "n": number.into() }
}

/// Returns the filter that matches the numbered documents of a place after a number.
pub(super) fn numbered(key: &str, after: impl Into<Bson>) -> Document {
    doc! { "_id": { "$gt": number_of(key, after), "$lt": number_of(key, Bson::MaxKey) } }
}
