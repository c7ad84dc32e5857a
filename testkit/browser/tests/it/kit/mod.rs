//! A served demo platform, and windows of a browser on it.

use serde_json::{Value, json};
use std::{path::PathBuf, time::Duration};
use tempfile::TempDir;
use tenantry::{
    Platform,
    config::{Config, DEFAULT_TOML},
    demo,
};
use tenantry_server::http::{App, Options, ServeOptions, router, serve};
use tenantry_testservers::{CHROMIUM, Driver, axe};
use thirtyfour::{By, ChromiumLikeCapabilities, DesiredCapabilities, Key, WebDriver, WebElement};
use tokio::net::TcpListener;

/// Longest time that a page may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// Script that records violations of a page's policy, and errors of scripts.
const WATCH: &str = "window.faults = []; addEventListener('securitypolicyviolation', e => faults.push('policy: ' + \
    e.violatedDirective + ' ' + e.blockedURI)); addEventListener('error', e => faults.push('error: ' + e.message));";
/// Script that returns what does not fit: a page wider than the window, and controls that are smaller than 24 pixels.
const MISFITS: &str = "const out = []; if (document.documentElement.scrollWidth > innerWidth) out.push('wider than the window'); \
    for (const e of document.querySelectorAll('button, .button, select, summary, .side nav a, input:not([type=hidden])')) { \
      const r = e.getBoundingClientRect(); \
      if (e.checkVisibility() && r.width && r.height && !e.closest('.hidden') && e.type !== 'checkbox' && e.type !== 'radio' && (r.height < 24 || r.width < 24)) \
        out.push('small: ' + e.outerHTML.slice(0, 80)); } return out.concat(window.faults);";

/// Script that runs axe-core and returns serious findings: rule, element, reason.
const AXE: &str = "const done = arguments[0]; axe.run(document, {resultTypes: ['violations'], runOnly: {type: 'tag', values: \
    ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}}).then(found => done(found.violations \
      .filter(v => v.impact === 'serious' || v.impact === 'critical') \
      .flatMap(v => v.nodes.map(n => v.id + ': ' + n.html.slice(0, 160) + ' | ' + n.failureSummary))));";

/// A demo platform on its own port, and a driver of browsers.
pub(crate) struct Stage {
    base: String,
    driver: Driver,
    _dir: TempDir,
}

/// A window of a browser with its own profile.
pub(crate) struct Window {
    pub(crate) driver: WebDriver,
    base: String,
    has_scripts: std::cell::Cell<bool>,
}

impl Stage {
    pub(crate) async fn start() -> Self {
        Self::with(DEFAULT_TOML).await
    }

    /// Starts a demo platform whose tenants may be on either of two servers.
    pub(crate) async fn on_two_servers() -> Self {
        let (one, two) = ("server = \"main\"                  # or", "servers = [\"main\", \"second\"] # or");
        let text = DEFAULT_TOML.replacen(one, two, 1);
        assert_ne!(text, DEFAULT_TOML);
        Self::with(&format!("{text}\n[servers.second]\nengine = \"sqlite\"\npath = \"second\"\n")).await
    }

    /// Starts a demo platform with this configuration.
    async fn with(text: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::parse("tenantry.toml", text, dir.path()).unwrap();
        config.auth.login_per_minute = 1000;
        let platform = Platform::open(config).await.unwrap();
        demo::load(&platform).await.unwrap();
        let app = App::new(platform, Options::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let router = router(app.clone());
        tokio::spawn(serve(app, router, listener, ServeOptions::default(), std::future::pending()));
        Self { base, driver: Driver::start().unwrap(), _dir: dir }
    }

    pub(crate) async fn window(&self) -> Window {
        let mut wish = DesiredCapabilities::chrome();
        for argument in CHROMIUM {
            wish.add_arg(argument).unwrap();
        }
        let driver = WebDriver::new(self.driver.url(), wish).await.unwrap();
        driver
            .cdp()
            .send_raw("Page.addScriptToEvaluateOnNewDocument", json!({"source": WATCH}))
            .await
            .unwrap();
        Window { driver, base: self.base.clone(), has_scripts: true.into() }
    }
}

impl Window {
    pub(crate) async fn open(&self, path: &str) {
        self.driver.goto(format!("{}{path}", self.base)).await.unwrap();
    }

