//! Encrypted connections with rustls. As in libpq, `sslmode` determines what a certificate must prove.

use super::url::PostgresUrl;
use crate::error::{Error, Kind, Result};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};
use std::{path::PathBuf, sync::Arc};

/// Encryption of a connection, and what the server's certificate must prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Not encrypted.
    Plain,
    /// Encrypted if the server supports it. The certificate is not verified.
    Prefer,
    /// Encrypted. The certificate is not verified.
    Unchecked,
    /// Encrypted. The certificate must be from a trusted authority.
    Authority,
    /// Encrypted. The certificate must be from a trusted authority and valid for the name in the URL.
    Full,
}

/// The authorities whose certificates are trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Roots {
    /// The authorities that the operating system trusts.
    System {
        /// True if the URL asks for them. Then the certificate must be valid for the server's name.
        asked: bool,
    },
    /// The authorities in a PEM file.
    File(PathBuf),
}

impl Roots {
    /// Returns the roots that `sslrootcert` names.
    pub(super) fn of(sslrootcert: Option<&str>) -> Self {
        match sslrootcert {
            None => Self::System { asked: false },
            Some("system") => Self::System { asked: true },
            Some(path) => Self::File(path.into()),
        }
    }

    /// Reads the certificates.
    ///
    /// # Errors
    /// Returns [`Kind::Statement`] if the file cannot be read or contains no certificate.
    fn read(&self) -> Result<Arc<RootCertStore>> {
        let mut store = RootCertStore::empty();
        match self {
            Self::System { .. } => {
                store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
            Self::File(path) => {
                let wrong = |why: String| {
                    let text = format!("sslrootcert: {}: {why}", path.display());
                    Error::new(Kind::Statement(text), "URL of a PostgreSQL server")
                };
                let found =
                    CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
                store.add_parsable_certificates(found.map_err(|error| wrong(error.to_string()))?);
                if store.is_empty() {
                    return Err(wrong("holds no certificate".into()));
                }
            }
        }
        Ok(Arc::new(store))
    }
}

/// Returns the environment variables that make a PostgreSQL program encrypt as the URL requires.
pub(super) fn environment(url: &PostgresUrl) -> Vec<(&'static str, String)> {
    let mode = match url.mode {
        Mode::Plain => "disable",
        Mode::Prefer => "prefer",
        Mode::Unchecked => "require",
        Mode::Authority => "verify-ca",
        Mode::Full => "verify-full",
    };
    let root = match &url.roots {
        Roots::System { .. } => "system".to_owned(),
        Roots::File(path) => path.display().to_string(),
    };
    let mut all = vec![("PGSSLMODE", mode.to_owned())];
    if matches!(url.mode, Mode::Authority | Mode::Full) {
        all.push(("PGSSLROOTCERT", root));
    }
    all
}

impl Mode {
    /// Returns the mode for a value of `sslmode`.
    ///
    /// # Errors
    /// Returns the allowed values.
    pub(super) fn of(sslmode: Option<&str>, roots: &Roots, is_local: bool) -> Result<Self, String> {
        Ok(match (sslmode, roots) {
            (Some("disable"), _) => Self::Plain,
            (Some("allow" | "prefer"), _) => Self::Prefer,
            (Some("require"), Roots::System { asked: false }) => Self::Unchecked,
            (Some("require" | "verify-ca"), Roots::File(_)) => Self::Authority,
            (Some("verify-ca"), Roots::System { asked: false }) => Self::Authority,
            (Some("require" | "verify-ca"), _) | (Some("verify-full"), _) => Self::Full,
            (None, Roots::System { asked: false }) if is_local => Self::Plain,
            (None, _) => Self::Full,
            (Some(_), _) => {
                return Err("sslmode must be disable, prefer, require, verify-ca or verify-full".into());
            }
        })
    }
}

/// Returns the encryption settings for a URL; `None` if connections are not encrypted.
///
/// # Errors
/// Returns [`Kind::Statement`] if `sslrootcert` cannot be used.
pub(super) fn config(url: &PostgresUrl) -> Result<Option<Arc<ClientConfig>>> {
    if url.mode == Mode::Plain {
        return Ok(None);
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let broken = |error: &dyn std::fmt::Display| Error::new(Kind::Statement(error.to_string()), "TLS");
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| broken(&error))?;
    let verifier: Arc<dyn ServerCertVerifier> = match url.mode {
        Mode::Plain | Mode::Prefer | Mode::Unchecked => Arc::new(Lenient { provider, authority: None }),
        Mode::Authority | Mode::Full => {
            let built =
                WebPkiServerVerifier::builder_with_provider(url.roots.read()?, provider.clone()).build();
            let checked = built.map_err(|error| broken(&error))?;
            match url.mode {
                Mode::Full => checked,
                _ => Arc::new(Lenient { provider, authority: Some(checked) }),
            }
        }
    };
    Ok(Some(Arc::new(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())))
}

/// Accepts the certificate of any host: the connection is encrypted, but it may end at the wrong server.
#[derive(Debug)]
struct Lenient {
    provider: Arc<CryptoProvider>,
    /// Refuses certificates of unknown authorities. Without it, any certificate is accepted.
    authority: Option<Arc<WebPkiServerVerifier>>,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        use rustls::Error::InvalidCertificate;
        let Some(authority) = &self.authority else { return Ok(ServerCertVerified::assertion()) };
        match authority.verify_server_cert(certificate, others, name, ocsp, now) {
            // The name is checked last, after the chain, so the chain is valid here.
            Err(InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            checked => checked,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
