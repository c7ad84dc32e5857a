//! Two tenants and their users, for the access suites. Everything is written with plain SQL, so that the suites do not
//! depend on the operations that they test.

use std::sync::Arc;
use tenantry::{
    access::{
        Access, Actor, Presented, Tenant,
        impersonation::{Impersonate, Impersonation},
        login::Login,
        passwords::{Password, Passwords},
        sessions::Origin,
    },
    config::{Config, DEFAULT_TOML, JwtAlgorithm, JwtProvider, KeySource},
    internals::{self, Control, Subject, Write},
};
use tenantry_engine::{
    CacheLimits, Engine, ServerSpec,
    name::{PhysicalName, ServerName, Slug, StoreName, TenantId, UserId},
    place::{Isolation, Place},
    value::Value,
};
use tokio::sync::OnceCell;

pub(crate) const PASSWORD: &str = "correct horse battery";
pub(crate) const ISSUER: &str = "https://id.example";
/// Issuer that is bound to beta.
pub(crate) const BETA_ISSUER: &str = "https://beta.example";
const SECRET_ENV: &str = "CARGO_PKG_DESCRIPTION";
const SECRET: &str = env!("CARGO_PKG_DESCRIPTION");
pub(crate) const HOUR_US: i64 = 3_600_000_000;

pub(crate) const ALPHA: TenantId = TenantId::from_raw(1);
pub(crate) const BETA: TenantId = TenantId::from_raw(2);
/// Owner of alpha.
pub(crate) const ADA: UserId = UserId::from_raw(1);
/// Member of alpha, owner of beta.
pub(crate) const BOB: UserId = UserId::from_raw(2);
/// Owner of beta.
pub(crate) const EVE: UserId = UserId::from_raw(3);
/// Staff, member of no tenant.
pub(crate) const STAFF: UserId = UserId::from_raw(4);
/// Superuser, member of no tenant.
pub(crate) const ROOT: UserId = UserId::from_raw(5);

/// One process on the platform's data.
pub(crate) struct TestAccess {
    pub(crate) access: Access,
    pub(crate) control: Control,
    pub(crate) dir: Arc<tempfile::TempDir>,
}

pub(crate) fn control_place() -> Place {
    Place {
        server: ServerName::parse("local").expect("name"),
        store: StoreName::parse("control").expect("name"),
        isolation: Isolation::Database,
        physical: PhysicalName::parse("control").expect("name"),
        tenant: None,
        generation: 1,
    }
}

pub(crate) async fn hash() -> &'static str {
    static HASH: OnceCell<String> = OnceCell::const_new();
    HASH.get_or_init(async || Passwords::new(2).hash(Password::new(PASSWORD)).await.expect("hash")).await
}

impl TestAccess {
    pub(crate) async fn new() -> Self {
        let test = Self::process(Arc::new(tempfile::tempdir().expect("dir")), true).await;
        test.people().await;
        test
    }

    /// Opens another process on the same data.
    pub(crate) async fn second(&self) -> Self {
        Self::process(self.dir.clone(), false).await
    }

    /// Opens a process on a data directory; the first one creates the control store.
    pub(crate) async fn process(dir: Arc<tempfile::TempDir>, first: bool) -> Self {
        let root = dir.path().to_owned();
        let spec = ServerSpec::sqlite(ServerName::parse("local").expect("name"), root);
        let engine = Engine::open(vec![spec], CacheLimits::default()).expect("engine");
        if first {
            engine.create_system(&control_place()).await.expect("create");
        }
        let db = engine.system(&control_place()).await.expect("control store");
        let control = Control::open(&engine, db, None).await.expect("control");
        let access = internals::access(&control, &config()).expect("access");
        Self { access, control, dir }
    }

