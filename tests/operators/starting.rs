//! The first start, the next ones, and starts that are refused.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use super::{NOT_FOUND, REFUSED, WRONGLY_USED, json, told};
use crate::harness::{CALLBACK, Ran, Server, Setup, Store, on_both_stores, until};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).permissions().mode() & 0o777
}

/// Why a server with these settings does not start.
#[track_caller]
fn refuses(settings: &str) -> String {
    let ran = Setup::on(Store::Sqlite).settings(settings).refused();
    assert_eq!(ran.status.code(), Some(WRONGLY_USED), "{ran:?}");
    ran.stderr
}

// EA-164, MCP-AS-05, OA-MD-01
#[test]
fn a_server_with_a_bad_name_does_not_start() {
    assert!(refuses("issuer = \"https://auth.example.com/\"").contains("slash"));
    assert!(refuses("issuer = \"https://auth.example.com?x=1\"").contains("query"));
    assert!(refuses("issuer = \"http://auth.example.com\"").contains("https"));
}

#[test]
fn a_server_that_others_reach_in_clear_text_does_not_start() {
    let listen = |address: &str, more: &str| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("portcullis.toml");
        fs::write(&file, format!("listen = \"{address}\"\n{more}\n")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        command.current_dir(folder.path()).env_clear().env("HOME", folder.path()).args(["serve", "--config"]).arg(&file);
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, said) = listen("0.0.0.0:0", "");
    assert_eq!(code, Some(WRONGLY_USED), "{said}");
    assert!(said.contains("set [tls] certificate and key, or trusted_proxies"), "{said}");
    assert!(said.contains("set issuer to the https address"), "{said}");
    let (code, said) = listen("[::]:0", "issuer = \"https://auth.example.com\"");
    assert_eq!(code, Some(WRONGLY_USED));
    assert!(said.contains("trusted_proxies") && said.ends_with("1 mistake\n"), "{said}");
    let (code, said) = listen("0.0.0.0:0", "issuer = \"https://auth.example.com\"\ntrusted_proxies = [\"0.0.0.0/0\"]");
    assert_eq!(code, Some(WRONGLY_USED));
    assert!(said.contains("this trusts everybody to be a proxy"), "{said}");
}

on_both_stores! {
    async fn the_first_start_leaves_a_link_that_only_its_owner_reads(store: Store) {
        let server = Setup::on(store).without_accounts().start().await;
        let data = server.folder();
        let link_file = data.join("setup-link");
        assert_eq!(mode(&link_file), 0o600);
        assert_eq!(mode(&data.join("master.key")), 0o600);
        until("the log to name the file", async || server.log().contains("setup-link")).await;
        let link = fs::read_to_string(&link_file).unwrap();
        let path = link.trim().strip_prefix(&server.issuer).unwrap().to_owned();
        assert!(!server.log().contains(&path), "the log names the file, not the link: {}", server.log());
        server.get(&path).await.expect(200);
        // A second start makes a fresh link; the first is void.
        server.kill_and_restart().await;
        server.get(&path).await.expect(404);
        until("a fresh link", async || fs::read_to_string(&link_file).is_ok_and(|fresh| fresh.ends_with('\n') && fresh != link)).await;
        let fresh = fs::read_to_string(&link_file).unwrap().trim().strip_prefix(&server.issuer).unwrap().to_owned();
        server.get(&fresh).await.expect(200);
        // With an account there is none any more.
        server.add_account("ada");
        server.get(&fresh).await.expect(404);
        assert!(!link_file.exists(), "a link of no use is not left behind");
    }

    async fn two_starts_find_the_same_keys_and_people(store: Store) {
        let server = Server::start(store).await;
        let before = (server.get("/jwks").await.body, json(&server, &["user", "list"]));
        server.kill_and_restart().await;
        assert_eq!((server.get("/jwks").await.body, json(&server, &["user", "list"])), before);
        until("the greeting", async || server.log().contains("1 account, 2 resources")).await;
    }

    // A database that was moved to another name shows nothing of the first
    async fn a_command_with_another_issuer_is_told_which_there_is(store: Store) {
        let server = Server::start(store).await;
        let other = "http://127.0.0.1:1";
        let said = told(&server.cli(&["--set", &format!("issuer={other}"), "user", "list"]), NOT_FOUND);
        assert!(said.contains(&format!("this database is that of {}, not of {other}: say which with --issuer", server.issuer)), "{said}");
        let said = told(&server.cli(&["--issuer", other, "user", "list"]), NOT_FOUND);
        assert!(said.contains("not of"), "{said}");
        server.cli(&["--issuer", other, "client", "add", "--name", "x", "--redirect-uri", CALLBACK]).expect();
        assert_eq!(json(&server, &["client", "list"]).as_array().unwrap().len(), 0);
        assert_eq!(json(&server, &["--issuer", other, "client", "list"]).as_array().unwrap().len(), 1);
    }
}

/// A command in a folder of its own, without a server.
fn alone(folder: &Path, arguments: &[&str], input: &str) -> Ran {
    use std::{io::Write as _, process::Stdio};
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.current_dir(folder).env_clear().env("HOME", folder).args(arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    Ran::of(child)
}

#[test]
fn commands_work_before_the_first_start_and_keep_the_folder_to_its_owner() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join(".local/share/portcullis");
    let said = told(&alone(home.path(), &["user", "list"], ""), NOT_FOUND);
    assert!(said.contains(&format!("there is no database {}", data.join("portcullis.db").display())), "{said}");
    assert!(!data.exists(), "looking makes nothing");
    alone(home.path(), &["user", "add", "ada", "--password-stdin"], "a long and lovely password\n").expect();
    assert_eq!(mode(&data), 0o700);
    assert!(alone(home.path(), &["user", "list"], "").expect().stdout.contains("ada"));
    let elsewhere = told(&alone(home.path(), &["--data-dir", "elsewhere", "user", "list"], ""), NOT_FOUND);
    assert!(elsewhere.contains("elsewhere/portcullis.db"), "{elsewhere}");
    told(&alone(home.path(), &["user", "disable", "ada"], ""), REFUSED);
}
