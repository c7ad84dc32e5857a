//! Access to one server: address, role, and whether the server answers at the moment.

use super::{
    Connection,
    encrypted::{Encrypted, Encryption},
    failure, tls,
    url::PostgresUrl,
};
use crate::error::{Error, Kind, Result};
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::time::timeout;
use tokio_postgres::{
    Client, Config, Socket,
    config::{Host, TargetSessionAttrs},
};

/// An open connection, and the future that drives its socket.
type Dialled = (Client, tokio_postgres::Connection<Socket, Encrypted>);

/// Longest duration of connecting.
const CONNECT: Duration = Duration::from_secs(5);
/// Longest time that a server may take to answer a trivial query.
const PROBE: Duration = Duration::from_secs(3);
/// Time for which callers are refused at once after the server was unreachable. Then one caller tries again.
const AWAY: Duration = Duration::from_secs(1);

/// The address of a server and the role that signs in to it.
#[derive(Debug)]
pub struct Access {
    config: Config,
    encryption: Encryption,
    /// Environment variables that make PostgreSQL's programs encrypt.
    encryption_of_programs: Vec<(&'static str, String)>,
    prepares: bool,
    /// What identifies the only database that may be reached; `None` if any may.
    expected: Option<String>,
    away: Mutex<Option<(Instant, String)>>,
}

/// Another role that signs in.
#[derive(Clone)]
pub struct Login {
    /// Name of the role.
    pub role: String,
    /// Password of the role.
    pub password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Login({})", self.role)
    }
}

impl Access {
    /// Parses a `postgresql://` URL. `prepares` sets whether statements may be prepared by name. That is impossible
    /// behind a pooler that gives each transaction another connection.
    ///
    /// # Errors
    /// Returns [`Kind::Statement`] if the URL is wrong.
    pub fn new(url: &str, prepares: bool) -> Result<Self> {
        let url = PostgresUrl::parse(url)?;
        let (encryption, encryption_of_programs) = (Encryption(tls::config(&url)?), tls::environment(&url));
        let mut config = url.config;
        config.application_name("tenantry").connect_timeout(CONNECT);
        let (expected, away) = (None, Mutex::default());
        Ok(Self { config, encryption, encryption_of_programs, prepares, expected, away })
    }

    /// Makes every new connection check that it reached the database with this identity.
    pub(crate) fn expect(&mut self, identity: Option<String>) {
        self.expected = identity;
    }

    /// Returns the database that the URL names.
    pub fn database(&self) -> Option<&str> {
        self.config.get_dbname()
    }

