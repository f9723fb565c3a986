//! temp
use askama::Template;
use axum::{
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
};
#[derive(Debug)]
pub struct Page<T>(T, StatusCode);
impl<T> Page<T> {
    pub fn new(t: T) -> Self {
        Self(t, StatusCode::OK)
    }
    #[must_use]
    pub fn with_status(mut self, s: StatusCode) -> Self {
        self.1 = s;
        self
    }
}
impl<T: Template> IntoResponse for Page<T> {
    fn into_response(self) -> Response {
        match self.0.render() {
            Ok(h) => (self.1, [(header::CACHE_CONTROL, "no-store")], Html(h)).into_response(),
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }
}
#[derive(Debug, Template)]
#[template(source = "<h1>{{title}}</h1><p>{{what}}</p><p>{{advice}}</p>", ext = "html")]
pub struct ErrorPage {
    pub title: String,
    pub what: String,
    pub advice: String,
}
