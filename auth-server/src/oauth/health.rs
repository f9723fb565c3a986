//! `/livez` and `/readyz`, for whoever watches the process.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::app::App;

/// The process answers.
pub async fn livez() -> Response {
    answer(StatusCode::OK, "ok\n")
}

/// The process can do its work: its store answers.
pub async fn readyz(State(app): State<App>) -> Response {
    match app.store.ping().await {
        Ok(()) => answer(StatusCode::OK, "ok\n"),
        Err(error) => {
            tracing::warn!(error = format!("{error:#}"), "not ready");
            answer(StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n")
        }
    }
}

fn answer(status: StatusCode, text: &'static str) -> Response {
    (status, [(header::CACHE_CONTROL, "no-store")], text).into_response()
}
