//! The sample MCP server of `serve --sample`: what an author would write, with the
//! verifier in front of rmcp. It makes a first connection possible before anything else
//! is set up, so it is served on this computer only.

mod tools;

use std::{net::SocketAddr, sync::Arc};

use anyhow::Context as _;
use axum::{
    Json, Router,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use axum_server::Handle;
use portcullis_verifier::{
    TrustedIssuer, Verifier,
    vocabulary::{Issuer, Resource, Scope},
};
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService, session::never::NeverSessionManager};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::{
    app::App,
    http::listener,
    protocol::{
        resource::{ProtectedResource, ScopeDescription},
        vocabulary::SigningAlgorithm,
    },
};

const NAME: &str = "Sample";
/// What every request needs.
const USE: &str = "sample:use";
/// What one of the tools needs as well, so that a client can be seen to ask for more.
const ADMIN: &str = "sample:admin";

/// Starts the sample, and makes its resource known if it is not. Returns the address to
/// give to an MCP client.
///
/// # Errors
/// The address is not one of this computer's own, or can't be had.
pub async fn start(app: &App, address: SocketAddr, stop: &CancellationToken) -> anyhow::Result<String> {
    anyhow::ensure!(address.ip().is_loopback(), "the sample is for this computer only: {address} can be reached from others");
    let socket = listener::bind(address)?;
    let mcp = format!("http://{}/mcp", socket.local_addr()?);
    make_known(app, &mcp).await?;

    let routes = routes(&app.config.issuer, &mcp, stop).context("protecting the sample")?;
    let handle = Handle::new();
    let stopped = (handle.clone(), stop.clone());
    tokio::spawn(async move {
        stopped.1.cancelled().await;
        listener::stop(&stopped.0);
    });
    tokio::spawn(async move {
        if let Err(error) = listener::serve(routes, socket, None, handle).await {
            tracing::error!(%error, "the sample MCP server has stopped");
        }
    });
    Ok(mcp)
}

/// The protected server, as its author would write it.
fn routes(issuer: &Issuer, mcp: &str, stop: &CancellationToken) -> anyhow::Result<Router> {
    let trusted = TrustedIssuer::new(issuer.as_str());
    let trusted = if issuer.has_trailing_slash() { trusted.accept_trailing_slash() } else { trusted };
    let verifier = Verifier::builder(trusted, mcp).name(NAME).scope(USE).tool("reset_counter", [ADMIN]).build()?;

    let sample = tools::Sample::default();
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_cancellation_token(stop.child_token());
    let mcp = StreamableHttpService::new(move || Ok(sample.clone()), Arc::new(NeverSessionManager::default()), config);

    Ok(Router::new().nest_service("/mcp", mcp).layer(verifier.layer()).merge(verifier.metadata_routes()).fallback(not_found))
}

/// A client without metadata guesses `/token` and its like at this origin, and has to
/// learn that there is nothing.
async fn not_found() -> Response {
    let headers = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (StatusCode::NOT_FOUND, headers, Json(json!({"error": "not_found"}))).into_response()
}

/// Stores the resource, unless the operator or an earlier start has done so.
async fn make_known(app: &App, mcp: &str) -> anyhow::Result<()> {
    let identifier = Resource::parse(mcp)?;
    if app.resources.load().named(&identifier).is_some() {
        return Ok(());
    }
    let scope = |token: &str, sentence: &str| anyhow::Ok(ScopeDescription { token: token.parse()?, sentence: sentence.to_owned() });
    let resource = ProtectedResource {
        identifier,
        aliases: Vec::new(),
        name: NAME.to_owned(),
        scopes: vec![scope(USE, "Use the sample tools")?, scope(ADMIN, "Reset the sample's counter")?],
        default_scopes: Scope::parse(USE)?,
        token_lifetime: None,
        signing_algorithm: SigningAlgorithm::default(),
        origin_alias: false,
        people: None,
    };
    let now = app.clock.now();
    app.store.put_resource(&resource, now).await.context("storing the sample's resource")?;
    app.reload(now).await
}