    /// Signs in through the page.
    pub(crate) async fn sign_in(&self, email: &str) {
        self.open("/login/").await;
        self.fill("email", email).await;
        self.fill("password", demo::PASSWORD).await;
        self.press("form .button.primary").await;
        assert!(!self.url().await.contains("/login/"), "{}", self.text("main").await);
    }

    /// Turns scripts off for all pages from now on.
    pub(crate) async fn without_scripts(&self) {
        let off = json!({"value": true});
        self.driver.cdp().send_raw("Emulation.setScriptExecutionDisabled", off).await.unwrap();
        self.has_scripts.set(false);
    }

    pub(crate) async fn url(&self) -> String {
        self.driver.current_url().await.unwrap().to_string()
    }

    async fn one(&self, css: &str) -> WebElement {
        self.driver.find(By::Css(css)).await.unwrap_or_else(|error| panic!("{css}: {error}"))
    }

    pub(crate) async fn text(&self, css: &str) -> String {
        self.one(css).await.text().await.unwrap()
    }

    pub(crate) async fn count(&self, css: &str) -> usize {
        self.driver.find_all(By::Css(css)).await.unwrap().len()
    }

    pub(crate) async fn value(&self, id: &str) -> String {
        self.one(&format!("#{id}")).await.prop("value").await.unwrap().unwrap_or_default()
    }

    /// Replaces the text of an input as a user does.
    pub(crate) async fn fill(&self, id: &str, text: &str) {
        let input = self.one(&format!("#{id}")).await;
        input.send_keys(Key::Control + "a").await.unwrap();
        input.send_keys(text).await.unwrap();
    }

    /// Presses Enter in an input, and waits for the page to which that leads.
    pub(crate) async fn enters(&self, id: &str) {
        let input = self.one(&format!("#{id}")).await;
        input.send_keys(Key::Enter + "").await.unwrap();
        self.gone(&input).await;
    }

    /// Clicks an element that leads to no other page, after scrolling it clear of rows of buttons that stay in view.
    pub(crate) async fn click(&self, css: &str) {
        let element = self.one(css).await;
        element.scroll_into_view().await.unwrap();
        element.click().await.unwrap();
    }

    /// Chooses a file.
    pub(crate) async fn pick(&self, id: &str, path: &std::path::Path) {
        self.one(&format!("#{id}")).await.send_keys(path.to_str().unwrap()).await.unwrap();
    }

    /// Presses a button, and waits for the page to which that leads.
    pub(crate) async fn press(&self, css: &str) {
        let button = self.one(css).await;
        let is_link = button.attr("type").await.unwrap().as_deref() == Some("radio");
        button.click().await.unwrap();
        if !is_link {
            self.gone(&button).await;
        }
    }

    /// Waits until an element belongs to a page that is no longer shown.
    async fn gone(&self, element: &WebElement) {
        let began = std::time::Instant::now();
        while element.tag_name().await.is_ok() {
            assert!(began.elapsed() < PATIENCE, "the page stays: {}", self.text("main").await);
            tokio::task::yield_now().await;
        }
    }

    /// Waits until no part of the page is being loaded, one frame and the delay of a search after the last key.
    pub(crate) async fn settled(&self) {
        let wait = "const done = arguments[0]; const calm = () => new Promise(r => setTimeout(r, 300)); (async () => { await calm(); \
                    while (document.documentElement.dataset.busy !== '0') await calm(); done(true); })();";
        self.driver.execute_async(wait, vec![]).await.unwrap();
    }

