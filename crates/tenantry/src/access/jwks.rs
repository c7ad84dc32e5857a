//! The keys of one issuer: a secret, a PEM file, or a JWKS from a file or URL.
//!
//! Called by `jwt`. Each key is bound to exactly one algorithm when it is read. An unknown key id
//! makes the set be read again, at most once in [`RETRY`]; nothing in a token names a place to read
//! from (threat 7). Files and URLs are read on the blocking pool.

use crate::error::{Error, Result};
use arc_swap::ArcSwap;
use jsonwebtoken::{
    Algorithm, AlgorithmFamily, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, PublicKeyUse},
};
use serde::Deserialize;
use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

/// Shortest time between two readings of a set.
const RETRY: Duration = Duration::from_secs(30);
/// A set older than this is read again beside the request that notices.
const REFRESH: Duration = Duration::from_secs(3600);
/// A set that could not be read again for so long is believed no more: keys may have been withdrawn.
const BELIEVED: Duration = Duration::from_secs(24 * 3600);
/// Largest set, bytes.
pub(super) const MAX_BYTES: u64 = 256 * 1024;
/// Most keys of a set that are kept.
const MAX_KEYS: usize = 64;

/// Where the keys of an issuer are.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum KeySource {
    /// Environment variable with a shared secret of at least 32 bytes (HS256 and kin).
    SecretEnv(String),
    /// File with the shared secret; trailing line ends do not count.
    SecretFile(PathBuf),
    /// File with one public key in PEM.
    Pem(PathBuf),
    /// File with a JSON web key set.
    JwksFile(PathBuf),
    /// URL of a JSON web key set: https, or http to this machine.
    JwksUrl(String),
}

/// A key and the one algorithm it is used with.
pub struct Key {
    kid: Option<String>,
    pub(super) algorithm: Algorithm,
    pub(super) decoding: DecodingKey,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({:?}, {:?})", self.kid, self.algorithm)
    }
}

#[derive(Debug)]
struct Set {
    keys: Vec<Arc<Key>>,
    read_at: Instant,
}

/// The keys of one issuer, read again when that helps. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Keys(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    source: KeySource,
    algorithms: Vec<Algorithm>,
    set: ArcSwap<Set>,
    /// When the source was last asked; None is never.
    asked: Mutex<Option<Instant>>,
    /// Held while reading, so that many unknown key ids read once.
    reading: tokio::sync::Mutex<()>,
}

impl Keys {
    /// Reads secrets and files now; a URL is read when first needed, so that a key server that is
    /// down does not keep the platform from starting.
    ///
    /// # Errors
    /// What is wrong with the source or the keys.
    pub fn load(source: &KeySource, algorithms: &[Algorithm]) -> Result<Self, String> {
        let (keys, asked) = match source {
            KeySource::JwksUrl(url) => {
                super::fetch::check_url(url)?;
                (Vec::new(), None)
            }
            _ => (read(source, algorithms)?, Some(Instant::now())),
        };
        let set = ArcSwap::from_pointee(Set { keys, read_at: Instant::now() });
        let (source, algorithms) = (source.clone(), algorithms.to_vec());
        let inner = Inner { source, algorithms, set, asked: Mutex::new(asked), reading: Default::default() };
        Ok(Self(Arc::new(inner)))
    }

    /// The key of that id. Without an id the set must hold exactly one key.
    pub(super) async fn find(&self, kid: Option<&str>) -> Result<Arc<Key>> {
        let set = self.0.set.load();
        let age = set.read_at.elapsed();
        let fixed = self.0.fixed();
        if let Some(key) = set.find(kid).filter(|_| fixed || age < BELIEVED) {
            if !fixed && age > REFRESH {
                self.refresh_beside();
            }
            return Ok(key);
        }
        drop(set);
        if fixed {
            return Err(Error::Unauthenticated("unknown key id".into()));
        }
        self.refresh().await?;
        let set = self.0.set.load();
        let believed = set.read_at.elapsed() < BELIEVED;
        set.find(kid).filter(|_| believed).ok_or_else(|| Error::Unauthenticated("unknown key id".into()))
    }

    fn refresh_beside(&self) {
        let keys = self.clone();
        tokio::spawn(async move {
            if let Err(error) = keys.refresh().await {
                tracing::warn!(%error, "key set could not be read again");
            }
        });
    }

    async fn refresh(&self) -> Result<()> {
        let _one = self.0.reading.lock().await;
        if !self.0.may_ask() {
            return Ok(());
        }
        let inner = self.0.clone();
        let job = tokio::task::spawn_blocking(move || read(&inner.source, &inner.algorithms));
        let unavailable = |detail: String| Error::Unavailable(format!("key set: {detail}"));
        let keys = job.await.map_err(|e| unavailable(e.to_string()))?.map_err(unavailable)?;
        self.0.set.store(Arc::new(Set { keys, read_at: Instant::now() }));
        Ok(())
    }
}

impl Inner {
    fn fixed(&self) -> bool {
        !matches!(self.source, KeySource::JwksFile(_) | KeySource::JwksUrl(_))
    }

    fn may_ask(&self) -> bool {
        let mut asked = self.asked.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let may = asked.is_none_or(|at| at.elapsed() >= RETRY);
        if may {
            *asked = Some(Instant::now());
        }
        may
    }
}

