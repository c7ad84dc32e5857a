//! Reads a key set from a configured URL. `jwks` calls it on the blocking pool, never on an async thread. It follows no
//! redirect, takes no proxy from the environment, trusts the system's certificate bundle, and uses TLS through aws-lc
//! only (two providers panic at run time).

use std::{path::Path, sync::Arc, time::Duration};
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};

const TIMEOUT: Duration = Duration::from_secs(5);
/// Usual paths of the system's certificate bundle; `SSL_CERT_FILE` takes precedence.
const BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
];

/// Allows https for any host, but http only for this machine: keys sent in clear can be replaced.
pub(in crate::access) fn check_url(url: &str) -> Result<(), String> {
    let local =
        ["http://127.0.0.1:", "http://127.0.0.1/", "http://localhost:", "http://localhost/", "http://[::1]"];
    if url.starts_with("https://") || local.iter().any(|prefix| url.starts_with(prefix)) {
        Ok(())
    } else {
        Err(format!("{url:?} is neither https nor this machine"))
    }
}

/// Returns the body of the response, at most [`crate::access::jwks::MAX_BYTES`].
pub(in crate::access) fn get(url: &str) -> Result<Vec<u8>, String> {
    check_url(url)?;
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .max_redirects(0)
        .proxy(None)
        .tls_config(tls()?)
        .build();
    let agent: ureq::Agent = config.into();
    let mut answer = agent.get(url).call().map_err(|e| format!("{url}: {e}"))?;
    if !answer.status().is_success() {
        return Err(format!("{url}: status {}", answer.status()));
    }
    let body = answer.body_mut().with_config().limit(crate::access::jwks::MAX_BYTES);
    body.read_to_vec().map_err(|e| format!("{url}: {e}"))
}

fn tls() -> Result<TlsConfig, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .root_certs(roots())
        .unversioned_rustls_crypto_provider(provider)
        .build())
}

/// Returns the root certificates. A missing bundle counts as empty: https then fails with a certificate error, and http
/// is not affected.
fn roots() -> RootCerts {
    let named = std::env::var("SSL_CERT_FILE").ok();
    let bundle = named.iter().map(String::as_str).chain(BUNDLES).map(Path::new).find(|path| path.is_file());
    let pem = bundle.and_then(|path| std::fs::read(path).ok()).unwrap_or_default();
    let certificates = ureq::tls::parse_pem(&pem).filter_map(|item| match item {
        Ok(ureq::tls::PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    });
    RootCerts::from(certificates)
}
