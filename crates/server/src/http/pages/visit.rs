//! Extractors of page handlers: the visitor, the visitor's company, and the sent form.
//!
//! Every page handler uses them. They resolve the caller exactly as the extractors of the API do.

use super::{acting, language, token::FormKey, words::Words};
use crate::http::{
    App,
    body::{FORM, media_type, whole},
    cookie,
    credentials::Shown,
    guard::Note,
    names::{absent_unless, param},
    problem::{Code, Problem, Result},
    query::pairs,
    scope::{self, Named, StaffOn, Visitor},
};
use axum::{
    body::Body,
    extract::{FromRequest, FromRequestParts, Request},
};
use http::request::Parts;
use std::sync::Arc;
use tenantry::{
    Platform,
    access::{self, Actor, Positions},
    name::Slug,
    topology::TenantRecord,
};
use tenantry_console::{Theme, language::Text};

/// Longest form, bytes. The models limit the individual texts.
const FORM_BYTES: usize = 1024 * 1024;
/// Largest number of fields of a form.
const FORM_FIELDS: usize = 2000;

/// The properties of a request that a page needs.
#[derive(Clone)]
pub(in crate::http) struct Visit {
    pub(super) app: App,
    pub(super) words: Words,
    pub(super) theme: Theme,
    pub(super) key: FormKey,
    pub(super) path: String,
    pub(super) query: String,
    /// Company of the page and its forms.
    pub(super) company: Option<Arc<TenantRecord>>,
}

/// A visit of a caller who may or may not be signed in.
pub(in crate::http) struct Guest {
    pub(super) visit: Visit,
    pub(super) actor: Option<Actor>,
}

/// A visit of a signed-in user, outside a company.
pub(in crate::http) struct Oneself {
    pub(super) visit: Visit,
    pub(super) actor: Actor,
}

/// A visit inside a company.
pub(in crate::http) struct Inside {
    pub(super) visit: Visit,
    pub(super) tenant: access::Tenant,
    /// Name of the staff member who acts as a member.
    pub(super) staff: Option<String>,
}

/// A visit to the pages of records: in a company, or of staff at the records that all companies share.
pub(in crate::http) enum Site {
    Company(Inside),
    Staff(Oneself, Positions),
}

/// A visit of a staff member.
pub(in crate::http) struct Staffed(pub(super) Oneself);

/// A visit of a superuser.
pub(in crate::http) struct Super(pub(super) Oneself);

/// A visit of a staff member to the page of a tenant, which may no longer exist.
pub(in crate::http) struct StaffedOn {
    pub(super) of: Oneself,
    pub(super) slug: Slug,
}

impl Visit {
    fn of(
        app: &App,
        parts: &Parts,
        actor: Option<&Actor>,
        company: Option<Arc<TenantRecord>>,
    ) -> Result<Self> {
        Ok(Self::with(app, parts, &scope::shown(app, parts)?, (actor, company)))
    }

    /// Returns the visit of a request with these credentials, this actor and this company.
    pub(super) fn with(
        app: &App,
        parts: &Parts,
        shown: &Shown<'_>,
        (actor, company): (Option<&Actor>, Option<Arc<TenantRecord>>),
    ) -> Self {
        let mut words = language::words(&parts.headers, actor, company.as_deref());
        words.labels = app.platform().labels(words.language.code());
        if let Some(note) = parts.extensions.get::<Arc<Note>>() {
            note.language(words.language);
        }
        Self {
            app: app.clone(),
            words,
            theme: Theme::parse(cookie::read_theme(&parts.headers).unwrap_or_default()),
            key: FormKey::of(shown),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            company,
        }
    }

    /// Returns a text without arguments, in the language of the page.
    pub(super) fn say(&self, id: &'static str) -> &'static str {
        self.words.say(id)
    }

    /// Returns a text that takes arguments, in the language of the page.
    pub(super) fn text(&self, id: &'static str) -> Text {
        self.words.text(id)
    }

    /// Returns the token of the forms of the page.
    pub(super) fn token(&self) -> String {
        self.key.token(self.company.as_deref())
    }

    /// Reads the sent form and checks its token.
    ///
    /// # Errors
    /// Returns an error if the body is not a form or is too long, or if its token is wrong.
    pub(super) async fn fields(&self, form: Sent) -> Result<Fields> {
        let fields = form.read().await?;
        self.key.check(self.company.as_deref(), fields.get("_token"))?;
        Ok(fields)
    }
}

impl FromRequestParts<App> for Guest {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let Visitor(actor) = Visitor::from_request_parts(parts, app).await?;
        Ok(Self { visit: Visit::of(app, parts, actor.as_ref(), None)?, actor })
    }
}

impl FromRequestParts<App> for Oneself {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let Named { actor, .. } = Named::from_request_parts(parts, app).await?;
        Ok(Self { visit: Visit::of(app, parts, Some(&actor), None)?, actor })
    }
}

