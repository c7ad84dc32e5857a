//! The raw stage of `[auth]`. Only the module `read` calls it. It fetches no key and reads no secret.

use crate::config::{model::*, reader::Section};
use std::path::Path;

const ALGORITHMS: [(&str, JwtAlgorithm); 10] = [
    ("HS256", JwtAlgorithm::Hs256),
    ("HS384", JwtAlgorithm::Hs384),
    ("HS512", JwtAlgorithm::Hs512),
    ("RS256", JwtAlgorithm::Rs256),
    ("RS384", JwtAlgorithm::Rs384),
    ("RS512", JwtAlgorithm::Rs512),
    ("PS256", JwtAlgorithm::Ps256),
    ("ES256", JwtAlgorithm::Es256),
    ("ES384", JwtAlgorithm::Es384),
    ("EdDSA", JwtAlgorithm::EdDsa),
];

/// Reads `[auth]` and every `[[auth.jwt]]`.
pub(in crate::config) fn auth(section: Section<'_>, dir: &Path, default: AuthConfig) -> AuthConfig {
    let number = |key, most, default: u32| section.number(key, 1..=most).map_or(default, |n| n as u32);
    let auth = AuthConfig {
        session_hours: number("session_hours", 8_760, default.session_hours),
        login_per_minute: number("login_per_minute", 100_000, default.login_per_minute),
        guesses_per_hour: number("guesses_per_hour", 100_000, default.guesses_per_hour),
        lock_after: section.number("lock_after", 0..=1_000).map_or(default.lock_after, |n| n as u32),
        lock_minutes: number("lock_minutes", 1_440, default.lock_minutes),
        registration_per_hour: number("registration_per_hour", 100_000, default.registration_per_hour),
        roles: section.list("roles").unwrap_or(default.roles),
        jwt: section.array("jwt").into_iter().map(|item| provider(item, dir)).collect(),
    };
    section.finish();
    auth
}

/// Reads a provider. Reports missing keys and fills them with values that cause no further problems. The provider keeps
/// its position, so that the checked stage numbers providers as in the file.
fn provider(section: Section<'_>, dir: &Path) -> JwtProvider {
    let required = |key: &str, present: bool| {
        if !present {
            section.problem(key, "is required");
        }
    };
    let issuer = section.text("issuer");
    required("issuer", section.has("issuer"));
    let audience = match section.value("audience").map(|value| value.get_ref().is_str()) {
        Some(true) => section.parsed::<String>("audience").map(|one| vec![one]),
        _ => section.list("audience"),
    };
    required("audience", section.has("audience"));
    let algorithm = section.one_of("algorithm", &ALGORITHMS);
    required("algorithm", section.has("algorithm"));
    let key = key_source(&section, dir);
    let tenant_claim = section.text("tenant_claim").unwrap_or("tenant").to_owned();
    let user_claim = section.text("user_claim").unwrap_or("email").to_owned();
    let require_nbf = section.flag("require_nbf").unwrap_or(true);
    let tenants = section.list("tenants").unwrap_or_default();
    section.finish();
    let key = key.unwrap_or_else(|| match algorithm.is_some_and(JwtAlgorithm::is_symmetric) {
        true => KeySource::SecretEnv(String::new()),
        false => KeySource::KeyFile(dir.to_owned()),
    });
    let fitting = match key {
        KeySource::SecretEnv(_) => JwtAlgorithm::Hs256,
        _ => JwtAlgorithm::Es256,
    };
    JwtProvider {
        issuer: issuer.unwrap_or("?").to_owned(),
        audience: audience.unwrap_or_else(|| vec!["?".into()]),
        algorithm: algorithm.unwrap_or(fitting),
        key,
        tenant_claim,
        user_claim,
        require_nbf,
        tenants,
    }
}

fn key_source(section: &Section<'_>, dir: &Path) -> Option<KeySource> {
    let mut found = Vec::new();
    found.extend(section.text("key_file").map(|path| KeySource::KeyFile(dir.join(path))));
    found.extend(section.text("jwks_file").map(|path| KeySource::JwksFile(dir.join(path))));
    found.extend(section.text("jwks_url").map(|url| KeySource::JwksUrl(url.to_owned())));
    found.extend(section.text("secret_env").map(|name| KeySource::SecretEnv(name.to_owned())));
    if found.len() != 1 {
        section.problem("key", "give exactly one of key_file, jwks_file, jwks_url, secret_env");
    }
    found.pop()
}
