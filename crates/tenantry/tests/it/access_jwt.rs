//! Corpus of confused and forged tokens (`token-confusion`, `claims-skipped` and `foreign-issuer`), and key sets.

use crate::access_jwks::serve;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::Jwk};
use serde_json::{Value, json};
use std::{path::PathBuf, sync::atomic::Ordering};
use tenantry::access::jwt::{ClaimedTenant, ClaimedUser, Issuers};
use tenantry::config::{JwtAlgorithm, JwtProvider, KeySource};

pub(crate) const RSA: &str = include_str!("keys/rsa.pem");
const RSA_PUBLIC: &str = include_str!("keys/rsa.pub.pem");
pub(crate) const EC: &str = include_str!("keys/ec.pem");
/// Environment variable that cargo sets for every test; its value is long enough for a secret.
pub(crate) const SECRET_ENV: &str = "CARGO_PKG_DESCRIPTION";
pub(crate) const SECRET: &[u8] = env!("CARGO_PKG_DESCRIPTION").as_bytes();
const ISSUER: &str = "https://issuer.example";

pub(crate) fn keys(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/keys").join(file)
}

pub(crate) fn settings(algorithm: JwtAlgorithm, key: KeySource) -> JwtProvider {
    JwtProvider {
        issuer: ISSUER.into(),
        audience: vec!["tenantry".into()],
        algorithm,
        key,
        tenant_claim: "custom:organization_id".into(),
        user_claim: "sub".into(),
        require_nbf: true,
        tenants: vec![],
    }
}

pub(crate) fn rsa() -> Issuers {
    Issuers::new(&[settings(JwtAlgorithm::Rs256, KeySource::KeyFile(keys("rsa.pub.pem")))]).expect("settings")
}

fn secret_issuer() -> JwtProvider {
    settings(JwtAlgorithm::Hs256, KeySource::SecretEnv(SECRET_ENV.into()))
}

pub(crate) fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

pub(crate) fn claims() -> Value {
    json!({"iss": ISSUER, "aud": "tenantry", "nbf": now() - 60, "exp": now() + 60, "sub": "user-1",
        "custom:organization_id": "demo-org", "unknown": {"claims": ["are", "ignored"]}})
}

pub(crate) fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().expect("object").remove(name);
    claims
}

pub(crate) fn sign(claims: &Value) -> String {
    let key = EncodingKey::from_rsa_pem(RSA.as_bytes()).expect("key");
    jsonwebtoken::encode(&Header::new(Algorithm::RS256), claims, &key).expect("sign")
}

/// Returns a token with the given header and claims, signed with HMAC over `secret`.
pub(crate) fn hmac(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let message = format!("{}.{}", B64.encode(header.to_string()), B64.encode(claims.to_string()));
    let key = EncodingKey::from_secret(secret);
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).expect("sign");
    format!("{message}.{signature}")
}

#[tokio::test]
async fn a_good_token_names_user_and_tenant() {
    let claims = rsa().verify(&sign(&claims())).await.expect("good");
    assert_eq!(claims.user, ClaimedUser::Subject { issuer: ISSUER.into(), subject: "user-1".into() });
    let slug = tenantry_engine::name::Slug::parse("demo-org").expect("slug");
    assert_eq!(claims.tenant, Some(ClaimedTenant::SlugOrExternalId(slug)));
    let list = sign(&with("aud", json!(["other", "tenantry"])));
    assert!(rsa().verify(&list).await.is_ok(), "one of several audiences");
    assert!(rsa().verify(&sign(&with("nbf", json!(now() - 1)))).await.is_ok());
}

