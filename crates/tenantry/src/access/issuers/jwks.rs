//! The keys of one issuer: a secret, a PEM file, or a JWKS from a file or URL.
//!
//! `jwt` calls it. Each key is bound to exactly one algorithm when it is read. A token with an unknown key id causes
//! the set to be read again, at most once per `RETRY`. Nothing in a token names a source of keys (`token-confusion`).
//! Files and URLs are read on the blocking pool.

use crate::{
    config::KeySource,
    error::{Error, Result},
};
use arc_swap::ArcSwap;
use jsonwebtoken::{
    Algorithm, AlgorithmFamily, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, PublicKeyUse},
};
use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

/// Shortest time between two reads of a key set.
const RETRY: Duration = Duration::from_secs(30);
/// Age at which a key set is read again in the background.
const REFRESH: Duration = Duration::from_secs(3600);
/// Age at which a key set that could not be read again is no longer trusted: keys may have been withdrawn.
const BELIEVED: Duration = Duration::from_secs(24 * 3600);
/// Largest size of a key set in bytes.
pub(in crate::access) const MAX_BYTES: u64 = 256 * 1024;
/// Largest number of keys of a set that are used.
const MAX_KEYS: usize = 64;

/// A key, and the only algorithm with which it is used.
pub struct Key {
    kid: Option<String>,
    pub(in crate::access) algorithm: Algorithm,
    pub(in crate::access) decoding: DecodingKey,
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

/// The keys of one issuer, read again when necessary. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Keys(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    source: KeySource,
    algorithm: Algorithm,
    retry: Duration,
    set: ArcSwap<Set>,
    /// Time at which the source was last read; `None` if it never was.
    asked: Mutex<Option<Instant>>,
    /// Lock held while reading, so that many tokens with unknown key ids cause only one read.
    reading: tokio::sync::Mutex<()>,
}

impl Keys {
    /// Reads secrets and files at once. A URL is read when first needed, so an unreachable key server does not prevent
    /// the platform from starting.
    ///
    /// # Errors
    /// Returns a text that says what is wrong with the source or the keys.
    pub fn load(source: &KeySource, algorithm: Algorithm) -> Result<Self, String> {
        Self::load_with(source, algorithm, RETRY)
    }

    fn load_with(source: &KeySource, algorithm: Algorithm, retry: Duration) -> Result<Self, String> {
        let (keys, asked) = match source {
            KeySource::JwksUrl(url) => {
                crate::access::fetch::check_url(url)?;
                (Vec::new(), None)
            }
            _ => (read(source, algorithm)?, Some(Instant::now())),
        };
        let set = ArcSwap::from_pointee(Set { keys, read_at: Instant::now() });
        let source = source.clone();
        let inner =
            Inner { source, algorithm, retry, set, asked: Mutex::new(asked), reading: Default::default() };
        Ok(Self(Arc::new(inner)))
    }

    /// Returns the key with this id. A token without an id is accepted only if the set has exactly one key.
    pub(in crate::access) async fn find(&self, kid: Option<&str>) -> Result<Arc<Key>> {
        let set = self.0.set.load();
        let age = set.read_at.elapsed();
        let fixed = self.0.fixed();
        if let Some(key) = set.find(kid).filter(|_| fixed || age < BELIEVED) {
            if !fixed && age > REFRESH {
                self.refresh_in_background();
            }
            return Ok(key);
        }
        drop(set);
        if fixed {
            return Err(Error::Unauthenticated("unknown key id".into()));
        }
        self.refresh().await?;
        let set = self.0.set.load();
        if set.keys.is_empty() {
            // No key was ever read, so nothing can be said about the token.
            return Err(Error::Unavailable("key set was never read".into()));
        }
        let believed = set.read_at.elapsed() < BELIEVED;
        set.find(kid).filter(|_| believed).ok_or_else(|| Error::Unauthenticated("unknown key id".into()))
    }

