//! Fifty tenants, each with an owner, the owner's session, a key, a token of an issuer, and a canary in its rows.

use super::super::app::{PASSWORD, TestApp};
use serde_json::json;
use tenantry::access::Operator;
use tenantry::{
    access::{api_keys::NewKey, login::Login, passwords::Password},
    audit::By,
    internals::{create_user, members},
    name::{RoleName, Slug, TenantId},
    plans,
    records::ListQuery,
    tenants::NewTenant,
    users::{self, NewUser},
};
use tenantry_server::http::Options;
use tenantry_testkit::Settings;

/// Prefix of every canary.
pub(crate) const CANARY: &str = "canary-of-";
/// Number of tenants; half of them are active.
const COMPANIES: usize = 50;
const ISSUER: &str = "https://id.example";
/// Variable with the issuer's secret. The value is public; any text that is long enough works.
const SECRET_ENV: &str = "TENANTRY_TEST_SECRET";

/// Relation of a tenant to the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Relation {
    /// The caller's own, active.
    Own,
    /// Another caller's.
    Foreign,
    /// The caller's own, suspended.
    Suspended,
    /// The caller's own, with an ended subscription.
    Lapsed,
    /// The caller's own, cancelled, after its grace period.
    Cancelled,
    /// The caller's own, deleted: the first is really purged, the others are only marked so in the catalog.
    Gone,
}

impl Relation {
    pub(crate) const ALL: [Self; 6] =
        [Self::Own, Self::Foreign, Self::Suspended, Self::Lapsed, Self::Cancelled, Self::Gone];
}

pub(crate) struct Company {
    pub(crate) slug: String,
    pub(crate) relation: Relation,
    pub(crate) session: String,
    pub(crate) key: String,
    pub(crate) jwt: String,
    pub(crate) id: TenantId,
}

impl Company {
    pub(crate) fn canary(&self) -> String {
        format!("{CANARY}{}.", self.slug)
    }

    /// Returns the text that the tenant's members write.
    pub(crate) fn mark(&self) -> String {
        format!("by-{}.", self.slug)
    }

    pub(crate) fn is_open(&self) -> bool {
        self.relation == Relation::Own
    }
}

pub(crate) struct Cast {
    pub(crate) app: TestApp,
    pub(crate) companies: Vec<Company>,
    pub(crate) staff: String,
}

impl Cast {
    pub(crate) async fn new(isolation: &str) -> Self {
        // A plan without limits: refusals by rate limits would hide leaks.
        let provider = format!(
            "[[auth.jwt]]\nissuer = \"{ISSUER}\"\naudience = \"tenantry\"\nalgorithm = \"HS256\"\n\
             secret_env = \"{SECRET_ENV}\"\n"
        );
        let settings = Settings::default().isolation(isolation).free_plan().with(&provider);
        let app = TestApp::configured(&settings, Options::default()).await;
        let staff = app.staff().await.token().to_owned();
        let hash = app.platform().access().passwords().hash(Password::new(PASSWORD)).await.unwrap();
        let mut companies = Vec::with_capacity(COMPANIES);
        for n in 0..COMPANIES {
            let relation = match n % 10 {
                6 => Relation::Cancelled,
                7 => Relation::Suspended,
                8 => Relation::Lapsed,
                9 => Relation::Gone,
                _ => Relation::Own,
            };
            companies.push(company(&app, n, relation, &hash).await);
        }
        let cast = Self { app, companies, staff };
        for company in &cast.companies {
            cast.settle(company).await;
        }
        cast
    }

    /// Brings a tenant into its state, after its members and rows were created.
    async fn settle(&self, company: &Company) {
        let platform = self.app.platform();
        let slug = Slug::parse(&company.slug).unwrap();
        let system = Operator::new("system");
        match company.relation {
            Relation::Own | Relation::Foreign => {}
            Relation::Suspended => platform.tenants().suspend(&system, &slug, "test").await.unwrap(),
            Relation::Lapsed => {
                let lapsed = plans::SubscriptionChange::to_state(plans::State::Expired, None);
                platform.plans().change_subscription(&system, &slug, lapsed).await.unwrap();
            }
            Relation::Cancelled => self.close(company).await,
            Relation::Gone if self.is_purged(company) => {
                self.close(company).await;
                let form = json!({"confirm": company.slug, "id": company.id, "early": true});
                let path = format!("/api/admin/tenants/{}/purge?wait=60", company.slug);
                let over =
                    self.app.anon().with_token(&self.staff).post(&path, &form).await.expect(200).json();
                assert_eq!(over["state"], "done", "{over}");
            }
            Relation::Gone => {
                let sql = format!("UPDATE tenants SET state = 'gone' WHERE id = {}", company.id);
                self.app.catalog(&sql).await;
            }
        }
    }

