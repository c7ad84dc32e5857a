//! Licence keys: claims with an Ed25519 signature, as text that fits on one line.
//!
//! A key is `tnlk1.CLAIMS.SIGNATURE`, both parts in base64url. The signature covers everything before it, so that a
//! signature of a list of revoked keys (`tnlr1.…`) is never one of a licence. The algorithm is part of the format and
//! nothing in the text chooses it. The module needs no database: a product on another machine verifies keys with it.

use crate::{Error, Result, plans::Limits};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use std::{collections::BTreeSet, fmt};

/// Prefix of licence keys.
const LICENCE: &str = "tnlk1";
/// Prefix of lists of revoked keys.
const REVOKED: &str = "tnlr1";
/// First bytes of every Ed25519 public key in the form that PEM files have (RFC 8410).
const PUBLIC_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// Largest number of bytes of a licence key that is read.
const MOST_BYTES: usize = 65_536;

/// What a licence key states.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// Id of this key.
    pub id: String,
    /// Id of the installation that issued the key.
    pub installation: String,
    /// Id of the tenant.
    pub tenant: i64,
    /// Slug of the tenant when the key was issued.
    pub slug: String,
    /// Type of the licence.
    pub license_type: String,
    /// Features that the licence grants.
    pub features: BTreeSet<String>,
    /// Limits that the licence sets.
    pub limits: Limits,
    /// Start, in microseconds since 1970, UTC.
    pub starts_at_us: i64,
    /// End with the grace days, in microseconds since 1970, UTC; `None` for no end.
    pub ends_at_us: Option<i64>,
}

/// The keys that an installation has revoked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevokedKeys {
    /// Id of the installation.
    pub installation: String,
    /// Time of the list, in microseconds since 1970, UTC.
    pub at_us: i64,
    /// Ids of the keys.
    pub keys: BTreeSet<String>,
}

/// The private key with which an installation signs.
pub struct SigningKey(Ed25519KeyPair);

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey(redacted)")
    }
}

/// The public key that verifies licence keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(Vec<u8>);

impl SigningKey {
    /// Generates a key. Returns it as the text of a PEM file.
    ///
    /// # Errors
    /// Returns [`Error::Internal`] if the operating system has no random numbers.
    pub fn generate() -> Result<String> {
        let made = Ed25519KeyPair::generate_pkcs8(&aws_lc_rs::rand::SystemRandom::new());
        let document = made.map_err(|_| Error::Internal("no licence key could be generated".into()))?;
        Ok(pem("PRIVATE KEY", document.as_ref()))
    }

