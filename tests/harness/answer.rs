//! What came back.

use reqwest::header::HeaderMap;
use serde_json::Value;

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) async fn to(request: reqwest::RequestBuilder) -> Self {
        Self::try_to(request).await.unwrap_or_else(|error| panic!("no answer: {error:?}"))
    }

    /// `Err` where the connection broke, as it does when the server is killed.
    pub(crate) async fn try_to(request: reqwest::RequestBuilder) -> Result<Self, reqwest::Error> {
        let response = request.send().await?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = response.bytes().await?;
        Ok(Self { status, headers, body: String::from_utf8_lossy(&body).into_owned() })
    }

    /// A header's value, the values of several lines joined.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let values: Vec<_> = self.headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    pub(crate) fn location(&self) -> Option<String> {
        self.header("location")
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {} {}", self.status, self.body))
    }

    /// The member `error` of a JSON answer.
    pub(crate) fn error(&self) -> Option<String> {
        let body: Value = serde_json::from_str(&self.body).ok()?;
        body.get("error")?.as_str().map(str::to_owned)
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{:?} {}", self.headers, self.body);
        self
    }

    #[track_caller]
    pub(crate) fn expect_error(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.error().as_deref()), (status, Some(code)), "{:?} {}", self.headers, self.body);
        assert_eq!(self.header("cache-control").as_deref(), Some("no-store"), "an error is never stored");
        assert!(self.header("content-type").is_some_and(|value| value.starts_with("application/json")), "{:?}", self.headers);
    }
}
