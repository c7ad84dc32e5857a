//! Form tokens: a form is accepted only from a page of the same session, and for the company that the page was about
//! (`cross-site-request`).
//!
//! A token is `SLUG.MAC`. The key comes from the credential that the request presents, which no other site knows, so the
//! server keeps nothing. Called by the extractors of pages.

use crate::http::{
    credentials::Shown,
    problem::{Code, Problem, Result},
};
use tenantry::topology::TenantRecord;

/// Purpose of the derived key.
const CONTEXT: &str = "tenantry 2026-11-29 form token";
/// Stands for the slug where a form is about no company. No slug is empty.
const NONE: &str = "";

/// Key of the tokens of one credential.
#[derive(Debug, Clone, Copy)]
pub(super) struct FormKey([u8; 32]);

impl FormKey {
    /// Derives the key from the credential of the request.
    pub(super) fn of(shown: &Shown<'_>) -> Self {
        let credential = shown.cookie.or(shown.bearer).or(shown.api_key).unwrap_or_default();
        Self(blake3::derive_key(CONTEXT, credential.as_bytes()))
    }

    /// Returns the token of forms about this company, or about none.
    pub(super) fn token(&self, company: Option<&TenantRecord>) -> String {
        let slug = company.map_or(NONE, |record| record.slug.as_str());
        let mut message = company.map_or(0, |record| record.id.get()).to_le_bytes().to_vec();
        message.extend_from_slice(slug.as_bytes());
        format!("{slug}.{}", blake3::keyed_hash(&self.0, &message).to_hex())
    }

    /// Checks the token of a sent form.
    ///
    /// # Errors
    /// If it is missing, of another session, or of another company.
    pub(super) fn check(&self, company: Option<&TenantRecord>, sent: &str) -> Result<()> {
        let expected = self.token(company);
        // The hashes are compared, so that the time does not depend on the first wrong byte.
        if blake3::hash(expected.as_bytes()) == blake3::hash(sent.as_bytes()) {
            return Ok(());
        }
        let of = sent.split('.').next().unwrap_or_default();
        let now = company.map_or(NONE, |record| record.slug.as_str());
        if of == now || of.is_empty() || now.is_empty() {
            return Err(Problem::new(
                Code::FormOutdated,
                "You have signed in again since this form was opened.",
            ));
        }
        let of: String = of.chars().take(64).collect();
        let text = format!("This form belongs to {of}, and you now work in {now}. Nothing was changed.");
        Err(Problem::new(Code::FormOutdated, text)
            .remedy(format!("Choose {of} under Companies, open the page again, and send it there.")))
    }
}
