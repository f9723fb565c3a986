//! Somebody opens connections and lets the server wait (slow loris).

use std::time::{Duration, Instant};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
    time::timeout,
};

use crate::harness::{Answer, Certificate, Server, Setup, Store};

/// Within this the server gives up: its fifteen seconds at most, and what a busy machine needs.
const GIVEN_UP: Duration = Duration::from_secs(25);
/// No slow client is cut off before.
const FAIR: Duration = Duration::from_secs(8);
/// Between two bytes of somebody who means to take for ever, and between two requests of others.
const DRIP: Duration = Duration::from_millis(200);
/// The greeting of HTTP/2, and settings that set nothing.
const GREETING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// Somebody on a connection of their own: what they send, and whether they go on, byte by byte.
#[derive(Clone)]
struct Slow {
    how: &'static str,
    /// A request that is answered; the connection stays.
    before: Vec<u8>,
    begins: Vec<u8>,
    drips: bool,
}

impl Slow {
    fn all(host: &str) -> Vec<Self> {
        let slow = |how, before: &[u8], begins: &[u8], drips| Self { how, before: before.to_vec(), begins: begins.to_vec(), drips };
        let whole = format!("GET /livez HTTP/1.1\r\nHost: {host}\r\n\r\n").into_bytes();
        let half = format!("GET /livez HTTP/1.1\r\nHost: {host}\r\nX-Slow: ").into_bytes();
        let whole_2 = [GREETING, &head_of_http_2(host, 1, true)].concat();
        vec![
            slow("nothing", b"", b"", false),
            slow("half a line", b"", b"GET /live", false),
            slow("half a head", b"", &half, false),
            slow("a header byte by byte", b"", &half, true),
            slow("half a greeting of HTTP/2", b"", &GREETING[..16], false),
            slow("no request of HTTP/2", b"", GREETING, false),
            slow("half a head of HTTP/2", b"", &[GREETING, &head_of_http_2(host, 1, false)].concat(), false),
            slow("nothing after an answer", &whole, b"", false),
            slow("half a head after an answer", &whole, &half, false),
            slow("a header byte by byte after an answer", &whole, &half, true),
            slow("a header byte by byte after an answer of HTTP/2", &whole_2, &head_of_http_2(host, 3, false), true),
        ]
    }

    /// How long the server keeps the connection, and what it says before the end.
    async fn ends(&self, host: &str) -> (Duration, String) {
        let mut connection = TcpStream::connect(host).await.unwrap();
        let mut answer = [0; 1024];
        if !self.before.is_empty() {
            connection.write_all(&self.before).await.unwrap();
            let (mut read, ends): (Vec<u8>, _) = (Vec::new(), "ok\n");
            while !read.ends_with(ends.as_bytes()) {
                let some = connection.read(&mut answer).await.unwrap();
                assert_ne!(some, 0, "{}: {}", self.how, String::from_utf8_lossy(&read));
                read.extend(&answer[..some]);
            }
        }
        let (started, mut said) = (Instant::now(), Vec::new());
        connection.write_all(&self.begins).await.unwrap();
        while started.elapsed() < GIVEN_UP {
            // Whoever drips waits for the end no longer than until the next byte.
            let patience = if self.drips { DRIP } else { GIVEN_UP };
            match timeout(patience, connection.read(&mut answer)).await {
                Ok(Ok(0) | Err(_)) => return (started.elapsed(), String::from_utf8_lossy(&said).into_owned()),
                Ok(Ok(some)) => said.extend(&answer[..some]),
                // Where the connection is closed by now, reading says so.
                Err(_) if self.drips => drop(connection.write_all(b"x").await),
                Err(_) => {}
            }
        }
        panic!("{} keeps the connection open", self.how);
    }
}

