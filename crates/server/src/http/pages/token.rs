//! Form tokens: a form is accepted only from a page of the same session, and only for the company of that page
//! (`cross-site-request`).
//!
//! A token is `SLUG.MAC`. Its key is derived from the credential of the request, which no other site knows, so the
//! server stores no tokens. Called by the extractors of pages.

use crate::http::{
    credentials::Shown,
    problem::{Code, Problem, Result},
};
use tenantry::topology::TenantRecord;

/// Purpose of the derived key.
const CONTEXT: &str = "tenantry 2026-11-29 form token";
/// Slug in the tokens of forms that belong to no company. No slug is empty.
const NONE: &str = "";

/// Key of the form tokens of one credential.
#[derive(Debug, Clone, Copy)]
pub(super) struct FormKey([u8; 32]);

impl FormKey {
    /// Derives the key from the credential of the request.
    pub(super) fn of(shown: &Shown<'_>) -> Self {
        let credential = shown.cookie.or(shown.bearer).or(shown.api_key).unwrap_or_default();
        Self(blake3::derive_key(CONTEXT, credential.as_bytes()))
    }

    /// Returns the token for forms of this company, or of none.
    pub(super) fn token(&self, company: Option<&TenantRecord>) -> String {
        let slug = company.map_or(NONE, |record| record.slug.as_str());
        let mut message = company.map_or(0, |record| record.id.get()).to_le_bytes().to_vec();
        message.extend_from_slice(slug.as_bytes());
        format!("{slug}.{}", blake3::keyed_hash(&self.0, &message).to_hex())
    }

    /// Checks the token of a sent form.
    ///
    /// # Errors
    /// Returns an error if the token is missing, or belongs to another session or company.
    pub(super) fn check(&self, company: Option<&TenantRecord>, sent: &str) -> Result<()> {
        let expected = self.token(company);
        // Comparing hashes hides the position of the first wrong byte from measurements of time.
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
