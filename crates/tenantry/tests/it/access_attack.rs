//! T1 in process: fifty tenants, credentials of every kind combined with names of tenants, random mistakes in both.
//! Every caller that is let in enters its own tenant. T4: no host, slug or token causes a panic or is mistaken for
//! another.

use crate::{
    installation::Installation,
    test_platform::{TestPlatform, operator, slug},
};
use std::sync::{Arc, OnceLock};
use tenantry::{
    access::{
        Presented, api_keys::NewKey, host::tenant_of, jwt::Issuers, login::Login, passwords::Password,
        token::Token,
    },
    audit::By,
    config::{JwtAlgorithm, JwtProvider, KeySource},
    internals,
    name::{ModelName, PhysicalName, RoleName, Slug, StoreName, TenantId},
    records::{Input, Want},
    users::{self, NewUser},
};
use tenantry_testkit::{Random, dose, tried};

const PASSWORD: &str = "correct horse battery";
const TENANTS: usize = 50;
const TASKS: u64 = 2;
const SECRET_ENV: &str = "TENANTRY_TEST_SECRET";
const PROVIDER: &str = "[[auth.jwt]]\nissuer = \"https://id.example\"\naudience = \"tenantry\"\nalgorithm = \"HS256\"\n\
    secret_env = \"TENANTRY_TEST_SECRET\"\n";

struct One {
    id: TenantId,
    slug: String,
    suspended: bool,
    session: String,
    key: String,
    jwt: String,
}

struct Cast {
    platform: TestPlatform,
    all: Vec<One>,
}

impl Cast {
    async fn new() -> Self {
        let platform = Installation::new()
            .isolation("pooled")
            .set("platform", "base_domain = \"app.example\"")
            .free_plan()
            .with(PROVIDER)
            .start()
            .await;
        let hash = platform.access().passwords().hash(Password::new(PASSWORD)).await.unwrap();
        let mut all = Vec::new();
        for n in 0..TENANTS {
            all.push(one(&platform, n, &hash).await);
        }
        for one in all.iter().filter(|one| one.suspended) {
            platform.tenants().suspend(&operator(), &slug(&one.slug), "test").await.unwrap();
        }
        Self { platform, all }
    }
}

