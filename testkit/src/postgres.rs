//! The PostgreSQL servers of the test run, and a separate database on them for each test.

/// Environment variable with URLs of superusers, separated by spaces. `cargo xtask test` sets it.
const VARIABLE: &str = "TENANTRY_TEST_POSTGRES_URL";

/// Returns the URLs of the servers on which the tests must pass.
///
/// # Panics
/// Panics if no server is named: a suite without a server must not pass.
pub fn servers() -> Vec<String> {
    let named = std::env::var(VARIABLE).unwrap_or_default();
    let servers: Vec<_> = named.split_whitespace().map(str::to_owned).collect();
    assert!(!servers.is_empty(), "no PostgreSQL server: run `cargo xtask test`, or name one in {VARIABLE}");
    servers
}

#[cfg(feature = "postgres")]
pub use home::{Home, PASSWORD, holds_stores, switch};

#[cfg(feature = "postgres")]
mod home {
    use std::{
        net::SocketAddr,
        process,
        sync::atomic::{AtomicU32, Ordering},
    };
    use tokio_postgres::{Client, NoTls};

    /// Environment variable with the isolation (`database`, `schema` or `pooled`) with which suites put tenants on
    /// PostgreSQL that are otherwise on SQLite. If it is not set, they are on SQLite.
    const SWITCH: &str = "TENANTRY_TEST_TENANTS";
    /// Environment variable that puts the platform's own stores of suites on PostgreSQL that are otherwise on SQLite.
    /// If it is not set, they are on SQLite.
    const STORES: &str = "TENANTRY_TEST_STORES";
    /// Password of the role of a [`Home`].
    pub const PASSWORD: &str = "only-for-tests";

    /// Returns the isolation that the switch sets for tenants.
    pub fn switch() -> Option<String> {
        std::env::var(SWITCH).ok().filter(|text| !text.is_empty())
    }

    /// Returns true if the switch puts the platform's own stores on PostgreSQL.
    pub fn holds_stores() -> bool {
        std::env::var(STORES).is_ok_and(|text| text == "postgres")
    }

    /// A role that is not a superuser, and a database with the role's name. Dropping this value removes everything
    /// whose name begins with the prefix, including these two.
    #[derive(Debug)]
    pub struct Home {
        admin: String,
        prefix: String,
        url: String,
    }