impl Set {
    fn find(&self, kid: Option<&str>) -> Option<Arc<Key>> {
        match (kid, self.keys.as_slice()) {
            // A single key without an id: the id in the token says nothing.
            (_, [only]) if only.kid.is_none() => Some(only.clone()),
            (None, [only]) => Some(only.clone()),
            (None, _) => None,
            (Some(kid), keys) => keys.iter().find(|key| key.kid.as_deref() == Some(kid)).cloned(),
        }
    }
}

fn read(source: &KeySource, algorithms: &[Algorithm]) -> Result<Vec<Arc<Key>>, String> {
    match source {
        KeySource::SecretEnv(name) => {
            let secret =
                std::env::var(name).map_err(|_| format!("environment variable {name} is not set"))?;
            secret_key(secret.as_bytes(), algorithms)
        }
        KeySource::SecretFile(path) => secret_key(file(path)?.trim_ascii_end(), algorithms),
        KeySource::Pem(path) => pem_key(&file(path)?, algorithms),
        KeySource::JwksFile(path) => set_keys(&file(path)?, algorithms, true),
        KeySource::JwksUrl(url) => set_keys(&super::fetch::get(url)?, algorithms, false),
    }
}

fn file(path: &PathBuf) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))
}

fn only(algorithms: &[Algorithm]) -> Result<Algorithm, String> {
    match algorithms {
        [one] => Ok(*one),
        _ => Err("a single key needs exactly one algorithm".into()),
    }
}

fn secret_key(secret: &[u8], algorithms: &[Algorithm]) -> Result<Vec<Arc<Key>>, String> {
    let algorithm = only(algorithms)?;
    if algorithm.family() != AlgorithmFamily::Hmac {
        return Err(format!("{algorithm:?} does not use a shared secret"));
    }
    if secret.len() < 32 {
        return Err("the shared secret is shorter than 32 bytes".into());
    }
    Ok(vec![Arc::new(Key { kid: None, algorithm, decoding: DecodingKey::from_secret(secret) })])
}

fn pem_key(pem: &[u8], algorithms: &[Algorithm]) -> Result<Vec<Arc<Key>>, String> {
    let algorithm = only(algorithms)?;
    let decoding = match algorithm.family() {
        AlgorithmFamily::Rsa => DecodingKey::from_rsa_pem(pem),
        AlgorithmFamily::Ec => DecodingKey::from_ec_pem(pem),
        AlgorithmFamily::Ed => DecodingKey::from_ed_pem(pem),
        AlgorithmFamily::Hmac => return Err("a PEM file holds no shared secret".into()),
    };
    let decoding = decoding.map_err(|e| format!("PEM: {e}"))?;
    Ok(vec![Arc::new(Key { kid: None, algorithm, decoding })])
}

/// Keys of a set that fit the issuer; others (encryption, foreign algorithms) are left out.
fn set_keys(json: &[u8], algorithms: &[Algorithm], secrets: bool) -> Result<Vec<Arc<Key>>, String> {
    let set: JwkSet = serde_json::from_slice(json).map_err(|e| format!("no key set: {e}"))?;
    let mut keys: Vec<Arc<Key>> = Vec::new();
    for jwk in set.keys.iter().take(MAX_KEYS) {
        let Some(algorithm) = one_algorithm(jwk, algorithms) else { continue };
        if algorithm.family() == AlgorithmFamily::Hmac && !secrets {
            continue;
        }
        let Ok(decoding) = DecodingKey::from_jwk(jwk) else { continue };
        let kid = jwk.common.key_id.clone();
        if decoding.family() != algorithm.family() || keys.iter().any(|key| key.kid == kid) {
            continue;
        }
        keys.push(Arc::new(Key { kid, algorithm, decoding }));
    }
    if keys.is_empty() { Err("the set holds no usable key".into()) } else { Ok(keys) }
}

/// The key's own `alg` if the issuer may use it, else the only one of the issuer's that fits its type.
fn one_algorithm(jwk: &Jwk, algorithms: &[Algorithm]) -> Option<Algorithm> {
    if jwk.common.public_key_use.as_ref().is_some_and(|u| *u != PublicKeyUse::Signature) {
        return None;
    }
    let mut fitting = algorithms.iter().copied().filter(|algorithm| fits(&jwk.algorithm, *algorithm));
    match jwk.common.key_algorithm {
        Some(named) => {
            let named = Algorithm::try_from(named).ok()?;
            fitting.find(|algorithm| *algorithm == named)
        }
        None => fitting.next().filter(|_| fitting.next().is_none()),
    }
}

fn fits(parameters: &AlgorithmParameters, algorithm: Algorithm) -> bool {
    match parameters {
        AlgorithmParameters::RSA(_) => algorithm.family() == AlgorithmFamily::Rsa,
        AlgorithmParameters::OctetKey(_) => algorithm.family() == AlgorithmFamily::Hmac,
        AlgorithmParameters::OctetKeyPair(_) => algorithm == Algorithm::EdDSA,
        AlgorithmParameters::EllipticCurve(ec) => matches!(
            (&ec.curve, algorithm),
            (EllipticCurve::P256, Algorithm::ES256) | (EllipticCurve::P384, Algorithm::ES384)
        ),
        _ => false,
    }
}
