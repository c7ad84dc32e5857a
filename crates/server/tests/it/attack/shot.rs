//! One request of the attack, and the rows that its answer may contain.

use super::cast::{Cast, Company, Relation};
use http::Method;
use tenantry_server::http::Route;
use tenantry_testkit::Random;

/// A kind of credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Credential {
    None,
    Forged,
    Session,
    Cookie,
    Key,
    BearerKey,
    Jwt,
    /// The owner of another tenant.
    Rival,
    Staff,
}

/// The way in which a request names a tenant, in addition to its credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Naming {
    Not,
    Path,
    Header,
    Host,
}

/// A header with a credential: its owner, and true if it contains a mistake.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    pub(crate) header: (&'static str, String),
    /// Index of the tenant; `None` for staff or anonymous.
    owner: Option<usize>,
    spoilt: bool,
}

#[derive(Clone)]
pub(crate) struct Shot {
    pub(crate) route: &'static Route,
    route_path: &'static str,
    pub(crate) path: String,
    pub(crate) shown: Vec<Shown>,
    /// Tenants that are named without a mistake.
    named: Vec<usize>,
    pub(crate) names: Vec<(&'static str, String)>,
    pub(crate) body: (&'static str, String),
}

impl std::fmt::Debug for Shot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let headers: Vec<_> = self.shown.iter().map(|s| &s.header).chain(&self.names).collect();
        write!(f, "{} {} {headers:?} {:?}", self.route.method, self.path, self.body)
    }
}

impl Credential {
    pub(crate) const ALL: [Self; 9] = [
        Self::None,
        Self::Forged,
        Self::Session,
        Self::Cookie,
        Self::Key,
        Self::BearerKey,
        Self::Jwt,
        Self::Rival,
        Self::Staff,
    ];

    /// Returns true for a credential of the tenant that the request is about.
    pub(crate) fn is_own(self) -> bool {
        matches!(self, Self::Session | Self::Cookie | Self::Key | Self::BearerKey | Self::Jwt)
    }

    pub(crate) fn is_key(self) -> bool {
        matches!(self, Self::Key | Self::BearerKey)
    }

    /// Returns the headers for `company`. In the relation `Foreign`, the caller names another tenant.
    pub(crate) fn of(self, cast: &Cast, company: &Company) -> Vec<Shown> {
        let at = cast.companies.iter().position(|c| c.slug == company.slug);
        let bearer = |token: &str, owner| shown("authorization", format!("Bearer {token}"), owner);
        match self {
            Self::None => vec![],
            Self::Forged => vec![bearer("tns_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", None)],
            Self::Session => vec![bearer(&company.session, at)],
            Self::Cookie => vec![shown("cookie", format!("tenantry_session={}", company.session), at)],
            Self::Key => vec![shown("x-api-key", company.key.clone(), at)],
            Self::BearerKey => vec![bearer(&company.key, at)],
            Self::Jwt => vec![bearer(&company.jwt, at)],
            Self::Rival => vec![bearer(&cast.companies[1].session, Some(1))],
            Self::Staff => vec![bearer(&cast.staff, None)],
        }
    }
}

fn shown(name: &'static str, value: String, owner: Option<usize>) -> Shown {
    Shown { header: (name, value), owner, spoilt: false }
}

impl Naming {
    /// Returns the ways to name the tenant: a foreign tenant must be named, an own one may be.
    pub(crate) fn of(relation: Relation) -> &'static [Self] {
        match relation {
            Relation::Foreign => &[Self::Path, Self::Header, Self::Host],
            Relation::Own => &[Self::Not, Self::Path],
            _ => &[Self::Not],
        }
    }
}

impl Shot {
    /// Returns a request without mistakes. In the relation `Foreign`, the credential belongs to one tenant, and the
    /// name to another.
    pub(crate) fn plain(
        (route, path): (&'static Route, &'static str),
        cast: &Cast,
        credential: Credential,
        relation: Relation,
        naming: Naming,
    ) -> Self {
        let company = cast.some(relation);
        let mut shot = Self::bare(route, path, credential.of(cast, company));
        let at = if relation == Relation::Foreign { 2 } else { number(&company.slug) };
        shot.name(naming, at, None);
        shot
    }

    fn bare(route: &'static Route, path: &'static str, shown: Vec<Shown>) -> Self {
        // A credential with a mistake may not be a credential at all, for example if its cookie's name has the mistake.
        let (spoilt, valid): (Vec<_>, Vec<_>) = shown.iter().partition(|s| s.spoilt);
        let mark = valid.iter().chain(&spoilt).find_map(|s| s.owner);
        let mark = mark.map_or("nobody".into(), |at| format!("by-company-{at}."));
        let body = body(&route.method, path, &mark);
        Self { route, route_path: path, path: path.to_owned(), shown, named: vec![], names: vec![], body }
    }

    /// Names tenant `at`, or uses the text of `slip` instead.
    fn name(&mut self, naming: Naming, at: usize, slip: Option<String>) {
        let text = slip.clone().unwrap_or_else(|| format!("company-{at}"));
        match naming {
            Naming::Not => return,
            Naming::Path => self.path = format!("/t/{text}{}", self.path),
            Naming::Header => self.names.push(("x-tenant", text)),
            Naming::Host => self.names.push(("host", format!("{text}.localhost"))),
        }
        if slip.is_none() {
            self.named.push(at);
        }
    }

