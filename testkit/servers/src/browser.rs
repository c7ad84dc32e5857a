//! A headless Chromium, driven through WebDriver. It is found, or installed from Debian's packages.

use super::install::from_debian;
use anyhow::{Context, Result, bail, ensure};
use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// Line with which the driver reports its port.
const STARTED: &str = "ChromeDriver was started successfully on port ";
/// Name of the archive with axe-core, and of its folder in the cache.
const AXE: &str = "axe-core-4.14.1";
/// npm package with axe-core.
const AXE_PACKAGE: &str = "axe-core@4.14.1";
/// SHA-256 of the archive.
const AXE_SHA256: &str = "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745";
/// Arguments of the browser: no window, no sandbox (tests may run as root), no traffic of its own, and the same pixels
/// on every machine.
pub const CHROMIUM: &[&str] = &[
    "--headless=new",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-color-profile=srgb",
    "--font-render-hinting=none",
];

/// A driver of browsers. Dropping it stops the driver and its browsers.
#[derive(Debug)]
pub struct Driver {
    port: u16,
    process: Child,
}

/// Returns the program that drives Chromium, and installs it with the browser if necessary.
///
/// # Errors
/// Returns an error if they are not installed and cannot be installed.
pub fn chromedriver() -> Result<PathBuf> {
    let is_there = |program: &str| {
        let mut command = Command::new(program);
        command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    if !is_there("chromedriver") || !is_there("chromium") {
        println!("installing Chromium and its driver");
        from_debian(&["chromium", "chromium-driver"])?;
    }
    ensure!(is_there("chromedriver") && is_there("chromium"), "Chromium was installed, but does not start");
    Ok(PathBuf::from("chromedriver"))
}

/// Returns the script axe-core, which finds barriers for people with disabilities, and fetches it from npm if
/// necessary.
///
/// # Errors
/// Returns an error if the file is not there and cannot be fetched, or differs from the expected file.
pub fn axe() -> Result<PathBuf> {
    let folder = super::cache()?.join(AXE);
    let script = folder.join("package/axe.min.js");
    if script.is_file() {
        return Ok(script);
    }
    println!("fetching {AXE}");
    if Command::new("npm").arg("--version").stdout(Stdio::null()).status().is_err() {
        from_debian(&["npm"])?;
    }
    let staged = folder.with_extension(std::process::id().to_string());
    std::fs::create_dir_all(&staged)?;
    let run = |program: &str, arguments: &[&str]| {
        let output =
            Command::new(program).args(arguments).current_dir(&staged).stdin(Stdio::null()).output()?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(output.status.success(), "{program} {}: {said}", arguments.join(" "));
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let archive = format!("{AXE}.tgz");
    run("npm", &["pack", "--silent", AXE_PACKAGE])?;
    let sum = run("sha256sum", &[&archive])?;
    ensure!(sum.starts_with(AXE_SHA256), "{AXE_PACKAGE} of the registry is another file: {sum}");
    run("tar", &["xzf", &archive])?;
    // Another run may have been faster.
    if std::fs::rename(&staged, &folder).is_err() {
        std::fs::remove_dir_all(&staged)?;
    }
    ensure!(script.is_file(), "{AXE_PACKAGE} has no {}", script.display());
    Ok(script)
}

impl Driver {
    /// Starts a driver on a free port.
    ///
    /// # Errors
    /// Returns an error if the driver is not installed and cannot be installed, or does not start.
    pub fn start() -> Result<Self> {
        let program = chromedriver()?;
        // The driver takes a free port of IPv4 and ends if another process has the same one of IPv6.
        (0..4).find_map(|_| Self::started(&program).ok()).map_or_else(|| Self::started(&program), Ok)
    }

    fn started(program: &Path) -> Result<Self> {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]).arg(program).arg("--port=0");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().context("cannot start chromedriver")?;
        let said = process.stdout.take().context("chromedriver has no output")?;
        for line in BufReader::new(said).lines() {
            if let Some(port) = line?.strip_prefix(STARTED) {
                let port = port.trim_end_matches('.').parse().context("chromedriver says no port")?;
                return Ok(Self { port, process });
            }
        }
        let status = process.wait()?;
        bail!("chromedriver ended before it listened: {status}")
    }

    /// Returns the address of the driver.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // The process has already ended, or ends now.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
