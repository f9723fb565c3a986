//! Somebody makes the server fetch an address, to look around in its network.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use portcullis::{
    egress::{Answer, Ask, Document, Egress, EgressError, MediaKind, Network, Reach},
    protocol::vocabulary::ExternalUrl,
};
use tokio::net::TcpStream;

use crate::harness::{Foreign, Reply, now};

const PUBLIC: &str = "93.184.215.14";
const MOST: usize = 64 * 1024;

/// A network where every name stands for these addresses, one list for each time it is
/// asked, and whatever is dialled is answered by `port` here.
#[derive(Clone)]
struct Rigged {
    answers: Vec<Vec<IpAddr>>,
    asked: Arc<AtomicUsize>,
    dialled: Arc<AtomicUsize>,
    port: u16,
    /// Whom the connection is with in the end, if not with whom was dialled.
    peer: Option<IpAddr>,
}

impl Rigged {
    fn new(host: &Foreign, answers: &[&[&str]]) -> Self {
        let answers = answers.iter().map(|list| list.iter().map(|address| address.parse().unwrap()).collect()).collect();
        Self { answers, asked: Arc::default(), dialled: Arc::default(), port: host.port, peer: None }
    }
}

impl Network for Rigged {
    type Connection = TcpStream;

    async fn resolve(&self, _host: &str) -> io::Result<Vec<IpAddr>> {
        let time = self.asked.fetch_add(1, Ordering::SeqCst);
        Ok(self.answers.get(time).or(self.answers.last()).cloned().unwrap())
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<(TcpStream, SocketAddr)> {
        self.dialled.fetch_add(1, Ordering::SeqCst);
        let peer = SocketAddr::new(self.peer.unwrap_or(address.ip()), address.port());
        Ok((TcpStream::connect(("127.0.0.1", self.port)).await?, peer))
    }
}

async fn foreign() -> Foreign {
    Foreign::start("DNS:app.example").await
}

async fn get(host: &Foreign, network: Rigged, url: &str) -> Result<Answer, EgressError> {
    let egress = Egress::new(network, Reach::default(), &[host.root()]).unwrap();
    ask(&egress, url, None).await
}

async fn ask(egress: &Egress<Rigged>, url: &str, etag: Option<&str>) -> Result<Answer, EgressError> {
    let url: ExternalUrl = url.parse().unwrap();
    egress.get(Ask { url: &url, kind: MediaKind::Json, etag, most_bytes: MOST }, now()).await
}

/// What is read at `/c` when it answers so.
async fn read(reply: Reply) -> Result<Answer, EgressError> {
    let host = foreign().await;
    host.at("/c", reply);
    get(&host, Rigged::new(&host, &[&[PUBLIC]]), "https://app.example/c").await
}

// MCP-AS-117, OA-CM-12
#[tokio::test]
async fn a_document_is_read_and_nothing_told_about_the_reader() {
    let host = foreign().await;
    host.at("/c?v=1", Reply::with("200 OK", "content-type: application/json\r\netag: \"v1\"\r\ncache-control: max-age=300\r\n", b"{}"));
    let egress = Egress::new(Rigged::new(&host, &[&[PUBLIC]]), Reach::default(), &[host.root()]).unwrap();
    let answer = ask(&egress, "https://app.example/c?v=1", None).await.unwrap();
    let fresh_for = Some(chrono::TimeDelta::minutes(5));
    assert_eq!(answer, Answer::Document(Document { body: b"{}".to_vec(), etag: Some("\"v1\"".to_owned()), fresh_for }));
    host.at("/c?v=1", Reply::with("304 Not Modified", "cache-control: max-age=300\r\n", b""));
    assert_eq!(ask(&egress, "https://app.example/c?v=1", Some("\"v1\"")).await, Ok(Answer::NotModified { fresh_for }));
    let requests: Vec<Vec<String>> =
        host.requests().iter().map(|head| head.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()).collect();
    let agent = format!("user-agent: Portcullis/{}", env!("CARGO_PKG_VERSION"));
    let common =
        ["GET /c?v=1 HTTP/1.1", "host: app.example", "accept: application/json", "accept-encoding: identity", &agent].map(str::to_owned);
    assert_eq!(requests[0], common);
    assert_eq!(requests[1], [&common[..], &["if-none-match: \"v1\"".to_owned()]].concat());
}

// MCP-AS-117, OA-CM-05
#[tokio::test]
async fn a_name_that_stands_for_our_network_is_not_dialled() {
    let host = foreign().await;
    for addresses in [&["127.0.0.1"][..], &["169.254.169.254"], &["fd00::1"], &[PUBLIC, "10.0.0.1"], &["::ffff:10.0.0.1"]] {
        let network = Rigged::new(&host, &[addresses]);
        let refused = get(&host, network.clone(), "https://app.example/c").await;
        assert!(matches!(refused, Err(EgressError::NotRoutable(_))), "{addresses:?} {refused:?}");
        assert_eq!(network.dialled.load(Ordering::SeqCst), 0, "{addresses:?}");
    }
    assert_eq!(get(&host, Rigged::new(&host, &[&[]]), "https://app.example/c").await, Err(EgressError::Unresolved));
}

// OA-CM-06: a name that changes its mind, and a connection that ends up elsewhere
#[tokio::test]
async fn what_was_checked_is_what_is_dialled() {
    let host = foreign().await;
    host.at("/c", Reply::json("{}"));
    let network = Rigged::new(&host, &[&[PUBLIC], &["127.0.0.1"]]);
    assert!(get(&host, network.clone(), "https://app.example/c").await.is_ok());
    assert_eq!(network.asked.load(Ordering::SeqCst), 1);
    let led_astray = Rigged { peer: Some([127, 0, 0, 1].into()), ..Rigged::new(&host, &[&[PUBLIC]]) };
    let refused = get(&host, led_astray, "https://app.example/c").await;
    assert_eq!(refused, Err(EgressError::NotRoutable([127, 0, 0, 1].into())));
    assert_eq!(host.requests().len(), 1);
}

// OA-CM-06
#[tokio::test]
async fn a_certificate_for_another_name_is_none() {
    let host = foreign().await;
    let refused = get(&host, Rigged::new(&host, &[&[PUBLIC]]), "https://other.example/c").await;
    assert!(matches!(refused, Err(EgressError::Unreachable(_))), "{refused:?}");
    let untrusting = Egress::new(Rigged::new(&host, &[&[PUBLIC]]), Reach::default(), &[]).unwrap();
    assert!(matches!(ask(&untrusting, "https://app.example/c", None).await, Err(EgressError::Unreachable(_))));
    assert_eq!(host.requests(), Vec::<String>::new());
}

// OA-CM-03, OA-CM-07
#[tokio::test]
async fn ports_this_computer_and_our_own_hosts_are_out_of_reach() {
    let host = foreign().await;
    host.at("/c", Reply::json("{}"));
    let reach = Reach { own_hosts: vec!["auth.example".to_owned()], ..Reach::default() };
    let egress = Egress::new(Rigged::new(&host, &[&[PUBLIC]]), reach.clone(), &[host.root()]).unwrap();
    assert_eq!(ask(&egress, "https://auth.example/c", None).await, Err(EgressError::OwnHost));
    assert_eq!(ask(&egress, "https://app.example:8443/c", None).await, Err(EgressError::Port(8443)));
    assert_eq!(ask(&egress, "https://127.0.0.1/c", None).await, Err(EgressError::Loopback));
    let wider = Reach { ports: vec![8443], ..reach };
    let egress = Egress::new(Rigged::new(&host, &[&[PUBLIC]]), wider, &[host.root()]).unwrap();
    assert!(ask(&egress, "https://app.example:8443/c", None).await.is_ok());
}

// A development switch: this computer, and nothing else of our network
#[tokio::test]
async fn in_development_this_computer_is_within_reach() {
    let host = Foreign::start("DNS:localhost").await;
    host.at("/c", Reply::json("{}"));
    let reach = Reach { loopback: true, ..Reach::default() };
    let at_home = Egress::new(Rigged::new(&host, &[&["127.0.0.1"]]), reach.clone(), &[host.root()]).unwrap();
    assert!(ask(&at_home, "https://localhost:4711/c", None).await.is_ok());
    let elsewhere = Egress::new(Rigged::new(&host, &[&["10.0.0.1"]]), reach.clone(), &[host.root()]).unwrap();
    assert!(matches!(ask(&elsewhere, "https://localhost:4711/c", None).await, Err(EgressError::NotRoutable(_))));
    let by_name = Egress::new(Rigged::new(&host, &[&["127.0.0.1"]]), reach, &[host.root()]).unwrap();
    assert!(matches!(ask(&by_name, "https://app.example/c", None).await, Err(EgressError::NotRoutable(_))));
}

// OA-CM-08, OA-CM-09
#[tokio::test]
async fn only_a_plain_answer_counts() {
    for status in [301, 302, 303, 307, 308] {
        let reply = Reply::with(&format!("{status} Moved"), "location: https://app.example/d\r\ncontent-type: application/json\r\n", b"{}");
        assert_eq!(read(reply).await, Err(EgressError::Redirect(status)));
    }
    for status in [201, 204, 206, 304, 403, 404, 500] {
        let reply = Reply::with(&format!("{status} Other"), "content-type: application/json\r\n", b"");
        assert_eq!(read(reply).await, Err(EgressError::Status(status)));
    }
    for kind in ["text/html", "text/json", "application/javascript", ""] {
        let reply = Reply::with("200 OK", &format!("content-type: {kind}\r\n"), b"{}");
        assert_eq!(read(reply).await, Err(EgressError::MediaType(kind.to_owned())));
    }
    for kind in ["application/json; charset=utf-8", "Application/JWK-Set+JSON"] {
        assert!(read(Reply::with("200 OK", &format!("content-type: {kind}\r\n"), b"{}")).await.is_ok(), "{kind}");
    }
}

// OA-CM-10
#[tokio::test]
async fn an_answer_is_read_up_to_its_bound() {
    let body = |size: usize| format!("\"{}\"", "x".repeat(size - 2));
    assert!(read(Reply::json(&body(MOST))).await.is_ok());
    assert_eq!(read(Reply::json(&body(MOST + 1))).await, Err(EgressError::TooLarge(MOST)));
    let endless = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{}", body(MOST + 1));
    assert_eq!(read(Reply::hanging_after(endless.as_bytes())).await, Err(EgressError::TooLarge(MOST)));
    let bomb = Reply::with("200 OK", "content-type: application/json\r\ncontent-encoding: gzip\r\n", b"\x1f\x8b");
    assert_eq!(read(bomb).await, Err(EgressError::Encoded));
    let head = format!("x: {}\r\ncontent-type: application/json\r\n", "y".repeat(64 * 1024));
    assert!(matches!(read(Reply::with("200 OK", &head, b"{}")).await, Err(EgressError::Unreachable(_))));
}

// OA-CM-11
#[tokio::test]
async fn whoever_is_slow_is_given_up() {
    for said in ["", "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{"] {
        let asked = tokio::time::timeout(std::time::Duration::from_mins(1), read(Reply::hanging_after(said.as_bytes()))).await;
        assert_eq!(asked.unwrap(), Err(EgressError::TimedOut), "{said}");
    }
}

// OA-CM-13
#[tokio::test]
async fn a_host_is_asked_so_often_and_no_more() {
    let host = foreign().await;
    host.at("/c", Reply::json("{}"));
    let egress = Egress::new(Rigged::new(&host, &[&[PUBLIC]]), Reach::default(), &[host.root()]).unwrap();
    let mut busy = 0;
    for _ in 0..40 {
        match ask(&egress, "https://app.example/c", None).await {
            Err(EgressError::Busy) => busy += 1,
            answered => assert!(answered.is_ok(), "{answered:?}"),
        }
    }
    assert!(busy > 0, "somebody was told to come later");
    assert_eq!(host.requests().len() + busy, 40, "and then nothing went out");
}
