//! Rows of the platform's stores that are being deleted in this process, and the fields of other stores that refer to
//! them. Each loaded model has its own; `references` takes the guards.

use crate::{Error, Result};
use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tenantry_engine::{
    name::{FieldName, ModelName},
    query::RecordId,
};
use tokio::sync::{OwnedRwLockReadGuard, RwLock};

/// A field of a tenant-store model that refers to a model of a system store. Such a reference always protects the row:
/// no write could set a field to null in every tenant at once.
#[derive(Debug, Clone)]
pub(crate) struct Referrer {
    pub(crate) model: ModelName,
    pub(crate) field: FieldName,
}

/// Rows of one model that are being deleted.
#[derive(Debug, Default)]
pub(crate) struct Leaving {
    /// Read side: held from the check of a referring row to its commit.
    gate: Arc<RwLock<()>>,
    rows: Mutex<HashSet<RecordId>>,
}

/// Guard: the row counts as being deleted while it lives. If the caller's future is dropped during the
/// delete, the mark is cleared, and the row can be referred to and deleted again.
pub(in crate::records) struct Mark(Arc<Leaving>, RecordId);

impl Drop for Mark {
    fn drop(&mut self) {
        self.0.rows().remove(&self.1);
    }
}

impl Leaving {
    fn rows(&self) -> MutexGuard<'_, HashSet<RecordId>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a guard: no delete of a row begins while it lives.
    pub(in crate::records) async fn stay(&self) -> OwnedRwLockReadGuard<()> {
        self.gate.clone().read_owned().await
    }

    pub(in crate::records) fn has(&self, id: &RecordId) -> bool {
        self.rows().contains(id)
    }

    /// Marks the row as being deleted, after all holders of the gate have committed. From then on no row can begin to
    /// refer to it.
    pub(in crate::records) async fn mark(self: &Arc<Self>, id: &RecordId) -> Result<Mark> {
        let _gate = self.gate.write().await;
        match self.rows().insert(id.clone()) {
            true => Ok(Mark(self.clone(), id.clone())),
            false => Err(Error::Conflict("this record is being deleted already".into())),
        }
    }
}
