//! A headless Chromium, driven through WebDriver: found, or installed from Debian's packages.

use super::install::from_debian;
use anyhow::{Context, Result, bail, ensure};
use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

/// Line by which the driver tells its port.
const STARTED: &str = "ChromeDriver was started successfully on port ";
/// Arguments of the browser: no window, no sandbox (tests may run as root), no traffic of its own, and the same pixels on
/// every machine.
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

/// A driver of browsers. Dropping it stops it and its browsers.
#[derive(Debug)]
pub struct Driver {
    port: u16,
    process: Child,
}

/// Returns the program that drives Chromium, after it is installed with the browser if that is necessary.
///
/// # Errors
/// If they are not installed and cannot be.
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

impl Driver {
    /// Starts a driver on a free port.
    ///
    /// # Errors
    /// If it is not installed and cannot be, or does not start.
    pub fn start() -> Result<Self> {
        let program = chromedriver()?;
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

    /// Returns its address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // It has ended already, or ends now.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
