//! Reads a tenant's activity log, and removes its old entries. The transaction of a change writes it.

use crate::{
    cell::instant,
    error::{Error, Kind, Result},
    mongo::{
        place_state::{at, numbered},
        server::Server,
        site::Site,
        tables::{ACTIVITY, PLACES},
        transaction::{NotCommitted, Patience, Transaction, again},
    },
    place::Place,
    write::Activity,
};
use mongodb::bson::{Bson, Document, RawDocument, doc, error::Error as BsonError};
use std::time::Duration;

/// Longest wait for writers of the place.
const WAIT: Duration = Duration::from_secs(5);

impl Server {
    /// See [`crate::Engine::trim_activity`].
    pub(crate) async fn trim_activity(
        &self,
        place: &Place,
        before: jiff::Timestamp,
        most: u32,
    ) -> Result<u64> {
        let site = self.site(place)?;
        self.identify(&site).await?;
        let mut patience = Patience::of(WAIT);
        loop {
            let mut transaction = self.begin().await?;
            let done = match self.trim(&mut transaction, &site, before.as_microsecond(), most).await {
                Ok(removed) => transaction.commit().await.map(|()| removed),
                Err(why) => {
                    transaction.roll_back().await;
                    Err(why)
                }
            };
            match done {
                Err(NotCommitted::Transient(error)) => patience.wait(error).await?,
                done => return done.map_err(Error::from),
            }
        }
    }

    async fn trim(
        &self,
        transaction: &mut Transaction,
        site: &Site,
        before: i64,
        most: u32,
    ) -> Result<u64, NotCommitted> {
        let database = self.database(&site.database).await.map_err(NotCommitted::Failed)?;
        let session = &mut transaction.session;
        // Changing the document of the place keeps a move from beginning before this transaction ends.
        let mut open = at(site);
        open.extend(doc! { "state": "open", "recorder": Bson::Null });
        let places = database.collection::<Document>(PLACES);
        let change = doc! { "$inc": { "trims": 1_i64 } };
        let done = self.answer(async { places.update_one(open, change).session(&mut *session).await }).await;
        if again(done)?.matched_count == 0 {
            return Err(NotCommitted::Failed(Error::new(Kind::Busy, "the rows are being moved")));
        }
        let log = database.collection::<Document>(ACTIVITY);
        let own = numbered(&site.key, Bson::MinKey);
        let newest =
            async { log.find_one(own.clone()).sort(doc! { "_id": -1 }).session(&mut *session).await };
        let Some(newest) = again(self.answer(newest).await)? else { return Ok(0) };
        let mut old = own;
        old.insert("at", doc! { "$lt": before });
        let found = async {
            let of_old =
                log.find(old).sort(doc! { "_id": 1 }).limit(i64::from(most)).projection(doc! { "_id": 1 });
            let mut cursor = of_old.session(&mut *session).await?;
            let mut ids = vec![];
            while let Some(entry) = cursor.next(&mut *session).await.transpose()? {
                ids.extend(entry.get("_id").filter(|id| newest.get("_id") != Some(*id)).cloned());
            }
            Ok(ids)
        };
        let ids = again(self.answer(found).await)?;
        let gone = doc! { "_id": { "$in": ids } };
        let removed = self.answer(async { log.delete_many(gone).session(&mut *session).await }).await;
        Ok(again(removed)?.deleted_count)
    }
}

/// Returns the entries. Stops once their details take more than `bytes`.
///
/// # Errors
/// Returns `Corrupt` if an entry does not have the form in which this program writes entries.
pub(crate) fn entries(rows: &[&RawDocument], bytes: usize) -> Result<Vec<Activity>> {
    let (mut entries, mut taken) = (Vec::with_capacity(rows.len()), 0);
    for row in rows {
        if taken > bytes {
            break;
        }
        let (entry, size) =
            entry(row).map_err(|error| Error::with_source(Kind::Corrupt, "the activity log", error))?;
        taken += size;
        entries.push(entry);
    }
    Ok(entries)
}

fn entry(row: &RawDocument) -> Result<(Activity, usize), BsonError> {
    let text = |name: &str| row.get_str(name).map(str::to_owned);
    let maybe = |name: &str| row.get(name).ok().flatten().and_then(|value| value.as_str());
    let at = jiff::Timestamp::from_microsecond(row.get_i64("at")?).unwrap_or_default();
    let entry = Activity {
        id: row.get_document("_id")?.get_i64("n")?,
        at: instant(at).unwrap_or_default(),
        actor: text("actor")?,
        impersonator: maybe("impersonator").map(str::to_owned),
        action: text("action")?,
        model: text("model")?,
        record: text("record")?,
        detail: maybe("detail").and_then(|text| serde_json::from_str(text).ok()),
    };
    Ok((entry, maybe("detail").map_or(0, str::len)))
}
