//! A platform in a temporary directory, served in process: `(app, anon, user)`.
//!
//! Used by all tests of this binary. A [`Client`] is a credential; the app outlives all clients.

pub(crate) use super::answer::Answer;
use super::own_app::make_app;
use axum::{Router, body::Body};
use http::{Method, Request, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::{fmt::Display, net::SocketAddr, sync::Arc};
use tempfile::TempDir;
use tenantry::access::Operator;
use tenantry::name::ServerName;
use tenantry::{
    Platform,
    access::passwords::Password,
    clock::Clock,
    config::{Config, DEFAULT_TOML, Location},
    demo,
    internals::{self, Control, Subject},
    place::Isolation,
};
use tenantry_server::http::{self as server, App, Options};
use tenantry_testkit::postgres::{self, Home};

/// Password of all users in these tests.
pub(crate) const PASSWORD: &str = "correct horse battery";

#[derive(Clone)]
pub(crate) struct TestApp(Arc<Inner>);

struct Inner {
    app: App,
    router: Router,
    /// `None` for a second app on another app's directory.
    _dir: Option<TempDir>,
    /// PostgreSQL home of the tenants, if they are on PostgreSQL.
    home: Option<Home>,
}

/// The stores that are on PostgreSQL, and the server.
struct OnPostgres {
    home: Home,
    tenants: Option<Isolation>,
    platforms: bool,
    /// Address that forwards to the server.
    through: Option<SocketAddr>,
}

/// Sends requests with one credential.
#[derive(Clone)]
pub(crate) struct Client {
    app: TestApp,
    headers: Vec<(&'static str, String)>,
}

impl TestApp {
    /// Creates an app and returns it with an anonymous client and the owner of tenant `acme`.
    pub(crate) async fn new() -> (Self, Client, Client) {
        let app = Self::with(Options::default()).await;
        let anon = app.anon();
        let user = app.register("acme").await;
        (app, anon, user)
    }

    /// Creates an app without tenants.
    pub(crate) async fn with(options: Options) -> Self {
        Self::configured(DEFAULT_TOML, options).await
    }

    /// Creates an app with this configuration, without tenants.
    pub(crate) async fn configured(settings: &(impl Display + ?Sized), options: Options) -> Self {
        Self::open(tempfile::tempdir().unwrap(), &settings.to_string(), options).await
    }

    /// Creates an app whose tenants are on a PostgreSQL server, without tenants. `main` is a server of SQLite.
    pub(crate) async fn on_postgres(server: &str, isolation: Isolation) -> Self {
        Self::on_postgres_with(server, isolation, DEFAULT_TOML).await
    }

    /// Creates an app with this configuration, as [`TestApp::on_postgres`] does.
    pub(crate) async fn on_postgres_with(server: &str, isolation: Isolation, text: &str) -> Self {
        let (home, platforms) = (Home::new(server).await, postgres::holds_stores());
        let on = OnPostgres { home, tenants: Some(isolation), platforms, through: None };
        Self::open_with(tempfile::tempdir().unwrap(), text, Options::default(), Some(on)).await
    }

    /// Creates an app with this configuration, whose only model is this one.
    pub(crate) async fn with_model(model: &str, text: &str, settings: &(impl Display + ?Sized)) -> Self {
        Self::with_apps("\"own\"", model, text, settings).await
    }

    /// Creates an app with this configuration, with medadmin's models and this one.
    pub(crate) async fn with_own(model: &str, text: &str, settings: &(impl Display + ?Sized)) -> Self {
        Self::with_apps("\"medadmin\", \"own\"", model, text, settings).await
    }

    async fn with_apps(apps: &str, model: &str, text: &str, settings: &(impl Display + ?Sized)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = format!("{settings}[apps]\nlist = [{apps}]\n");
        make_app(dir.path(), model, text, &config);
        Self::open(dir, &config, Options::default()).await
    }

    /// Creates an app whose stores are all on a PostgreSQL server, reached through an address that forwards.
    pub(crate) async fn all_on_postgres(
        url: &str,
        isolation: Isolation,
        through: Option<SocketAddr>,
    ) -> Self {
        Self::all_on_postgres_with(url, isolation, through, DEFAULT_TOML).await
    }

    /// Creates an app with this configuration, as [`TestApp::all_on_postgres`] does.
    pub(crate) async fn all_on_postgres_with(
        url: &str,
        isolation: Isolation,
        through: Option<SocketAddr>,
        text: &str,
    ) -> Self {
        let (home, tenants) = (Home::new(url).await, Some(isolation));
        let on = OnPostgres { home, tenants, platforms: true, through };
        Self::open_with(tempfile::tempdir().unwrap(), text, Options::default(), Some(on)).await
    }

    async fn open(dir: TempDir, text: &str, options: Options) -> Self {
        let tenants = postgres::switch().map(|isolation| Isolation::parse(&isolation).unwrap());
        let platforms = postgres::holds_stores();
        // A configuration that names a store determines its place.
        let is_free = text == DEFAULT_TOML || !text.contains("[stores.");
        let switched = match is_free && (tenants.is_some() || platforms) {
            true => Some(OnPostgres {
                home: Home::new(&postgres::servers()[0]).await,
                tenants,
                platforms,
                through: None,
            }),
            false => None,
        };
        Self::open_with(dir, text, options, switched).await
    }

    async fn open_with(dir: TempDir, text: &str, options: Options, postgres: Option<OnPostgres>) -> Self {
        let mut config =
            Config::parse("tenantry.toml", text, dir.path()).unwrap_or_else(|problems| panic!("{problems}"));
        // Raise the limits on sign-in and registration, unless the test sets them.
        let usual = Config::default().auth;
        if config.auth.registration_per_hour == usual.registration_per_hour {
            config.auth.registration_per_hour = 10_000;
        }
        if config.auth.login_per_minute == usual.login_per_minute {
            config.auth.login_per_minute = 10_000;
        }
        if config.auth.guesses_per_hour == usual.guesses_per_hour {
            config.auth.guesses_per_hour = 10_000;
        }
        if config.mail.per_address_per_hour == 10 {
            (config.mail.per_address_per_hour, config.mail.per_tenant_per_hour) = (10_000, 10_000);
        }
        let home = postgres.map(|OnPostgres { home, tenants, platforms, through }| {
            let url = through.map_or(home.url().to_owned(), |address| home.url_through(address));
            demo::on_postgres(&mut config, &url, tenants, platforms).unwrap();
            // Tenants of a pool can be promoted to the other server.
            for store in config.stores.iter_mut().filter(|store| store.isolation == Isolation::Pooled) {
                store.servers.push(ServerName::parse("main").unwrap());
            }
            for server in &mut config.servers {
                if let Location::Postgres(postgres) = &mut server.location {
                    postgres.prefix = home.prefix();
                }
            }
            home
        });
        let platform = Platform::open(config).await.unwrap();
        platform.plans().initialise(&Operator::new("system")).await.unwrap();
        Self::of(platform, options, Some(dir), home)
    }

    fn of(platform: Platform, options: Options, dir: Option<TempDir>, home: Option<Home>) -> Self {
        let app = App::new(platform, options);
        let router = server::router(app.clone());
        Self(Arc::new(Inner { app, router, _dir: dir, home }))
    }

    /// Opens a second server on the same data directory; for the platform it is another process.
    pub(crate) async fn beside(&self) -> Self {
        Self::at(self.platform().config().clone()).await
    }

    pub(crate) async fn at(config: Config) -> Self {
        let platform = Platform::open(config).await.unwrap();
        Self::of(platform, Options::default(), None, None)
    }

    /// Ends the app like a process, after its clients are gone. Returns the parts that must outlive it.
    pub(crate) async fn end(self) -> (Config, Option<TempDir>, Option<Home>) {
        let config = self.platform().config().clone();
        self.platform().shutdown().await;
        let Inner { _dir: dir, home, .. } = Arc::into_inner(self.0).expect("a client is left");
        (config, dir, home)
    }

    pub(crate) fn platform(&self) -> &Platform {
        self.0.app.platform()
    }

    /// Returns the home of the app's tenants.
    pub(crate) fn home(&self) -> &Home {
        self.0.home.as_ref().expect("tenants on PostgreSQL")
    }

    pub(crate) fn control(&self) -> &Control {
        internals::control(self.platform())
    }

    /// Returns the clock of the platform, which a test may advance.
    pub(crate) fn clock(&self) -> &Clock {
        self.control().clock()
    }

    /// Changes the catalog without the platform's verbs, and returns the number of rows.
    pub(crate) async fn catalog(&self, sql: &str) -> u64 {
        let mut write = self.control().begin().await.unwrap();
        let changed = write.execute(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        write.invalidate(&Subject::Everything).await.unwrap();
        write.commit_unaudited().await.unwrap();
        changed
    }

    pub(crate) fn served(&self) -> (App, Router) {
        (self.0.app.clone(), self.0.router.clone())
    }

    pub(crate) fn anon(&self) -> Client {
        Client { app: self.clone(), headers: vec![] }
    }

    /// Registers a tenant and returns its owner, whose address is confirmed.
    pub(crate) async fn register(&self, slug: &str) -> Client {
        let owner = self.register_only(slug).await;
        let token = self.letter(&format!("owner@{slug}.example")).await;
        let form = json!({"token": token, "password": PASSWORD});
        self.anon().post("/api/auth/verify/confirm", &form).await.expect(204);
        owner
    }

    /// Sends the waiting letters, and returns the code of the newest one to this address.
    pub(crate) async fn letter(&self, email: &str) -> String {
        self.letters(email).await.pop().unwrap_or_else(|| panic!("no letter to {email}"))
    }

    /// Returns the codes of all letters to this address, oldest first.
    pub(crate) async fn letters(&self, email: &str) -> Vec<String> {
        self.platform().letters().send_due().await.unwrap();
        let Ok(folder) = std::fs::read_dir(&self.platform().config().mail.folder) else { return vec![] };
        let mut paths: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        let texts = paths.iter().map(|path| std::fs::read_to_string(path).unwrap());
        let to = format!("To: {email}\r\n");
        let mine = texts.filter(|text| text.contains(&to));
        mine.map(|text| text[text.rfind("tnl_").unwrap()..].trim().to_owned()).collect()
    }

    /// Registers a tenant and returns its owner, whose address is not confirmed.
    pub(crate) async fn register_only(&self, slug: &str) -> Client {
        let form = json!({"company": slug, "slug": slug, "email": format!("owner@{slug}.example"), "password": PASSWORD});
        let answer = self.anon().post("/api/register", &form).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        self.anon().with_token(answer.json()["token"].as_str().unwrap())
    }

    /// Returns a signed-in superuser.
    pub(crate) async fn staff(&self) -> Client {
        let by = Operator::new("system");
        let password = Password::new(PASSWORD);
        self.platform().users().create_superuser(&by, "staff@platform.example", password).await.unwrap();
        self.login("staff@platform.example").await
    }

    /// Returns a new, signed-in member of the owner's tenant.
    pub(crate) async fn member(&self, owner: &Client, email: &str, role: &str) -> Client {
        owner.post("/api/tenant/invitations", &json!({"email": email, "role": role})).await.expect(201);
        let form = json!({"token": self.letter(email).await, "password": PASSWORD});
        let session = self.anon().post("/api/invitations/accept", &form).await.expect(201).json();
        self.anon().with_token(session["token"].as_str().unwrap())
    }

    /// Makes an existing account a member: its holder signs in and accepts.
    pub(crate) async fn joins(&self, owner: &Client, holder: &Client, email: &str, role: &str) {
        owner.post("/api/tenant/invitations", &json!({"email": email, "role": role})).await.expect(201);
        let form = json!({"token": self.letter(email).await});
        holder.post("/api/invitations/accept", &form).await.expect(200);
    }

    pub(crate) async fn login(&self, email: &str) -> Client {
        self.log_in(&json!({"email": email, "password": PASSWORD})).await
    }

    /// Signs in to a tenant with an unconfirmed address.
    pub(crate) async fn login_in(&self, email: &str, tenant: &str) -> Client {
        self.log_in(&json!({"email": email, "password": PASSWORD, "tenant": tenant})).await
    }

    async fn log_in(&self, form: &Value) -> Client {
        let answer = self.anon().post("/api/auth/login", form).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        self.anon().with_token(answer.json()["token"].as_str().unwrap())
    }
}

impl Client {
    pub(crate) fn with_token(&self, token: &str) -> Self {
        self.with("authorization", &format!("Bearer {token}"))
    }

    /// Returns a client that sends the same headers to another server.
    pub(crate) fn at(&self, app: &TestApp) -> Self {
        Self { app: app.clone(), headers: self.headers.clone() }
    }

    pub(crate) fn with(&self, name: &'static str, value: &str) -> Self {
        let mut client = self.clone();
        client.headers.push((name, value.to_owned()));
        client
    }

    pub(crate) fn app(&self) -> &TestApp {
        &self.app
    }

    /// Returns the client's bearer token.
    pub(crate) fn token(&self) -> &str {
        self.headers.iter().find_map(|(_, v)| v.strip_prefix("Bearer ")).unwrap()
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        media: Option<&str>,
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        if let Some(media) = media {
            request = request.header(header::CONTENT_TYPE, media);
        }
        let request = request.body(body.into()).unwrap();
        let response = server::call(&self.app.0.app, &self.app.0.router, request).await;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map(|b| b.to_bytes()).unwrap_or_default();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None, Body::empty()).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None, Body::empty()).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, Some("application/json"), body.to_string()).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::PUT, path, Some("application/json"), body.to_string()).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::PATCH, path, Some("application/json"), body.to_string()).await
    }
}