impl FromRequestParts<App> for Inside {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let mut shown = scope::shown(app, parts)?;
        let acting = acting::session(app, parts).await?;
        let staff = acting.map(|(session, staff)| {
            shown.cookie = Some(session);
            staff
        });
        let tenant = scope::entered_with(app, parts, &shown).await?;
        let company = Some(Arc::new(tenant.record().clone()));
        let visit = Visit::with(app, parts, &shown, (Some(tenant.actor()), company));
        Ok(Self { visit, tenant, staff })
    }
}

impl FromRequestParts<App> for Staffed {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let of = Oneself::from_request_parts(parts, app).await?;
        of.actor.require_staff()?;
        Ok(Self(of))
    }
}

impl FromRequestParts<App> for Site {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        if !parts.uri.path().starts_with("/admin/") {
            return Ok(Self::Company(Inside::from_request_parts(parts, app).await?));
        }
        let Staffed(of) = Staffed::from_request_parts(parts, app).await?;
        let positions = parts.extensions.get::<Positions>().cloned().unwrap_or_default();
        Ok(Self::Staff(of, positions))
    }
}

impl Site {
    pub(super) fn visit(&self) -> &Visit {
        match self {
            Self::Company(inside) => &inside.visit,
            Self::Staff(of, _) => &of.visit,
        }
    }
}

impl FromRequestParts<App> for Super {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let Staffed(of) = Staffed::from_request_parts(parts, app).await?;
        of.actor.require_superuser("use this page")?;
        Ok(Self(of))
    }
}

impl FromRequestParts<App> for StaffedOn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let Staffed(of) = Staffed::from_request_parts(parts, app).await?;
        let slug = absent_unless(&param(parts, app, "slug").await?)?;
        Ok(Self { of, slug })
    }
}

impl StaffedOn {
    /// Returns the argument that the API's handlers of one tenant take.
    pub(super) fn on(&self) -> StaffOn {
        StaffOn { app: self.of.visit.app.clone(), actor: self.of.actor.clone(), slug: self.slug.clone() }
    }

    /// Returns how the page writes values.
    pub(super) fn words(&self) -> &Words {
        &self.of.visit.words
    }

    /// Returns the platform.
    pub(super) fn platform(&self) -> &Platform {
        self.of.visit.app.platform()
    }
}

/// A visit of a manager of the company.
pub(in crate::http) struct Managing(pub(super) Inside);

impl FromRequestParts<App> for Managing {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let inside = Inside::from_request_parts(parts, app).await?;
        inside.tenant.require_manager()?;
        Ok(Self(inside))
    }
}

/// A visit of a manager of a company, which may be suspended, expired or cancelled.
pub(in crate::http) struct Owning {
    pub(super) visit: Visit,
    pub(super) actor: Actor,
    pub(super) record: Arc<TenantRecord>,
}

impl FromRequestParts<App> for Owning {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let Named { actor, tenant } = Named::from_request_parts(parts, app).await?;
        let record = app.platform().access().managed(&actor, tenant.ok_or_else(Problem::absent)?).await?;
        let visit = Visit::of(app, parts, Some(&actor), Some(record.clone()))?;
        Ok(Self { visit, actor, record })
    }
}

/// A sent form, not yet read: the handler first checks that the caller may send it.
pub(in crate::http) struct Sent(pub(super) Request);

impl<S: Send + Sync> FromRequest<S> for Sent {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self> {
        Ok(Self(request))
    }
}

impl Sent {
    /// Reads the form without checking its token: forms for guests have none. The guard has refused other sites.
    pub(super) async fn read(self) -> Result<Fields> {
        if media_type(self.0.headers()) != FORM {
            let text = format!("Send the form as `content-type: {FORM}`.");
            return Err(Problem::new(Code::UnsupportedMediaType, text));
        }
        let body: Body = self.0.into_body();
        let bytes = whole(body, FORM_BYTES).await?;
        let unreadable =
            |why: &str| Problem::new(Code::BadRequest, format!("The form cannot be read: {why}."));
        let text = str::from_utf8(&bytes).map_err(|_| unreadable("must be UTF-8"))?;
        let mut fields = Vec::new();
        for pair in pairs(text) {
            let (name, value) = pair.map_err(unreadable)?;
            // Browsers send line ends as CR LF.
            fields.push((name.into_owned(), value.replace("\r\n", "\n")));
            if fields.len() > FORM_FIELDS {
                return Err(unreadable("it has too many fields"));
            }
        }
        Ok(Fields(fields))
    }
}

/// Returns the parameters of a query string. Leaves out parameters that cannot be read.
pub(super) fn query(text: &str) -> Fields {
    let fields =
        pairs(text).filter_map(|pair| pair.ok().map(|(name, value)| (name.into_owned(), value.into_owned())));
    Fields(fields.collect())
}

/// The fields of a sent form, in their order.
#[derive(Debug, Default)]
pub(super) struct Fields(pub(super) Vec<(String, String)>);

impl Fields {
    /// Returns the value of a field; empty if it was not sent.
    pub(super) fn get(&self, name: &str) -> &str {
        self.sent(name).unwrap_or_default()
    }

    /// Returns the value of a field if it was sent.
    pub(super) fn sent(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Returns the value of a field unless it is empty.
    pub(super) fn filled(&self, name: &str) -> Option<&str> {
        self.sent(name).map(str::trim).filter(|value| !value.is_empty())
    }
}
