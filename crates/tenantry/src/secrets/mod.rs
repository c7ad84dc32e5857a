//! Encryption of the secrets that the platform stores, such as the URLs of attached databases.
//!
//! A secret is sealed with AES-256-GCM under a key from `[secrets]`, with a random nonce. The data that it belongs to
//! is authenticated with it, so a sealed text that is copied to another row does not open there. Keys are read when
//! they are first needed, and again for a key id that is not known yet.

mod ring;

pub use ring::new_key_line;
use ring::{Key, Ring};

use crate::{
    Error, Result,
    config::{KeysAt, SecretsConfig},
};
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::{
    io::Read,
    process::{Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Longest time that the program of `secrets.key_command` may take.
const COMMAND: Duration = Duration::from_secs(10);
/// Largest number of bytes that it may print.
const MOST_BYTES: u64 = 64 * 1024;

/// The keys of the installation. Cheap to clone. Its `Debug` output contains no key.
#[derive(Clone)]
pub(crate) struct Secrets(Arc<Inner>);

struct Inner {
    at: Option<KeysAt>,
    known: Mutex<Option<Arc<Ring>>>,
}

/// A sealed text, and the key that opens it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sealed {
    /// Id of the key.
    pub(crate) key: String,
    /// Nonce and ciphertext, in base64.
    pub(crate) text: String,
}

impl Secrets {
    pub(crate) fn new(config: &SecretsConfig) -> Self {
        Self(Arc::new(Inner { at: config.keys.clone(), known: Mutex::default() }))
    }

    /// Returns true if the configuration names keys.
    pub(crate) fn is_configured(&self) -> bool {
        self.0.at.is_some()
    }

    /// Encrypts a secret with the newest key. It opens only for the same `owner`.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] with the remedy if there is no key, or the keys cannot be read.
    pub(crate) async fn seal(&self, owner: &str, secret: &str) -> Result<Sealed> {
        let ring = self.read().await?;
        let key = ring.newest();
        let mut text = secret.as_bytes().to_vec();
        let nonce = cipher(key)?
            .seal_in_place_append_tag(Aad::from(owner.as_bytes()), &mut text)
            .map_err(|_| Error::Internal("a secret could not be encrypted".into()))?;
        let mut whole = nonce.as_ref().to_vec();
        whole.append(&mut text);
        Ok(Sealed { key: key.id.clone(), text: STANDARD.encode(whole) })
    }

    /// Decrypts a secret of `owner`.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] with the remedy if its key is missing, or the key or the text is wrong.
    pub(crate) async fn open(&self, owner: &str, sealed: &Sealed) -> Result<String> {
        let known = self.0.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let ring = match known.filter(|ring| ring.key(&sealed.key).is_some()) {
            Some(ring) => ring,
            None => self.read().await?,
        };
        let Some(key) = ring.key(&sealed.key) else {
            return Err(Error::invalid(
                "secrets",
                format!("the key {} is not among the keys of [secrets]: put it back there", sealed.key),
            ));
        };
        let wrong = || {
            let text =
                format!("the key {} does not open the stored secret: put the right key back", sealed.key);
            Error::invalid("secrets", text)
        };
        let mut whole = STANDARD.decode(&sealed.text).map_err(|_| wrong())?;
        let Some((nonce, text)) = whole.split_at_mut_checked(NONCE_LEN) else { return Err(wrong()) };
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| wrong())?;
        let opened =
            cipher(key)?.open_in_place(nonce, Aad::from(owner.as_bytes()), text).map_err(|_| wrong())?;
        String::from_utf8(opened.to_vec()).map_err(|_| wrong())
    }

    /// Returns the id of the newest key.
    ///
    /// # Errors
    /// Returns the errors of [`Secrets::seal`].
    pub(crate) async fn newest_id(&self) -> Result<String> {
        Ok(self.read().await?.newest().id.clone())
    }

    /// Reads the keys from where the configuration says.
    async fn read(&self) -> Result<Arc<Ring>> {
        let Some(at) = &self.0.at else {
            return Err(Error::invalid(
                "secrets",
                "a secret is stored only encrypted: name a key in [secrets] of the configuration, which \
                 tenantry secrets new-key makes",
            ));
        };
        let text = match at {
            KeysAt::Secret(secret) => secret.read().map_err(unreadable)?,
            KeysAt::Command(words) => printed(words).await?,
        };
        let ring = Arc::new(Ring::parse(&text).map_err(unreadable)?);
        *self.0.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(ring.clone());
        Ok(ring)
    }
}

