//! The pages in a real browser, as a person meets them.
//!
//! With `PAGES_TO=folder` every page is also saved there as a picture, to be looked at.

mod accessibility;
mod everyday;

use std::fs;

use crate::harness::{Browser, PASSWORD, Screen, Server, Setup, Store, Theme};

async fn empty_server() -> Server {
    Setup::on(Store::Sqlite).without_accounts().start().await
}

/// The one-time link, which is in a file as the server has no terminal.
fn setup_link(server: &Server) -> String {
    fs::read_to_string(server.folder().join("setup-link")).unwrap().trim().to_owned()
}

/// Makes Ada's account by the one-time link.
async fn set_up(browser: &Browser, server: &Server) {
    browser.go(&setup_link(server)).await;
    browser.fill("username", "ada").await;
    browser.fill("password", PASSWORD).await;
    browser.fill("repeat", PASSWORD).await;
    browser.press("form[action*='/setup/'] button").await;
}

/// Saves the page as a picture, where somebody wants to look at it.
async fn picture(browser: &Browser, name: &str, screen: Screen, theme: Theme) {
    #[expect(clippy::disallowed_methods, reason = "a wish of whoever runs the tests")]
    let Ok(folder) = std::env::var("PAGES_TO") else { return };
    fs::create_dir_all(&folder).unwrap();
    let size = browser.run("return [document.documentElement.clientWidth, document.documentElement.scrollHeight]", Vec::new()).await;
    let (width, height) = (size[0].as_u64().unwrap(), size[1].as_u64().unwrap());
    browser.resize_to(width, height.max(600)).await;
    let file = format!("{name}-{screen:?}-{theme:?}.png").to_lowercase();
    fs::write(format!("{folder}/{file}"), browser.screenshot().await).unwrap();
    browser.resize(screen).await;
}
