//! The platform's own bearer secrets: 256 random bits with a type prefix, stored only as SHA-256.
//!
//! `sessions`, `api_keys` and `mail` use it. A token is never stored, logged or printed by `Debug`; only
//! [`Token::reveal`] returns its text.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use std::fmt;
use subtle::ConstantTimeEq;

/// Purpose of a token. The prefix identifies the purpose, so a token of one kind is never accepted as another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// Session of a signed-in user, with prefix `tns_`.
    Session,
    /// API key of one tenant, with prefix `tnk_`.
    ApiKey,
    /// Link in a letter, with prefix `tnl_`. It is never a credential.
    Link,
}

impl TokenKind {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Session => "tns_",
            Self::ApiKey => "tnk_",
            Self::Link => "tnl_",
        }
    }
}

const SECRET_BYTES: usize = 32;
const ENCODED_CHARS: usize = 43;
const PREFIX_CHARS: usize = 4;

/// A secret in clear, held only for the duration of a request or an answer.
pub struct Token {
    kind: TokenKind,
    secret: [u8; SECRET_BYTES],
}

impl Token {
    /// Generates a new token with the random generator that the operating system seeds.
    pub fn generate(kind: TokenKind) -> Self {
        let mut secret = [0; SECRET_BYTES];
        rand::fill(&mut secret);
        Self { kind, secret }
    }

    /// Parses the text of a token. Returns `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        let kind = match text.get(..PREFIX_CHARS)? {
            "tns_" => TokenKind::Session,
            "tnk_" => TokenKind::ApiKey,
            "tnl_" => TokenKind::Link,
            _ => return None,
        };
        let encoded = text.get(PREFIX_CHARS..).filter(|rest| rest.len() == ENCODED_CHARS)?;
        let mut secret = [0; SECRET_BYTES];
        let written = URL_SAFE_NO_PAD.decode_slice(encoded, &mut secret).ok()?;
        (written == SECRET_BYTES).then_some(Self { kind, secret })
    }

    /// Returns true if the text has the prefix of one of this platform's tokens. A JWT never has (it starts with
    /// `eyJ`).
    pub fn looks_ours(text: &str) -> bool {
        ["tns_", "tnk_", "tnl_"].iter().any(|prefix| text.starts_with(prefix))
    }

    /// Returns the purpose of the token.
    pub fn kind(&self) -> TokenKind {
        self.kind
    }

    /// Returns the hash that is stored. The hash covers the prefix: the same bits as a session and as a key have
    /// different hashes.
    pub fn hash(&self) -> TokenHash {
        let mut sha = Sha256::new();
        sha.update(self.kind.prefix());
        sha.update(self.secret);
        TokenHash(sha.finalize().into())
    }

    /// Returns the text of the token, to be shown once to its owner.
    pub fn reveal(&self) -> String {
        format!("{}{}", self.kind.prefix(), URL_SAFE_NO_PAD.encode(self.secret))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({:?}, redacted)", self.kind)
    }
}

/// SHA-256 of a token, stored in the control store and used as a key of the caches.
#[derive(Clone, Copy, Eq)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// Returns the hash as 64 lower-case hex digits, its stored form.
    pub fn to_hex(&self) -> String {
        self.0.iter().fold(String::with_capacity(64), |mut out, byte| {
            for nibble in [byte >> 4, byte & 15] {
                out.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
            }
            out
        })
    }

    /// Parses the stored form of a hash.
    pub fn from_hex(hex: &str) -> Option<Self> {
        if hex.len() != 64 || !hex.is_ascii() {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
            let digit = |c: u8| char::from(c).to_digit(16);
            *byte = u8::try_from(digit(pair[0])? << 4 | digit(pair[1])?).ok()?;
        }
        Some(Self(bytes))
    }
}

/// Compares in constant time, so that a look-up does not reveal how much of a guess was right.
impl PartialEq for TokenHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl std::hash::Hash for TokenHash {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(redacted)")
    }
}