/// A HEADERS frame of HTTP/2 (RFC 9113 §6.2) that asks for `/livez`; or only the beginning of a longer one.
fn head_of_http_2(host: &str, stream: u8, whole: bool) -> Vec<u8> {
    const END_STREAM_AND_HEADERS: u8 = 5;
    // GET, http, a path and an authority (RFC 7541 Appendix A)
    let mut fields = b"\x82\x86\x04\x06/livez\x01".to_vec();
    fields.push(u8::try_from(host.len()).unwrap());
    fields.extend(host.as_bytes());
    let length = if whole { fields.len() } else { 4096 };
    let [.., high, low] = length.to_be_bytes();
    [vec![0, high, low, 1, END_STREAM_AND_HEADERS, 0, 0, 0, stream], fields].concat()
}

/// Answers others, each over a connection of their own, until all of `waiting` have ended.
async fn meanwhile_others_are_answered(server: &Server, mut waiting: JoinSet<()>) {
    let mut pace = tokio::time::interval(DRIP);
    loop {
        tokio::select! {
            ended = waiting.join_next() => match ended {
                Some(ended) => ended.unwrap(),
                None => return,
            },
            _ = pace.tick() => {
                let client = server.http().build().unwrap();
                let answer = timeout(FAIR, Answer::to(client.get(server.url("/livez")))).await;
                answer.expect("an answer in time").expect(200);
            }
        }
    }
}

/// Connections on which no head ever comes to its end.
fn heads(host: &str) -> JoinSet<()> {
    let mut waiting = JoinSet::new();
    for slow in [Slow::all(host), Slow::all(host)].concat() {
        let host = host.to_owned();
        waiting.spawn(async move {
            let (lasted, _) = slow.ends(&host).await;
            assert!(lasted > FAIR, "{} lasted only {lasted:?}", slow.how);
        });
    }
    waiting
}

/// Connections on which no body does.
fn bodies(host: &str) -> JoinSet<()> {
    const FORM: &str = "application/x-www-form-urlencoded";
    let mut waiting = JoinSet::new();
    for (path, kind) in [("/token", FORM), ("/register", "application/json"), ("/sign-in", FORM)] {
        let begins = format!("POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {kind}\r\nContent-Length: 1000\r\n\r\n");
        for drips in [false, true] {
            let (slow, host) = (Slow { how: path, before: Vec::new(), begins: begins.clone().into_bytes(), drips }, host.to_owned());
            waiting.spawn(async move {
                let (lasted, said) = slow.ends(&host).await;
                assert!(said.starts_with("HTTP/1.1 408 "), "{path}: {said}");
                assert!(lasted > FAIR, "{path} lasted only {lasted:?}");
            });
        }
    }
    waiting
}

/// Connections on which TLS does not get so far that there could be a head.
fn handshakes(host: &str) -> JoinSet<()> {
    let mut waiting = JoinSet::new();
    // nothing, and the first bytes of a greeting that says it has 512
    for begins in [&b""[..], b"\x16\x03\x01\x02\x00\x01"] {
        let host = host.to_owned();
        waiting.spawn(async move {
            let slow = Slow { how: "a handshake", before: Vec::new(), begins: begins.to_vec(), drips: false };
            let (lasted, _) = slow.ends(&host).await;
            assert!(lasted > FAIR, "{begins:?} lasted only {lasted:?}");
        });
    }
    waiting
}

// OA-HT-11: one test, so that its seconds pass once
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_takes_for_ever_loses_the_connection_and_holds_up_nobody() {
    let certificate = Certificate::new();
    let plain = Server::start(Store::Sqlite).await;
    let tls = Setup::on(Store::Sqlite).tls(&certificate.certificate(), &certificate.key()).start().await;
    let host = |server: &Server| format!("127.0.0.1:{}", server.port);
    let (heads, bodies, handshakes) = (heads(&host(&plain)), bodies(&host(&plain)), handshakes(&host(&tls)));
    tokio::join!(
        meanwhile_others_are_answered(&plain, heads),
        meanwhile_others_are_answered(&plain, bodies),
        meanwhile_others_are_answered(&tls, handshakes),
    );
    assert!(plain.log().contains("the body took too long"), "the log says why");
}
