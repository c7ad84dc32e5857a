//! Tokens of foreign issuers: what must hold before one of their claims is believed.
//!
//! Called by `credentials`. Exactly one algorithm belongs to a key; `exp`, `iss` and `aud` are
//! required and `nbf` is checked; the key comes from the configured set only — `jku`, `x5u`, `jwk`
//! and `x5c` in the header are never looked at (threats 7 to 9). Unknown claims are ignored.

use super::jwks::{KeySource, Keys};
use crate::error::{Error, Result};
use jsonwebtoken::{Algorithm, Header, Validation};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::sync::Arc;
use tenantry_engine::name::Slug;

/// Longest token that is looked at, bytes.
const MAX_BYTES: usize = 8 * 1024;

/// One issuer, from `[[access.issuers]]` of the configuration.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerSettings {
    /// The `iss` claim, compared exactly.
    pub issuer: String,
    /// Accepted `aud` values; at least one.
    pub audience: Vec<String>,
    /// Accepted algorithms (`HS256`, `RS256`, `ES256`, …); each key is bound to one of them.
    pub algorithms: Vec<Algorithm>,
    /// Where its keys are.
    pub keys: KeySource,
    /// Claim that names the tenant, for example `custom:organization_id` (V4). If set, it is required.
    #[serde(default)]
    pub tenant_claim: Option<String>,
    /// Whether that claim holds our slug or the tenant's external id.
    #[serde(default)]
    pub tenant_by: TenantBy,
    /// What names the user.
    #[serde(default)]
    pub user_by: UserBy,
    /// Tenants this issuer may speak for; empty is any (threat 9).
    #[serde(default)]
    pub tenants: Vec<Slug>,
    /// Clock difference that is forgiven, seconds (at most 300).
    #[serde(default = "default_leeway")]
    pub leeway_seconds: u64,
}

fn default_leeway() -> u64 {
    30
}

/// How the tenant claim is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TenantBy {
    /// Our slug or one of its aliases.
    #[default]
    Slug,
    /// The tenant's external id.
    ExternalId,
}

/// How the user is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserBy {
    /// `sub` against the user's external id.
    #[default]
    Subject,
    /// `email`, which must not be marked unverified.
    Email,
}

/// A configured issuer with its keys.
#[derive(Debug)]
pub struct Issuer {
    settings: IssuerSettings,
    keys: Keys,
}

/// What a good token says. Made here only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// Who issued it.
    pub issuer: String,
    /// Who it speaks for.
    pub user: ClaimedUser,
    /// Which tenant it names.
    pub tenant: Option<ClaimedTenant>,
    /// Tenants the issuer may speak for; empty is any.
    pub allowed: Vec<Slug>,
}

/// A user as the token names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimedUser {
    /// Id at the issuer; means nothing without the issuer.
    Subject(String),
    /// E-mail address, lower case.
    Email(String),
}

/// A tenant as the token names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimedTenant {
    /// By slug or alias.
    Slug(Slug),
    /// By external id; a value for a bound parameter, never part of a name (X4).
    ExternalId(String),
}

/// All configured issuers.
#[derive(Debug, Default)]
pub struct Issuers(Vec<Arc<Issuer>>);

impl Issuers {
    /// Checks the settings and loads static keys; every problem is reported.
    ///
    /// # Errors
    /// The problems, one sentence each.
    pub fn new(settings: Vec<IssuerSettings>) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let mut issuers: Vec<Arc<Issuer>> = Vec::new();
        for one in settings {
            if issuers.iter().any(|other| other.settings.issuer == one.issuer) {
                problems.push(format!("issuer {:?} is configured twice", one.issuer));
            }
            problems.extend(one.problems());
            match Keys::load(&one.keys, &one.algorithms) {
                Ok(keys) => issuers.push(Arc::new(Issuer { settings: one, keys })),
                Err(reason) => problems.push(format!("keys of issuer {:?}: {reason}", one.issuer)),
            }
        }
        if problems.is_empty() { Ok(Self(issuers)) } else { Err(problems) }
    }

    /// No issuer at all: every foreign token is refused.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Verifies a token and reads its claims. Asks the network only for a key id not seen before,
    /// and then not often.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] whatever is wrong with it.
    pub async fn verify(&self, token: &str) -> Result<Claims> {
        if token.len() > MAX_BYTES {
            return Err(Error::Unauthenticated("token too long".into()));
        }
        let header = jsonwebtoken::decode_header(token).map_err(refused)?;
        if header.crit.is_some() || header.zip.is_some() || header.enc.is_some() {
            return Err(Error::Unauthenticated("token header asks for an extension".into()));
        }
        let unverified: Peek = jsonwebtoken::dangerous::insecure_decode_claims(token).map_err(refused)?;
        let issuer = self.0.iter().find(|issuer| issuer.settings.issuer == unverified.iss);
        match issuer {
            Some(issuer) => issuer.verify(token, &header).await,
            None => Err(Error::Unauthenticated("token of an unknown issuer".into())),
        }
    }
}