    impl Home {
        /// Creates a role and its database on the server at this superuser's URL.
        ///
        /// # Panics
        /// Panics if the server refuses.
        pub async fn new(admin: &str) -> Self {
            static COUNT: AtomicU32 = AtomicU32::new(0);
            let prefix = format!("t{:x}x{}_", process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
            let name = format!("{prefix}home");
            let home = Self { admin: admin.to_owned(), url: of(admin, &name), prefix };
            let client = connect(admin).await;
            clear(&client, &home.prefix).await;
            let role = format!("CREATE ROLE {name} LOGIN CREATEDB CREATEROLE PASSWORD '{PASSWORD}'");
            client.batch_execute(&role).await.expect("a role");
            let database =
                format!("CREATE DATABASE {name} OWNER {name} TEMPLATE template0 STRATEGY file_copy");
            client.batch_execute(&database).await.expect("a database");
            home
        }

        /// Returns the URL of the superuser.
        pub fn admin(&self) -> &str {
            &self.admin
        }

        /// Returns the URL of the role and its database.
        pub fn url(&self) -> &str {
            &self.url
        }

        /// Returns the URL of the role and its database through an address that forwards to the server.
        pub fn url_through(&self, address: SocketAddr) -> String {
            format!("postgresql://{0}:{PASSWORD}@{address}/{0}", self.name())
        }

        /// Returns the name of the role and of its database.
        pub fn name(&self) -> String {
            format!("{}home", self.prefix)
        }

        /// Runs statements as the superuser. `PREFIX` in them stands for the prefix of this home's names.
        ///
        /// # Panics
        /// Panics if the server refuses.
        pub async fn administer(&self, sql: &str) {
            let sql = sql.replace("PREFIX", &self.prefix());
            connect(&self.admin)
                .await
                .batch_execute(&sql)
                .await
                .unwrap_or_else(|error| panic!("{sql}: {error}"));
        }

        /// Runs statements as the superuser in a database.
        ///
        /// # Panics
        /// Panics if the server refuses.
        pub async fn administer_in(&self, database: &str, sql: &str) {
            let done = connect(&self.admin_in(database)).await.batch_execute(sql).await;
            done.unwrap_or_else(|error| panic!("{sql}: {error}"));
        }

        /// Returns the superuser's URL with another database.
        fn admin_in(&self, database: &str) -> String {
            let (server, _) = self.admin.rsplit_once('/').expect("a URL");
            format!("{server}/{database}")
        }

        /// Returns everything that belongs to the role in addition to its database: other databases, schemas in its own
        /// database, and roles granted to it.
        ///
        /// # Panics
        /// Panics if the server refuses.
        pub async fn leftovers(&self) -> Vec<String> {
            let client = connect(&self.admin_in(&self.name())).await;
            let sql = "WITH me AS (SELECT oid FROM pg_roles WHERE rolname = $1) \
                SELECT 'database ' || datname FROM pg_database, me WHERE datdba = me.oid AND datname <> $1 \
                UNION ALL SELECT 'schema ' || nspname FROM pg_namespace, me WHERE nspowner = me.oid \
                UNION ALL SELECT 'role ' || r.rolname FROM pg_roles AS r, pg_auth_members AS m, me \
                    WHERE m.roleid = r.oid AND m.member = me.oid ORDER BY 1";
            let rows = client.query(sql, &[&self.name()]).await.expect("names");
            rows.iter().map(|row| row.get(0)).collect()
        }

        /// Returns the prefix of this home's names on the server.
        pub fn prefix(&self) -> String {
            self.prefix.clone()
        }
    }

    impl Drop for Home {
        fn drop(&mut self) {
            let (admin, prefix) = (self.admin.clone(), self.prefix.clone());
            let removed = std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let clear = async { clear(&connect(&admin).await, &prefix).await };
                runtime.expect("a runtime").block_on(clear);
            });
            removed.join().ok();
        }
    }

    /// Removes everything whose name begins with the prefix.
    async fn clear(client: &Client, prefix: &str) {
        let names = async |sql: &str| {
            let rows = client.query(sql, &[&prefix]).await.expect("names");
            rows.iter().map(|row| row.get(0)).collect::<Vec<String>>()
        };
        let databases = "SELECT datname::text FROM pg_database WHERE starts_with(datname, $1)";
        for database in names(databases).await {
            let plain = format!("ALTER DATABASE \"{database}\" IS_TEMPLATE false");
            client.batch_execute(&plain).await.ok();
            client.batch_execute(&format!("DROP DATABASE \"{database}\" WITH (FORCE)")).await.ok();
        }
        // Remove the role of the home last, because it granted the others.
        let roles = "SELECT rolname::text FROM pg_roles WHERE starts_with(rolname, $1) \
            ORDER BY rolname = $1 || 'home', rolname LIKE '%.home'";
        for role in names(roles).await {
            client.batch_execute(&format!("DROP OWNED BY \"{role}\"")).await.ok();
            client.batch_execute(&format!("DROP ROLE \"{role}\"")).await.ok();
        }
    }

    async fn connect(url: &str) -> Client {
        let (client, stream) = tokio_postgres::connect(url, NoTls).await.expect("a superuser");
        tokio::spawn(stream);
        client
    }

    /// Returns the URL of a role with a database of the same name, at the server of a superuser.
    fn of(admin: &str, name: &str) -> String {
        let (_, address) = admin.split_once("://").expect("a URL");
        let (_, host) = address.rsplit_once('@').unwrap_or(("", address));
        let (host, _) = host.split_once('/').unwrap_or((host, ""));
        format!("postgresql://{name}:{PASSWORD}@{host}/{name}")
    }
}
