//! Asking from outside, as a client does: no redirect is followed, no proxy asked, no answer read without end.

use std::{
    fs, io,
    net::{SocketAddr, TcpStream},
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use http::{HeaderMap, Method, StatusCode, header};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
};
use url::Url;

use super::trace;
use crate::cli::output::complain;

/// Longer than any client waits.
const PATIENCE: Duration = Duration::from_secs(30);
/// For a connection alone.
const CONNECTING: Duration = Duration::from_secs(10);
/// No metadata document is larger.
const MOST_BYTES: usize = 256 * 1024;

/// An answer, read to its end or to its bound.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// A header's first line, as far as it is text.
    pub(super) fn header(&self, name: header::HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(super) fn is_json(&self) -> bool {
        let essence = self.header(header::CONTENT_TYPE).and_then(|value| value.split(';').next()).unwrap_or_default().trim();
        essence.eq_ignore_ascii_case("application/json") || essence.to_ascii_lowercase().ends_with("+json")
    }
}

/// Why there is none, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NoAnswer(pub(super) String);

/// How long an answer took.
#[derive(Clone, Debug)]
pub(super) struct Took {
    pub(super) what: String,
    pub(super) time: Duration,
}

/// A request.
#[derive(Clone, Debug)]
pub(super) struct Ask<'a> {
    pub(super) method: Method,
    pub(super) url: &'a Url,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Option<String>,
}

impl<'a> Ask<'a> {
    pub(super) fn new(method: Method, url: &'a Url) -> Self {
        Self { method, url, headers: Vec::new(), body: None }
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn form(self, body: impl Into<String>) -> Self {
        Self { body: Some(body.into()), ..self }.with("content-type", "application/x-www-form-urlencoded")
    }

    pub(super) fn json(self, body: impl Into<String>) -> Self {
        Self { body: Some(body.into()), ..self }.with("content-type", "application/json")
    }
}

/// The way out.
#[derive(Debug)]
pub(super) struct Outside {
    http: reqwest::Client,
    trust: Arc<dyn ServerCertVerifier>,
    provider: Arc<CryptoProvider>,
    trace: bool,
    pub(super) took: Vec<Took>,
}

impl Outside {
    /// Trusts the system's certificates, and this one. Tells every exchange on standard error, where it should.
    pub(super) fn new(root: Option<&Path>, trace: bool) -> anyhow::Result<Self> {
        let roots = root.map_or_else(|| Ok(Vec::new()), certificates)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let trust = rustls_platform_verifier::Verifier::new_with_extra_roots(roots, Arc::clone(&provider));
        let trust: Arc<dyn ServerCertVerifier> = Arc::new(trust.context("reading the certificates that this system trusts")?);
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(configuration(&provider, Arc::clone(&trust))?)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECTING)
            .timeout(PATIENCE)
            .user_agent(concat!("portcullis-doctor/", env!("CARGO_PKG_VERSION")))
            .build()
            .context("making an HTTP client")?;
        Ok(Self { http, trust, provider, trace, took: Vec::new() })
    }

    pub(super) async fn ask(&mut self, ask: Ask<'_>) -> Result<Answer, NoAnswer> {
        let started = Instant::now();
        let what = format!("{} {}", ask.method, ask.url);
        let answer = self.exchange(&ask).await.map_err(|error| NoAnswer(in_words(&error)));
        self.took.push(Took { what, time: started.elapsed() });
        if self.trace {
            complain(&trace::exchange(&ask, &answer));
        }
        answer
    }

    async fn exchange(&self, ask: &Ask<'_>) -> reqwest::Result<Answer> {
        let mut request = self.http.request(ask.method.clone(), ask.url.clone());
        for (name, value) in &ask.headers {
            request = request.header(*name, value);
        }
        if let Some(body) = &ask.body {
            request = request.body(body.clone());
        }
        let mut response = request.send().await?;
        let mut answer = Answer { status: response.status(), headers: response.headers().clone(), body: Vec::new() };
        // A stream of events has no end.
        let is_stream = answer.header(header::CONTENT_TYPE).is_some_and(|value| value.starts_with("text/event-stream"));
        while !is_stream && answer.body.len() < MOST_BYTES {
            let Some(chunk) = response.chunk().await? else { break };
            answer.body.extend_from_slice(&chunk);
        }
        Ok(answer)
    }