/// The one claim that is read before the signature, to choose among configured issuers.
#[derive(Deserialize)]
struct Peek {
    iss: String,
}

fn refused(error: jsonwebtoken::errors::Error) -> Error {
    Error::Unauthenticated(format!("token: {error}"))
}

impl IssuerSettings {
    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut claim = |wrong: bool, text: &str| {
            if wrong {
                problems.push(format!("issuer {:?}: {text}", self.issuer));
            }
        };
        claim(self.issuer.is_empty(), "`issuer` is empty");
        claim(self.audience.iter().all(String::is_empty), "`audience` names nobody");
        claim(self.algorithms.is_empty(), "`algorithms` names none");
        claim(self.leeway_seconds > 300, "`leeway_seconds` is over 300");
        let families: Vec<_> = self.algorithms.iter().map(|a| a.family()).collect();
        let symmetric = families.contains(&jsonwebtoken::AlgorithmFamily::Hmac);
        claim(symmetric && families.windows(2).any(|w| w[0] != w[1]), "HMAC is mixed with public keys");
        problems
    }

    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&self.audience);
        validation.validate_nbf = true;
        validation.leeway = self.leeway_seconds;
        validation
    }
}

impl Issuer {
    async fn verify(&self, token: &str, header: &Header) -> Result<Claims> {
        let key = self.keys.find(header.kid.as_deref()).await?;
        let validation = self.settings.validation(key.algorithm);
        let data =
            jsonwebtoken::decode::<Map<String, Value>>(token, &key.decoding, &validation).map_err(refused)?;
        self.read(&data.claims)
    }

    fn read(&self, claims: &Map<String, Value>) -> Result<Claims> {
        let settings = &self.settings;
        // The library takes a list of issuers too; only the one text that chose the keys counts.
        if claims.get("iss").and_then(Value::as_str) != Some(&settings.issuer) {
            return Err(Error::Unauthenticated("iss is not one text".into()));
        }
        let user = match settings.user_by {
            UserBy::Subject => ClaimedUser::Subject(text(claims, "sub")?),
            UserBy::Email if claims.get("email_verified").is_some_and(|v| !is_true(v)) => {
                return Err(Error::Unauthenticated("e-mail of the token is not verified".into()));
            }
            UserBy::Email => ClaimedUser::Email(text(claims, "email")?.to_lowercase()),
        };
        let tenant = settings.tenant_claim.as_deref().map(|name| self.tenant(claims, name)).transpose()?;
        Ok(Claims { issuer: settings.issuer.clone(), user, tenant, allowed: settings.tenants.clone() })
    }

    fn tenant(&self, claims: &Map<String, Value>, name: &str) -> Result<ClaimedTenant> {
        let value = text(claims, name)?;
        match self.settings.tenant_by {
            TenantBy::ExternalId => Ok(ClaimedTenant::ExternalId(value)),
            TenantBy::Slug => Slug::parse(&value)
                .map(ClaimedTenant::Slug)
                .map_err(|e| Error::Unauthenticated(format!("tenant claim: {e}"))),
        }
    }
}

/// Cognito writes booleans as text.
fn is_true(value: &Value) -> bool {
    value == &Value::Bool(true) || value.as_str() == Some("true")
}

fn text(claims: &Map<String, Value>, name: &str) -> Result<String> {
    match claims.get(name).and_then(Value::as_str).map(str::trim) {
        Some(value) if !value.is_empty() && value.len() <= 256 => Ok(value.to_owned()),
        _ => Err(Error::Unauthenticated(format!("claim {name:?} is missing or no text"))),
    }
}