#[tokio::test]
async fn claims_skipped_claims_that_are_missing_malformed_or_off_are_refused() {
    let issuers = rsa();
    let bad = [
        without("exp"),
        without("iss"),
        without("aud"),
        without("nbf"),
        without("sub"),
        with("exp", json!(now() - 60)),
        with("exp", json!("soon")),
        with("exp", json!(null)),
        with("exp", json!(-1)),
        with("exp", json!([now() + 60])),
        with("exp", json!({"$gt": 0})),
        with("nbf", json!(now() + 60)),
        with("nbf", json!("yesterday")),
        with("nbf", json!([0])),
        with("aud", json!("other")),
        with("aud", json!([])),
        with("aud", json!(null)),
        with("aud", json!({})),
        with("iss", json!("https://issuer.example/")),
        with("iss", json!([ISSUER])),
        with("iss", json!(null)),
        with("iss", json!("https://evil.example")),
        with("sub", json!("")),
        with("sub", json!(7)),
        with("sub", json!("x".repeat(300))),
        with("custom:organization_id", json!("")),
        with("custom:organization_id", json!(["demo-org"])),
        with("custom:organization_id", json!({"$ne": null})),
        with("custom:organization_id", json!(1)),
    ];
    for claims in &bad {
        let error = issuers.verify(&sign(claims)).await.expect_err(&claims.to_string());
        assert_eq!(error.code(), "unauthenticated", "{claims}");
    }
    println!("refused {} tokens with bad claims", bad.len());
}

#[tokio::test]
async fn token_confusion_confusion_of_algorithm_and_key_is_refused() {
    let issuers = rsa();
    let good = sign(&claims());
    let parts: Vec<&str> = good.split('.').collect();
    let header = |value: Value| B64.encode(value.to_string());
    let ec = EncodingKey::from_ec_pem(EC.as_bytes()).expect("key");
    let mut forged = vec![
        hmac(&json!({"alg": "HS256", "typ": "JWT"}), &claims(), RSA_PUBLIC.as_bytes()),
        hmac(&json!({"alg": "HS256"}), &claims(), RSA_PUBLIC.trim_end().as_bytes()),
        hmac(&json!({"alg": "RS256"}), &claims(), RSA_PUBLIC.as_bytes()),
        hmac(&json!({"alg": "HS256"}), &claims(), b""),
        jsonwebtoken::encode(&Header::new(Algorithm::ES256), &claims(), &ec).expect("sign"),
        format!("{}.{}.{}", header(json!({"alg": "RS512"})), parts[1], parts[2]),
        format!("{}.{}.{}", header(json!({"alg": "PS256"})), parts[1], parts[2]),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}", parts[0], parts[1]),
        format!("{good}."),
        format!("{good}.{}", parts[2]),
        format!(" {good}"),
        format!("{good}=="),
        format!("{}.{}.{}", parts[0], B64.encode(with("sub", json!("root")).to_string()), parts[2]),
        String::new(),
        "..".into(),
        "a.b.c".into(),
        "eyJ".into(),
        "\0.\0.\0".into(),
        "e".repeat(100_000),
    ];
    for alg in ["none", "None", "NONE", "nOnE", "", "hs256", "RS256 ", "HS1"] {
        forged.push(format!("{}.{}.", header(json!({"alg": alg})), parts[1]));
        forged.push(format!("{}.{}.{}", header(json!({"alg": alg})), parts[1], parts[2]));
    }
    for token in &forged {
        assert!(issuers.verify(token).await.is_err(), "{token}");
    }
    println!("refused {} forged tokens", forged.len());
}

#[tokio::test]
async fn token_confusion_keys_that_the_token_brings_or_points_to_are_never_used() {
    let contacted = serve(|| "{\"keys\":[]}".into());
    let url = format!("http://127.0.0.1:{}/jwks.json", contacted.port);
    let evil = EncodingKey::from_secret(SECRET);
    let jwk = Jwk::from_encoding_key(&evil, Algorithm::HS256).expect("jwk");
    let issuers = rsa();
    for extra in [
        json!({"jku": url}),
        json!({"x5u": url}),
        json!({"jwk": jwk}),
        json!({"x5c": ["MIIB"]}),
        json!({"kid": "../../../../dev/null"}),
        json!({"kid": url}),
        json!({"kid": "' or 1=1 --"}),
        json!({"crit": ["b64"], "b64": false}),
        json!({"zip": "DEF"}),
    ] {
        let mut header = json!({"alg": "HS256", "typ": "JWT"});
        header.as_object_mut().expect("object").extend(extra.as_object().expect("object").clone());
        assert!(issuers.verify(&hmac(&header, &claims(), SECRET)).await.is_err(), "{header}");
    }
    let mut header = Header::new(Algorithm::RS256);
    header.crit = Some(vec!["exp".into()]);
    let key = EncodingKey::from_rsa_pem(RSA.as_bytes()).expect("key");
    let token = jsonwebtoken::encode(&header, &claims(), &key).expect("sign");
    assert!(issuers.verify(&token).await.is_err(), "a critical extension nobody understands");
    assert_eq!(contacted.requests.load(Ordering::SeqCst), 0, "nobody was asked");
}

