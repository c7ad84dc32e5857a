//! Tokens of foreign issuers: the checks before any claim is trusted.
//!
//! `credentials` calls it. A key has exactly one algorithm. `exp`, `iss` and `aud` are required, and so is `nbf` unless
//! the issuer is configured without it. No claim may occur twice. The key comes only from the configured set; `jku`,
//! `x5u`, `jwk` and `x5c` in the header are never used (`token-confusion`, `claims-skipped` and `foreign-issuer`).
//! Unknown claims are ignored.

use crate::{
    access::{
        claims::UniqueClaims,
        jwks::{Key, Keys},
    },
    config::{JwtAlgorithm, JwtProvider},
    control::clock::{Clock, SECOND_US},
    error::{Error, Result},
    users::normal_email,
};
use jsonwebtoken::{Algorithm, Header, Validation};
use quick_cache::sync::Cache;
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use tenantry_engine::name::Slug;

/// Longest token that is parsed, in bytes.
const MAX_BYTES: usize = 8 * 1024;
/// Tolerated difference between clocks, in seconds.
const LEEWAY_SECONDS: f64 = 10.0;
/// Number of checked tokens cached in memory.
const CHECKED: usize = 10_000;
/// Longest claim that is used, in bytes.
const MAX_CLAIM: usize = 256;

/// A configured issuer with its keys.
#[derive(Debug)]
struct Issuer {
    provider: JwtProvider,
    keys: Keys,
}

/// The claims of a valid token. Only this module creates them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// The user whom the token identifies.
    pub user: ClaimedUser,
    /// The tenant that the token names, if any.
    pub tenant: Option<ClaimedTenant>,
    /// Slugs of the tenants that the issuer may name. Empty if it may name any tenant.
    pub allowed: Vec<Slug>,
    /// Time at which the person proved their identity to the issuer (`auth_time`), in microseconds since 1970, UTC.
    pub authenticated_us: Option<i64>,
}

/// A user as a token names them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ClaimedUser {
    /// Id of the user at the issuer. It has no meaning without the issuer.
    Subject {
        /// Name of the issuer.
        issuer: String,
        /// Id of the user at that issuer.
        subject: String,
    },
    /// E-mail address of the user, in lower case.
    Email(String),
}

/// A tenant as a token names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimedTenant {
    /// Slug of the tenant, or an external id that could be one, such as `demo_org_001`.
    SlugOrExternalId(Slug),
    /// External id of the tenant: a value for a bound parameter, never part of a name.
    ExternalId(String),
}

/// All configured issuers.
#[derive(Debug)]
pub struct Issuers {
    issuers: Vec<Issuer>,
    /// Issuers whose secret or key could not be read, with the reason. Their tokens are refused.
    missing: Vec<String>,
    /// Clock that decides whether a token is valid yet or has expired.
    clock: Clock,
    /// Checked tokens by the SHA-256 of their text: a client typically sends the same token for an hour.
    checked: Cache<[u8; 32], Arc<Checked>>,
}

/// A token whose signature was checked, for as long as it stays valid.
#[derive(Debug)]
struct Checked {
    claims: Claims,
    expires_s: i64,
    issuer: usize,
    key: Arc<Key>,
}

impl Issuers {
    /// Loads the static keys. URLs are read when first needed. A key that cannot be read is not an error here; see
    /// [`Issuers::missing`].
    ///
    /// # Errors
    /// Returns every problem of the configuration, one sentence each.
    pub fn new(providers: &[JwtProvider]) -> Result<Self, Vec<String>> {
        let (mut problems, mut missing) = (Vec::new(), Vec::new());
        let mut issuers: Vec<Issuer> = Vec::new();
        for provider in providers {
            let mut report = |text: &str| problems.push(format!("issuer {:?}: {text}", provider.issuer));
            // Programs that build their configuration in code may have skipped its checks.
            if provider.audience.iter().all(String::is_empty) {
                report("`audience` names nobody");
            }
            if issuers.iter().any(|other| other.provider.issuer == provider.issuer) {
                report("is given twice");
            }
            match Keys::load(&provider.key, algorithm(provider.algorithm)) {
                Ok(keys) => issuers.push(Issuer { provider: provider.clone(), keys }),
                Err(reason) => missing.push(format!("issuer {:?}: {reason}", provider.issuer)),
            }
        }
        match problems.is_empty() {
            true => Ok(Self { issuers, missing, clock: Clock::default(), checked: Cache::new(CHECKED) }),
            false => Err(problems),
        }
    }