    /// Returns true if the key is still in the set.
    pub(in crate::access) fn hold(&self, key: &Arc<Key>) -> bool {
        let set = self.0.set.load();
        (self.0.fixed() || set.read_at.elapsed() < REFRESH) && set.keys.iter().any(|k| Arc::ptr_eq(k, key))
    }

    fn refresh_in_background(&self) {
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
        let job = tokio::task::spawn_blocking(move || read(&inner.source, inner.algorithm));
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
        let may = asked.is_none_or(|at| at.elapsed() >= self.retry);
        if may {
            *asked = Some(Instant::now());
        }
        may
    }
}

impl Set {
    fn find(&self, kid: Option<&str>) -> Option<Arc<Key>> {
        match (kid, self.keys.as_slice()) {
            // With a single key that has no id, the id in the token does not matter.
            (_, [only]) if only.kid.is_none() => Some(only.clone()),
            (None, [only]) => Some(only.clone()),
            (None, _) => None,
            (Some(kid), keys) => keys.iter().find(|key| key.kid.as_deref() == Some(kid)).cloned(),
        }
    }
}

fn read(source: &KeySource, algorithm: Algorithm) -> Result<Vec<Arc<Key>>, String> {
    match source {
        KeySource::SecretEnv(name) => {
            let secret =
                std::env::var(name).map_err(|_| format!("environment variable {name} is not set"))?;
            secret_key(secret.as_bytes(), algorithm)
        }
        KeySource::KeyFile(path) => pem_key(&file(path)?, algorithm),
        KeySource::JwksFile(path) => set_keys(&file(path)?, algorithm),
        KeySource::JwksUrl(url) => set_keys(&crate::access::fetch::get(url)?, algorithm),
    }
}

fn file(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))
}

fn secret_key(secret: &[u8], algorithm: Algorithm) -> Result<Vec<Arc<Key>>, String> {
    if algorithm.family() != AlgorithmFamily::Hmac {
        return Err(format!("{algorithm:?} does not use a shared secret"));
    }
    if secret.len() < 32 {
        return Err("the shared secret is shorter than 32 bytes".into());
    }
    Ok(vec![Arc::new(Key { kid: None, algorithm, decoding: DecodingKey::from_secret(secret) })])
}

fn pem_key(pem: &[u8], algorithm: Algorithm) -> Result<Vec<Arc<Key>>, String> {
    let decoding = match algorithm.family() {
        AlgorithmFamily::Rsa => DecodingKey::from_rsa_pem(pem),
        AlgorithmFamily::Ec => DecodingKey::from_ec_pem(pem),
        AlgorithmFamily::Ed => DecodingKey::from_ed_pem(pem),
        AlgorithmFamily::Hmac => return Err("a PEM file holds no shared secret".into()),
    };
    let decoding = decoding.map_err(|e| format!("PEM: {e}"))?;
    Ok(vec![Arc::new(Key { kid: None, algorithm, decoding })])
}

