//! Key sets from a file or a URL: read when needed, each key bound to one algorithm (`token-confusion`).

use crate::access_jwt::{EC, RSA, SECRET, SECRET_ENV, claims, hmac, keys, now, rsa, settings, sign, with};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::Jwk};
use serde_json::{Value, json};
use std::{
    io::{Read, Write},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tenantry::{
    access::jwt::Issuers,
    config::{JwtAlgorithm, KeySource},
};

pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) requests: Arc<AtomicUsize>,
}

/// Starts a server that answers every request with the current body, on a thread that ends with the test binary.
pub(crate) fn serve(body: impl Fn() -> String + Send + 'static) -> Server {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("bind");
    let port = listener.local_addr().expect("address").port();
    let requests = Arc::new(AtomicUsize::new(0));
    let counter = requests.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            counter.fetch_add(1, Ordering::SeqCst);
            let _ = stream.read(&mut [0; 4096]);
            let body = body();
            let head =
                format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            let _ = stream.write_all((head + &body).as_bytes());
        }
    });
    Server { port, requests }
}

fn public_jwk(kid: &str, pem: &str, algorithm: Algorithm) -> Value {
    let key = match algorithm {
        Algorithm::ES256 => EncodingKey::from_ec_pem(pem.as_bytes()),
        _ => EncodingKey::from_rsa_pem(pem.as_bytes()),
    };
    let mut jwk = serde_json::to_value(Jwk::from_encoding_key(&key.expect("key"), algorithm).expect("jwk"))
        .expect("json");
    jwk["kid"] = json!(kid);
    jwk
}

fn token(kid: Option<&str>, algorithm: Algorithm) -> String {
    let key = match algorithm {
        Algorithm::ES256 => EncodingKey::from_ec_pem(EC.as_bytes()),
        _ => EncodingKey::from_rsa_pem(RSA.as_bytes()),
    };
    let header = Header { kid: kid.map(Into::into), ..Header::new(algorithm) };
    jsonwebtoken::encode(&header, &claims(), &key.expect("key")).expect("sign")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_set_from_a_url_is_read_once_and_unknown_ids_do_not_hammer_it() {
    let set = json!({"keys": [public_jwk("r1", RSA, Algorithm::RS256), public_jwk("e1", EC, Algorithm::ES256),
        public_jwk("r2", RSA, Algorithm::RS256),
        {"kty": "oct", "kid": "o1", "k": B64.encode(SECRET), "alg": "HS256"}, {"kty": "future", "kid": "f1"}]});
    let server = serve(move || set.to_string());
    let url = format!("http://127.0.0.1:{}/jwks", server.port);
    let issuers = Issuers::new(&[settings(JwtAlgorithm::Rs256, KeySource::JwksUrl(url))]).expect("settings");
    let many = (0..20).map(|_| async { issuers.verify(&token(Some("r1"), Algorithm::RS256)).await.is_ok() });
    assert!(futures_util::future::join_all(many).await.into_iter().all(|ok| ok));
    assert!(
        issuers.verify(&token(Some("e1"), Algorithm::ES256)).await.is_err(),
        "not the issuer's algorithm"
    );
    assert!(issuers.verify(&token(Some("e1"), Algorithm::RS256)).await.is_err(), "another key's id");
    assert!(issuers.verify(&token(None, Algorithm::RS256)).await.is_err(), "no id among several keys");
    for n in 0..20 {
        assert!(issuers.verify(&token(Some(&format!("new{n}")), Algorithm::RS256)).await.is_err());
    }
    let header = json!({"alg": "HS256", "kid": "o1"});
    assert!(issuers.verify(&hmac(&header, &claims(), SECRET)).await.is_err(), "no secrets from a set");
    assert_eq!(server.requests.load(Ordering::SeqCst), 1);
}

/// HS, RS and ES keys, from a secret, a key file, or a key set from a file or a URL. Each accepts its own tokens and no
/// others.
#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_key_lets_in_what_it_signed_and_nothing_else() {
    let dir = tempfile::tempdir().expect("dir");
    let set =
        json!({"keys": [public_jwk("r1", RSA, Algorithm::RS256), public_jwk("e1", EC, Algorithm::ES256)]});
    let file = dir.path().join("jwks.json");
    std::fs::write(&file, set.to_string()).expect("write");
    let server = serve(move || set.to_string());
    let url = || KeySource::JwksUrl(format!("http://127.0.0.1:{}/jwks", server.port));
    let signed = [
        hmac(&json!({"alg": "HS256"}), &claims(), SECRET),
        token(Some("r1"), Algorithm::RS256),
        token(Some("e1"), Algorithm::ES256),
    ];
    let (rs, es) = (JwtAlgorithm::Rs256, JwtAlgorithm::Es256);
    for (algorithm, key, own) in [
        (JwtAlgorithm::Hs256, KeySource::SecretEnv(SECRET_ENV.into()), 0),
        (rs, KeySource::KeyFile(keys("rsa.pub.pem")), 1),
        (rs, KeySource::JwksFile(file.clone()), 1),
        (rs, url(), 1),
        (es, KeySource::KeyFile(keys("ec.pub.pem")), 2),
        (es, KeySource::JwksFile(file), 2),
        (es, url(), 2),
    ] {
        let issuers = Issuers::new(&[settings(algorithm, key.clone())]).expect("settings");
        for (n, token) in signed.iter().enumerate() {
            assert_eq!(issuers.verify(token).await.is_ok(), n == own, "{algorithm:?} {key:?} {n}");
        }
    }
}