    /// Whether somebody listens, and for https what the handshake shows.
    pub(super) fn connect(&self, url: &Url, addresses: &[SocketAddr]) -> Result<Option<Handshake>, NoWay> {
        let socket = connected(addresses).map_err(|error| NoWay::Connection(error.to_string()))?;
        if url.scheme() != "https" {
            return Ok(None);
        }
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(host).map_err(|error| NoWay::Tls(error.to_string()))?;
        let recorder = Arc::new(Recorder { trust: Arc::clone(&self.trust), sent: Mutex::new(0) });
        let config = configuration(&self.provider, Arc::clone(&recorder) as _).map_err(|error| NoWay::Tls(error.to_string()))?;
        let shaken = shake_hands(config, name, socket);
        let certificates = recorder.sent.lock().map_or(0, |sent| *sent);
        match shaken {
            Ok(version) => Ok(Some(Handshake { version, certificates })),
            Err(error) => Err(NoWay::of(&error, certificates)),
        }
    }
}

/// What a handshake shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Handshake {
    pub(super) version: String,
    pub(super) certificates: usize,
}

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NoWay {
    Connection(String),
    Certificate { reason: String, sent: usize, is_incomplete: bool },
    Version(String),
    Tls(String),
}

impl NoWay {
    fn of(error: &io::Error, sent: usize) -> Self {
        let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) else {
            return Self::Tls(error.to_string());
        };
        let reason = tls.to_string();
        // Other kinds have nothing of their own to say.
        if let rustls::Error::InvalidCertificate(certificate) = tls {
            let is_incomplete = matches!(certificate, CertificateError::UnknownIssuer) && sent < 2;
            return Self::Certificate { reason, sent, is_incomplete };
        }
        let is_version =
            matches!(tls, rustls::Error::AlertReceived(AlertDescription::ProtocolVersion) | rustls::Error::PeerIncompatible(_));
        if is_version { Self::Version(reason) } else { Self::Tls(reason) }
    }
}

/// IPv4 first, as hosted clients do.
fn connected(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "there is no address");
    for address in addresses.iter().filter(|address| address.is_ipv4()).chain(addresses.iter().filter(|address| address.is_ipv6())) {
        match TcpStream::connect_timeout(address, CONNECTING) {
            Ok(socket) => return Ok(socket),
            Err(error) => last = io::Error::new(error.kind(), format!("{address}: {error}")),
        }
    }
    Err(last)
}

fn shake_hands(config: ClientConfig, name: ServerName<'static>, mut socket: TcpStream) -> io::Result<String> {
    socket.set_read_timeout(Some(CONNECTING))?;
    socket.set_write_timeout(Some(CONNECTING))?;
    let mut connection = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
    while connection.is_handshaking() {
        connection.complete_io(&mut socket)?;
    }
    let version = connection.protocol_version().and_then(|version| version.as_str()).unwrap_or("TLS");
    Ok(version.replace("TLSv1_", "TLS 1."))
}

fn configuration(provider: &Arc<CryptoProvider>, trust: Arc<dyn ServerCertVerifier>) -> anyhow::Result<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(Arc::clone(provider)).with_safe_default_protocol_versions()?;
    // "Dangerous" is any check of certificates that is chosen by hand. This is the system's.
    Ok(builder.dangerous().with_custom_certificate_verifier(trust).with_no_client_auth())
}

fn certificates(file: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let text = fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    let all: Vec<_> = CertificateDer::pem_slice_iter(&text).collect::<Result<_, _>>().with_context(|| format!("{}", file.display()))?;
    anyhow::ensure!(!all.is_empty(), "{} has no certificate: PEM begins with -----BEGIN CERTIFICATE-----", file.display());
    Ok(all)
}

/// The innermost cause says most.
fn in_words(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no answer within {} seconds", PATIENCE.as_secs());
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// The system's judgement, and how many certificates it was given.
#[derive(Debug)]
struct Recorder {
    trust: Arc<dyn ServerCertVerifier>,
    sent: Mutex<usize>,
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if let Ok(mut sent) = self.sent.lock() {
            *sent = intermediates.len().saturating_add(1);
        }
        self.trust.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.trust.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.trust.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.trust.supported_verify_schemes()
    }
}
