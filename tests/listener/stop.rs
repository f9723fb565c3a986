//! How the server ends.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpStream},
    time::Duration,
};

use crate::harness::{Server, Store, until};

/// The first half of a request, on a connection of its own, which the server has begun to read.
fn begins(server: &Server, body: &str) -> TcpStream {
    let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port)).unwrap();
    connection.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let (half, _) = body.split_at(body.len() / 2);
    let head = format!(
        "POST /token HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\
         Expect: 100-continue\r\n\r\n",
        server.port,
        body.len()
    );
    connection.write_all(head.as_bytes()).unwrap();
    let mut go_on = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
    connection.read_exact(&mut go_on).unwrap();
    assert!(go_on.starts_with(b"HTTP/1.1 100"), "{}", String::from_utf8_lossy(&go_on));
    connection.write_all(half.as_bytes()).unwrap();
    connection
}

fn is_closed(server: &Server) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, server.port)).is_err()
}

// OA-DB-06
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_under_way_is_answered_before_the_end() {
    let server = Server::start(Store::Sqlite).await;
    let body = "grant_type=authorization_code&client_id=nobody&code=x";
    let mut connection = begins(&server, body);
    server.signal("TERM");
    until("the port to close", async || is_closed(&server)).await;
    connection.write_all(body.split_at(body.len() / 2).1.as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    assert!(answer.contains("invalid_client"), "{answer}");
    assert!(server.wait().success(), "{}", server.log());
    assert!(server.log().contains("Portcullis has stopped"), "{}", server.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_connections_do_not_hold_up_the_end() {
    let server = Server::start(Store::Sqlite).await;
    // The pool of this client keeps its connection.
    server.get("/livez").await.expect(200);
    let started = std::time::Instant::now();
    assert!(server.terminate().success());
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_is_there_after_a_stop_and_a_start() {
    let server = Server::start(Store::Sqlite).await;
    let client = server.client().await;
    let tokens = client.connect(&mut server.person("ada")).await;
    assert!(server.terminate().success());
    server.run();
    server.ready().await;
    client.refresh(tokens.refresh()).await.expect(200);
}
