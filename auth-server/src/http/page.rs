//! Pages: how they leave, and what is around each of them.

use std::{borrow::Cow, sync::Arc};

use askama::Template;
use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use portcullis_verifier::vocabulary::Issuer;

use super::{PageFailure, assets, request_id::RequestId};

/// Our own style sheet and pictures; no script, no frame. No `form-action`: browsers
/// hold it against the redirect that follows a form as well, and that one leads to
/// the client (MCP-AS-45).
const CONTENT_SECURITY_POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'");

/// What is around every page: where its links lead, and whose it is.
#[derive(Clone, Debug)]
pub struct Frame {
    base: Arc<str>,
    /// The host that people see in the address bar.
    pub host: Arc<str>,
}

impl Frame {
    /// The frame of this server's pages.
    pub fn new(issuer: &Issuer) -> Self {
        let origin = issuer.origin();
        let host = origin.split_once("://").map_or(origin.as_str(), |(_, host)| host);
        Self { base: issuer.path().into(), host: host.into() }
    }

    /// The address of another page of ours.
    pub fn path(&self, below: &str) -> String {
        format!("{}{below}", self.base)
    }

    /// The address of the style sheet.
    pub fn style(&self) -> String {
        self.path(&assets::STYLE.address())
    }

    /// The address of the icon.
    pub fn icon(&self) -> String {
        self.path(&assets::ICON.address())
    }
}

/// A page on its way out, with the headers of every page (OA-SE-04, OA-SE-05, OA-SE-06).
#[derive(Debug)]
pub struct Page<T> {
    template: T,
    status: StatusCode,
    referrer: &'static str,
}

impl<T> Page<T> {
    /// A page that is only read.
    pub fn new(template: T) -> Self {
        Self { template, status: StatusCode::OK, referrer: "no-referrer" }
    }

    /// A page with a form. Browsers send `Origin: null` with the forms of pages that
    /// hide where they are (MCP-AS-32).
    pub fn with_form(template: T) -> Self {
        Self { referrer: "same-origin", ..Self::new(template) }
    }

    /// Another status.
    #[must_use]
    pub fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }
}

impl<T: Template> IntoResponse for Page<T> {
    fn into_response(self) -> Response {
        match self.template.render() {
            Ok(html) => {
                let mut response = (self.status, Html(html)).into_response();
                mark(response.headers_mut(), self.referrer);
                response
            }
            Err(error) => PageFailure::from(anyhow::Error::new(error).context("writing a page")).into_response(),
        }
    }
}

fn mark(headers: &mut HeaderMap, referrer: &'static str) {
    headers.insert(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY);
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static(referrer));
}

/// What an error page says. It is written at the very end, when the request's id is
/// at hand: see `finish`.
#[derive(Clone, Debug)]
pub struct Trouble {
    /// The heading.
    pub title: &'static str,
    /// What happened, in one sentence.
    pub what: Cow<'static, str>,
    /// What to do, in another.
    pub advice: &'static str,
    /// Where it goes on, if it does.
    pub way_on: Option<String>,
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    frame: &'a Frame,
    title: &'static str,
    what: Cow<'static, str>,
    advice: &'static str,
    way_on: Option<String>,
    /// What finds the request in the log.
    code: &'a str,
}

/// An error page without its body, for [`finish`].
pub(super) fn trouble(status: StatusCode, trouble: Trouble) -> Response {
    let mut response = status.into_response();
    mark(response.headers_mut(), "no-referrer");
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response.extensions_mut().insert(trouble);
    response
}

/// Writes the error page, if the answer is one, with the code by which an operator
/// finds the request in the log.
pub(super) fn finish(mut response: Response, method: &Method, frame: &Frame, id: &RequestId) -> Response {
    let Some(Trouble { title, what, advice, way_on }) = response.extensions_mut().remove() else { return response };
    if method != Method::HEAD {
        // the words alone are better than nothing
        let words = format!("{title}. {what} {advice}");
        let page = ErrorPage { frame, title, what, advice, way_on, code: id.as_str() };
        *response.body_mut() = Body::from(page.render().unwrap_or(words));
    }
    response
}

#[cfg(test)]
pub(crate) mod sample {
    use super::{Frame, Issuer};

    /// The frame of a server below a path.
    pub(crate) fn frame() -> Frame {
        Frame::new(&Issuer::parse("https://auth.example.com/tenant").unwrap())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::request_id::RequestIds;

    const PLAIN: Trouble = Trouble {
        title: "Nothing here",
        what: Cow::Borrowed("There is no page at this address."),
        advice: "Check the address.",
        way_on: None,
    };

    async fn body(response: Response) -> String {
        String::from_utf8(axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap()
    }

    // OA-SE-11: a person can name the request to the operator
    #[tokio::test]
    async fn an_error_page_has_a_code_and_links_below_the_issuers_path() {
        let id = RequestIds::default().fresh();
        let response = finish(trouble(StatusCode::NOT_FOUND, PLAIN), &Method::GET, &sample::frame(), &id);
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/html; charset=utf-8");
        let page = body(response).await;
        assert!(page.contains(&format!("<code>{id}</code>")), "{page}");
        assert!(page.contains("href=\"/tenant/account\"") && page.contains("href=\"/tenant/assets/style.css?v="), "{page}");
        assert_eq!(page.matches("<h1>").count(), 1);
        let head = finish(trouble(StatusCode::NOT_FOUND, PLAIN), &Method::HEAD, &sample::frame(), &id);
        assert_eq!(body(head).await, "");
    }

    #[derive(Template)]
    #[template(source = "page", ext = "html")]
    struct Any;

    // OA-SE-04, OA-SE-05, OA-SE-06, MCP-AS-32, MCP-AS-45
    #[test]
    fn every_page_is_locked_up() {
        for (response, referrer) in [
            (Page::new(Any).into_response(), "no-referrer"),
            (Page::with_form(Any).into_response(), "same-origin"),
            (trouble(StatusCode::BAD_REQUEST, PLAIN), "no-referrer"),
        ] {
            let header = |name| response.headers().get(name).map(|value: &HeaderValue| value.to_str().unwrap());
            let policy = header(header::CONTENT_SECURITY_POLICY).unwrap();
            assert!(policy.starts_with("default-src 'none'; ") && policy.contains("frame-ancestors 'none'"), "{policy}");
            assert!(!policy.contains("form-action") && !policy.contains("unsafe") && !policy.contains("script"), "{policy}");
            assert_eq!(header(header::X_FRAME_OPTIONS), Some("DENY"));
            assert_eq!(header(header::CACHE_CONTROL), Some("no-store"));
            assert_eq!(header(header::REFERRER_POLICY), Some(referrer));
            assert_eq!(header(header::HeaderName::from_static("cross-origin-opener-policy")), None);
        }
    }
}