#[tokio::test]
async fn foreign_issuer_one_issuers_key_does_not_sign_for_another() {
    let second = JwtProvider { issuer: "https://second.example".into(), ..secret_issuer() };
    let first = settings(JwtAlgorithm::Rs256, KeySource::KeyFile(keys("rsa.pub.pem")));
    let issuers = Issuers::new(&[first, second]).expect("settings");
    let ours = hmac(&json!({"alg": "HS256"}), &with("iss", json!("https://second.example")), SECRET);
    assert!(issuers.verify(&ours).await.is_ok());
    assert!(issuers.verify(&hmac(&json!({"alg": "HS256"}), &claims(), SECRET)).await.is_err());
    assert!(issuers.verify(&sign(&with("iss", json!("https://second.example")))).await.is_err());
}

#[tokio::test]
async fn what_is_no_slug_is_an_external_id_and_no_claim_is_no_tenant() {
    let issuers = rsa();
    for odd in ["Demo_org_001", "../demo", "Demo-Org", "a'; --"] {
        let claims = issuers.verify(&sign(&with("custom:organization_id", json!(odd)))).await.expect(odd);
        assert_eq!(claims.tenant, Some(ClaimedTenant::ExternalId(odd.into())), "never a name");
    }
    let claims = issuers.verify(&sign(&without("custom:organization_id"))).await.expect("no claim");
    assert_eq!(claims.tenant, None);
}

#[tokio::test]
async fn an_e_mail_marked_unverified_names_nobody() {
    let issuers =
        Issuers::new(&[JwtProvider { user_claim: "email".into(), ..secret_issuer() }]).expect("settings");
    for (verified, ok) in
        [(json!(true), true), (json!("true"), true), (json!(false), false), (json!("no"), false)]
    {
        let mut claims = with("email", json!("Ada@Example.org"));
        claims["email_verified"] = verified.clone();
        let read = issuers.verify(&hmac(&json!({"alg": "HS256"}), &claims, SECRET)).await;
        assert_eq!(read.is_ok(), ok, "{verified}");
        if let Ok(read) = read {
            assert_eq!(read.user, ClaimedUser::Email("ada@example.org".into()));
        }
    }
}

#[test]
fn settings_report_every_problem_at_once() {
    let deaf = JwtProvider {
        audience: vec![],
        ..settings(JwtAlgorithm::Hs256, KeySource::SecretEnv("NOT_SET_EVER".into()))
    };
    let short = settings(JwtAlgorithm::Hs256, KeySource::SecretEnv("CARGO_PKG_NAME".into()));
    let clear = settings(JwtAlgorithm::Rs256, KeySource::JwksUrl("http://keys.example/jwks".into()));
    let other = settings(JwtAlgorithm::Es256, KeySource::KeyFile(keys("rsa.pub.pem")));
    let confused = settings(JwtAlgorithm::Hs256, KeySource::KeyFile(keys("rsa.pub.pem")));
    let fine = || settings(JwtAlgorithm::Rs256, KeySource::KeyFile(keys("rsa.pub.pem")));
    let problems = Issuers::new(&[deaf.clone(), fine(), fine()]).expect_err("problems").join("\n");
    for part in ["audience", "given twice"] {
        assert!(problems.contains(part), "{part} in\n{problems}");
    }
    // An unreadable key stops only a server.
    let unread = JwtProvider { audience: vec!["tenantry".into()], ..deaf };
    let named = |provider: JwtProvider, name: &str| JwtProvider { issuer: name.into(), ..provider };
    let issuers = Issuers::new(&[
        unread,
        named(short, "https://short.example"),
        named(clear, "https://clear.example"),
        named(other, "https://other.example"),
        named(confused, "https://confused.example"),
    ]);
    let issuers = issuers.expect("only keys are missing");
    assert_eq!(issuers.missing().len(), 5);
    let missing = issuers.missing().join("\n");
    for part in ["not set", "shorter than 32", "neither https", "PEM:", "holds no shared secret"] {
        assert!(missing.contains(part), "{part} in\n{missing}");
    }
}

