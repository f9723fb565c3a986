//! Servers that are not reached: names, ports, TLS.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    thread,
};

use super::{codes, doctor};
use crate::harness::{Certificate, Setup, Store, free_port};

/// What is found at this address.
fn found(arguments: &[&str]) -> Vec<String> {
    let ran = doctor(&[arguments, &["--json"]].concat());
    codes(&ran.json()).into_iter().map(str::to_owned).collect()
}

/// A server that says only this, to everybody, and hangs up.
fn saying(bytes: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _asked = stream.read(&mut [0; 1024]);
            let _gone_already = stream.write_all(bytes);
        }
    });
    port
}

#[test]
fn a_name_that_nobody_has() {
    assert_eq!(found(&["https://nobody.invalid/mcp"]), ["PC-D002"]);
}

// K-03, MCP-AS-230
#[test]
fn a_port_that_nobody_listens_on_and_that_hosted_clients_do_not_reach() {
    let url = format!("http://127.0.0.1:{}/mcp", free_port());
    assert_eq!(found(&[&url]), ["PC-D010"]);
    assert_eq!(found(&[&url, "--as", "claude"]), ["PC-D003", "PC-D005", "PC-D010"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_nobody_knows_and_one_for_another_name() {
    let certificate = Certificate::new();
    let server = Setup::on(Store::Sqlite).tls(&certificate.certificate(), &certificate.key()).start().await;
    let url = format!("{}/mcp", server.issuer);
    let ran = doctor(&[&url]);
    assert!(ran.stdout.contains("PC-D011") && ran.stdout.contains("1 certificate sent"), "{ran:?}");
    let file = certificate.certificate().display().to_string();
    let trusted = doctor(&[&url, "--root-certificate", &file]);
    assert!(trusted.stdout.contains("pass  TLS 1.3 with a trusted certificate (1 certificate sent)"), "{trusted:?}");
    assert!(trusted.stdout.contains("PC-D022"), "it is no MCP server: {trusted:?}");
    let other = url.replace("localhost", "[::ffff:127.0.0.1]");
    let other = doctor(&[&other, "--root-certificate", &file]);
    assert!(other.stdout.contains("PC-D011") && other.stdout.contains("not valid for name"), "{other:?}");
}

#[test]
fn tls_that_is_too_old_or_none() {
    let old = format!("https://127.0.0.1:{}/mcp", saying(&[0x15, 3, 1, 0, 2, 2, 70]));
    assert_eq!(found(&[&old]), ["PC-D012"]);
    let none = format!("https://127.0.0.1:{}/mcp", saying(b"HTTP/1.1 400 Bad Request\r\n\r\n"));
    assert_eq!(found(&[&none]), ["PC-D013"]);
}

#[test]
fn a_server_that_says_nothing() {
    let silent = format!("http://127.0.0.1:{}/mcp", saying(b""));
    assert_eq!(found(&[&silent]), ["PC-D014"]);
}
