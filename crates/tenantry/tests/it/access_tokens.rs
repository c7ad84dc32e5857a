//! Tokens and passwords of the platform: format, policy, equal time, bounded pool (`uneven-credentials`, `path-in-name`
//! and `account-enumeration`).

use std::time::{Duration, Instant};
use tenantry::access::passwords::{Password, Passwords};
use tenantry::access::token::{Token, TokenHash, TokenKind};
use tenantry_testkit::property;

#[test]
fn any_text_is_parsed_without_panic_and_only_the_exact_form_passes() {
    property(4_000, "\\PC{0,60}|tn[sk]_[A-Za-z0-9_-]{40,46}", |text| {
        if let Some(token) = Token::parse(&text) {
            assert_eq!(token.reveal(), text.as_str());
        }
        let _ = TokenHash::from_hex(&text);
    });
}

#[test]
fn tokens_round_trip_and_a_session_is_never_a_key() {
    let session = Token::generate(TokenKind::Session);
    let text = session.reveal();
    assert!(text.starts_with("tns_") && text.len() == 47);
    assert_eq!(Token::parse(&text).expect("own form").hash(), session.hash());
    let as_key = Token::parse(&text.replacen("tns_", "tnk_", 1)).expect("a key's form");
    assert_eq!(as_key.kind(), TokenKind::ApiKey);
    assert_ne!(as_key.hash(), session.hash(), "`uneven-credentials`: same bits, other kind");
    assert_ne!(Token::generate(TokenKind::Session).hash(), session.hash());
    let hex = session.hash().to_hex();
    assert_eq!(TokenHash::from_hex(&hex), Some(session.hash()));
    for bad in ["", &hex[1..], &hex.replacen(&hex[..1], "g", 1), &format!("{hex}0"), &"é".repeat(32)] {
        assert_eq!(TokenHash::from_hex(bad), None, "{bad:?}");
    }
}

#[test]
fn secrets_do_not_show_in_debug() {
    let token = Token::generate(TokenKind::ApiKey);
    let shown = format!("{token:?} {:?} {:?}", token.hash(), Password::new("correct horse"));
    for secret in [&token.reveal()[4..], &token.hash().to_hex(), "horse"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn password_policy() {
    for (password, ok) in [
        ("correct horse", true),
        ("ten chars!", true),
        ("nine char", false),
        ("ááááúúúúóó", true),
        ("aaaaaaaaaaaa", false),
        ("abababababab", false),
        ("Ada.Lovelace@Example.org", false),
        ("ada.lovelace", false),
    ] {
        assert_eq!(Password::new(password).check("ada.lovelace@example.org").is_ok(), ok, "{password}");
    }
    assert!(Password::new("ab1".repeat(400)).check("a@b.c").is_err(), "longer than 1024 bytes");
}

#[tokio::test]
async fn only_the_right_password_fits() {
    let pool = Passwords::new(2);
    let stored = pool.hash(Password::new("correct horse")).await.expect("hash");
    assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
    assert_ne!(stored, pool.hash(Password::new("correct horse")).await.expect("hash"), "salted");
    assert!(pool.verify(Password::new("correct horse"), Some(&stored)).await.expect("verify"));
    assert!(!pool.verify(Password::new("correct horsf"), Some(&stored)).await.expect("verify"));
    assert!(!pool.verify(Password::new("correct horse"), None).await.expect("verify"));
    assert!(!pool.verify(Password::new("x"), Some("no hash")).await.expect("a damaged hash is a no"));
}

#[tokio::test]
async fn account_enumeration_an_unknown_account_costs_the_same_time() {
    let pool = Passwords::new(1);
    let stored = pool.hash(Password::new("correct horse")).await.expect("hash");
    let mut spent = [Duration::MAX; 2];
    for _ in 0..8 {
        for (best, hash) in spent.iter_mut().zip([Some(stored.as_str()), None]) {
            let start = Instant::now();
            let _ = pool.verify(Password::new("wrong password"), hash).await.expect("verify");
            *best = (*best).min(start.elapsed());
        }
    }
    let ratio = spent[0].as_secs_f64() / spent[1].as_secs_f64();
    assert!((0.4..2.5).contains(&ratio), "known {:?}, unknown {:?}", spent[0], spent[1]);
}

#[tokio::test]
async fn account_enumeration_a_flood_is_refused_rather_than_queued_without_end() {
    let pool = Passwords::new(1);
    let flood = (0..60).map(|_| pool.verify(Password::new("wrong password"), None));
    let answers = futures_util::future::join_all(flood).await;
    let refused = answers.iter().filter(|a| a.is_err()).count();
    assert_eq!(refused, 60 - 33, "one works and 32 wait");
    assert!(pool.verify(Password::new("wrong password"), None).await.is_ok(), "and then it is over");
}
