//! A `postgresql://` URL: the options that the driver understands, and those of encryption, which it does not.

use super::tls::{Mode, Roots};
use crate::error::{Error, Kind, Result};
use percent_encoding::percent_decode_str;
use std::{fmt, str::FromStr};
use tokio_postgres::{
    Config,
    config::{Host, SslMode},
};

/// A URL that was parsed and checked. Its `Debug` output and its errors contain no password.
pub struct PostgresUrl {
    pub(super) config: Config,
    pub(super) mode: Mode,
    pub(super) roots: Roots,
    hosts: Vec<String>,
}

impl PostgresUrl {
    /// Parses a URL that need not name a database.
    ///
    /// # Errors
    /// Returns the errors of [`PostgresUrl::parse`].
    pub fn parse_address(text: &str) -> Result<Self> {
        let (address, query) = text.split_once('?').unwrap_or((text, ""));
        let has_database = address.split_once("://").is_some_and(|(_, rest)| rest.contains('/'));
        Self::parse(&format!("{address}{}?{query}", if has_database { "" } else { "/any" }))
    }

    /// Parses a URL.
    ///
    /// Encryption follows `sslmode` and `sslrootcert` as in libpq. Without `sslmode`, a server on another machine must
    /// show a certificate that is valid for its name; a server on this machine need not encrypt.
    ///
    /// # Errors
    /// Returns [`Kind::Statement`] with the mistake. Its text contains no part of the URL that could be a password.
    pub fn parse(text: &str) -> Result<Self> {
        if !text.starts_with("postgresql://") && !text.starts_with("postgres://") {
            return Err(wrong("must begin with postgresql://"));
        }
        let (address, query) = text.split_once('?').unwrap_or((text, ""));
        let (mut mode, mut root, mut rest) = (None, None, Vec::new());
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let decoded = |value| percent_decode_str(value).decode_utf8_lossy().into_owned();
            match pair.split_once('=') {
                Some(("sslmode", value)) => mode = Some(decoded(value)),
                Some(("sslrootcert", value)) => root = Some(decoded(value)),
                _ => rest.push(pair),
            }
        }
        let read = Config::from_str(&format!("{address}?{}", rest.join("&")));
        let mut config = read.map_err(|error| wrong(&described(&error)))?;
        if config.get_dbname().is_none_or(str::is_empty) {
            return Err(wrong("must name a database: postgresql://ROLE@HOST/DATABASE"));
        }
        let roots = Roots::of(root.as_deref());
        let mode = Mode::of(mode.as_deref(), &roots, is_local(&config)).map_err(|text| wrong(&text))?;
        config.ssl_mode(match mode {
            Mode::Plain => SslMode::Disable,
            Mode::Prefer => SslMode::Prefer,
            Mode::Unchecked | Mode::Authority | Mode::Full => SslMode::Require,
        });
        let hosts = hosts(&config);
        Ok(Self { config, mode, roots, hosts })
    }

    /// Returns the addresses of the server, as `host:port`.
    pub fn hosts(&self) -> &[String] {
        &self.hosts
    }

    /// Returns the name of the database.
    pub fn database(&self) -> &str {
        self.config.get_dbname().unwrap_or_default()
    }

    /// Returns true if the URL contains a password.
    pub fn has_password(&self) -> bool {
        self.config.get_password().is_some()
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresUrl").field("hosts", &self.hosts).finish_non_exhaustive()
    }
}

fn wrong(text: &str) -> Error {
    Error::new(Kind::Statement(text.to_owned()), "URL of a PostgreSQL server")
}

/// Returns the driver's error with its cause. That names options but never their values.
fn described(error: &tokio_postgres::Error) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
    format!("is no URL of a PostgreSQL server{}", cause.unwrap_or_default())
}

fn hosts(config: &Config) -> Vec<String> {
    let ports = config.get_ports();
    let port = |index: usize| ports.get(index).or(ports.first()).copied().unwrap_or(5432);
    let host = |(index, host): (usize, &Host)| match host {
        Host::Tcp(name) => format!("{}:{}", name.to_ascii_lowercase(), port(index)),
        #[cfg(unix)]
        Host::Unix(folder) => format!("{}:{}", folder.display(), port(index)),
    };
    config.get_hosts().iter().enumerate().map(host).collect()
}

/// Returns true if the traffic of a connection never leaves this machine.
fn is_local(config: &Config) -> bool {
    config.get_hosts().iter().all(|host| match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encryption_is_checked_by_default_except_on_this_machine() {
        for (url, mode) in [
            ("postgresql://me@db.example/home", Mode::Full),
            ("postgresql://me@10.0.0.7/home", Mode::Full),
            ("postgresql://me@localhost,db.example/home", Mode::Full),
            ("postgresql://me@127.0.0.1/home", Mode::Plain),
            ("postgresql://me@%2Frun%2Fpostgresql/home", Mode::Plain),
            ("postgresql://me@db.example/home?sslmode=disable", Mode::Plain),
            ("postgresql://me@db.example/home?sslmode=prefer", Mode::Prefer),
            ("postgresql://me@db.example/home?sslmode=require", Mode::Unchecked),
            ("postgresql://me@db.example/home?sslmode=require&sslrootcert=%2Fetc%2Fca.pem", Mode::Authority),
            ("postgresql://me@db.example/home?sslrootcert=system&sslmode=require", Mode::Full),
            ("postgresql://me@localhost/home?application_name=x&sslmode=verify-full", Mode::Full),
        ] {
            assert_eq!(PostgresUrl::parse(url).unwrap().mode, mode, "{url}");
        }
    }

    #[test]
    fn errors_say_what_is_wrong_and_show_no_password() {
        for (url, says) in [
            ("mysql://me:s3cret@db/home", "must begin with postgresql://"),
            ("postgresql://me:s3cret@db", "must name a database"),
            ("postgresql://me:s3cret@db/home?sslmode=s3cret", "sslmode must be"),
            ("postgresql://me:s3cret@db:port/home", "is no URL"),
            ("postgresql://me:s3cret@db/home?sslcert=s3cret", "sslcert"),
            ("postgresql://me:s3cret@db/home?connect_timeout=s3cret", "connect_timeout"),
        ] {
            let error = format!("{0} {0:?}", PostgresUrl::parse(url).unwrap_err());
            assert!(error.contains(says), "{error}");
            assert!(!error.contains("s3cret"), "{error}");
        }
        let good = PostgresUrl::parse("postgresql://me:s3cret@DB,b:6000/home").unwrap();
        assert!(good.has_password() && !format!("{good:?}").contains("s3cret"));
        assert_eq!(good.hosts(), ["db:5432", "b:6000"]);
    }
}
