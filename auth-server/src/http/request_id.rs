//! A correlation id for each request (OA-HT-13): ours, in every answer and every
//! log line. What the caller sent under that name is not believed.

use std::fmt;

use axum::http::HeaderValue;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL};

use crate::entropy;

/// A correlation id.
#[derive(Clone, Debug)]
pub struct RequestId(String);

impl RequestId {
    /// A fresh one. Without randomness it is empty, which harms nobody.
    pub fn fresh() -> Self {
        Self(entropy::random::<9>().map(|random| BASE64URL.encode(random)).unwrap_or_default())
    }

    /// The id as a header value.
    pub fn header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).unwrap_or(HeaderValue::from_static("-"))
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