/// Returns the keys of a set that fit the issuer. Leaves out the others (encryption, foreign algorithm).
fn set_keys(json: &[u8], algorithm: Algorithm) -> Result<Vec<Arc<Key>>, String> {
    let set: JwkSet = serde_json::from_slice(json).map_err(|e| format!("no key set: {e}"))?;
    let mut keys: Vec<Arc<Key>> = Vec::new();
    for jwk in set.keys.iter().take(MAX_KEYS) {
        if !usable(jwk, algorithm) {
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

/// Returns true for a signature key of the issuer's algorithm, which the key names or its type implies.
fn usable(jwk: &Jwk, algorithm: Algorithm) -> bool {
    let signs = jwk.common.public_key_use.as_ref().is_none_or(|u| *u == PublicKeyUse::Signature);
    let named = jwk.common.key_algorithm;
    signs
        && fits(&jwk.algorithm, algorithm)
        && named.is_none_or(|n| Algorithm::try_from(n).is_ok_and(|n| n == algorithm))
}

fn fits(parameters: &AlgorithmParameters, algorithm: Algorithm) -> bool {
    match parameters {
        AlgorithmParameters::RSA(_) => algorithm.family() == AlgorithmFamily::Rsa,
        AlgorithmParameters::OctetKeyPair(_) => algorithm == Algorithm::EdDSA,
        AlgorithmParameters::EllipticCurve(ec) => matches!(
            (&ec.curve, algorithm),
            (EllipticCurve::P256, Algorithm::ES256) | (EllipticCurve::P384, Algorithm::ES384)
        ),
        // Secrets come from the environment, never from a set (`token-confusion`).
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(kids: &[&str]) -> String {
        let n = "u1SU1LfVLPHCozMxH2Mo4lgOEePzNm0tRgeLezV6ffAt0gunVTLw7onLRnrq0_IzW7yWR7QkrmBL7jTKEn5u-qKhbwKfBstIs-bMY2Zkp18gnTxKLxoS2tFczGkPLPgizskuemMghRniWaoLcyehkd3qqGElvW_VDL5AaWTg0nLVkjRo9z-40RQzuVaE8AkAFmxZzow3x-VJYKdjykkJ0iT9wCS0DRTXu269V264Vf_3jvredZiKRkgwlL9xNAwxXFg0x_XFw005UWVRIkdgcKWTjpBP2dPwVZ4WWC-9aGVd-Gyn1o0CLelf4rEjGoXbAAEgAqeGUxrcIlbjXfbcmw";
        let keys: Vec<_> = kids
            .iter()
            .map(|kid| serde_json::json!({"kty": "RSA", "kid": kid, "n": n, "e": "AQAB"}))
            .collect();
        serde_json::json!({ "keys": keys }).to_string()
    }

    #[tokio::test]
    async fn a_rotated_set_is_followed_and_a_withdrawn_key_is_refused() {
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join("jwks.json");
        std::fs::write(&path, set(&["old"])).expect("write");
        let source = KeySource::JwksFile(path.clone());
        let keys = Keys::load_with(&source, Algorithm::RS256, Duration::ZERO).expect("set");
        let old = keys.find(Some("old")).await.expect("old");
        assert!(keys.hold(&old));
        std::fs::write(&path, set(&["new"])).expect("write");
        assert!(keys.find(Some("new")).await.is_ok(), "read again for an unknown id");
        assert!(keys.find(Some("old")).await.is_err(), "withdrawn");
        assert!(!keys.hold(&old));
        std::fs::write(&path, "{}").expect("write");
        assert_eq!(keys.find(Some("odd")).await.expect_err("broken set").code(), "unavailable");
        assert!(
            keys.find(Some("new")).await.is_ok(),
            "a set that cannot be read does not take the keys away"
        );
    }

    /// Starts a key server that answers with the current body.
    fn serve(body: Arc<Mutex<String>>) -> String {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("bind");
        let url = format!("http://{}/jwks", listener.local_addr().expect("address"));
        std::thread::spawn(move || {
            use std::io::{Read, Write};
            for mut stream in listener.incoming().flatten() {
                let _ = stream.read(&mut [0; 4096]);
                let body = body.lock().expect("body").clone();
                let head =
                    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                let _ = stream.write_all((head + &body).as_bytes());
            }
        });
        url
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_set_behind_a_url_is_followed_as_it_rotates() {
        let body = Arc::new(Mutex::new(set(&["a", "b"])));
        let source = KeySource::JwksUrl(serve(body.clone()));
        let keys = Keys::load_with(&source, Algorithm::RS256, Duration::ZERO).expect("source");
        let old = keys.find(Some("a")).await.expect("read when first needed");
        *body.lock().expect("body") = set(&["b", "c"]);
        assert!(keys.find(Some("b")).await.is_ok() && keys.hold(&old), "nobody asked for what is unknown");
        assert!(keys.find(Some("c")).await.is_ok(), "read again for an unknown id");
        assert!(keys.find(Some("a")).await.is_err() && !keys.hold(&old), "withdrawn, at once from then on");
    }
}