    /// Returns a random request.
    pub(crate) fn roll(random: &mut Random, cast: &Cast, paths: &[(&'static Route, &'static str)]) -> Self {
        // Half of them are for records, which contain the canaries.
        let records: Vec<_> = paths.iter().filter(|(_, p)| p.starts_with("/api/records/patients")).collect();
        let (route, path) = if random.one_in(2) { **random.pick(&records) } else { *random.pick(paths) };
        let mut shown = Vec::new();
        for _ in 0..=usize::from(random.one_in(6)) {
            let company = random.pick(&cast.companies);
            for mut one in random.pick(&Credential::ALL).of(cast, company) {
                one.spoilt = random.one_in(8);
                if one.spoilt {
                    one.header.1 = random.spoil(&one.header.1);
                }
                shown.push(one);
            }
        }
        let first = shown.iter().find_map(|s| s.owner);
        let mut shot = Self::bare(route, path, shown);
        if random.one_in(4) {
            shot.path = other_id(random, &shot.path);
        }
        for naming in [Naming::Path, Naming::Header, Naming::Host] {
            if random.one_in(4) {
                let at = first.filter(|_| !random.one_in(3)).unwrap_or(random.below(cast.companies.len()));
                let slip = random.one_in(6).then(|| random.spoil(&format!("company-{at}")));
                shot.name(naming, at, slip);
            }
        }
        if random.one_in(5) {
            let at = random.below(cast.companies.len());
            let query = [
                "tenant_id={}",
                "company_id={}",
                // Pages repeat the searched text, so it is a part of every canary but not a canary.
                "q=canary-of",
                "last_name__contains=canary",
                "id__in=1,2,{}",
                "after=W10",
                "count=true&limit=1000",
            ];
            shot.path = format!("{}?{}", shot.path, random.pick(&query).replace("{}", &at.to_string()));
        }
        shot
    }

    /// Returns true if this request may show rows of that tenant: one of its credentials is for it, none is for
    /// another, and no other tenant is named. A credential with a mistake may have become invalid.
    pub(crate) fn may_show(&self, cast: &Cast, at: usize) -> bool {
        let is_own = |shown: &Shown| shown.owner == Some(at);
        cast.companies[at].is_open()
            && self.shown.iter().any(is_own)
            && self.shown.iter().filter(|s| !s.spoilt).all(is_own)
            && self.named.iter().all(|named| *named == at)
    }

    /// Returns true if the writing tenant cannot be determined: credentials of two tenants contain mistakes.
    pub(crate) fn is_unclear(&self) -> bool {
        self.shown.len() > 1 && self.shown.iter().all(|s| s.spoilt) && !self.route.method.is_safe()
    }

    /// Returns true if the request may show the rows of any tenant.
    pub(crate) fn shows_somebody(&self, cast: &Cast) -> bool {
        self.shown.iter().filter_map(|s| s.owner).any(|at| self.may_show(cast, at))
    }

    /// Returns true if the request may be let in anywhere, as a member or as staff.
    pub(crate) fn is_let_in(&self, cast: &Cast) -> bool {
        self.shown.is_empty()
            || self.shown.iter().any(|s| s.owner.is_none() || cast.companies[s.owner.unwrap_or(0)].is_open())
    }

    pub(crate) fn has_staff(&self) -> bool {
        self.shown.iter().any(|s| s.owner.is_none())
    }

    /// Returns true if the request names a tenant that is certainly not that of the credential.
    pub(crate) fn is_foreign(&self) -> bool {
        self.shown
            .iter()
            .filter(|s| !s.spoilt)
            .any(|s| self.named.iter().any(|named| s.owner != Some(*named)))
    }

    pub(crate) fn path_of_route(&self) -> &'static str {
        self.route_path
    }
}

fn number(slug: &str) -> usize {
    slug.rsplit('-').next().and_then(|n| n.parse().ok()).expect("company-N")
}

/// Replaces the number in a path by a number that other tenants have, or by an invalid one.
fn other_id(random: &mut Random, path: &str) -> String {
    let ids = ["2", "3", "0", "-1", "01", "1e0", "9223372036854775807", "%31", "1%00", "../1", "x"];
    let parts = path.split('/').map(|part| match part.parse::<u64>() {
        Ok(_) => (*random.pick(&ids)).to_owned(),
        Err(_) => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join("/")
}

/// Returns a body that the route would accept.
fn body(method: &Method, path: &str, mark: &str) -> (&'static str, String) {
    let patient = format!(r#"{{"first_name":"A","last_name":"{mark}","born_on":"1990-04-01"}}"#);
    match path.rsplit('/').next() {
        _ if method.is_safe() || *method == Method::DELETE => ("", String::new()),
        Some("import") => ("text/csv", format!("first_name,last_name,born_on\nA,{mark},1990-04-01\n")),
        Some("batch") => ("application/json", format!("[{patient}]")),
        Some("override") => ("application/json", r#"{"phone":"1"}"#.into()),
        _ if path.starts_with("/api/records/patients") && *method == Method::POST => {
            ("application/json", patient)
        }
        _ if path.starts_with("/api/records/") => ("application/json", r#"{"first_name":"B"}"#.into()),
        _ => ("application/json", "{}".into()),
    }
}
