//! Which address leads where.

use axum::{
    Router,
    extract::{Request, State},
    http::Method,
    middleware::{from_fn, from_fn_with_state},
    response::{IntoResponse as _, Response},
    routing::{MethodRouter, get, post},
};
use portcullis_verifier::vocabulary::Issuer;
use tower_http::catch_panic::CatchPanicLayer;

use crate::{
    account,
    app::App,
    consent,
    http::{ApiFailure, PageFailure, assets, cors, layers, readers::Readers},
    login::sign_in,
    oauth::{authorize, discovery, flow, health, introspect, jwks, register, revoke, token},
    setup,
};

/// All of the server.
pub fn router(app: App) -> Router {
    let path = app.config.issuer.path().to_owned();
    let endpoints = api(&app).merge(pages());
    let at_issuer = if path.is_empty() { endpoints } else { Router::new().nest(&path, endpoints) };
    at_issuer
        .merge(well_known(&app.config.issuer))
        .route("/livez", get(health::livez))
        .route("/readyz", get(health::readyz))
        .fallback(nothing_here)
        .layer(from_fn_with_state(app.clone(), layers::envelope))
        .with_state(app)
}

/// Endpoints that programs call.
fn api(app: &App) -> Router<App> {
    let mut api = Router::new()
        .route("/token", public(post(token::token), "POST, OPTIONS"))
        .route("/revoke", public(post(revoke::revoke), "POST, OPTIONS"))
        .route("/introspect", only(post(introspect::introspect), "POST"))
        .route(discovery::JWKS, public(get(jwks::jwks), "GET, HEAD, OPTIONS"));
    if app.config.registration.mode != crate::config::RegistrationMode::Off {
        api = api.route("/register", public(post(register::register), "POST, OPTIONS"));
    }
    api
}

/// What people look at.
fn pages() -> Router<App> {
    let page =
        |route: MethodRouter<App>, allow: &'static str| route.fallback(move || async move { PageFailure::method_not_allowed(allow) });
    Router::new()
        .route("/authorize", page(get(authorize::authorize).post(authorize::authorize), "GET, HEAD, POST"))
        .route("/authorize/{handle}", page(get(flow::dispatch), "GET, HEAD"))
        .route("/authorize/{handle}/sign-in", page(post(sign_in::sign_in_for), "POST"))
        .route("/authorize/{handle}/switch-account", page(post(sign_in::switch_account), "POST"))
        .route("/authorize/{handle}/decision", page(post(consent::decide), "POST"))
        .route("/authorize/{handle}/return", page(post(flow::go_back), "POST"))
        .route("/sign-in", page(get(sign_in::show).post(sign_in::sign_in), "GET, HEAD, POST"))
        .route("/sign-out", page(post(sign_in::sign_out), "POST"))
        .route("/account", page(get(account::show), "GET, HEAD"))
        .route("/account/grants/{id}/revoke", page(post(account::revoke_grant), "POST"))
        .route("/account/sessions/{id}/end", page(post(account::end_session), "POST"))
        .route("/account/tokens/new", page(get(account::tokens::ask).post(account::tokens::make), "GET, HEAD, POST"))
        .route("/account/tokens/confirm", page(post(account::tokens::confirm), "POST"))
        .route("/account/tokens/{id}/revoke", page(post(account::tokens::revoke), "POST"))
        .route("/setup/{token}", page(get(setup::show).post(setup::create), "GET, HEAD, POST"))
        .route("/assets/{name}", page(get(assets::asset), "GET, HEAD"))
        .layer(CatchPanicLayer::custom(|_| PageFailure::from(anyhow::anyhow!("a handler panicked")).into_response()))
}

/// The metadata, where clients look for it (MCP-AS-01, 03).
fn well_known(issuer: &Issuer) -> Router<App> {
    let document = || public(get(discovery::server_metadata), "GET, HEAD, OPTIONS");
    let routes = discovery::metadata_paths(issuer).iter().fold(Router::new(), |routes, path| routes.route(path, document()));
    let unknown = || MethodRouter::new().fallback(|| async { ApiFailure::not_found() }).layer(from_fn(cors::public));
    routes.route("/.well-known/{*rest}", unknown())
}

/// For programs in browsers too.
fn public(route: MethodRouter<App>, allow: &'static str) -> MethodRouter<App> {
    only(route, allow).layer(from_fn(cors::public))
}

/// For programs, but not in browsers.
fn only(route: MethodRouter<App>, allow: &'static str) -> MethodRouter<App> {
    let broken = |_| ApiFailure::from(anyhow::anyhow!("a handler panicked")).into_response();
    route.fallback(move || async move { ApiFailure::method_not_allowed(allow) }).layer(CatchPanicLayer::custom(broken))
}

/// JSON for programs, a page for people, no redirect anywhere (OA-HT-02).
async fn nothing_here(State(app): State<App>, request: Request) -> Response {
    let readers = Readers::at(request.uri().path(), app.config.issuer.path());
    // A script that may not ask does not learn that nothing is there (MCP-AS-191).
    if readers == Readers::Scripts && request.method() == Method::OPTIONS {
        return cors::preflight();
    }
    readers.told(ApiFailure::not_found, PageFailure::not_found)
}
