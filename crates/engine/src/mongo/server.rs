//! One MongoDB deployment: its client, and the names of databases on it.

use super::{
    error::{Driven, within},
    lease::Newest,
    opened::Opened,
    site::Site,
};
use crate::{
    error::{Error, Kind, Result},
    identity::Platform,
    name::{PhysicalName, ServerName},
    place::{Isolation, Place},
};
use mongodb::{
    Client, Collection, Database,
    bson::{Document, RawDocumentBuf, doc},
    options::{Acknowledgment, ClientOptions, ReadConcern, SelectionCriteria, WriteConcern},
};
use quick_cache::sync::Cache;
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::sync::OnceCell;

/// Maximum length of the name of a database, in bytes.
const LONGEST: usize = 63;
/// Maximum time to find a primary, and to connect to it.
const CONNECT: Duration = Duration::from_secs(5);
/// Time that an answer may take beyond the time limit that the server got for it.
pub(super) const GRACE: Duration = Duration::from_secs(5);
/// The oldest wire protocol that has everything the engine uses: that of MongoDB 4.4.
const OLDEST_WIRE: i64 = 9;
/// The first wire protocol that can read an earlier state without a transaction: that of MongoDB 5.0.
const STATES_WIRE: i64 = 13;

/// Options for a deployment. The `Debug` form does not show the URL, which may contain a password.
#[derive(Clone)]
pub struct ServerOptions {
    /// `mongodb://` URL of a replica set or a sharded cluster.
    pub url: String,
    /// Prefix of the names of databases, so that several installations can share a deployment.
    pub prefix: String,
    /// Maximum number of connections to each server of the deployment.
    pub most_connections: u32,
}

impl fmt::Debug for ServerOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url: _, prefix, most_connections } = self;
        let mut out = f.debug_struct("ServerOptions");
        out.field("prefix", prefix).field("most_connections", most_connections).finish_non_exhaustive()
    }
}

