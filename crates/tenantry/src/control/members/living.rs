//! Finds the members that are alive, for work during which no server may run.

use super::{BEAT, GONE, MEMBERS, Member, members};
use crate::Result;
use std::{collections::HashMap, time::Instant};
use tenantry_engine::SystemDb;

/// Returns the members of a control store that send a heartbeat while this watches them. Takes up to [`GONE`] if other
/// members are recorded.
///
/// # Errors
/// Returns the errors of the store.
pub(crate) async fn living(db: &SystemDb) -> Result<Vec<Member>> {
    if !db.is_shared() {
        return Ok(Vec::new());
    }
    let (before, began) = (members(&db.query(MEMBERS, &[]).await?)?, Instant::now());
    let beats: HashMap<&str, i64> = before.iter().map(|m| (m.facts.node.as_str(), m.beats)).collect();
    while !before.is_empty() && began.elapsed() < GONE {
        tokio::time::sleep(BEAT / 4).await;
        let mut living = members(&db.query(MEMBERS, &[]).await?)?;
        living.retain(|member| beats.get(member.facts.node.as_str()) != Some(&member.beats));
        if !living.is_empty() {
            return Ok(living);
        }
    }
    Ok(Vec::new())
}
