//! Somebody else's web server, over TLS: where clients keep what they say of themselves.

use std::{
    collections::HashMap,
    fs,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

use super::Certificate;

/// A web server of somebody else's on this computer.
pub(crate) struct Foreign {
    pub(crate) port: u16,
    certificate: Certificate,
    shared: Arc<Shared>,
    _serving: JoinSet<()>,
}

#[derive(Default)]
struct Shared {
    replies: Mutex<HashMap<String, Reply>>,
    requests: Mutex<Vec<String>>,
}

/// What it answers.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    bytes: Vec<u8>,
    then_hangs: bool,
}

impl Reply {
    /// A JSON document.
    pub(crate) fn json(body: &str) -> Self {
        Self::with("200 OK", "content-type: application/json\r\n", body.as_bytes())
    }

    /// Any answer; the length is added.
    pub(crate) fn with(status: &str, headers: &str, body: &[u8]) -> Self {
        let head = format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n", body.len());
        Self { bytes: [head.as_bytes(), body].concat(), then_hangs: false }
    }

    /// These bytes, and then silence.
    pub(crate) fn hanging_after(bytes: &[u8]) -> Self {
        Self { bytes: bytes.to_vec(), then_hangs: true }
    }
}

impl Foreign {
    /// Starts it, with a certificate for these names.
    pub(crate) async fn start(names: &str) -> Self {
        let certificate = Certificate::naming(names);
        let chain = vec![CertificateDer::from_pem_file(certificate.certificate()).unwrap()];
        let key = PrivateKeyDer::from_pem_file(certificate.key()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth().with_single_cert(chain, key).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::<Shared>::default();
        let mut serving = JoinSet::new();
        serving.spawn(serve(listener, acceptor, Arc::clone(&shared)));
        Self { port, certificate, shared, _serving: serving }
    }

    /// The root certificate that vouches for it, PEM.
    pub(crate) fn root(&self) -> String {
        fs::read_to_string(self.certificate.certificate()).unwrap()
    }

    /// The file of that certificate.
    pub(crate) fn root_file(&self) -> PathBuf {
        self.certificate.certificate()
    }

    /// What it answers at a path from now on.
    pub(crate) fn at(&self, path: &str, reply: Reply) {
        self.shared.replies.lock().unwrap().insert(path.to_owned(), reply);
    }

    /// The heads of all requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.shared.requests.lock().unwrap().clone()
    }
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, shared: Arc<Shared>) {
    let mut open = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        open.spawn(answer(stream, acceptor.clone(), Arc::clone(&shared)));
    }
}

async fn answer(stream: TcpStream, acceptor: TlsAcceptor, shared: Arc<Shared>) {
    // Whoever does not like the certificate goes away.
    let Ok(mut stream) = acceptor.accept(stream).await else { return };
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { return };
        head.push(byte);
    }
    let head = String::from_utf8(head).unwrap();
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    shared.requests.lock().unwrap().push(head);
    let reply = shared.replies.lock().unwrap().get(&path).cloned().unwrap_or(Reply::with("404 Not Found", "", b""));
    // The other side may have heard enough.
    let _heard = stream.write_all(&reply.bytes).await;
    if reply.then_hangs {
        std::future::pending::<()>().await;
    }
    let _closed = stream.shutdown().await;
}