/// A deployment. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Server(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) name: ServerName,
    options: ServerOptions,
    pub(crate) platform: Platform,
    /// The only client. It is set once the deployment has answered and lacks nothing.
    client: OnceCell<Client>,
    reachable: AtomicBool,
    reads_states: AtomicBool,
    grants_leases: AtomicBool,
    /// The newest operation time of the deployment.
    pub(super) newest: Newest,
    /// Maximum duration of a read.
    pub(super) read_deadline: Duration,
    /// Places that this process has used, at most as many as may be open.
    pub(super) opened: Cache<Place, Arc<Opened>>,
    /// Number of places that were opened.
    pub(super) opens: AtomicU64,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("name", &self.name)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl Server {
    /// Makes a server without connecting to it, because a deployment that does not answer must not stop the others. A
    /// read may take `read_deadline`, and `open` places may be open.
    ///
    /// # Errors
    /// Returns [`Kind::Statement`] if the prefix is not allowed.
    pub(crate) fn new(
        name: ServerName,
        options: ServerOptions,
        platform: &Platform,
        (read_deadline, open): (Duration, usize),
    ) -> Result<Self> {
        let prefix = &options.prefix;
        let fits = prefix.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if !fits || prefix.len() > 20 {
            return Err(refused(format!("{prefix:?} is no prefix of names")));
        }
        Ok(Self(Arc::new(Inner {
            name,
            options,
            platform: platform.clone(),
            client: OnceCell::new(),
            reachable: AtomicBool::new(true),
            reads_states: AtomicBool::new(false),
            grants_leases: AtomicBool::new(false),
            newest: Newest::default(),
            read_deadline,
            opened: Cache::new(open.max(1)),
            opens: AtomicU64::new(0),
        })))
    }

    /// Returns the location of `place`, whether or not it exists.
    ///
    /// # Errors
    /// Returns [`Kind::Statement`] if its name is too long, or MongoDB does not support its isolation.
    pub(crate) fn site(&self, place: &Place) -> Result<Site> {
        if place.isolation == Isolation::Schema {
            return Err(refused(format!(
                "{place}: MongoDB has no schemas: use the isolation database or pooled"
            )));
        }
        Site::new(place, self.database_name(&place.physical)?)
    }

    /// Returns the name of a database on the deployment.
    ///
    /// # Errors
    /// Returns [`Kind::Statement`] if the name is longer than MongoDB allows.
    pub(super) fn database_name(&self, physical: &PhysicalName) -> Result<String> {
        let name = format!("{}{physical}", self.options.prefix);
        match name.len() <= LONGEST {
            true => Ok(name),
            false => Err(refused(format!("the name {name} is longer than {LONGEST} bytes"))),
        }
    }

    /// Returns the checked name without the prefix; `None` if it is not a name of this installation.
    pub(super) fn physical(&self, database: &str) -> Option<PhysicalName> {
        PhysicalName::parse(database.strip_prefix(self.options.prefix.as_str())?).ok()
    }

    /// Returns the client. The first call connects, and checks that the deployment lacks nothing.
    ///
    /// # Errors
    /// Returns [`Kind::Unreachable`] if the deployment does not answer, and [`Kind::Statement`] if the URL is wrong or
    /// the deployment lacks something, which the error names.
    pub(super) async fn client(&self) -> Result<&Client> {
        self.client.get_or_try_init(|| Box::pin(self.connect())).await
    }

    async fn connect(&self) -> Result<Client> {
        let mut options = ClientOptions::parse(&self.options.url).await?;
        options.app_name = Some("tenantry".into());
        options.max_pool_size = Some(self.options.most_connections.max(2));
        options.connect_timeout = Some(CONNECT);
        options.server_selection_timeout = Some(CONNECT);
        // Data that a failover could roll back is neither shown nor acknowledged.
        options.read_concern = Some(ReadConcern::majority());
        options.write_concern = Some(WriteConcern::builder().w(Acknowledgment::Majority).build());
        options.selection_criteria =
            Some(SelectionCriteria::ReadPreference(mongodb::options::ReadPreference::Primary));
        let client = Client::with_options(options)?;
        let hello = self.run_on(&client.database("admin"), doc! { "hello": 1 }).await?;
        match lacks(&hello).into_iter().next() {
            None => {
                self.reads_states.store(wire(&hello) >= STATES_WIRE, Relaxed);
                self.grants_leases.store(hello.contains_key("setName"), Relaxed);
                Ok(client)
            }
            Some(why) => Err(refused(format!("server {}: {why}", self.name))),
        }
    }

    /// Returns true if the deployment can read an earlier state without a transaction.
    pub(super) fn reads_states(&self) -> bool {
        self.reads_states.load(Relaxed)
    }

    /// Returns true if reads may rely on earlier checks of their place. In a sharded cluster, an answer does not tell how
    /// new the data of its shard is.
    pub(super) fn grants_leases(&self) -> bool {
        self.grants_leases.load(Relaxed)
    }

    /// Returns what the deployment lacks to be used by an installation, each item with its remedy.
    ///
    /// # Errors
    /// Returns [`Kind::Unreachable`] if the deployment does not answer.
    pub(crate) async fn shortcomings(&self) -> Result<Vec<String>> {
        match self.client().await {
            Ok(_) => Ok(vec![]),
            Err(error) => match error.kind() {
                Kind::Statement(why) => Ok(vec![why.clone()]),
                _ => Err(error),
            },
        }
    }

    /// Returns true if the deployment answered the most recent request.
    pub(crate) fn is_reachable(&self) -> bool {
        self.reachable.load(Relaxed)
    }

    /// Pings the deployment.
    pub(crate) async fn look(&self) -> Result<()> {
        self.run("admin", doc! { "ping": 1 }).await.map(drop)
    }

    /// Returns the database with this name.
    pub(super) async fn database(&self, name: &str) -> Result<Database> {
        Ok(self.client().await?.database(name))
    }

    /// Returns a collection in the database of a place.
    pub(super) async fn collection(&self, site: &Site, name: &str) -> Result<Collection<RawDocumentBuf>> {
        Ok(self.database(&site.database).await?.collection(name))
    }

    /// Waits for an answer, at most as long as a read may take, and records whether the deployment answered.
    ///
    /// # Errors
    /// Returns the errors of the driver.
    pub(super) async fn answer<T>(&self, call: impl Future<Output = Driven<T>>) -> Driven<T> {
        let answer = within(self.read_deadline + GRACE, call).await;
        self.note(&answer);
        answer
    }

    /// Records whether the deployment answered.
    pub(super) fn note<T>(&self, answer: &Driven<T>) {
        let away = match answer {
            Ok(_) => false,
            Err(error) => *Error::from(error.clone()).kind() == Kind::Unreachable,
        };
        if self.reachable.load(Relaxed) == away {
            self.reachable.store(!away, Relaxed);
        }
    }

    /// Runs a command in a database and returns its answer.
    pub(super) async fn run(&self, database: &str, command: Document) -> Result<Document> {
        Ok(self.try_run(database, command).await??)
    }

    /// Runs a command in a database. The inner error is that of the command.
    pub(super) async fn try_run(&self, database: &str, command: Document) -> Result<Driven<Document>> {
        let database = self.database(database).await?;
        Ok(self.run_on(&database, command).await)
    }

    async fn run_on(&self, database: &Database, command: Document) -> Driven<Document> {
        self.answer(async { database.run_command(command).await }).await
    }
}

