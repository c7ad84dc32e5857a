//! Positions in the log of a database server, sealed so that a client can carry one from a write to a later read.
//!
//! A read replica answers a read with the position of an earlier write only if it has replayed the log up to that
//! position. The number in the log reveals how much all tenants of the server write together. So a client gets it
//! encrypted with a key that only the processes of the installation can read. A position that no such process has
//! sealed cannot be opened.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use std::{fmt, str::FromStr};

const SERVER: usize = 2;
const TAG: usize = 8;
const PLAIN: usize = 12;
const BYTES: usize = SERVER + TAG + PLAIN;

/// A sealed position: the server of the log, and the position in it. Its text form has 30 characters of base64url.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Position {
    server: [u8; SERVER],
    tag: [u8; TAG],
    sealed: [u8; PLAIN],
}

impl Position {
    /// Returns true if both positions are in the log of the same server.
    pub fn is_of_same_server(&self, other: &Self) -> bool {
        self.server == other.server
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = [0; BYTES];
        bytes[..SERVER].copy_from_slice(&self.server);
        bytes[SERVER..][..TAG].copy_from_slice(&self.tag);
        bytes[SERVER + TAG..].copy_from_slice(&self.sealed);
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl fmt::Debug for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Position({self})")
    }
}

/// Error for a text that is not a [`Position`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAPosition;

impl FromStr for Position {
    type Err = NotAPosition;

    fn from_str(text: &str) -> Result<Self, NotAPosition> {
        let mut bytes = [0; BYTES];
        let written = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).map_err(|_| NotAPosition)?;
        if written != BYTES {
            return Err(NotAPosition);
        }
        let (mut server, mut tag, mut sealed) = ([0; SERVER], [0; TAG], [0; PLAIN]);
        server.copy_from_slice(&bytes[..SERVER]);
        tag.copy_from_slice(&bytes[SERVER..][..TAG]);
        sealed.copy_from_slice(&bytes[SERVER + TAG..]);
        Ok(Self { server, tag, sealed })
    }
}

/// A position in clear text. A later timeline continues the log of an earlier one, so its positions come after all of
/// the earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LogPosition {
    pub(crate) timeline: i32,
    pub(crate) at: i64,
}

/// Seals and opens the positions of one server.
pub(crate) struct Seal {
    key: [u8; 32],
    server: [u8; SERVER],
}

impl Seal {
    /// Returns the seal that is derived from the secret of a server.
    pub(crate) fn new(secret: &str) -> Self {
        let key = blake3::derive_key("Tenantry: positions in the log", secret.as_bytes());
        let server = start(&blake3::keyed_hash(&key, b"server"));
        Self { key, server }
    }

    pub(crate) fn close(&self, position: LogPosition) -> Position {
        let mut plain = [0; PLAIN];
        plain[..4].copy_from_slice(&position.timeline.to_be_bytes());
        plain[4..].copy_from_slice(&position.at.to_be_bytes());
        let tag = self.tag(&plain);
        Position { server: self.server, tag, sealed: self.masked(&tag, plain) }
    }

    /// Returns the position in clear text; `None` if this seal did not seal it.
    pub(crate) fn open(&self, position: &Position) -> Option<LogPosition> {
        if position.server != self.server {
            return None;
        }
        let plain = self.masked(&position.tag, position.sealed);
        // The duration of this comparison may reveal a tag. A client that forges a position gains nothing: the primary
        // answers its reads.
        if self.tag(&plain) != position.tag {
            return None;
        }
        let (timeline, at) = plain.split_at(4);
        Some(LogPosition {
            timeline: i32::from_be_bytes(timeline.try_into().ok()?),
            at: i64::from_be_bytes(at.try_into().ok()?),
        })
    }

    /// The tag depends on every bit of the position, so the mask that is derived from it is used for only one position.
    fn tag(&self, plain: &[u8; PLAIN]) -> [u8; TAG] {
        let mut hash = blake3::Hasher::new_keyed(&self.key);
        start(&hash.update(b"tag").update(plain).finalize())
    }

    fn masked(&self, tag: &[u8; TAG], mut bytes: [u8; PLAIN]) -> [u8; PLAIN] {
        let mut hash = blake3::Hasher::new_keyed(&self.key);
        let mask: [u8; PLAIN] = start(&hash.update(b"mask").update(tag).finalize());
        bytes.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
        bytes
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal(redacted)")
    }
}

fn start<const N: usize>(hash: &blake3::Hash) -> [u8; N] {
    let mut start = [0; N];
    start.copy_from_slice(&hash.as_bytes()[..N]);
    start
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_opens_with_its_seal_and_no_other() {
        let (seal, other) = (Seal::new("one"), Seal::new("another"));
        let position = LogPosition { timeline: 3, at: 0x1_2345_6789 };
        let closed = seal.close(position);
        let text = closed.to_string();
        assert_eq!((text.len(), text.parse()), (30, Ok(closed)));
        assert_eq!((seal.open(&closed), other.open(&closed)), (Some(position), None));
        let next = seal.close(LogPosition { at: position.at + 1, ..position });
        assert!(closed.is_of_same_server(&next) && !closed.is_of_same_server(&other.close(position)));
        let alike = closed.sealed.iter().zip(next.sealed).filter(|(one, other)| **one == *other).count();
        assert!(alike < 6, "positions beside each other look alike: {closed} {next}");
    }

    #[test]
    fn a_position_that_was_changed_opens_nowhere() {
        let seal = Seal::new("one");
        let closed = seal.close(LogPosition { timeline: 1, at: 77 });
        for at in 0..PLAIN {
            let mut changed = closed;
            changed.sealed[at] ^= 1;
            assert_eq!(seal.open(&changed), None, "{at}");
        }
        for text in ["", "x", &closed.to_string()[1..], &format!("{closed}A"), &"/".repeat(30)] {
            assert_eq!(text.parse::<Position>(), Err(NotAPosition), "{text}");
        }
    }

    #[test]
    fn a_later_timeline_comes_after_an_earlier_one() {
        let early = LogPosition { timeline: 1, at: 1 << 40 };
        assert!(LogPosition { timeline: 2, at: 1 } > early && early > LogPosition { timeline: 1, at: 9 });
    }
}
