//! An issuer on a real port of this computer, whose moods a test decides.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use tokio::{net::TcpListener, sync::Notify};

use crate::testing::TestIssuer;

/// The issuer, and how often it was asked.
#[derive(Clone)]
pub(super) struct IssuerServer(Arc<Moods>);

pub(super) struct Moods {
    pub(super) issuer: String,
    pub(super) metadata: Mutex<Answer>,
    pub(super) jwks: Mutex<Answer>,
    pub(super) introspection: Mutex<Answer>,
    pub(super) metadata_fetches: AtomicUsize,
    pub(super) jwks_fetches: AtomicUsize,
    pub(super) questions: Mutex<Vec<(String, String)>>,
    /// Told when the keys are asked for, and waited for before they are given.
    pub(super) asked: Notify,
    pub(super) gate: tokio::sync::Semaphore,
    /// Waited for before the metadata is given.
    pub(super) metadata_gate: tokio::sync::Semaphore,
}

/// What is answered.
#[derive(Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(header::HeaderName, String)>,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn json(body: impl Into<String>) -> Self {
        Self { status: 200, headers: vec![(header::CONTENT_TYPE, "application/json".to_owned())], body: body.into() }
    }

    pub(super) fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: String::new() }
    }

    pub(super) fn with(mut self, name: header::HeaderName, value: &str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.to_owned()));
        self
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = (StatusCode::from_u16(self.status).unwrap(), self.body).into_response();
        response.headers_mut().remove(header::CONTENT_TYPE);
        for (name, value) in self.headers {
            response.headers_mut().insert(name, value.parse().unwrap());
        }
        response
    }
}

impl std::ops::Deref for IssuerServer {
    type Target = Moods;

    fn deref(&self) -> &Moods {
        &self.0
    }
}

impl IssuerServer {
    /// An issuer that answers as it should.
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let keys = TestIssuer::new(&issuer);
        let server = Self(Arc::new(Moods {
            metadata: Mutex::new(Answer::json(keys.metadata().to_string())),
            jwks: Mutex::new(Answer::json(keys.jwks()).with(header::CACHE_CONTROL, "public, max-age=600")),
            introspection: Mutex::new(Answer::json(r#"{"active":false}"#)),
            metadata_fetches: AtomicUsize::new(0),
            jwks_fetches: AtomicUsize::new(0),
            questions: Mutex::default(),
            asked: Notify::new(),
            gate: tokio::sync::Semaphore::new(1000),
            metadata_gate: tokio::sync::Semaphore::new(1000),
            issuer,
        }));
        let routes = Router::new()
            .route("/.well-known/oauth-authorization-server", get(metadata))
            .route("/jwks", get(jwks))
            .route("/introspect", post(introspect))
            .with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        server
    }

    pub(super) fn keys(&self) -> TestIssuer {
        TestIssuer::new(&self.issuer)
    }

    pub(super) fn publish(&self, keys: &[&TestIssuer]) {
        let keys: Vec<_> = keys.iter().map(|key| key.public_key()).collect();
        self.answer_jwks(Answer::json(serde_json::json!({"keys": keys}).to_string()).with(header::CACHE_CONTROL, "max-age=600"));
    }

    pub(super) fn answer_jwks(&self, answer: Answer) {
        *self.jwks.lock().unwrap() = answer;
    }

    pub(super) fn jwks_fetches(&self) -> usize {
        self.jwks_fetches.load(Ordering::SeqCst)
    }
}

async fn metadata(State(server): State<IssuerServer>) -> Answer {
    server.metadata_fetches.fetch_add(1, Ordering::SeqCst);
    server.metadata_gate.acquire().await.unwrap().forget();
    server.metadata.lock().unwrap().clone()
}

async fn jwks(State(server): State<IssuerServer>) -> Answer {
    server.jwks_fetches.fetch_add(1, Ordering::SeqCst);
    server.asked.notify_one();
    server.gate.acquire().await.unwrap().forget();
    server.jwks.lock().unwrap().clone()
}

async fn introspect(State(server): State<IssuerServer>, headers: HeaderMap, body: String) -> Answer {
    let authorization = headers[header::AUTHORIZATION].to_str().unwrap().to_owned();
    server.questions.lock().unwrap().push((authorization, body));
    server.introspection.lock().unwrap().clone()
}