async fn one(platform: &TestPlatform, n: usize, hash: &str) -> One {
    let (name, email) = (format!("tenant-{n}"), format!("owner-{n}@x.test"));
    let id = platform.create(&name).await.tenant;
    let mut write = platform.control.begin().await.unwrap();
    let user = NewUser {
        email: email.clone(),
        name: name.clone(),
        password_hash: Some(hash.to_owned()),
        standing: users::Standing::Confirmed,
    };
    let user = internals::create_user(&mut write, &By::system(), &user).await.unwrap();
    let owner = RoleName::parse("owner").unwrap();
    internals::members::add(&mut write, &By::system(), user, id, &owner).await.unwrap();
    write.commit().await.unwrap();
    let password = Password::new(PASSWORD);
    let login = Login { email: email.clone(), password, tenant: None, origin: Default::default() };
    let session = platform.access().login(login).await.unwrap().token.reveal();
    let presented = Presented { session: Some(&session), ..Presented::default() };
    let tenant = platform.access().enter_presented(&presented).await.unwrap();
    let text = format!(r#"{{"first_name":"A","last_name":"canary-{n}","born_on":"1990-01-01"}}"#);
    let row: Input = serde_json::from_str(&text).unwrap();
    platform.records(&tenant, "patients").unwrap().create(&row).await.unwrap();
    let key = NewKey { name: "test".into(), role: owner.to_string(), expires_us: None };
    let key = platform.access().api_keys().create(&tenant, key).await.unwrap().0.reveal();
    drop(tenant);
    One { id, suspended: n % 10 == 9, jwt: jwt(&email, &name), slug: name, session, key }
}

fn jwt(email: &str, tenant: &str) -> String {
    let exp = jiff::Timestamp::now().as_second() + 36_000;
    let claims = serde_json::json!({"iss": "https://id.example", "aud": "tenantry", "nbf": 1, "exp": exp,
        "email": email, "tenant": tenant});
    let secret = std::env::var(SECRET_ENV).unwrap();
    let key = jsonwebtoken::EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap()
}

/// A presented text, the tenant it belongs to, and whether it contains a mistake.
struct Shown {
    text: String,
    of: usize,
    spoilt: bool,
}

fn maybe(random: &mut Random, one_in: usize, of: usize, text: String) -> Option<Shown> {
    random.one_in(one_in).then(|| {
        let spoilt = random.one_in(6);
        Shown { text: if spoilt { random.spoil(&text) } else { text }, of, spoilt }
    })
}

/// Makes one request; returns whether it was let in.
async fn enter(cast: &Cast, random: &mut Random) -> bool {
    let (own, other) = (random.below(TENANTS), random.below(TENANTS));
    let mut who = |rarely: usize| if random.one_in(rarely) { other } else { own };
    let at = [who(5), who(5), who(5), who(4), who(4), who(4)];
    let bearer = {
        let one = &cast.all[at[1]];
        (*random.pick(&[&one.session, &one.key, &one.jwt])).clone()
    };
    let credentials = [
        maybe(random, 3, at[0], cast.all[at[0]].session.clone()),
        maybe(random, 2, at[1], bearer),
        maybe(random, 3, at[2], cast.all[at[2]].key.clone()),
    ];
    let names = [
        maybe(random, 4, at[3], format!("{}.app.example", cast.all[at[3]].slug)),
        maybe(random, 4, at[4], cast.all[at[4]].slug.clone()),
        maybe(random, 4, at[5], cast.all[at[5]].slug.clone()),
    ];
    fn text(shown: &Option<Shown>) -> Option<&str> {
        shown.as_ref().map(|s| s.text.as_str())
    }
    let presented = Presented {
        session: text(&credentials[0]),
        bearer: text(&credentials[1]),
        api_key: text(&credentials[2]),
        host: text(&names[0]),
        path_tenant: text(&names[1]),
        header_tenant: text(&names[2]),
    };
    let Ok(tenant) = cast.platform.access().enter_presented(&presented).await else { return false };
    let sure = credentials.iter().chain(&names).flatten().filter(|shown| !shown.spoilt);
    let entered = cast.all.iter().position(|one| one.id == tenant.id()).expect("one of the cast");
    assert!(sure.map(|shown| shown.of).all(|of| of == entered), "{entered} by {at:?}");
    assert!(
        credentials.iter().flatten().any(|shown| shown.of == entered),
        "{entered} without a credential of it"
    );
    assert!(!cast.all[entered].suspended, "{entered} is suspended");
    if random.one_in(16) {
        let records = cast.platform.records(&tenant, "patients").unwrap();
        let row = records.get("1", &Want::default()).await.unwrap();
        let canary = format!("\"canary-{entered}\"");
        assert!(String::from_utf8(row.body).unwrap().contains(&canary), "{canary}");
    }
    true
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_let_in_is_let_into_their_own_tenant() {
    let cast = Arc::new(Cast::new().await);
    let each = dose(500_000, 50_000_000) / TASKS;
    let tasks = (0..TASKS).map(|stream| {
        let cast = cast.clone();
        tokio::spawn(async move {
            let (mut random, mut let_in) = (Random::new(11, stream), 0_u64);
            for _ in 0..each {
                let_in += u64::from(enter(&cast, &mut random).await);
            }
            let_in
        })
    });
    let mut let_in = 0;
    for task in tasks.collect::<Vec<_>>() {
        let_in += task.await.unwrap();
    }
    assert!(let_in > each * TASKS / 20, "hardly anybody was let in: {let_in}");
    tried("T1 in process", each * TASKS, "entries");
    cast.platform.shutdown().await;
}

#[test]
fn whatever_a_host_or_name_says_it_is_itself_or_refused() {
    let mut random = Random::new(12, 0);
    let tries = dose(200_000, 10_000_000);
    for _ in 0..tries {
        let slug_text = random.spoil("city-hospital");
        let host = random.spoil(&format!("{slug_text}.app.example.com:8000"));
        if let Ok(Some(found)) = tenant_of(&host, "app.example.com") {
            assert!(
                host.to_ascii_lowercase().starts_with(&format!("{found}.app.example.com")),
                "{host}: {found}"
            );
        }
        if let Ok(parsed) = Slug::parse(&slug_text) {
            assert_eq!(parsed.as_str(), slug_text, "refused, never mapped");
            let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
            assert!(slug_text.bytes().all(plain) && (3..=40).contains(&slug_text.len()), "{slug_text}");
        }
        for (text, name) in [
            (StoreName::parse(&slug_text).map(|n| n.to_string()), "store"),
            (ModelName::parse(&slug_text).map(|n| n.to_string()), "model"),
            (PhysicalName::parse(&slug_text).map(|n| n.to_string()), "physical"),
        ] {
            let Ok(text) = text else { continue };
            assert!(text == slug_text && !text.contains(['/', '.', '%', '\0', ' ']), "{name} {text:?}");
        }
    }
    tried("T4 hosts and names", tries * 5, "texts");
}

fn issuers() -> &'static Issuers {
    static ISSUERS: OnceLock<Issuers> = OnceLock::new();
    ISSUERS.get_or_init(|| {
        let provider = JwtProvider {
            issuer: "https://id.example".into(),
            audience: vec!["tenantry".into()],
            algorithm: JwtAlgorithm::Hs256,
            key: KeySource::SecretEnv(SECRET_ENV.into()),
            tenant_claim: "tenant".into(),
            user_claim: "email".into(),
            require_nbf: true,
            tenants: vec![],
        };
        Issuers::new(&[provider]).unwrap()
    })
}

/// A token with a mistake is refused, unless the mistake left it unchanged.
#[tokio::test]
async fn a_token_with_a_slip_in_it_is_no_token() {
    let good = jwt("owner@x.test", "city-hospital");
    issuers().verify(&good).await.expect("the good one");
    let own = Token::generate(tenantry::access::token::TokenKind::Session).reveal();
    let mut random = Random::new(13, 0);
    let tries = dose(50_000, 5_000_000);
    for _ in 0..tries {
        let spoilt = random.spoil(&good);
        if spoilt != good {
            assert!(issuers().verify(&spoilt).await.is_err(), "{spoilt}");
        }
        let spoilt = random.spoil(&own);
        if let Some(token) = Token::parse(&spoilt) {
            assert_eq!(token.reveal(), spoilt, "what is read is what was sent");
        }
    }
    tried("T4 tokens", tries * 2, "tokens");
}
