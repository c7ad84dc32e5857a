//! Kit for databases that owners make and operators attach: an installation with a pool in a system store, files of
//! owners, and databases on PostgreSQL.

use crate::test_platform::{TestPlatform, desk, operator, slug};
use std::{fs, path::Path};
use tenantry::{
    Error, Result,
    attachments::{AttachReport, Attachment, NewAttachment},
    name::StoreName,
    query::Select,
    records::ListQuery,
};
use tenantry_testkit::postgres::{Home, PASSWORD};

/// Keys of the installation: the newest first.
pub(crate) const KEYS: [&str; 2] = [
    "new 101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f",
    "old 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
];

pub(crate) fn papers() -> StoreName {
    StoreName::parse("papers").unwrap()
}

/// Opens an installation in `dir` whose store `papers` is external and pooled in `shared` until then. Its only key is
/// the old one.
pub(crate) async fn office(dir: &Path) -> TestPlatform {
    fs::create_dir_all(dir.join("owners")).unwrap();
    write_keys(dir, &KEYS[1..]);
    let office = desk(dir)
        .set("stores.papers", "provision = \"external\"")
        .set("stores.papers", "pooled_in = \"shared\"")
        .set("secrets", "key_file = \"keys\"");
    office.start().await
}

pub(crate) fn write_keys(dir: &Path, lines: &[&str]) {
    fs::write(dir.join("keys"), lines.join("\n")).unwrap();
}

/// Makes an empty file of an owner, and returns its URL.
pub(crate) fn file(dir: &Path, name: &str) -> String {
    let path = dir.join("owners").join(name);
    fs::write(&path, b"").unwrap();
    format!("sqlite:{}", path.display())
}

/// A role and a database of an owner on PostgreSQL, as owners make them: the role may not create databases or roles.
pub(crate) async fn owned(admin: &str) -> Home {
    let home = Home::new(admin).await;
    home.administer(&format!("ALTER ROLE {} NOCREATEDB NOCREATEROLE", home.name())).await;
    home
}

impl TestPlatform {
    pub(crate) async fn attach(&self, name: &str, url: &str, grants_schema: bool) -> Result<AttachReport> {
        let new = NewAttachment { store: papers(), url: url.into(), grants_schema, takes_data: false };
        self.attachments().attach(&operator(), &slug(name), &new).await
    }

    pub(crate) async fn attach_with_rows(&self, name: &str, url: &str) -> Result<i64> {
        let new = NewAttachment { store: papers(), url: url.into(), grants_schema: true, takes_data: true };
        let report = self.attachments().attach(&operator(), &slug(name), &new).await?;
        Ok(report.operation.expect("an operation moves the rows"))
    }

    pub(crate) async fn attachment(&self, name: &str) -> Attachment {
        self.attachments().show(&operator(), &slug(name), &papers()).await.unwrap()
    }

    pub(crate) async fn checked(&self, name: &str) -> String {
        let one = self.attachments().check(&operator(), &slug(name), &papers()).await.unwrap();
        one.health.as_str().to_owned()
    }

    /// Returns the names of the tenant's sheets, which are in the store `papers`.
    pub(crate) async fn sheets(&self, name: &str) -> Result<Vec<String>> {
        self.refresh().await?;
        let tenant = self.tenants().enter(&operator(), &slug(name)).await?;
        let all = ListQuery { select: Select { limit: 100, ..Select::default() }, ..ListQuery::default() };
        let page = self.platform.records(&tenant, "sheets")?.list(&all).await?;
        let text = format!("[{}]", String::from_utf8(page.items).unwrap());
        let rows: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
        Ok(rows.iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect())
    }

    pub(crate) async fn add_sheet(&self, name: &str, sheet: &str) {
        self.add(name, "sheets", serde_json::json!({ "name": sheet })).await;
    }
}

/// Requires an error with this text, in which no password is.
pub(crate) fn refused<T: std::fmt::Debug>(done: Result<T>, says: &str) -> Error {
    let error = done.unwrap_err();
    let text = format!("{error} {error:?} {}", error.public_title());
    assert!(text.contains(says), "{says:?} is not in: {text}");
    assert!(!text.contains(PASSWORD), "{text}");
    error
}

/// An address that forwards to a server until it is cut.
pub(crate) struct Link {
    to: String,
    address: std::net::SocketAddr,
    work: tokio::task::JoinHandle<()>,
}

impl Link {
    /// Forwards to the server of this URL.
    pub(crate) async fn to(url: &str) -> Self {
        let rest = url.split_once('@').map_or(url, |(_, rest)| rest);
        let to = rest.split('/').next().unwrap().replace("%2F", "/");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        Self { work: tokio::spawn(forward(listener, to.clone())), to, address }
    }

    pub(crate) fn address(&self) -> std::net::SocketAddr {
        self.address
    }

    /// Ends all connections, and accepts no more.
    pub(crate) async fn cut(&mut self) {
        self.work.abort();
        // Dropping the task drops the listener and the connections.
        drop((&mut self.work).await);
    }

    /// Forwards again.
    pub(crate) async fn mend(&mut self) {
        let listener = tokio::net::TcpListener::bind(self.address).await.unwrap();
        self.work = tokio::spawn(forward(listener, self.to.clone()));
    }
}

async fn forward(listener: tokio::net::TcpListener, to: String) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((mut client, _)) = listener.accept().await {
        let to = to.clone();
        connections.spawn(async move {
            match to.split_once(':').filter(|_| to.starts_with('/')) {
                Some((folder, port)) => {
                    let socket = format!("{folder}/.s.PGSQL.{port}");
                    let mut server = tokio::net::UnixStream::connect(socket).await.unwrap();
                    drop(tokio::io::copy_bidirectional(&mut client, &mut server).await);
                }
                None => {
                    let mut server = tokio::net::TcpStream::connect(to).await.unwrap();
                    drop(tokio::io::copy_bidirectional(&mut client, &mut server).await);
                }
            }
        });
    }
}
