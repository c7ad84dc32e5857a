//! Archives of a tenant's tables for `pg_restore`. PostgreSQL's own `pg_dump` creates them, because no other program
//! knows its format as well.

use super::{server::Server, site::Site};
use crate::{
    error::{Error, Kind, Result},
    place::Place,
};
use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Directory of Debian's packages. `VERSION/bin` contains the programs of a version.
const DEBIAN: &str = "/usr/lib/postgresql";

impl Server {
    /// Writes the tables of a tenant's models, in one consistent state, to the new file `to`. Writers continue.
    ///
    /// # Errors
    /// Returns [`Kind::Statement`] with the obstacle: the tenant shares its tables, the server is behind a pooler, or
    /// there is no `pg_dump` for it. Returns [`Kind::Io`] with the message of `pg_dump` if that fails.
    pub(crate) async fn dump(&self, place: &Place, to: &Path) -> Result<()> {
        let site = self.site(place)?;
        if site.is_pooled() {
            return Err(refuse(
                "the tenant's rows are in shared tables: promote it to a schema or a database first",
            ));
        }
        if !self.connections.access().prepares() {
            return Err(refuse("pg_dump does not work through a pooler: name the server itself in `url`"));
        }
        self.identify(&site).await?;
        let version = self.version().await?;
        let (arguments, environment) =
            (arguments(&site), self.connections.access().environment(&site.database));
        let to = to.to_owned();
        let run = move || run(version, &arguments, environment, &to);
        tokio::task::spawn_blocking(run)
            .await
            .map_err(|error| Error::with_source(Kind::Internal, "pg_dump", error))?
    }

    /// Returns the major version of the server.
    async fn version(&self) -> Result<u32> {
        let rows = self
            .home()
            .await?
            .connection()?
            .once("SELECT current_setting('server_version_num')", &[])
            .await?;
        let number: Option<u32> = rows.first().and_then(|row| row.get::<_, &str>(0).parse().ok());
        number
            .map(|number| number / 10_000)
            .ok_or_else(|| Error::new(Kind::Internal, "no version of the server"))
    }
}

fn refuse(why: impl Into<String>) -> Error {
    let why = why.into();
    Error::new(Kind::Statement(why.clone()), why)
}

/// Returns the arguments of `pg_dump`: the schema of the tenant without the platform's own tables, and without owners
/// and rights, which another server does not have.
fn arguments(site: &Site) -> Vec<String> {
    let literal = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    vec![
        "--format=custom".into(),
        "--no-password".into(),
        "--no-owner".into(),
        "--no-privileges".into(),
        format!("--schema={}", literal(&site.schema)),
        format!("--exclude-table={}._tenantry_*", literal(&site.schema)),
    ]
}

/// Runs `pg_dump`. The password is in its environment variables, which other users cannot read.
fn run(
    version: u32,
    arguments: &[String],
    environment: Vec<(&'static str, String)>,
    to: &Path,
) -> Result<()> {
    let program = program(version)?;
    let file =
        std::fs::File::create_new(to).map_err(|error| Error::with_source(Kind::Io, "pg_dump", error))?;
    let mut command = Command::new(&program);
    command.args(arguments).envs(environment).stdin(Stdio::null()).stdout(file);
    let ended = command.output().map_err(|error| Error::with_source(Kind::Io, "cannot run pg_dump", error));
    let said = match ended {
        Ok(ended) if ended.status.success() => return Ok(()),
        Ok(ended) => Error::new(Kind::Io, String::from_utf8_lossy(&ended.stderr).trim().to_owned()),
        Err(error) => error,
    };
    // This call created the file, so it may remove it.
    drop(std::fs::remove_file(to));
    Err(said)
}

/// Returns the `pg_dump` of the lowest version that supports a server of this version.
fn program(version: u32) -> Result<PathBuf> {
    let folders = std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect::<Vec<_>>());
    let debian =
        std::fs::read_dir(DEBIAN).into_iter().flatten().flatten().map(|entry| entry.path().join("bin"));
    let all = folders.unwrap_or_default().into_iter().chain(debian).map(|folder| folder.join("pg_dump"));
    let known = all.filter_map(|program| Some((version_of(&program)?, program)));
    let fitting = known.filter(|(found, _)| *found >= version).min_by_key(|(found, _)| *found);
    fitting.map(|(_, program)| program).ok_or_else(|| {
        refuse(format!(
            "there is no pg_dump of version {version} or later: install the package postgresql-client-{version}, or put \
             the folder with pg_dump into PATH"
        ))
    })
}

/// Returns the major version of a `pg_dump`.
fn version_of(program: &Path) -> Option<u32> {
    if !program.is_file() {
        return None;
    }
    let said = Command::new(program).arg("--version").stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    let number = text.split_ascii_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}
