//! A copy of the catalog in a database on MongoDB, for programs that read organisations, users, subscriptions and the
//! audit log there.
//!
//! Every server of the installation runs [`Mirror::step`] in the background. Each step reads one state of the catalog and
//! writes what changed since the position that the copy has, together with the new position, if no other server has done so
//! in the meantime. So the copy never goes back, and a server that stops loses nothing. Nothing is ever read back from the
//! copy except its position.

mod changes;
mod documents;
mod position;

use crate::{Error, Result, config::MirrorConfig, control::Control};
use position::{Filling, Position};
use tenantry_engine::{
    Engine, Tx,
    engine::mirror::{MirrorAt, MirrorChanges},
};

/// Collections, each with a field by which programs search it.
const INDEXES: [(&str, &str); 5] = [
    (documents::ORGANISATIONS, "organization_id"),
    (documents::USERS, "email"),
    (documents::USERS, "organizations.organization_id"),
    (documents::SUBSCRIPTIONS, "organization_id"),
    (documents::AUDIT, "tenant"),
];
/// Maximum number of changed tenants or users in a step. If more have changed, the copy is filled again.
const MOST: usize = 500;

/// Number of invalidations without news that need not move the position. They are those of sessions.
const IGNORED: i64 = 1_000;

/// The copy of the catalog.
pub(crate) struct Mirror<'a> {
    pub(crate) control: &'a Control,
    pub(crate) engine: &'a Engine,
    pub(crate) config: &'a MirrorConfig,
}

impl Mirror<'_> {
    /// Writes what changed since the last step of any server. Returns true if more is known to have changed.
    ///
    /// # Errors
    /// Returns the errors of the control store and of the server with the copy.
    pub(crate) async fn step(&self) -> Result<bool> {
        let at = MirrorAt { server: &self.config.server, database: &self.config.database };
        let from = self.engine.mirrored(at).await?;
        let position = from.as_deref().map(Position::parse).transpose()?;
        let mut tx = self.control.snapshot().await?;
        let now = Position::now(&mut tx).await?;
        let position = match position {
            Some(position) if position.is_known(&mut tx, &now).await? => position,
            _ => {
                drop(tx);
                self.engine.index_mirror(at, &INDEXES).await?;
                let begun = Position { filling: Some(Filling::Tenants { after: 0 }), ..now.before_the_log() };
                return self.write(at, from.as_deref(), &begun, &[]).await.map(|_| true);
            }
        };
        let (next, changes) = self.next(&mut tx, &position, &now).await?;
        drop(tx);
        let has_news =
            changes.iter().any(|one| one.collection != documents::AUDIT || !one.documents.is_empty());
        if !has_news
            && next.filling == position.filling
            && next.invalidation < position.invalidation + IGNORED
        {
            return Ok(false);
        }
        let is_written = self.write(at, from.as_deref(), &next, &changes).await?;
        Ok(!is_written || next.filling.is_some() || next.copied < now.copied)
    }

    /// Returns the next position and the changes up to it.
    async fn next(
        &self,
        tx: &mut Tx,
        position: &Position,
        now: &Position,
    ) -> Result<(Position, Vec<MirrorChanges>)> {
        let (log, copied) = changes::log(tx, position).await?;
        let mut next = Position { copied: copied.0, hash: copied.1, ..position.clone() };
        let mut all = vec![log];
        if let Some(filling) = position.filling {
            let (changes, filling) = changes::fill(tx, filling).await?;
            all.extend(changes);
            next.filling = filling;
            return Ok((next, all));
        }
        match changes::since(tx, position, now).await? {
            Some(changes) => all.extend(changes),
            None => next.filling = Some(Filling::Tenants { after: 0 }),
        }
        next.seen = now.seen;
        next.invalidation = now.invalidation;
        next.users = now.users;
        Ok((next, all))
    }

    async fn write(
        &self,
        at: MirrorAt<'_>,
        from: Option<&str>,
        next: &Position,
        changes: &[MirrorChanges],
    ) -> Result<bool> {
        let next = serde_json::to_string(next).map_err(|error| Error::Internal(error.to_string()))?;
        Ok(self.engine.mirror(at, from, &next, changes).await?)
    }
}