    /// Waits until the page has such an element, which it loads later.
    pub(crate) async fn appears(&self, css: &str) {
        let began = std::time::Instant::now();
        while self.count(css).await == 0 {
            assert!(began.elapsed() < PATIENCE, "{css} does not appear: {}", self.text("main").await);
            tokio::task::yield_now().await;
        }
    }

    pub(crate) async fn script(&self, code: &str) -> Value {
        self.driver.execute(code, vec![]).await.unwrap().json().clone()
    }

    /// Returns the texts that a drop-down list offers.
    pub(crate) async fn options(&self, id: &str) -> Vec<String> {
        let mut texts = vec![];
        for option in self.driver.find_all(By::Css(format!("#{id} option"))).await.unwrap() {
            if option.attr("value").await.unwrap().is_some_and(|value| !value.is_empty()) {
                texts.push(option.text().await.unwrap());
            }
        }
        texts
    }

    pub(crate) async fn choose(&self, id: &str, text: &str) {
        for option in self.driver.find_all(By::Css(format!("#{id} option"))).await.unwrap() {
            if option.text().await.unwrap() == text {
                return option.click().await.unwrap();
            }
        }
        panic!("{id} offers no {text}");
    }

    pub(crate) async fn choose_first(&self, id: &str) {
        let first =
            self.options(id).await.into_iter().next().unwrap_or_else(|| panic!("{id} offers nothing"));
        self.choose(id, &first).await;
    }

    /// Takes pictures of the page in four forms, and checks that everything fits and that axe-core finds nothing
    /// serious.
    pub(crate) async fn look(&self, role: &str) {
        let url = self.url().await;
        let path = url.strip_prefix(&self.base).unwrap_or(&url).trim_matches('/');
        let name: String = path.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/screens");
        std::fs::create_dir_all(&folder).unwrap();
        let axe = std::fs::read_to_string(axe().unwrap()).unwrap();
        self.driver.execute(axe, vec![]).await.unwrap();
        for (width, is_dark) in [(1280, false), (1280, true), (390, false), (390, true)] {
            let size = json!({"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 600});
            let scheme = if is_dark { "dark" } else { "light" };
            let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme},
                {"name": "prefers-reduced-motion", "value": "reduce"}]});
            let cdp = self.driver.cdp();
            cdp.send_raw("Emulation.setDeviceMetricsOverride", size).await.unwrap();
            cdp.send_raw("Emulation.setEmulatedMedia", media).await.unwrap();
            let misfits = self.script(MISFITS).await;
            assert_eq!(misfits, json!([]), "{} at {width}, {scheme}", self.url().await);
            let serious = self.driver.execute_async(AXE, vec![]).await.unwrap();
            assert_eq!(*serious.json(), json!([]), "{} at {width}, {scheme}", self.url().await);
            let picture = self.driver.screenshot_as_png().await.unwrap();
            std::fs::write(folder.join(format!("{role}-{name}-{width}-{scheme}.png")), picture).unwrap();
        }
    }

    /// Writes a page with all pictures, for a person to review.
    pub(crate) fn contact_sheet() {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/screens");
        let files = std::fs::read_dir(&folder)
            .unwrap()
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names: Vec<_> = files.filter(|name| name.ends_with(".png")).collect();
        names.sort();
        let figure = |name: &String| {
            format!(
                "<figure style='display:inline-block;margin:8px'><img src='{name}' height=400><figcaption>{name}</figcaption></figure>"
            )
        };
        let page: String = names.iter().map(figure).collect();
        std::fs::write(folder.join("index.html"), format!("<!doctype html><meta charset=utf-8>{page}"))
            .unwrap();
    }

    pub(crate) async fn quit(self) {
        if self.has_scripts.get() {
            assert_eq!(self.script("return window.faults").await, json!([]), "{}", self.url().await);
        }
        self.driver.quit().await.unwrap();
    }
}
