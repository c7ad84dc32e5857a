//! What a template contains that its copies need to be given an identity. The template's comment has it, so that no
//! copy is asked. A template cannot change once it has its name, so the comment stays true.

use super::{roles, template::Database};
use crate::{
    error::{Error, Kind, Result},
    identity::Platform,
    postgres::{
        connections::Connection,
        names::{literal, quoted},
        seal::{self, Standing},
        site::Site,
    },
};
use serde::{Deserialize, Serialize};

/// What a template contains.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Blank {
    /// Name of its seal.
    seal: String,
    /// Lines of its ledger.
    lines: String,
    /// Names of its models, as a list in SQL; `None` if it has none.
    pub(super) models: Option<String>,
}

impl Blank {
    /// Returns what a template contains by its comment; `None` for a template whose comment says nothing of it.
    pub(super) fn of(template: &Database) -> Option<Self> {
        serde_json::from_str(template.comment.as_deref()?).ok()
    }

    /// Writes the comment of the template at `site`, in the transaction that creates its tables.
    ///
    /// # Errors
    /// Returns the errors of the statements.
    pub(super) async fn record(conn: &mut Connection, site: &Site) -> Result<()> {
        seal::renew(conn, site, 0).await?;
        let (seal, lines) = seal::past(conn, site).await?;
        let rows = conn.once(&roles::models(site), &[]).await?;
        let blank = Self { seal, lines, models: roles::named(&rows).map(str::to_owned) };
        let text = serde_json::to_string(&blank)
            .map_err(|error| Error::new(Kind::Internal, format!("{site}: {error}")))?;
        conn.batch(&format!("COMMENT ON DATABASE {} IS {}", quoted(&site.name), literal(&text))).await
    }

    /// Returns the seal of a copy of the template that has the identity of the place of `site`, but not its seal yet.
    pub(super) fn standing(&self, site: &Site, platform: &Platform) -> Option<Standing> {
        Standing::of_copy(&self.seal, &self.lines, site, platform.id())
    }
}
