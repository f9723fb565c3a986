//! A real browser: Chromium through its own driver, headless.

use std::{
    io::{Read as _, Write as _},
    mem::ManuallyDrop,
    net::{Ipv4Addr, TcpStream},
    process::{Child, Command, Stdio},
    time::Instant,
};

use reqwest::Method;
use serde_json::{Value, json};
use thirtyfour::{
    By, ChromiumLikeCapabilities as _, DesiredCapabilities, RequestData, SessionId, WebDriver, WebElement,
    common::command::FormatRequestData,
};
use url::Url;

use super::{PATIENCE, Server, free_port, http, server::PASSWORD, until};

/// A browser window. Closed when dropped.
pub(crate) struct Browser {
    // Never dropped: it would wait for a runtime that waits for it.
    driver: ManuallyDrop<WebDriver>,
    process: Chromedriver,
}

/// How large the window is, in CSS pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Screen {
    /// The narrowest that a page has to fit (WCAG 2.2, 1.4.10).
    Narrow,
    Phone,
    Desktop,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Theme {
    Light,
    Dark,
}

struct Chromedriver {
    child: Child,
    port: u16,
}

impl Drop for Browser {
    /// The driver closes the browser; killing the driver alone would leave it running.
    fn drop(&mut self) {
        let close = format!("DELETE /session/{} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", self.driver.session_id());
        if let Ok(mut connection) = TcpStream::connect((Ipv4Addr::LOCALHOST, self.process.port)) {
            let _sent = connection.write_all(close.as_bytes());
            // It answers when the browser has gone, and keeps the connection.
            let _closed = connection.read(&mut [0; 64]);
        }
    }
}

impl Drop for Chromedriver {
    fn drop(&mut self) {
        let _gone_already = self.child.kill();
        let _status = self.child.wait();
    }
}