    /// Makes the issuers use the platform's clock instead of their own.
    #[must_use]
    pub fn with_clock(mut self, clock: &Clock) -> Self {
        self.clock = clock.clone();
        self
    }

    /// Returns the issuers whose secret or key could not be read, with the reason. Only a server needs them.
    pub fn missing(&self) -> &[String] {
        &self.missing
    }

    /// Returns true if there is no issuer, so that every foreign token is refused.
    pub fn is_empty(&self) -> bool {
        self.issuers.is_empty()
    }

    /// Verifies a token and returns its claims. The network is used only for an unknown key id, and then rarely.
    ///
    /// # Errors
    /// Returns [`Error::Unauthenticated`] for any fault of the token; [`Error::Unavailable`] when a key set cannot be
    /// read.
    pub async fn verify(&self, token: &str) -> Result<Claims> {
        if token.len() > MAX_BYTES {
            return Err(Error::Unauthenticated("token too long".into()));
        }
        let hash: [u8; 32] = Sha256::digest(token).into();
        if let Some(checked) = self.checked.get(&hash).filter(|checked| self.still_good(checked)) {
            return Ok(checked.claims.clone());
        }
        let checked = Arc::new(self.check(token).await?);
        self.checked.insert(hash, checked.clone());
        Ok(checked.claims.clone())
    }

    /// Returns true if the token has not expired and its key was not withdrawn. `nbf` had already passed when the token
    /// was checked.
    fn still_good(&self, checked: &Checked) -> bool {
        self.now_s() < checked.expires_s && self.issuers[checked.issuer].keys.hold(&checked.key)
    }

    fn now_s(&self) -> i64 {
        self.clock.now_us().div_euclid(SECOND_US)
    }

    async fn check(&self, token: &str) -> Result<Checked> {
        let header = jsonwebtoken::decode_header(token).map_err(refused)?;
        if header.crit.is_some() || header.zip.is_some() || header.enc.is_some() {
            return Err(Error::Unauthenticated("token header asks for an extension".into()));
        }
        let unverified: Peek = jsonwebtoken::dangerous::insecure_decode_claims(token).map_err(refused)?;
        let issuer = self.issuers.iter().position(|issuer| issuer.provider.issuer == unverified.iss);
        let issuer = issuer.ok_or_else(|| Error::Unauthenticated("token of an unknown issuer".into()))?;
        let (claims, expires_s, key) = self.issuers[issuer].verify(token, &header, self.now_s()).await?;
        Ok(Checked { claims, expires_s, issuer, key })
    }
}

/// The claim `iss`, the only one that is read before the signature is checked, to choose among configured issuers.
#[derive(Deserialize)]
struct Peek {
    iss: String,
}

fn refused(error: jsonwebtoken::errors::Error) -> Error {
    Error::Unauthenticated(format!("token: {error}"))
}

fn algorithm(configured: JwtAlgorithm) -> Algorithm {
    match configured {
        JwtAlgorithm::Hs256 => Algorithm::HS256,
        JwtAlgorithm::Hs384 => Algorithm::HS384,
        JwtAlgorithm::Hs512 => Algorithm::HS512,
        JwtAlgorithm::Rs256 => Algorithm::RS256,
        JwtAlgorithm::Rs384 => Algorithm::RS384,
        JwtAlgorithm::Rs512 => Algorithm::RS512,
        JwtAlgorithm::Ps256 => Algorithm::PS256,
        JwtAlgorithm::Es256 => Algorithm::ES256,
        JwtAlgorithm::Es384 => Algorithm::ES384,
        JwtAlgorithm::EdDsa => Algorithm::EdDSA,
    }
}