/// Returns the issuers, or the reason why the key of one of them cannot be used.
fn usable(issuers: Result<Issuers, Vec<String>>) -> Result<Issuers, Vec<String>> {
    let issuers = issuers?;
    match issuers.missing() {
        [] => Ok(issuers),
        missing => Err(missing.to_vec()),
    }
}

#[tokio::test]
async fn keys_of_a_set_are_bound_to_one_algorithm() {
    let dir = tempfile::tempdir().expect("dir");
    let path = dir.path().join("jwks.json");
    let check = |key: &Value, algorithm| {
        std::fs::write(&path, json!({"keys": [key]}).to_string()).expect("write");
        usable(Issuers::new(&[settings(algorithm, KeySource::JwksFile(path.clone()))]))
    };
    let mut key = public_jwk("r1", RSA, Algorithm::RS256);
    key["alg"] = json!("RS512");
    let issuers = check(&key, JwtAlgorithm::Rs512).expect("usable");
    assert!(issuers.verify(&token(Some("r1"), Algorithm::RS512)).await.is_ok());
    assert!(issuers.verify(&token(Some("r1"), Algorithm::RS256)).await.is_err(), "its own alg only");
    assert!(check(&key, JwtAlgorithm::Rs256).is_err(), "named for another");
    assert!(check(&key, JwtAlgorithm::Es256).is_err(), "of another type");
    key["use"] = json!("enc");
    assert!(check(&key, JwtAlgorithm::Rs512).is_err(), "an encryption key");
    let secret = json!({"kty": "oct", "k": B64.encode(SECRET), "alg": "HS256"});
    assert!(check(&secret, JwtAlgorithm::Hs256).is_err(), "a secret in a set");
}

#[tokio::test]
async fn a_remembered_token_ends_with_its_time_and_a_spoilt_copy_is_not_it() {
    let issuers = rsa();
    let short = sign(&with("exp", json!(now() + 1)));
    for _ in 0..3 {
        assert!(issuers.verify(&short).await.is_ok());
    }
    let (front, signature) = short.rsplit_once('.').expect("three parts");
    let spoilt = format!(
        "{front}.{}",
        signature.replacen(&signature[..1], if signature.starts_with('A') { "B" } else { "A" }, 1)
    );
    assert!(issuers.verify(&spoilt).await.is_err());
    tokio::time::sleep(std::time::Duration::from_secs(13)).await;
    assert!(issuers.verify(&short).await.is_err(), "its second and the leeway of ten are over");
}

#[tokio::test]
async fn a_key_server_that_was_never_reached_is_no_verdict_on_a_token() {
    let closed =
        std::net::TcpListener::bind("127.0.0.1:0").expect("bind").local_addr().expect("address").port();
    let url = format!("http://127.0.0.1:{closed}/jwks");
    let issuers = Issuers::new(&[settings(JwtAlgorithm::Rs256, KeySource::JwksUrl(url))]).expect("settings");
    for _ in 0..2 {
        let error = issuers.verify(&token(Some("r1"), Algorithm::RS256)).await.expect_err("no keys");
        assert_eq!(error.code(), "unavailable");
    }
}
