//! Finds out later whether a change was stored if the answer to its commit was lost: `platform.outcome(actor, id)`.
//!
//! The error of such a change contains an id, which names something that the change's own transaction writes: a row of
//! a record, or the row of the audit log. So nothing extra is stored, every process can answer, and a caller who makes
//! up an id learns nothing that it could not learn by writing.

use crate::{
    Error, Platform, Result,
    access::Actor,
    audit::Head,
    control::params,
    records::{Records, Scope},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use tenantry_engine::{
    name::TenantId,
    write::{Doubt, Outcome},
};

/// The row that an id names.
enum Named {
    /// A write of records. `by` is derived from the actor, so the id is useless to other actors.
    Write { by: String, tenant: Option<TenantId>, doubt: Doubt },
    /// A change of the control store. Its hash cannot be guessed.
    Action { row: i64, hash: String },
}

impl Named {
    fn id(&self) -> String {
        let text = match self {
            Self::Write { by, tenant, doubt } => {
                format!("write {by} {} {doubt}", tenant.map_or(0, TenantId::get))
            }
            Self::Action { row, hash } => format!("action {row} {hash}"),
        };
        URL_SAFE_NO_PAD.encode(text)
    }

    fn parse(id: &str) -> Option<Self> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(id).ok()?).ok()?;
        match text.split(' ').collect::<Vec<_>>()[..] {
            ["write", by, tenant, doubt] => {
                let tenant = match tenant.parse().ok()? {
                    0 => None,
                    id => Some(TenantId::from_raw(id)),
                };
                Some(Self::Write { by: by.to_owned(), tenant, doubt: doubt.parse().ok()? })
            }
            ["action", row, hash] => Some(Self::Action { row: row.parse().ok()?, hash: hash.to_owned() }),
            _ => None,
        }
    }
}

/// Returns the short form of an actor that an id contains.
fn short(actor: &str) -> String {
    blake3::hash(actor.as_bytes()).to_hex()[..16].to_owned()
}

/// Converts the error of a write of records. An error in doubt gets an id.
pub(crate) fn of_write(error: tenantry_engine::Error, tenant: Option<TenantId>, actor: &str) -> Error {
    match error.doubt().cloned() {
        Some(doubt) => unknown(&Named::Write { by: short(actor), tenant, doubt }, &error),
        None => error.into(),
    }
}

/// Converts the error of a commit of the control store. An error in doubt gets an id if the change has a row in the
/// audit log.
pub(crate) fn of_action(error: Error, last: Option<&Head>) -> Error {
    match last {
        Some(Head { id, hash }) if error.is_in_doubt() => {
            unknown(&Named::Action { row: *id, hash: hash.clone() }, &error)
        }
        _ => error,
    }
}

fn unknown(named: &Named, error: &dyn std::fmt::Display) -> Error {
    Error::OutcomeUnknown { id: named.id(), detail: error.to_string() }
}

impl Platform {
    /// Finds out whether a change was stored whose outcome was not known. `id` is the id of [`Error::OutcomeUnknown`].
    /// The answer is final.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] for an id that does not exist or belongs to another caller; [`Error::Denied`] if the
    /// actor may no longer do what the change did; or the errors of entering the tenant and of its server.
    pub async fn outcome(&self, actor: &Actor, id: &str) -> Result<Outcome> {
        match Named::parse(id).ok_or(Error::NotFound("outcome"))? {
            Named::Action { row, hash } => self.outcome_of_action(row, hash).await,
            Named::Write { by, tenant, doubt } => {
                if by != short(actor.label()) {
                    return Err(Error::NotFound("outcome"));
                }
                let entered = match tenant {
                    Some(tenant) => Some(self.access().enter(actor, tenant).await?),
                    None => None,
                };
                if entered.is_none() {
                    actor.require_staff()?;
                }
                let scope = entered.as_ref().map_or(Scope::Staff(actor), Scope::Tenant);
                Records::of_any(&self.0, scope, doubt.model().as_str())?.outcome(&doubt).await
            }
        }
    }

    async fn outcome_of_action(&self, row: i64, hash: String) -> Result<Outcome> {
        // The write begins once no other change is in progress, so the commit in question has ended.
        let mut write = self.control().begin().await?;
        let found = write.query("SELECT 1 FROM audit WHERE id = ? AND hash = ?", params![row, hash]).await?;
        drop(write);
        Ok(if found.is_empty() { Outcome::NotStored } else { Outcome::Stored })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_can_be_read_and_other_texts_cannot() {
        let doubt: Doubt = "update.patients.7.3.1000000.5.99".parse().unwrap();
        let tenant = Some(TenantId::from_raw(12));
        let write = Named::Write { by: short("user:3"), tenant, doubt: doubt.clone() };
        let Some(Named::Write { by, tenant: of, doubt: read }) = Named::parse(&write.id()) else {
            panic!("{}", write.id())
        };
        assert_eq!((by, of, read), (short("user:3"), tenant, doubt));
        let action = Named::Action { row: 4, hash: "abc".into() };
        assert!(matches!(Named::parse(&action.id()), Some(Named::Action { row: 4, hash }) if hash == "abc"));
        for text in ["", "x", "write a b c", "action x y", "action 1"] {
            assert!(
                Named::parse(text).is_none() && Named::parse(&URL_SAFE_NO_PAD.encode(text)).is_none(),
                "{text}"
            );
        }
    }
}