    /// Reads a key from the text of a PEM file.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] for any other text.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = || {
            Error::invalid(
                "licences.signing_key",
                "is no Ed25519 private key in PEM: make one with tenantry licence keygen",
            )
        };
        let der = un_pem("PRIVATE KEY", text).ok_or_else(wrong)?;
        Ed25519KeyPair::from_pkcs8(&der).map(Self).map_err(|_| wrong())
    }

    /// Returns the public key that belongs to this key.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.public_key().as_ref().to_vec())
    }

    /// Returns the licence key with these claims.
    ///
    /// # Errors
    /// Returns [`Error::Internal`] if the claims cannot be written.
    pub fn sign(&self, claims: &Claims) -> Result<String> {
        self.sign_as(LICENCE, claims)
    }

    /// Returns the signed list of revoked keys.
    ///
    /// # Errors
    /// Returns [`Error::Internal`] if the list cannot be written.
    pub fn sign_revoked(&self, revoked: &RevokedKeys) -> Result<String> {
        self.sign_as(REVOKED, revoked)
    }

    fn sign_as(&self, prefix: &str, what: &impl Serialize) -> Result<String> {
        let json = serde_json::to_vec(what).map_err(|e| Error::Internal(e.to_string()))?;
        let signed = format!("{prefix}.{}", URL_SAFE_NO_PAD.encode(json));
        let signature = self.0.sign(signed.as_bytes());
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

impl PublicKey {
    /// Reads a key from the text of a PEM file.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] for any other text.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = || {
            Error::invalid(
                "public_key",
                "is no Ed25519 public key in PEM: print it with tenantry licence public-key",
            )
        };
        let der = un_pem("PUBLIC KEY", text).ok_or_else(wrong)?;
        match der.strip_prefix(PUBLIC_PREFIX.as_slice()) {
            Some(key) if key.len() == 32 => Ok(Self(key.to_vec())),
            _ => Err(wrong()),
        }
    }

    /// Returns the key as the text of a PEM file.
    pub fn to_pem(&self) -> String {
        pem("PUBLIC KEY", &[PUBLIC_PREFIX.as_slice(), &self.0].concat())
    }

    /// Returns the first 16 hex digits of the SHA-256 of the key, by which people compare keys.
    pub fn fingerprint(&self) -> String {
        Sha256::digest(&self.0).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }

    /// Returns the claims of a licence key that is valid at `now_us`. Needs no database and no network.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] with the reason: the signature, the dates, or the list of revoked keys.
    pub fn verify(&self, key: &str, now_us: i64, revoked: Option<&RevokedKeys>) -> Result<Claims> {
        let refused = |reason: &str| Error::invalid("key", reason);
        let claims: Claims = self
            .open(LICENCE, key)
            .ok_or_else(|| refused("is not signed with this public key, or was changed"))?;
        if let Some(revoked) = revoked {
            if revoked.installation != claims.installation {
                return Err(refused("is of another installation than the list of revoked keys"));
            }
            if revoked.keys.contains(&claims.id) {
                return Err(refused("is revoked: ask for a new licence"));
            }
        }
        if claims.starts_at_us > now_us {
            return Err(refused("is not valid yet"));
        }
        match claims.ends_at_us.is_some_and(|end| end <= now_us) {
            true => Err(refused("has expired: ask for a new licence")),
            false => Ok(claims),
        }
    }

    /// Returns the list of revoked keys if the signature is valid.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] for any other text.
    pub fn verify_revoked(&self, text: &str) -> Result<RevokedKeys> {
        let wrong =
            || Error::invalid("revoked", "is no list of revoked keys that is signed with this public key");
        self.open(REVOKED, text.trim()).ok_or_else(wrong)
    }

    fn open<T: DeserializeOwned>(&self, prefix: &str, text: &str) -> Option<T> {
        let (signed, signature) =
            text.rsplit_once('.').filter(|_| prefix == REVOKED || text.len() <= MOST_BYTES)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        UnparsedPublicKey::new(&ED25519, &self.0).verify(signed.as_bytes(), &signature).ok()?;
        let (kind, body) = signed.split_once('.')?;
        let json = URL_SAFE_NO_PAD.decode(body).ok().filter(|_| kind == prefix)?;
        serde_json::from_slice(&json).ok()
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let encoded = STANDARD.encode(der);
    let lines: Vec<_> = encoded.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn un_pem(label: &str, text: &str) -> Option<Vec<u8>> {
    let body = text.trim().strip_prefix(&format!("-----BEGIN {label}-----"))?;
    let body = body.strip_suffix(&format!("-----END {label}-----"))?;
    STANDARD.decode(body.split_ascii_whitespace().collect::<String>()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims() -> Claims {
        Claims {
            id: "k1".into(),
            installation: "here".into(),
            tenant: 7,
            slug: "acme".into(),
            license_type: "standard".into(),
            features: BTreeSet::from(["reports".to_owned()]),
            limits: Limits { rows: Some(5), ..Limits::default() },
            starts_at_us: 100,
            ends_at_us: Some(200),
        }
    }

    fn signer() -> SigningKey {
        SigningKey::parse(&SigningKey::generate().unwrap()).unwrap()
    }

    #[test]
    fn a_key_is_valid_between_its_dates() {
        let signer = signer();
        let public = PublicKey::parse(&signer.public().to_pem()).unwrap();
        let key = signer.sign(&claims()).unwrap();
        for (now, is_valid) in [(99, false), (100, true), (199, true), (200, false)] {
            assert_eq!(public.verify(&key, now, None).is_ok(), is_valid, "{now}");
        }
        assert_eq!(public.verify(&key, 100, None).unwrap(), claims());
    }

    #[test]
    fn a_changed_key_and_the_key_of_another_signer_are_refused() {
        let (signer, other) = (signer(), signer());
        let key = signer.sign(&claims()).unwrap();
        assert!(other.public().verify(&key, 150, None).is_err());
        for at in 0..key.len() {
            let mut changed = key.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            let opened = signer.public().verify(&changed, 150, None);
            // The last character of a part has bits that mean nothing; the decoder refuses texts that use them.
            assert!(opened.is_err(), "{at}: {changed}");
        }
    }

    #[test]
    fn a_revoked_key_is_refused_and_a_list_is_no_key() {
        let signer = signer();
        let (public, key) = (signer.public(), signer.sign(&claims()).unwrap());
        let list =
            RevokedKeys { installation: "here".into(), at_us: 1, keys: BTreeSet::from(["k1".to_owned()]) };
        let text = signer.sign_revoked(&list).unwrap();
        let read = public.verify_revoked(&text).unwrap();
        assert_eq!(read, list);
        assert!(public.verify(&key, 150, Some(&read)).is_err());
        let others = RevokedKeys { keys: BTreeSet::new(), ..list.clone() };
        assert!(public.verify(&key, 150, Some(&others)).is_ok());
        let foreign = RevokedKeys { installation: "there".into(), keys: BTreeSet::new(), ..list };
        assert!(public.verify(&key, 150, Some(&foreign)).is_err());
        assert!(public.verify_revoked(&key).is_err());
        assert!(public.verify(&text, 150, None).is_err());
    }
}