/// Returns what a deployment lacks, according to its answer to `hello`.
fn lacks(hello: &Document) -> Vec<String> {
    let mut lacks = vec![];
    if !hello.contains_key("setName") && !hello.get_str("msg").is_ok_and(|text| text == "isdbgrid") {
        lacks.push(
            "it is a single mongod, which has no transactions: start it with --replSet and run rs.initiate()"
                .into(),
        );
    }
    if wire(hello) < OLDEST_WIRE {
        lacks.push("it is older than MongoDB 4.4: upgrade it".into());
    }
    lacks
}

fn wire(hello: &Document) -> i64 {
    hello.get("maxWireVersion").and_then(super::cells::whole).unwrap_or_default()
}

fn refused(detail: String) -> Error {
    Error::new(Kind::Statement(detail.clone()), detail)
}

impl std::ops::Deref for Server {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deployment_without_transactions_is_refused() {
        let lacking = |hello: Document| lacks(&hello).len();
        assert_eq!(lacking(doc! { "setName": "rs0", "maxWireVersion": 9 }), 0);
        assert_eq!(lacking(doc! { "msg": "isdbgrid", "maxWireVersion": 25 }), 0);
        assert_eq!(lacking(doc! { "maxWireVersion": 17 }), 1);
        assert_eq!(lacking(doc! { "setName": "rs0", "maxWireVersion": 8 }), 1);
    }

    #[test]
    fn names_fit_and_begin_with_the_prefix() {
        let options = |prefix: &str| ServerOptions {
            url: "mongodb://user:secret@db/".into(),
            prefix: prefix.into(),
            most_connections: 8,
        };
        let server = |prefix: &str| {
            let name = ServerName::parse("mongo").unwrap();
            Server::new(name, options(prefix), &Platform::default(), (Duration::from_secs(1), 8))
        };
        let own = server("med_").unwrap();
        let physical = PhysicalName::parse("demo_org_001").unwrap();
        assert_eq!(own.database_name(&physical).unwrap(), "med_demo_org_001");
        assert_eq!(own.physical("med_demo_org_001"), Some(physical));
        assert_eq!((own.physical("demo_org_001"), own.physical("med_Demo")), (None, None));
        assert!(own.database_name(&PhysicalName::parse(&"x".repeat(60)).unwrap()).is_err());
        for bad in ["Med", "a.b", "a$", &"a".repeat(21)] {
            assert!(server(bad).is_err(), "{bad}");
        }
        assert!(!format!("{:?}", options("")).contains("secret"));
    }
}
