//! Marks on rows of the platform's stores that are being deleted. They are in the control store, so every process of
//! the installation sees them, and marks of a process that died are found.
//!
//! Called by `references` and `delete`. A mark says that a row is leaving; it decides nothing.

use crate::{
    Result,
    control::{Control, Subject, View, clock, clock::SECOND_US, params},
    operations::journal::lease,
};
use arc_swap::ArcSwapOption;
use std::{collections::HashMap, sync::Arc, time::Duration};
use tenantry_engine::{
    SqlRow,
    name::{FieldName, ModelName, TenantId},
    query::RecordId,
};

/// Time after which a mark counts as abandoned if its worker has not renewed it, microseconds.
const LEASE_US: i64 = 60 * SECOND_US;
/// Time between two renewals of a mark.
pub(super) const RENEW_EVERY: Duration = Duration::from_secs(15);

/// A field of a model in a tenant store that refers to a model of a system store. Such a reference always protects the
/// row: no write could set a field to null in all tenants at once.
#[derive(Debug, Clone)]
pub(crate) struct Referrer {
    pub(crate) model: ModelName,
    pub(crate) field: FieldName,
}

/// A row of a platform's store: its model and id.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct SharedRow {
    model: String,
    id: String,
}

impl SharedRow {
    pub(super) fn new(model: &str, id: &RecordId) -> Self {
        Self { model: model.to_owned(), id: id.to_string() }
    }

    /// Returns the key of an entry that a tenant added to a shared model.
    pub(super) fn added(model: &str, tenant: TenantId, id: &RecordId) -> Self {
        Self { model: model.to_owned(), id: format!("{id}@{tenant}") }
    }

    /// Returns the key under which a tenant's entries of a model are written one after the other.
    pub(super) fn of_writer(model: &str, tenant: TenantId) -> Self {
        Self { model: model.to_owned(), id: format!("own@{tenant}") }
    }

    /// Returns the key under which the rows of a shared model are written one after the other.
    pub(super) fn of_shared_writer(model: &str) -> Self {
        Self { model: model.to_owned(), id: "shared@writer".into() }
    }

    /// Returns true if the row is an entry that a tenant added.
    pub(super) fn is_added(&self) -> bool {
        self.id.contains('@')
    }

    pub(super) fn model(&self) -> &str {
        &self.model
    }

    fn subject(&self) -> Subject {
        Subject::Leaving(self.model.clone())
    }
}

/// A mark: the worker that is deleting a row, and the end of its lease.
#[derive(Debug, Clone)]
pub(super) struct Leaving {
    owner: String,
    until_us: i64,
}

impl Leaving {
    fn read(row: &SqlRow, at: usize) -> Result<Self> {
        Ok(Self { owner: row.text(at)?.to_owned(), until_us: row.integer(at + 1)? })
    }

    /// Returns true if the worker did not renew its mark in time, or if its process is certainly dead.
    pub(super) fn is_abandoned(&self, now_us: i64) -> bool {
        self.until_us <= now_us
            || clock::is_out_of_reach(self.until_us, now_us, 2 * LEASE_US)
            || !lease::may_be_alive(&self.owner)
    }
}

/// A mark that belongs to this worker.
#[derive(Debug)]
pub(super) struct Mine {
    pub(super) row: SharedRow,
    owner: String,
    /// True if the mark was taken from a worker that may still be deleting the row.
    pub(super) was_taken_over: bool,
}

type Rows = HashMap<SharedRow, Leaving>;

/// All marks, as of the last change that this process has learned of.
pub(crate) struct LeavingRows {
    control: Control,
    /// The marks, and the epoch of the control store in which they were read.
    known: ArcSwapOption<(u64, Rows)>,
}

impl LeavingRows {
    pub(crate) fn new(control: Control) -> Self {
        Self { control, known: ArcSwapOption::empty() }
    }