    async fn people(&self) {
        let hash = hash().await;
        let limits = r#"{"users": 10, "concurrency": 3}"#;
        let mut w = self.control.begin().await.expect("begin");
        let day_us = 24 * HOUR_US;
        let (now, later) = (w.at_us(), w.at_us() + 14 * day_us);
        run(
            &mut w,
            "INSERT INTO plans (code, name, position, trial_days, price, limits, features) \
            VALUES ('p', 'P', 1, 14, '', ?, '[\"sql\"]')",
            &[limits.into()],
        )
        .await;
        for slug in ["alpha", "beta"] {
            run(
                &mut w,
                "INSERT INTO tenants (slug, name, email, state, created_at, state_at, settings) \
                VALUES (?1, ?1, 'x@x.org', 'active', ?2, ?2, json_object('external_id', ?1 || '_ext'))",
                &[slug.into(), now.into()],
            )
            .await;
        }
        for tenant in [ALPHA, BETA] {
            run(
                &mut w,
                "INSERT INTO subscriptions (tenant, plan, state, started_at, ends_at, updated_at) \
                VALUES (?1, 1, 'trial', ?2, ?3, ?2)",
                &[tenant.get().into(), now.into(), later.into()],
            )
            .await;
        }
        for (name, superuser, staff) in
            [("ada", 0, 0), ("bob", 0, 0), ("eve", 0, 0), ("staff", 0, 1), ("root", 1, 1)]
        {
            run(&mut w, "INSERT INTO users (email, address, verified_at, name, password_hash, is_superuser, is_staff, created_at, \
                credentials_at) VALUES (?1 || '@x.org', ?1 || '@x.org', ?5, ?1, ?2, ?3, ?4, ?5, ?5)",
                &[name.into(), hash.into(), i64::from(superuser).into(), i64::from(staff).into(), now.into()]).await;
        }
        for (user, tenant, role) in
            [(ADA, ALPHA, "owner"), (BOB, ALPHA, "member"), (BOB, BETA, "owner"), (EVE, BETA, "owner")]
        {
            run(
                &mut w,
                "INSERT INTO memberships (user_id, tenant, role, created_at) VALUES (?, ?, ?, ?)",
                &[user.get().into(), tenant.get().into(), role.into(), now.into()],
            )
            .await;
        }
        for (issuer, user) in [(ISSUER, ADA), (ISSUER, BOB), (BETA_ISSUER, BOB)] {
            run(
                &mut w,
                "INSERT INTO identities (issuer, subject, user_id, created_at) VALUES (?, ?, ?, ?)",
                &[issuer.into(), format!("sub-{user}").into(), user.get().into(), now.into()],
            )
            .await;
        }
        w.commit_unaudited().await.expect("commit");
    }

    /// Changes the catalog without `access`, as another part of the platform would.
    pub(crate) async fn change(&self, sql: &str, values: &[Value], subject: Subject) {
        let mut w = self.control.begin().await.expect("begin");
        run(&mut w, sql, values).await;
        w.invalidate(&subject).await.expect("invalidate");
        w.commit_unaudited().await.expect("commit");
    }

    pub(crate) async fn login(&self, name: &str) -> String {
        self.login_in(name, None).await
    }

    pub(crate) async fn login_in(&self, name: &str, tenant: Option<&str>) -> String {
        let signed_in = self.access.login(attempt(name, PASSWORD, tenant)).await;
        signed_in.expect(name).token.reveal()
    }

    pub(crate) async fn actor(&self, session: &str) -> Actor {
        self.access.resolve(&by_session(session)).await.expect("resolve").actor
    }

    /// Begins to act as another user, with a fresh sign-in as the proof.
    pub(crate) async fn impersonate(
        &self,
        actor: &Actor,
        wish: &Impersonate,
        origin: &Origin,
    ) -> tenantry::Result<Impersonation> {
        let actor = self.access.confirm(actor, None, origin).await?;
        self.access.impersonate(&actor, wish, origin).await
    }

    pub(crate) async fn enter(&self, p: &Presented<'_>) -> tenantry::Result<Tenant> {
        self.access.enter_presented(p).await
    }

    /// Creates a key of the tenant, made by its owner.
    pub(crate) async fn key(&self, owner: &str, tenant: &str, expires_us: Option<i64>) -> (String, i64) {
        let session = self.login_in(owner, Some(tenant)).await;
        let handle = self.enter(&by_session(&session)).await.expect("owner enters");
        let new =
            tenantry::access::api_keys::NewKey { name: "test".into(), role: "member".into(), expires_us };
        let (token, info) = self.access.api_keys().create(&handle, new).await.expect("key");
        (token.reveal(), info.id)
    }