#[tokio::test]
async fn an_issuer_that_leaves_out_nbf_is_configured_so() {
    let provider = JwtProvider { require_nbf: false, ..secret_issuer() };
    let issuers = Issuers::new(&[provider]).expect("settings");
    let token = |claims: &Value| hmac(&json!({"alg": "HS256"}), claims, SECRET);
    assert!(issuers.verify(&token(&without("nbf"))).await.is_ok());
    for nbf in [json!(now() + 60), json!("yesterday"), json!([0])] {
        assert!(
            issuers.verify(&token(&with("nbf", nbf.clone()))).await.is_err(),
            "{nbf} is checked all the same"
        );
    }
}

#[tokio::test]
async fn no_claim_stands_twice() {
    let issuers = Issuers::new(&[secret_issuer()]).expect("settings");
    let sign = |body: &str| {
        let message = format!("{}.{}", B64.encode(r#"{"alg":"HS256"}"#), B64.encode(body));
        let key = EncodingKey::from_secret(SECRET);
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).expect("sign");
        format!("{message}.{signature}")
    };
    let once = claims().to_string();
    assert!(issuers.verify(&sign(&once)).await.is_ok());
    for again in ["\"sub\":\"user-1\"", "\"custom:organization_id\":\"other\"", "\"exp\":1", "\"iss\":\"x\""]
    {
        let twice = once.replacen('{', &format!("{{{again},"), 1);
        assert!(issuers.verify(&sign(&twice)).await.is_err(), "{twice}");
    }
}

#[tokio::test]
async fn an_address_is_lowered_as_ascii_and_nothing_else_passes_for_it() {
    let provider = JwtProvider { user_claim: "email".into(), ..secret_issuer() };
    let issuers = Issuers::new(&[provider]).expect("settings");
    let token = |email: &str| hmac(&json!({"alg": "HS256"}), &with("email", json!(email)), SECRET);
    let upper = issuers.verify(&token("Kate@Green.Example")).await.expect("ASCII");
    assert_eq!(upper.user, ClaimedUser::Email("kate@green.example".into()));
    for odd in ["\u{212A}ate@green.example", "k\u{e4}te@green.example", "kate@green\u{ff0e}example"] {
        assert!(issuers.verify(&token(odd)).await.is_err(), "{odd}");
    }
}

/// Tokens begin and expire by the platform's clock, like everything else.
#[tokio::test]
async fn tokens_go_by_the_clock_of_the_platform() {
    let clock = tenantry::clock::Clock::default();
    let issuers = Issuers::new(&[secret_issuer()]).expect("settings").with_clock(&clock);
    let token = |claims: &Value| hmac(&json!({"alg": "HS256"}), claims, SECRET);
    let (now, later) = (token(&claims()), token(&with("exp", json!(now() + 7_200))));
    assert!(issuers.verify(&now).await.is_ok());
    clock.jump_us(3_600_000_000);
    assert!(issuers.verify(&now).await.is_err(), "one that was checked before has ended, too");
    assert!(issuers.verify(&later).await.is_ok());
    let soon = token(&with("nbf", json!(self::now() + 3_590)));
    assert!(issuers.verify(&soon).await.is_err(), "it ends before it begins");
    let mut wanted = with("nbf", json!(self::now() + 3_590));
    wanted["exp"] = json!(self::now() + 7_200);
    assert!(issuers.verify(&token(&wanted)).await.is_ok(), "it has begun by this clock");
    clock.jump_us(-2 * 3_600_000_000);
    assert!(issuers.verify(&token(&wanted)).await.is_ok(), "it was checked, and nothing says otherwise");
    wanted["exp"] = json!(self::now() + 7_201);
    assert!(issuers.verify(&token(&wanted)).await.is_err(), "it has not begun by this clock");
    for odd in [json!("soon"), json!(null), json!([1]), json!(true)] {
        for name in ["exp", "nbf"] {
            assert!(issuers.verify(&token(&with(name, odd.clone()))).await.is_err(), "{name} {odd}");
        }
    }
}