    /// Returns true for the really purged tenant, which is the one that requests name.
    pub(crate) fn is_purged(&self, company: &Company) -> bool {
        self.some(Relation::Gone).id == company.id
    }

    async fn close(&self, company: &Company) {
        let now = json!({"confirm": company.slug, "grace_days": 0, "retention_days": 0});
        let path = format!("/api/admin/tenants/{}/cancel", company.slug);
        self.app.anon().with_token(&self.staff).post(&path, &now).await.expect(200);
    }

    /// Returns the last names of its patients, read by the platform whatever the tenant's state.
    pub(crate) async fn rows(&self, company: &Company) -> Vec<String> {
        let platform = self.app.platform();
        if company.relation == Relation::Gone {
            let sql = format!("UPDATE tenants SET state = 'active' WHERE id = {}", company.id);
            self.app.catalog(&sql).await;
        }
        let tenant = platform
            .tenants()
            .enter(&Operator::new("system"), &Slug::parse(&company.slug).unwrap())
            .await
            .unwrap();
        let records = platform.records(&tenant, "patients").unwrap();
        let (mut query, mut names) = (ListQuery::default(), Vec::new());
        query.select.limit = 1000;
        loop {
            let page = records.list(&query).await.unwrap();
            let rows: Vec<serde_json::Value> =
                serde_json::from_slice(&[b"[", &page.items[..], b"]"].concat()).unwrap();
            names.extend(rows.iter().map(|row| row["last_name"].as_str().unwrap().to_owned()));
            match page.next {
                Some(next) => query.select.after = Some(next),
                None => return names,
            }
        }
    }
}

async fn company(app: &TestApp, n: usize, relation: Relation, hash: &str) -> Company {
    let platform = app.platform();
    let (slug, email) = (format!("company-{n}"), format!("owner-{n}@cast.example"));
    let new = NewTenant { slug: Slug::parse(&slug).unwrap(), name: slug.clone(), email: email.clone() };
    let id = platform.tenants().create(&Operator::new("system"), new, None, None).await.unwrap().tenant;
    let mut write = app.control().begin().await.unwrap();
    let user = NewUser {
        email: email.clone(),
        name: slug.clone(),
        password_hash: Some(hash.to_owned()),
        standing: users::Standing::Confirmed,
    };
    let user = create_user(&mut write, &By::system(), &user).await.unwrap();
    let owner = RoleName::parse("owner").unwrap();
    members::add(&mut write, &By::system(), user, id, &owner).await.unwrap();
    write.commit().await.unwrap();
    let login = Login {
        email: email.clone(),
        password: Password::new(PASSWORD),
        tenant: None,
        origin: Default::default(),
    };
    let session = platform.access().login(login).await.unwrap().token.reveal();
    let mut company = Company { slug, relation, session, key: String::new(), jwt: jwt(&email, n), id };
    let client = app.anon().with_token(&company.session);
    let patient = json!({"first_name": "Ann", "last_name": company.canary(), "born_on": "1990-04-01"});
    client.post("/api/records/patients", &patient).await.expect(201);
    let presented = tenantry::access::Presented { bearer: Some(&company.session), ..Default::default() };
    let tenant = platform.access().enter_presented(&presented).await.unwrap();
    let key = NewKey { name: "test".into(), role: owner.to_string(), expires_us: None };
    company.key = platform.access().api_keys().create(&tenant, key).await.unwrap().0.reveal();
    company
}

fn jwt(email: &str, n: usize) -> String {
    let exp = jiff::Timestamp::now().as_second() + 36_000;
    let claims = json!({"iss": ISSUER, "aud": "tenantry", "nbf": 1, "exp": exp, "email": email, "tenant": format!("company-{n}")});
    let secret = std::env::var(SECRET_ENV).unwrap();
    let key = jsonwebtoken::EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap()
}
