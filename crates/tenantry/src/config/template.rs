//! Templates for what databases are called: `tenant_{slug}`, `djo_{slug}_db`.
//!
//! Used when a placement is made; the catalog records the result and nothing renders again for
//! routing (rule 3). Never yields a name the engine would have to check a second time.

use super::model::Scope;
use std::{fmt, str::FromStr};
use tenantry_engine::{
    name::{NameError, PhysicalName, Slug, StoreName, TenantId},
    place::Isolation,
};

/// Literal text around at most one variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameTemplate {
    before: String,
    variable: Option<Variable>,
    after: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Variable {
    Slug,
    Id,
}

/// Why a template was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("name template {0:?}: {1}")]
pub struct TemplateError(String, &'static str);

impl NameTemplate {
    /// `tenant_{slug}` style for a database per tenant, the store's own name for a single database.
    pub fn default_for(store: &StoreName, scope: Scope, isolation: Isolation) -> Self {
        let own = scope == Scope::Tenant && isolation == Isolation::Database;
        let pooled = scope == Scope::Tenant && isolation == Isolation::Pooled;
        Self {
            before: format!(
                "{store}{}",
                if own {
                    "_"
                } else if pooled {
                    "_pool"
                } else {
                    ""
                }
            ),
            variable: own.then_some(Variable::Slug),
            after: String::new(),
        }
    }

    /// The name people know one tenant's database by; the catalog's `base`.
    pub fn base_for(&self, slug: &Slug, id: TenantId) -> String {
        let variable = match self.variable {
            Some(Variable::Slug) => slug.to_string(),
            Some(Variable::Id) => id.to_string(),
            None => String::new(),
        };
        format!("{}{variable}{}", self.before, self.after)
    }

    /// The name of one tenant's database. `generation` keeps names from ever being reused (rule 6).
    pub fn for_tenant(&self, slug: &Slug, id: TenantId, generation: u64) -> Result<PhysicalName, NameError> {
        PhysicalName::parse(&format!("{}_{generation}", self.base_for(slug, id)))
    }

    /// The base of the one database of a system or pooled store.
    pub fn base(&self) -> String {
        format!("{}{}", self.before, self.after)
    }

    /// The name of the one database of a system or pooled store.
    pub fn single(&self, generation: u64) -> Result<PhysicalName, NameError> {
        PhysicalName::parse(&format!("{}_{generation}", self.base()))
    }

    /// True when each tenant gets a name of its own.
    pub fn is_per_tenant(&self) -> bool {
        self.variable.is_some()
    }

    /// True when some tenant's name under one template could be another's under the other.
    pub fn may_clash(&self, other: &Self) -> bool {
        let before = rest(&self.before, &other.before);
        let after = rest_back(&self.after, &other.after);
        match (self.variable, other.variable) {
            (None, None) => self.base() == other.base(),
            (Some(_), None) => self.could_be(&other.base()),
            (None, Some(_)) => other.could_be(&self.base()),
            // What one has more of literal text must pass for part of the other's variable.
            (Some(_), Some(_)) => before.zip(after).is_some_and(|(b, a)| slug_like(b) && slug_like(a)),
        }
    }

    fn could_be(&self, name: &str) -> bool {
        let inner = name.strip_prefix(&self.before).and_then(|rest| rest.strip_suffix(&self.after));
        inner.is_some_and(|inner| !inner.is_empty() && slug_like(inner))
    }
}

fn slug_like(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// What the longer has after the shorter, if one begins with the other.
fn rest<'a>(a: &'a str, b: &'a str) -> Option<&'a str> {
    a.strip_prefix(b).or_else(|| b.strip_prefix(a))
}

fn rest_back<'a>(a: &'a str, b: &'a str) -> Option<&'a str> {
    a.strip_suffix(b).or_else(|| b.strip_suffix(a))
}

impl FromStr for NameTemplate {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        let error = |reason| TemplateError(text.chars().take(80).collect(), reason);
        let (before, variable, after) = match text.split_once('{') {
            None => (text, None, ""),
            Some((before, rest)) => match rest.split_once('}') {
                Some(("slug", after)) => (before, Some(Variable::Slug), after),
                Some(("id", after)) => (before, Some(Variable::Id), after),
                _ => return Err(error("the variables are {slug} and {id}")),
            },
        };
        let literal = format!("{before}{after}");
        if !literal.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'))
        {
            return Err(error("use a-z, 0-9, _ and - around one {slug} or {id}"));
        }
        // 63 bytes, less the longest slug (40) and `_` with the generation (6).
        if literal.len() > if variable.is_some() { 17 } else { 57 } {
            return Err(error("too long: with a slug of 40 characters the name must stay within 63 bytes"));
        }
        let first = before.bytes().next().map(|b| b.is_ascii_alphanumeric());
        if first == Some(false) || (first.is_none() && variable.is_none()) {
            return Err(error("must start with a letter or digit"));
        }
        Ok(Self { before: before.into(), variable, after: after.into() })
    }
}

impl fmt::Display for NameTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let variable = match self.variable {
            Some(Variable::Slug) => "{slug}",
            Some(Variable::Id) => "{id}",
            None => "",
        };
        write!(f, "{}{variable}{}", self.before, self.after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(text: &str) -> NameTemplate {
        text.parse().unwrap()
    }

    /// Rule 6: two stores on one server never reach for one name.
    #[test]
    fn clashes_are_seen_before_a_tenant_meets_one() {
        for (a, b, clash) in [
            ("tenant_{slug}", "tenant_{slug}", true),
            ("{slug}", "{slug}-db", true),
            ("{slug}", "tenant_{slug}", false),
            ("djo_{slug}_db", "fbs_{slug}_db", false),
            ("tenant_{id}", "tenant_{slug}", true),
            ("control", "{slug}", true),
            ("control", "tenant_{slug}", false),
            ("control", "control", true),
        ] {
            assert_eq!(template(a).may_clash(&template(b)), clash, "{a} and {b}");
            assert_eq!(template(b).may_clash(&template(a)), clash, "{b} and {a}");
        }
    }

    /// X4: no template can render a name that leaves its directory.
    #[test]
    fn templates_that_could_render_a_path_are_refused() {
        for bad in [
            "../{slug}",
            "{slug}/x",
            "{tenant}",
            "{slug}{slug}",
            "",
            "_x",
            "A_{slug}",
            "{slug",
            &"a".repeat(58),
        ] {
            assert!(bad.parse::<NameTemplate>().is_err(), "{bad:?}");
        }
        let slug = Slug::parse("city-hospital").unwrap();
        let name = template("tenant_{slug}").for_tenant(&slug, TenantId::from_raw(7), 1).unwrap();
        assert_eq!(name.as_str(), "tenant_city-hospital_1");
    }
}