impl Browser {
    /// A fresh window with no cookies. It reaches nothing but this computer.
    pub(crate) async fn open(screen: Screen) -> Self {
        let _provider = http();
        let port = free_port();
        let child = Command::new("chromedriver")
            .args([&format!("--port={port}"), "--silent"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is installed: tests/prepare");
        let process = Chromedriver { child, port };
        let started = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert!(started.elapsed() < PATIENCE, "chromedriver does not listen");
            tokio::task::yield_now().await;
        }
        let mut wanted = DesiredCapabilities::chrome();
        for argument in ARGUMENTS {
            wanted.add_arg(argument).unwrap();
        }
        let driver = WebDriver::new(format!("http://127.0.0.1:{port}"), wanted).await.expect("a browser starts");
        let browser = Self { driver: ManuallyDrop::new(driver), process };
        browser.resize(screen).await;
        browser.theme(Theme::Light).await;
        browser
    }

    pub(crate) async fn resize(&self, screen: Screen) {
        let (width, height) = match screen {
            Screen::Narrow => (320, 640),
            Screen::Phone => (390, 844),
            Screen::Desktop => (1280, 800),
        };
        self.resize_to(width, height).await;
    }

    pub(crate) async fn resize_to(&self, width: u64, height: u64) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// What the person chose in the system's settings.
    pub(crate) async fn theme(&self, theme: Theme) {
        let value = if theme == Theme::Dark { "dark" } else { "light" };
        self.devtools("Emulation.setEmulatedMedia", json!({ "features": [{ "name": "prefers-color-scheme", "value": value }] })).await;
    }

    /// A command of Chromium's own protocol.
    pub(crate) async fn devtools(&self, command: &str, parameters: Value) -> Value {
        let request = Devtools { command: command.to_owned(), parameters };
        self.driver.cmd(request).await.unwrap_or_else(|error| panic!("{command}: {error}")).value().unwrap()
    }

    pub(crate) async fn go(&self, url: &str) {
        self.driver.goto(url).await.unwrap();
    }

    /// Where the browser is, also when nobody answers there.
    pub(crate) async fn url(&self) -> Url {
        self.driver.current_url().await.unwrap()
    }

    /// Waits until the browser has left the server, and says where to.
    pub(crate) async fn leave(&self, server: &Server) -> Url {
        let started = Instant::now();
        loop {
            let url = self.url().await;
            if !url.as_str().starts_with(&server.url("/")) {
                return url;
            }
            assert!(started.elapsed() < PATIENCE, "still at {url}:\n{}", self.source().await);
        }
    }

    pub(crate) async fn source(&self) -> String {
        self.driver.source().await.unwrap()
    }

    /// What can be read on the page.
    pub(crate) async fn text(&self) -> String {
        self.find("body").await.text().await.unwrap()
    }

    pub(crate) async fn find(&self, css: &str) -> WebElement {
        match self.driver.find(By::Css(css)).await {
            Ok(element) => element,
            Err(error) => panic!("no {css} at {}: {error}\n{}", self.url().await, self.source().await),
        }
    }

    pub(crate) async fn has(&self, css: &str) -> bool {
        !self.driver.find_all(By::Css(css)).await.unwrap().is_empty()
    }

    /// Types into the field of this name, instead of what stood there.
    pub(crate) async fn fill(&self, name: &str, text: &str) {
        let field = self.find(&format!("[name={name}]")).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Clicks; after a button, returns when the next page is there.
    pub(crate) async fn press(&self, css: &str) {
        let button = self.find(css).await;
        let leaves = button.tag_name().await.unwrap() == "button";
        if let Err(error) = button.click().await {
            panic!("{css} can not be clicked at {}: {error}\n{}", self.url().await, self.source().await);
        }
        if leaves {
            until("the page after this one", async || button.tag_name().await.is_err()).await;
            // It is there when all of it has come, not with its first tag.
            let whole = "return document.readyState === 'complete'";
            until("all of the page", async || self.run(whole, Vec::new()).await == true).await;
        }
    }

    /// Runs a script with the page's content security policy set aside.
    pub(crate) async fn run(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.driver.execute(script, arguments).await.unwrap().json().clone()
    }

    /// Runs a script that calls its last argument when it is done.
    pub(crate) async fn run_to_end(&self, script: &str) -> Value {
        self.driver.execute_async(script, Vec::new()).await.unwrap().json().clone()
    }

    /// Fills in the sign-in form.
    pub(crate) async fn sign_in(&self, name: &str) {
        self.fill("username", name).await;
        self.fill("password", PASSWORD).await;
        self.press("form[action$='/sign-in'] button").await;
    }

    /// Signs in if asked, then answers the consent page: `allow`, `deny`, `not_me`.
    pub(crate) async fn decide(&self, name: &str, decision: &str) {
        if self.has("form[action$='/sign-in']").await {
            self.sign_in(name).await;
        }
        self.press(&format!("button[name=decision][value={decision}]")).await;
    }

    pub(crate) async fn screenshot(&self) -> Vec<u8> {
        self.driver.screenshot_as_png().await.unwrap()
    }
}

impl Server {
    /// A real browser at the server's front door.
    pub(crate) async fn browser(&self, screen: Screen) -> Browser {
        let browser = Browser::open(screen).await;
        browser.go(&self.url("/sign-in")).await;
        browser
    }
}

/// Root has no sandbox; nothing asks for updates or speaks to anybody outside.
const ARGUMENTS: &[&str] = &[
    "--headless=new",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-search-engine-choice-screen",
    "--no-first-run",
    "--no-default-browser-check",
    "--hide-scrollbars",
    "--lang=en",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost",
];

#[derive(Debug)]
struct Devtools {
    command: String,
    parameters: Value,
}

impl FormatRequestData for Devtools {
    fn format_request(&self, session: &SessionId) -> RequestData {
        let body = json!({ "cmd": self.command, "params": self.parameters });
        RequestData::new(Method::POST, format!("session/{session}/goog/cdp/execute")).add_body(body)
    }
}