    /// Returns whether the server answered when a connection was last opened.
    pub(super) fn is_reachable(&self) -> bool {
        self.away.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// Returns how connections are encrypted.
    pub(super) fn encryption(&self) -> &Encryption {
        &self.encryption
    }

    /// Returns the environment variables with which a PostgreSQL program reaches a database as this role.
    pub(in crate::postgres) fn environment(&self, database: &str) -> Vec<(&'static str, String)> {
        let (hosts, ports) = hosts_and_ports(&self.config);
        let mut all = vec![("PGHOST", hosts), ("PGPORT", ports), ("PGDATABASE", database.to_owned())];
        all.extend(self.config.get_user().map(|user| ("PGUSER", user.to_owned())));
        let password =
            self.config.get_password().map(|password| String::from_utf8_lossy(password).into_owned());
        all.extend(password.map(|password| ("PGPASSWORD", password)));
        all.extend(self.encryption_of_programs.iter().cloned());
        all
    }

    /// Returns the directory of the server's socket, if connections use one.
    pub(in crate::postgres) fn socket_folder(&self) -> Option<String> {
        match self.config.get_hosts() {
            #[cfg(unix)]
            [Host::Unix(folder)] => Some(folder.display().to_string()),
            _ => None,
        }
    }

    /// Returns the options with which another server reaches this one: its address and encryption.
    pub(in crate::postgres) fn options(&self) -> Vec<(&'static str, String)> {
        address(&self.config, &self.encryption_of_programs)
    }

    /// Returns whether statements may be prepared by name.
    pub(in crate::postgres) fn prepares(&self) -> bool {
        self.prepares
    }

    /// Opens a connection to `database`.
    ///
    /// # Errors
    /// Returns [`Kind::Unreachable`] if the server does not answer, [`Kind::Missing`] if it has no such database,
    /// [`Kind::NoAccess`] if it refuses the role, and [`Kind::Busy`] if it allows no more connections.
    pub(super) async fn connect(&self, database: &Arc<str>, login: Option<&Login>) -> Result<Connection> {
        let (client, stream) = self.dial(database, login).await?;
        let stream = tokio::spawn(async move {
            if let Err(error) = stream.await {
                tracing::debug!(%error, "a connection to PostgreSQL ended");
            }
        });
        let mut connection = Connection::new(database.clone(), client, stream, self);
        if let Some(expected) = &self.expected {
            let found = connection.database_identity().await?;
            if found != *expected {
                let detail = format!("{database} is another database than the one that was attached");
                return Err(Error::new(Kind::WrongIdentity, detail));
            }
        }
        Ok(connection)
    }

    /// Opens a connection to `database`. The caller drives its socket.
    ///
    /// # Errors
    /// Returns the errors of [`Access::connect`].
    pub(super) async fn dial(&self, database: &Arc<str>, login: Option<&Login>) -> Result<Dialled> {
        self.refuse_while_away()?;
        let mut config = self.config.clone();
        config.dbname(&**database);
        if let Some(login) = login {
            config.user(&login.role).password(&login.password);
        }
        let opened = match timeout(CONNECT, config.connect(self.encryption.clone())).await {
            Ok(opened) => opened.map_err(|error| failure::of_connecting(&error)),
            Err(_) => Err(Error::new(Kind::Unreachable, format!("no answer in {} s", CONNECT.as_secs()))),
        };
        let mut away = self.away.lock().unwrap_or_else(PoisonError::into_inner);
        match opened {
            Ok(opened) => {
                *away = None;
                Ok(opened)
            }
            Err(error) => {
                if *error.kind() == Kind::Unreachable {
                    *away = Some((Instant::now() + AWAY, error.to_string()));
                }
                Err(error)
            }
        }
    }

    /// Checks whether the server answers, on a new connection outside the budget.
    ///
    /// # Errors
    /// Returns [`Kind::Unreachable`] if the server does not answer. From then on the server counts as away.
    pub(super) async fn probe(&self) -> Result<()> {
        let database = self.config.get_dbname().unwrap_or_default().into();
        let ask = async {
            let mut connection = self.connect(&database, None).await?;
            let answered = connection.batch("SELECT 1").await;
            connection.close().await;
            answered
        };
        match timeout(PROBE, ask).await {
            Ok(answered) => answered,
            Err(_) => {
                let why = format!("no answer in {} s", PROBE.as_secs());
                let mut away = self.away.lock().unwrap_or_else(PoisonError::into_inner);
                *away = Some((Instant::now() + AWAY, why.clone()));
                Err(Error::new(Kind::Unreachable, why))
            }
        }
    }

    /// Refuses the caller while the server is known to be away. The first caller after that time tries again. Other
    /// callers are refused until that attempt has a result.
    fn refuse_while_away(&self) -> Result<()> {
        let mut away = self.away.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((until, why)) = &mut *away else { return Ok(()) };
        if Instant::now() < *until {
            return Err(Error::new(Kind::Unreachable, why.clone()));
        }
        *until = Instant::now() + CONNECT;
        Ok(())
    }
}

/// Returns the options of `postgres_fdw` for the address and encryption in a URL.
pub(crate) fn options_of(url: &PostgresUrl) -> Vec<(&'static str, String)> {
    address(&url.config, &tls::environment(url))
}

fn address(config: &Config, encryption: &[(&'static str, String)]) -> Vec<(&'static str, String)> {
    let (hosts, ports) = hosts_and_ports(config);
    let encryption = encryption.iter().filter_map(|(name, value)| match *name {
        "PGSSLMODE" => Some(("sslmode", value.clone())),
        "PGSSLROOTCERT" => Some(("sslrootcert", value.clone())),
        _ => None,
    });
    let is_primary = config.get_target_session_attrs() == TargetSessionAttrs::ReadWrite;
    let primary = is_primary.then(|| ("target_session_attrs", "read-write".to_owned()));
    let all = [("host", hosts), ("port", ports)].into_iter().chain(encryption).chain(primary);
    all.filter(|(_, value)| !value.is_empty()).collect()
}

fn hosts_and_ports(config: &Config) -> (String, String) {
    let hosts = config.get_hosts().iter().map(|host| match host {
        Host::Tcp(name) => name.clone(),
        #[cfg(unix)]
        Host::Unix(folder) => folder.display().to_string(),
    });
    let ports = config.get_ports().iter().map(u16::to_string);
    (hosts.collect::<Vec<_>>().join(","), ports.collect::<Vec<_>>().join(","))
}
