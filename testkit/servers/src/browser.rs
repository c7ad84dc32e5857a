//! A headless Chromium, driven through WebDriver. It is found, or installed from Debian's packages.

use super::{install::from_debian, npm::Package};
use anyhow::{Context, Result, bail, ensure};
use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// Line with which the driver reports its port.
const STARTED: &str = "ChromeDriver was started successfully on port ";
/// The script axe-core.
const AXE: Package = Package {
    name: "axe-core@4.14.1",
    folder: "axe-core-4.14.1",
    sha256: "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745",
    files: &["package/axe.min.js"],
};
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
    Ok(AXE.fetch()?.join("axe.min.js"))
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