fn unreadable(why: String) -> Error {
    Error::invalid("secrets", format!("the keys cannot be read: {why}"))
}

/// Returns what the program prints. Its output is never logged.
async fn printed(words: &[String]) -> Result<String> {
    let words = words.to_vec();
    let run = tokio::task::spawn_blocking(move || run(&words).map_err(unreadable));
    run.await.map_err(|error| Error::Internal(error.to_string()))?
}

fn run(words: &[String]) -> Result<String, String> {
    let (program, arguments) = words.split_first().ok_or("key_command is empty")?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| format!("{program}: {error}"))?;
    let ends = Instant::now() + COMMAND;
    let status = loop {
        match child.try_wait().map_err(|error| format!("{program}: {error}"))? {
            Some(status) => break status,
            None if Instant::now() < ends => std::thread::sleep(Duration::from_millis(10)),
            None => {
                // It may have ended meanwhile.
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("{program} did not end in {} s", COMMAND.as_secs()));
            }
        }
    };
    let mut text = String::new();
    let read = child.stdout.take().map(|out| out.take(MOST_BYTES).read_to_string(&mut text));
    match (status.success(), read) {
        (true, Some(Ok(_))) => Ok(text),
        (true, _) => Err(format!("{program} printed no text")),
        (false, _) => Err(format!("{program} failed: {status}")),
    }
}

fn cipher(key: &Key) -> Result<RandomizedNonceKey> {
    RandomizedNonceKey::new(&AES_256_GCM, &key.bytes)
        .map_err(|_| Error::Internal("a key of the wrong length".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(lines: &[&str]) -> Secrets {
        let secrets = Secrets::new(&SecretsConfig { keys: Some(KeysAt::Command(keys(lines))) });
        assert!(secrets.is_configured());
        secrets
    }

    fn keys(lines: &[&str]) -> Vec<String> {
        ["printf", "%s\\n"].iter().chain(lines).map(|word| (*word).to_owned()).collect()
    }

    const OLD: &str = "old 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    const NEW: &str = "new ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

    #[tokio::test]
    async fn a_secret_opens_only_for_its_owner_and_under_its_key() {
        let of_old = secrets(&[OLD]);
        let sealed = of_old.seal("row 1", "s3cret").await.unwrap();
        assert!(sealed.key == "old" && !sealed.text.contains("s3cret"));
        assert_ne!(sealed, of_old.seal("row 1", "s3cret").await.unwrap(), "the nonce is random");
        assert_eq!(of_old.open("row 1", &sealed).await.unwrap(), "s3cret");
        let both = secrets(&[NEW, OLD]);
        assert_eq!(both.newest_id().await.unwrap(), "new");
        assert_eq!(both.open("row 1", &sealed).await.unwrap(), "s3cret");
        let copied = both.open("row 2", &sealed).await.unwrap_err();
        assert!(copied.to_string().contains("does not open"), "{copied}");
        let gone = secrets(&[NEW]).open("row 1", &sealed).await.unwrap_err();
        assert!(gone.to_string().contains("the key old is not among"), "{gone}");
        let cut = Sealed { text: sealed.text[..8].into(), ..sealed.clone() };
        assert!(both.open("row 1", &cut).await.is_err());
        let wrong = secrets(&[&NEW.replace("new", "old")]).open("row 1", &sealed).await.unwrap_err();
        assert!(wrong.to_string().contains("put the right key back"), "{wrong}");
    }

    #[tokio::test]
    async fn without_keys_nothing_is_stored() {
        let none = Secrets::new(&SecretsConfig::default());
        let refused = none.seal("row 1", "s3cret").await.unwrap_err().to_string();
        assert!(refused.contains("tenantry secrets new-key") && !refused.contains("s3cret"), "{refused}");
        let failing = Secrets::new(&SecretsConfig { keys: Some(KeysAt::Command(vec!["false".into()])) });
        assert!(failing.seal("row 1", "s3cret").await.is_err());
    }
}
