//! Templates for the names of databases: `tenant_{slug}`, `djo_{slug}_db`.
//!
//! Used when a placement is created. The catalog records the result, and routing never renders a template again
//! (`catalog-placement`). A template only yields names that are valid for the engine.

use super::model::Scope;
use std::{fmt, str::FromStr};
use tenantry_engine::{
    name::{Slug, StoreName},
    place::Isolation,
};

/// Number of bytes of `_` and a generation of six digits.
const GENERATION: usize = 7;
/// Largest number of bytes in a name without its generation.
const MOST: usize = 63 - GENERATION;
/// Largest number of bytes in a slug.
const LONGEST_SLUG: usize = 40;
/// Largest number of bytes in a name without generation and slug.
const MOST_BESIDE_SLUG: usize = MOST - LONGEST_SLUG;

/// Literal text, with or without `{slug}` in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameTemplate {
    before: String,
    /// True if there is a `{slug}` between `before` and `after`.
    per_tenant: bool,
    after: String,
}

/// Reason why a template was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("name template {0:?}: {1}")]
pub struct TemplateError(String, &'static str);

impl NameTemplate {
    /// Returns the default template: like `tenant_{slug}` for a database per tenant, or the store's own name for a
    /// single database. A long store name is truncated so that the longest slug fits.
    pub fn default_for(store: &StoreName, scope: Scope, isolation: Isolation) -> Self {
        let (before, per_tenant) = match (scope, isolation) {
            (Scope::System, _) => (store.to_string(), false),
            (Scope::Tenant, Isolation::Pooled) => (format!("{store}_pool"), false),
            (Scope::Tenant, Isolation::Schema | Isolation::Database) => {
                return Self::default_beside(store, 0);
            }
        };
        Self { before, per_tenant, after: String::new() }
    }

    /// Returns the default template for a schema or database per tenant, if `prefix` bytes precede each name.
    pub(crate) fn default_beside(store: &StoreName, prefix: usize) -> Self {
        let room = MOST_BESIDE_SLUG.saturating_sub(prefix + 1).max(1);
        let before = format!("{:.*}_", room, store.as_str());
        Self { before, per_tenant: true, after: String::new() }
    }

    /// Returns the name of one tenant's database without generation. It is the catalog's `base`, to which a generation
    /// is appended so that no name is used twice (`no-reuse`). It is always a valid physical name.
    pub fn base_for(&self, slug: &Slug) -> String {
        format!("{}{}{}", self.before, if self.per_tenant { slug.as_str() } else { "" }, self.after)
    }

    /// Returns the name of the single database of a system or pooled store. It is always a valid physical name.
    pub fn base(&self) -> String {
        format!("{}{}", self.before, self.after)
    }

    /// Returns the length in bytes of the template's longest name, including the generation.
    pub(super) fn longest(&self) -> usize {
        let slug = if self.per_tenant { LONGEST_SLUG + GENERATION } else { 0 };
        self.before.len() + slug + self.after.len()
    }

    /// Returns true if each tenant gets its own name.
    pub fn is_per_tenant(&self) -> bool {
        self.per_tenant
    }

    /// Returns true if a name under one template could equal a name under the other. Slugs with `_` do not count: a name
    /// that another database has is never given.
    pub fn may_clash(&self, other: &Self) -> bool {
        let before = rest(&self.before, &other.before);
        let after = rest_back(&self.after, &other.after);
        match (self.per_tenant, other.per_tenant) {
            (false, false) => self.base() == other.base(),
            (true, false) => self.could_be(&other.base()),
            (false, true) => other.could_be(&self.base()),
            // The additional literal text of one template must fit into a slug of the other.
            (true, true) => before.zip(after).is_some_and(|(b, a)| slug_like(b) && slug_like(a)),
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

/// Returns the additional text of the longer one if one begins with the other.
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
        let (before, per_tenant, after) = match text.split_once("{slug}") {
            Some((before, after)) => (before, true, after),
            None => (text, false, ""),
        };
        let literal = format!("{before}{after}");
        if !literal.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'))
        {
            return Err(error("use a-z, 0-9, _ and -, and {slug} once at most"));
        }
        if literal.len() > if per_tenant { MOST_BESIDE_SLUG } else { MOST } {
            return Err(error("too long: with a slug of 40 characters the name must stay within 63 bytes"));
        }
        let first = before.bytes().next().map(|b| b.is_ascii_alphanumeric());
        if first == Some(false) || (first.is_none() && !per_tenant) {
            return Err(error("must start with a letter or digit"));
        }
        Ok(Self { before: before.into(), per_tenant, after: after.into() })
    }
}

impl fmt::Display for NameTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.before, if self.per_tenant { "{slug}" } else { "" }, self.after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenantry_engine::name::PhysicalName;

    fn template(text: &str) -> NameTemplate {
        text.parse().unwrap()
    }

    /// `no-reuse`: two stores on one server never yield the same name.
    #[test]
    fn clashes_are_seen_before_a_tenant_meets_one() {
        for (a, b, clash) in [
            ("tenant_{slug}", "tenant_{slug}", true),
            ("{slug}", "{slug}-db", true),
            ("{slug}", "tenant_{slug}", false),
            ("djo_{slug}_db", "fbs_{slug}_db", false),
            ("control", "{slug}", true),
            ("control", "tenant_{slug}", false),
            ("control", "control", true),
        ] {
            assert_eq!(template(a).may_clash(&template(b)), clash, "{a} and {b}");
            assert_eq!(template(b).may_clash(&template(a)), clash, "{b} and {a}");
        }
    }

    /// No template can render a name that leaves its directory.
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
            &"a".repeat(57),
        ] {
            assert!(bad.parse::<NameTemplate>().is_err(), "{bad:?}");
        }
        let slug = Slug::parse("city-hospital").unwrap();
        assert_eq!(template("tenant_{slug}").base_for(&slug), "tenant_city-hospital");
        let longest = Slug::parse(&"a".repeat(40)).unwrap();
        let name = format!("{}_999999", template("1234567_{slug}_1234567").base_for(&longest));
        assert!(PhysicalName::parse(&name).is_ok(), "{name}");
    }

    #[test]
    fn the_default_name_of_any_store_has_room_for_any_slug_and_generation() {
        let (store, slug) = ("s".repeat(48), "t".repeat(40));
        let (store, slug) = (StoreName::parse(&store).unwrap(), Slug::parse(&slug).unwrap());
        for scope in [Scope::System, Scope::Tenant] {
            for isolation in [Isolation::Database, Isolation::Schema, Isolation::Pooled] {
                let base = NameTemplate::default_for(&store, scope, isolation).base_for(&slug);
                let name = format!("{base}_999999");
                assert!(PhysicalName::parse(&name).is_ok(), "{scope:?}, {isolation:?}: {name}");
            }
        }
    }
}
