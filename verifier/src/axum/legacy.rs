//! For clients of the MCP revision of 2025-03-26, which know no resource metadata: they
//! take the root of the MCP server for the authorization server (MCP-RS-27, MCP-AS-187).

use std::sync::Arc;

use axum::{
    Router,
    extract::RawQuery,
    response::{IntoResponse as _, Response},
    routing::get,
};
use bytes::Bytes;
use http::{
    HeaderValue, StatusCode,
    header::{ALLOW, CACHE_CONTROL, LOCATION, RETRY_AFTER},
};

use super::{NOTHING_HERE, document, exposed, other_method, unexposed_error};
use crate::{
    BuildError, Verifier,
    fetch::{AuthorizationServer, Document, FetchError, Kept, Source},
    vocabulary::Issuer,
};

const ROOT: &str = "/.well-known/oauth-authorization-server";

impl Verifier {
    /// The routes at which clients of the MCP revision of 2025-03-26 look, since they take
    /// the root of an MCP server for its authorization server. Whoever has to let such
    /// clients in merges them into the application, outside of the layer; newer ones
    /// never ask there.
    ///
    /// - `/.well-known/oauth-authorization-server` repeats the metadata of the first issuer,
    ///   byte for byte: its `issuer` and its endpoints stay its own.
    /// - `/authorize` sends the browser on to the issuer's `authorization_endpoint`, for
    ///   clients that read no metadata at all.
    ///
    /// The metadata is fetched when first asked for, and kept by the rules for keys: one
    /// request at a time, and the last good one while the issuer is away. Until there is
    /// one, the answer is 503. There is no `/token` and no `/register`: clients follow no
    /// redirect of a POST, and nothing here may see a code or a secret.
    ///
    /// ```
    /// use axum::Router;
    /// use portcullis_verifier::Verifier;
    ///
    /// let verifier = Verifier::builder("https://auth.example.com", "https://mcp.example.com/mcp").build()?;
    /// let app: Router = Router::new()
    ///     .route("/mcp", axum::routing::post(async || "…"))
    ///     .layer(verifier.layer())
    ///     .merge(verifier.metadata_routes())
    ///     .merge(verifier.legacy_routes()?);
    /// # Ok::<(), portcullis_verifier::BuildError>(())
    /// ```
    pub fn legacy_routes<S: Clone + Send + Sync + 'static>(&self) -> Result<Router<S>, BuildError> {
        let mirror = Mirror::of(self)?;
        let sending = mirror.clone();
        let read = move || async move { mirror.read().await };
        let send = move |RawQuery(query): RawQuery| async move { sending.send(query.as_deref()).await };
        Ok(Router::new().route(ROOT, get(read).fallback(other_method)).route("/authorize", get(send).fallback(not_get)))
    }
}

/// The issuer's metadata, as this server repeats it.
#[derive(Clone)]
struct Mirror {
    verifier: Verifier,
    kept: Arc<Kept<Metadata>>,
}

/// Where the issuer publishes its metadata.
struct Metadata(Arc<AuthorizationServer>);

/// What is repeated, and where people are sent.
#[derive(Clone)]
struct Repeated {
    body: Bytes,
    authorization_endpoint: Option<String>,
}

impl Source for Metadata {
    type Value = Repeated;

    const NAME: &'static str = "metadata";

    fn issuer(&self) -> &Issuer {
        self.0.issuer()
    }

    async fn load(&self, _is_known: impl Fn(&[u8]) -> bool + Send) -> Result<(Document, Repeated), FetchError> {
        let (document, authorization_endpoint) = self.0.metadata().await?;
        let repeated = Repeated { body: Bytes::copy_from_slice(&document.body), authorization_endpoint };
        Ok((document, repeated))
    }
}

impl Mirror {
    fn of(verifier: &Verifier) -> Result<Self, BuildError> {
        let parts = verifier.parts();
        let first = parts.issuers.first().ok_or_else(|| BuildError::NoKeys(String::new()))?;
        // It would ask itself, and wait for the answer.
        if first.issuer.origin() == parts.resource.origin() && first.issuer.path().is_empty() {
            return Err(BuildError::SameRoot(first.issuer.to_string()));
        }
        Ok(Self { verifier: verifier.clone(), kept: Arc::new(Kept::new(Metadata(first.server()?))) })
    }

    async fn repeated(&self) -> Option<Repeated> {
        let now = self.verifier.now();
        let is_missing = self.kept.at_hand(now).is_none();
        self.kept.refresh_if_needed(is_missing, now).await;
        self.kept.at_hand(now).map(|(repeated, _)| repeated)
    }

    async fn read(&self) -> Response {
        match self.repeated().await {
            // Short, so that what the issuer changes is not old here for much longer than there.
            Some(repeated) => document(repeated.body, "public, max-age=60"),
            None => exposed(away()),
        }
    }

    /// Sends a browser on: the target is the issuer's, the query the client's. It comes
    /// here itself, so scripts have no business here (MCP-AS-190).
    async fn send(&self, query: Option<&str>) -> Response {
        let Some(repeated) = self.repeated().await else { return away() };
        let location = repeated.authorization_endpoint.map(|endpoint| HeaderValue::try_from(with_query(endpoint, query)));
        let Some(Ok(location)) = location else { return unexposed_error(StatusCode::NOT_FOUND, NOTHING_HERE) };
        (StatusCode::FOUND, [(LOCATION, location), (CACHE_CONTROL, HeaderValue::from_static("no-store"))]).into_response()
    }
}

/// The endpoint's own query is kept (RFC 6749 §3.1).
fn with_query(endpoint: String, query: Option<&str>) -> String {
    match query {
        None | Some("") => endpoint,
        Some(query) if endpoint.contains('?') => format!("{endpoint}&{query}"),
        Some(query) => format!("{endpoint}?{query}"),
    }
}

fn away() -> Response {
    let body = r#"{"error":"temporarily_unavailable","error_description":"the authorization server does not answer at the moment"}"#;
    let mut response = unexposed_error(StatusCode::SERVICE_UNAVAILABLE, body);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
    response
}

/// A POST would lose its form on the way.
async fn not_get() -> Response {
    let body = r#"{"error":"invalid_request","error_description":"send the browser here with GET"}"#;
    let mut response = unexposed_error(StatusCode::METHOD_NOT_ALLOWED, body);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}