impl Issuer {
    async fn verify(&self, token: &str, header: &Header, now_s: i64) -> Result<(Claims, i64, Arc<Key>)> {
        let key = self.keys.find(header.kid.as_deref()).await?;
        let validation = self.validation(key.algorithm);
        let data =
            jsonwebtoken::decode::<UniqueClaims>(token, &key.decoding, &validation).map_err(refused)?;
        let UniqueClaims(claims) = data.claims;
        in_time(&claims, now_s)?;
        // A token that has expired but is within the leeway is accepted once and not cached.
        let expires_s = claims.get("exp").and_then(Value::as_i64).unwrap_or(0);
        Ok((self.read(&claims)?, expires_s, key))
    }

    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        let required: &[&str] = match self.provider.require_nbf {
            true => &["exp", "iss", "aud", "nbf"],
            false => &["exp", "iss", "aud"],
        };
        validation.set_required_spec_claims(required);
        validation.set_issuer(&[&self.provider.issuer]);
        validation.set_audience(&self.provider.audience);
        // The library reads the system clock; `in_time` checks these claims instead. The library still checks that both
        // are numbers.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation
    }

    fn read(&self, claims: &Map<String, Value>) -> Result<Claims> {
        let provider = &self.provider;
        // The library also accepts a list of issuers, but only the single text that chose the keys counts.
        if claims.get("iss").and_then(Value::as_str) != Some(&provider.issuer) {
            return Err(Error::Unauthenticated("iss is not one text".into()));
        }
        let user = text(claims, &provider.user_claim)?;
        let user = match provider.user_claim.as_str() {
            "email" if claims.get("email_verified").is_some_and(|v| !is_true(v)) => {
                return Err(Error::Unauthenticated("e-mail of the token is not verified".into()));
            }
            // Only ASCII addresses are accepted: Unicode lower-casing would turn the Kelvin sign into a k.
            "email" if !user.is_ascii() => {
                return Err(Error::Unauthenticated("e-mail of the token is not ASCII".into()));
            }
            "email" => ClaimedUser::Email(normal_email(&user)),
            _ => ClaimedUser::Subject { issuer: provider.issuer.clone(), subject: user },
        };
        // A token without the claim names no tenant. A claim that cannot be read is refused.
        let tenant = match claims.contains_key(&provider.tenant_claim) {
            true => Some(claimed_tenant(text(claims, &provider.tenant_claim)?)),
            false => None,
        };
        let authenticated_s = claims.get("auth_time").and_then(Value::as_i64);
        let authenticated_us = authenticated_s.and_then(|at| at.checked_mul(SECOND_US));
        Ok(Claims { user, tenant, allowed: provider.tenants.clone(), authenticated_us })
    }
}

/// Refuses a token that has expired or is not valid yet, by the platform's clock.
fn in_time(claims: &Map<String, Value>, now_s: i64) -> Result<()> {
    let instant = |name: &str| match claims.get(name) {
        None => Ok(None),
        Some(value) => match value.as_f64().filter(|seconds| seconds.is_finite()) {
            Some(seconds) => Ok(Some(seconds)),
            None => Err(Error::Unauthenticated(format!("{name} of the token is no number"))),
        },
    };
    let (now, leeway) = (now_s as f64, LEEWAY_SECONDS);
    let expires = instant("exp")?.ok_or_else(|| Error::Unauthenticated("the token has no end".into()))?;
    if expires < now - leeway {
        return Err(Error::Unauthenticated("the token has expired".into()));
    }
    match instant("nbf")? {
        Some(begins) if begins > now + leeway => {
            Err(Error::Unauthenticated("the token is not valid yet".into()))
        }
        _ => Ok(()),
    }
}

/// Interprets the text of the tenant claim. A text that cannot be a slug must be an external id.
fn claimed_tenant(value: String) -> ClaimedTenant {
    Slug::parse(&value).map_or_else(|_| ClaimedTenant::ExternalId(value), ClaimedTenant::SlugOrExternalId)
}

/// Returns true for a true boolean. Cognito writes booleans as text.
fn is_true(value: &Value) -> bool {
    value == &Value::Bool(true) || value.as_str() == Some("true")
}

fn text(claims: &Map<String, Value>, name: &str) -> Result<String> {
    match claims.get(name).and_then(Value::as_str).map(str::trim) {
        Some(value) if !value.is_empty() && value.len() <= MAX_CLAIM => Ok(value.to_owned()),
        _ => Err(Error::Unauthenticated(format!("claim {name:?} is missing or no text"))),
    }
}