    /// Returns action, actor and impersonator of every audit row.
    pub(crate) async fn audited(&self) -> Vec<(String, String, Option<String>)> {
        let mut tx = self.control.snapshot().await.expect("snapshot");
        let rows =
            tx.query("SELECT action, actor, impersonator FROM audit ORDER BY id", &[]).await.expect("audit");
        let text = |row: &tenantry_engine::SqlRow, i| row.opt_text(i).expect("text").map(str::to_owned);
        rows.iter()
            .map(|r| (text(r, 0).unwrap_or_default(), text(r, 1).unwrap_or_default(), text(r, 2)))
            .collect()
    }
}

async fn run(w: &mut Write, sql: &str, values: &[Value]) {
    w.execute(sql, values).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
}

fn config() -> Config {
    let mut config = Config::parse("test", DEFAULT_TOML, std::path::Path::new("/nowhere")).expect("default");
    config.platform.base_domain = "app.example".into();
    config.auth.login_per_minute = 30;
    let provider = |issuer: &str, tenants| JwtProvider {
        issuer: issuer.into(),
        audience: vec!["tenantry".into()],
        algorithm: JwtAlgorithm::Hs256,
        key: KeySource::SecretEnv(SECRET_ENV.into()),
        tenant_claim: "custom:organization_id".into(),
        user_claim: "sub".into(),
        require_nbf: true,
        tenants,
    };
    config.auth.jwt = vec![provider(ISSUER, vec![]), provider(BETA_ISSUER, vec![slug("beta")])];
    config
}

/// Returns a token of `issuer` for that user; `claim` is the tenant that it names.
pub(crate) fn jwt(issuer: &str, user: UserId, claim: Option<&str>) -> String {
    jwt_since(issuer, user, claim, None)
}

/// Returns a token with the instant of the sign-in at the issuer, in seconds.
pub(crate) fn jwt_since(issuer: &str, user: UserId, claim: Option<&str>, auth_time: Option<i64>) -> String {
    let exp = jiff::Timestamp::now().as_second() + 600;
    let mut claims = serde_json::json!({"iss": issuer, "aud": "tenantry", "nbf": 1, "exp": exp, "sub": format!("sub-{user}")});
    if let Some(claim) = claim {
        claims["custom:organization_id"] = claim.into();
    }
    if let Some(at) = auth_time {
        claims["auth_time"] = at.into();
    }
    let key = jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes());
    jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).expect("sign")
}

pub(crate) fn attempt(name: &str, password: &str, tenant: Option<&str>) -> Login {
    Login {
        email: format!("{name}@x.org"),
        password: Password::new(password),
        tenant: tenant.map(slug),
        origin: Default::default(),
    }
}

/// Returns a sign-in from an address.
pub(crate) fn attempt_from(address: &str, name: &str, password: &str) -> Login {
    let origin = from(address);
    Login { origin, ..attempt(name, password, None) }
}

pub(crate) fn from(address: &str) -> Origin {
    Origin { address: Some(address.parse().expect("address")), agent: None }
}

pub(crate) fn by_session(session: &str) -> Presented<'_> {
    Presented { session: Some(session), ..Presented::default() }
}

pub(crate) fn by_key(key: &str) -> Presented<'_> {
    Presented { api_key: Some(key), ..Presented::default() }
}

pub(crate) fn by_bearer(token: &str) -> Presented<'_> {
    Presented { bearer: Some(token), ..Presented::default() }
}

pub(crate) fn slug(text: &str) -> Slug {
    Slug::parse(text).expect("slug")
}

pub(crate) fn role(text: &str) -> tenantry_engine::name::RoleName {
    tenantry_engine::name::RoleName::parse(text).expect("role")
}

pub(crate) fn wish(reason: &str, minutes: u32) -> Impersonate {
    Impersonate { tenant: ALPHA, user: None, reason: reason.into(), minutes }
}
