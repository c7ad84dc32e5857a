//! Names of databases, schemas and roles on a server, and their form in SQL. Every name consists of a prefix from the
//! configuration and a checked name (`checked-names`).

use crate::{
    error::{Error, Kind, Result},
    name::PhysicalName,
};
use std::fmt;

/// Longest name in PostgreSQL, in bytes. PostgreSQL cuts longer names.
const LONGEST: usize = 63;

/// Prefix of the names of one installation on a server. It may be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Prefix(Box<str>);

impl Prefix {
    /// Checks a prefix, which consists of lower-case letters, digits and `_` and begins with a letter.
    ///
    /// # Errors
    /// Returns [`Kind::Statement`] for any other text.
    pub(crate) fn new(text: &str) -> Result<Self> {
        let fits = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
            && !text.starts_with(|c: char| !c.is_ascii_lowercase())
            && text.len() <= 20
            && !text.starts_with("pg_");
        if fits { Ok(Self(text.into())) } else { Err(refused(format!("{text:?} is no prefix of names"))) }
    }

    /// Returns the name of a database or schema on the server.
    ///
    /// # Errors
    /// Returns [`Kind::Statement`] if the name is longer than PostgreSQL allows.
    pub(crate) fn name(&self, physical: &PhysicalName) -> Result<String> {
        let name = format!("{}{physical}", self.0);
        match name.len() <= LONGEST {
            true => Ok(name),
            false => Err(refused(format!("the name {name} is longer than {LONGEST} bytes"))),
        }
    }

    /// Returns the prefix.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name of an object that the installation has only once on the server. No place has such a name.
    pub(crate) fn own(&self, what: &str) -> String {
        format!("{}.{what}", self.0)
    }

    /// Returns the checked name without the prefix; `None` if the name is not one of this installation.
    pub(crate) fn physical(&self, name: &str) -> Option<PhysicalName> {
        PhysicalName::parse(name.strip_prefix(&*self.0)?).ok()
    }
}

fn refused(detail: String) -> Error {
    Error::new(Kind::Statement(detail.clone()), detail)
}

/// Returns SQL for the rows of `pg_class` of a schema; the SQL `schema` gives its oid. PostgreSQL has no index of
/// relations by schema and would read all relations, of perhaps thousands of schemas. It has an index of the objects
/// that depend on a schema.
pub(crate) fn relations_of(schema: &str) -> String {
    format!(
        "(SELECT c.xmin, c.* FROM pg_depend AS d JOIN pg_class AS c ON c.oid = d.objid \
         WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = {schema} \
           AND d.classid = 'pg_class'::regclass AND d.deptype = 'n')"
    )
}

/// SQL for the oid of the schema with the name `$1`.
pub(crate) const SCHEMA_NAMED: &str = "(SELECT oid FROM pg_namespace WHERE nspname = $1)";

/// Returns an identifier as a quoted SQL name.
pub(crate) fn quoted(name: &str) -> Quoted<'_> {
    Quoted(name)
}

/// Returns text as a quoted SQL literal.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// See [`quoted`].
pub(crate) struct Quoted<'n>(&'n str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.replace('"', "\"\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_prefixed_whole_and_quoted() {
        let physical = PhysicalName::parse("tenant_acme-1_g2").unwrap();
        let prefix = Prefix::new("med_").unwrap();
        assert_eq!(prefix.name(&physical).unwrap(), "med_tenant_acme-1_g2");
        assert_eq!(prefix.physical("med_tenant_acme-1_g2"), Some(physical.clone()));
        assert_eq!(prefix.physical("tenant_acme-1_g2"), None);
        assert!(
            prefix.name(&PhysicalName::parse(&"x".repeat(60)).unwrap()).is_err(),
            "PostgreSQL would cut it"
        );
        assert_eq!(Prefix::new("").unwrap().name(&physical).unwrap(), "tenant_acme-1_g2");
        for bad in ["Med", "1a", "a\"b", "pg_", "_a", &"a".repeat(21)] {
            assert!(Prefix::new(bad).is_err(), "{bad}");
        }
        assert_eq!(quoted("a\"b").to_string(), "\"a\"\"b\"");
    }
}
