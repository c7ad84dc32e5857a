//! Reads what a place lacks: its identity and its ledger, without locks, by one statement.

use super::{super::ledger, lacking::Lacking};
use crate::{
    error::Result,
    ledger::{self as rules, Applied},
    postgres::{
        connections::{Call, Connection, Lease},
        identity,
        places::{How, begin_as_owner},
        schema::compiled::Statements,
        server::Server,
        site::Site,
        tables::Form,
    },
};
use std::sync::Arc;
use tokio_postgres::Row;

/// What a place has and lacks, when it was read.
pub(super) struct Found {
    pub(super) form: Form,
    pub(super) lacking: Arc<Lacking>,
}

impl Server {
    /// Verifies the identity of a place and returns what it lacks, with the connection that has read it.
    ///
    /// # Errors
    /// Returns `Missing`, `WrongIdentity` or `Fenced` if the place is not there at its generation, and the errors of
    /// [`rules::refuse_newer`].
    pub(super) async fn survey(&self, site: &Site, statements: &Statements) -> Result<(Lease, Found)> {
        self.surveyed(site, |rows, form| {
            let (pending, unknown) = statements.of.pending(&ledger::surveyed(rows, site))?;
            rules::refuse_newer(&pending, &unknown)?;
            let (seal, lines) = (ledger::surveyed_seal(rows), ledger::surveyed_lines(rows));
            Ok(Found { form, lacking: Arc::new(Lacking { seal, lines, pending, unknown }) })
        })
        .await
    }

    /// Returns the migrations in the ledger of a place.
    ///
    /// # Errors
    /// Returns `Missing`, `WrongIdentity` or `Fenced` if the place is not there at its generation.
    pub(in crate::postgres) async fn applied(&self, site: &Site) -> Result<Applied> {
        let (_lease, applied) = self.surveyed(site, |rows, _| Ok(ledger::surveyed(rows, site))).await?;
        Ok(applied)
    }

    /// Verifies the identity of a place and reads its ledger.
    async fn surveyed<T>(
        &self,
        site: &Site,
        read: impl FnOnce(&[Row], Form) -> Result<T>,
    ) -> Result<(Lease, T)> {
        let mut lease = self.lease(site).await?;
        let found = ask(lease.connection()?, site).await.and_then(|rows| {
            let form = identity::judge(&rows, site, &self.platform)?;
            read(&rows, form)
        });
        match found {
            Ok(found) => Ok((lease, found)),
            Err(error) => {
                drop(lease);
                Err(self.or_missing(site, error).await)
            }
        }
    }
}

async fn ask(conn: &mut Connection, site: &Site) -> Result<Vec<Row>> {
    let (sql, store) = (ledger::survey(site), site.place.store.as_str());
    let key = identity::key(site, &store);
    let call = [Call::once(&sql, &key)];
    let answers = match site.is_pooled() {
        // The rows of places are visible with a setting only.
        true => conn.in_transaction(&begin_as_owner(site, How::Snapshot), &call).await,
        false => conn.calls(&call).await,
    };
    let mut answers = answers.map_err(|failed| identity::not_ours(site, failed.into()))?;
    Ok(answers.pop().unwrap_or_default())
}
