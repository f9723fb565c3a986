//! Somebody registers without end, to fill the database or to keep others out.

use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};

use crate::harness::{Server, Setup, Store};

const HOSTILE: usize = 100_000;
const CONNECTIONS: usize = 8;
/// Requests that are on their way at a time, on one connection.
const AT_ONCE: usize = 50;

/// Registers so often over one connection; how often with success.
async fn registers(port: u16, times: usize) -> usize {
    let body = json!({ "client_name": "Claude", "redirect_uris": ["https://evil.example/cb"] }).to_string();
    let request = format!(
        "POST /register HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let many = request.repeat(AT_ONCE);
    let mut connection = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let (mut buffer, mut answers) = (vec![0; 256 * 1024], String::new());
    let mut created = 0;
    for _ in 0..times / AT_ONCE {
        connection.write_all(many.as_bytes()).await.unwrap();
        answers.clear();
        while answers.matches("HTTP/1.1 ").count() < AT_ONCE || !answers.ends_with('}') {
            let read = connection.read(&mut buffer).await.unwrap();
            assert!(read > 0, "the server has hung up");
            answers.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
        }
        created += answers.matches("HTTP/1.1 201 ").count();
    }
    created
}

async fn rows(server: &Server) -> i64 {
    server.count("SELECT (SELECT COUNT(*) FROM clients) + (SELECT COUNT(*) FROM ended_clients)").await
}

// MCP-AS-139, OA-DR-18, OA-DR-20, OA-AB-04
#[tokio::test]
async fn a_hundred_thousand_registrations_leave_nothing_behind_and_keep_nobody_out() {
    let server = Setup::on(Store::Sqlite).unlimited().start().await;
    let before = rows(&server).await;
    let mut hostile = JoinSet::new();
    for _ in 0..CONNECTIONS {
        hostile.spawn(registers(server.port, HOSTILE / CONNECTIONS));
    }
    let created: usize = hostile.join_all().await.into_iter().sum();
    assert_eq!(created, HOSTILE);
    assert_eq!(rows(&server).await, before);
    let client = server.client().await;
    client.connect(&mut server.person("ada")).await;
    assert_eq!(server.count("SELECT COUNT(*) FROM clients").await, 1, "the one that somebody allowed something");
}