    /// Returns the marks on these rows, and the state of the control store in which they were read.
    pub(super) async fn among(&self, rows: &[SharedRow]) -> Result<(View, Vec<(SharedRow, Leaving)>)> {
        let view = self.control.view();
        self.control.refresh().await?;
        let known = self.known().await?;
        let found = rows.iter().filter_map(|row| Some((row.clone(), known.1.get(row)?.clone())));
        Ok((view, found.collect()))
    }

    /// Returns the state of the control store in which the mark still belongs to this worker, or `None` if another
    /// worker has it now.
    pub(super) async fn held(&self, mine: &Mine) -> Result<Option<View>> {
        let (view, found) = self.among(std::slice::from_ref(&mine.row)).await?;
        Ok(found.iter().any(|(_, leaving)| leaving.owner == mine.owner).then_some(view))
    }

    /// Returns true if there is a mark on a row of one of these models, or on its writer, whether or not its worker is
    /// alive. The state is that of the last [`Control::refresh`].
    pub(in crate::records) async fn is_any_of(&self, models: [&str; 2]) -> Result<bool> {
        Ok(self.known().await?.1.keys().any(|row| models.contains(&row.model.as_str())))
    }

    async fn known(&self) -> Result<Arc<(u64, Rows)>> {
        let epoch = self.control.epoch();
        if let Some(known) = self.known.load_full().filter(|known| known.0 == epoch) {
            return Ok(known);
        }
        let mut tx = self.control.snapshot().await?;
        let mut rows = Rows::new();
        for row in tx.query("SELECT model, record, owner, until FROM leaving", &[]).await? {
            let key = SharedRow { model: row.text(0)?.to_owned(), id: row.text(1)?.to_owned() };
            rows.insert(key, Leaving::read(&row, 2)?);
        }
        let known = Arc::new((epoch, rows));
        self.known.store(Some(known.clone()));
        Ok(known)
    }

    /// Marks a row as leaving. Returns `None` if another worker is deleting it.
    pub(super) async fn mark(&self, row: &SharedRow) -> Result<Option<Mine>> {
        let owner = lease::new_owner();
        let mut write = self.control.begin().await?;
        let now = write.at_us();
        let sql = "SELECT owner, until FROM leaving WHERE model = ? AND record = ?";
        let found = write.query(sql, params![row.model.as_str(), row.id.as_str()]).await?;
        let earlier = found.first().map(|found| Leaving::read(found, 0)).transpose()?;
        if earlier.as_ref().is_some_and(|earlier| !earlier.is_abandoned(now)) {
            return Ok(None);
        }
        let sql = "INSERT INTO leaving (model, record, owner, until) VALUES (?, ?, ?, ?) \
            ON CONFLICT (model, record) DO UPDATE SET owner = excluded.owner, until = excluded.until";
        let values = params![row.model.as_str(), row.id.as_str(), owner.as_str(), now + LEASE_US];
        write.execute(sql, values).await?;
        write.invalidate(&row.subject()).await?;
        write.commit_unaudited().await?;
        Ok(Some(Mine { row: row.clone(), owner, was_taken_over: earlier.is_some() }))
    }

    /// Renews the mark of this worker. Returns false if another worker has it now.
    pub(super) async fn renew(&self, mine: &Mine) -> Result<bool> {
        let mut write = self.control.begin().await?;
        let until = write.at_us() + LEASE_US;
        let sql = "UPDATE leaving SET until = ? WHERE model = ? AND record = ? AND owner = ?";
        let SharedRow { model, id } = &mine.row;
        let renewed =
            write.execute(sql, params![until, model.as_str(), id.as_str(), mine.owner.as_str()]).await?;
        write.commit_unaudited().await?;
        Ok(renewed == 1)
    }

    /// Removes the mark of this worker, after the row was deleted or stays.
    pub(super) async fn remove(&self, mine: Mine) -> Result<()> {
        let Mine { row, owner, .. } = mine;
        let mut write = self.control.begin().await?;
        let sql = "DELETE FROM leaving WHERE model = ? AND record = ? AND owner = ?";
        write.execute(sql, params![row.model.as_str(), row.id.as_str(), owner.as_str()]).await?;
        write.invalidate(&row.subject()).await?;
        write.commit_unaudited().await
    }
}
