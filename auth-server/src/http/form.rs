//! Reading a form that a program sends (OA-TK-01…04, OA-HT-04, OA-HT-05).

use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderMap, StatusCode, header, request::Parts},
};
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use super::ApiFailure;
use crate::{
    events::Step,
    protocol::{
        error::{ErrorCode, OAuthError, Refusal},
        parameters::{Parameters, ParametersError},
    },
};

/// Bodies of the token, revocation and introspection endpoints.
pub const MOST_BYTES: usize = 64 * 1024;

const BODY_TIME: Duration = Duration::from_secs(15);

/// Why a body was not read.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The connection broke.
    #[error("the body did not arrive")]
    Broken,
    /// A compressed body.
    #[error("the body is compressed")]
    Encoded,
    /// Not a form.
    #[error("the content type is not application/x-www-form-urlencoded")]
    NotAForm,
    /// A parameter of the protocol in the URL.
    #[error("a parameter stands in the URL")]
    InUrl,
    /// Well-formed bytes, but no form.
    #[error(transparent)]
    Parameters(#[from] ParametersError),
    /// More than the limit.
    #[error("the body is too large")]
    TooLarge,
    /// It took too long.
    #[error("the body took too long")]
    TooSlow,
}

impl BodyError {
    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Encoded => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Broken | Self::NotAForm | Self::InUrl | Self::Parameters(_) => StatusCode::BAD_REQUEST,
        }
    }
}

impl Refusal for BodyError {
    fn answer(&self) -> OAuthError {
        let description = match self {
            Self::Parameters(error) => return error.answer(),
            Self::Broken => "the request ended before its body did",
            Self::Encoded => "send the body without content encoding",
            Self::NotAForm => "send one Content-Type: application/x-www-form-urlencoded",
            Self::InUrl => "send parameters in the body, not in the URL",
            Self::TooLarge => "the body is too large",
            Self::TooSlow => "the body took too long",
        };
        OAuthError::new(ErrorCode::InvalidRequest, description)
    }
}

impl From<BodyError> for ApiFailure {
    fn from(error: BodyError) -> Self {
        Self::of(Step::Refused, &error).with_status(error.status())
    }
}

/// Reads the form, in the order of checks of the token endpoint.
pub async fn read(parts: &Parts, body: Body) -> Result<Parameters, BodyError> {
    if !is_form(&parts.headers) {
        return Err(BodyError::NotAForm);
    }
    let bytes = bytes(&parts.headers, body, MOST_BYTES).await?;
    let parameters = Parameters::parse(&bytes)?;
    if parts.uri.query().is_some_and(|query| !query.is_empty()) {
        return Err(BodyError::InUrl);
    }
    Ok(parameters)
}

/// Reads a body within a limit and a time.
pub async fn bytes(headers: &HeaderMap, body: Body, most: usize) -> Result<Bytes, BodyError> {
    if headers.get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding.as_bytes() != b"identity") {
        return Err(BodyError::Encoded);
    }
    let collected = tokio::time::timeout(BODY_TIME, Limited::new(body, most).collect()).await.map_err(|_| BodyError::TooSlow)?;
    match collected {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.downcast_ref::<LengthLimitError>().is_some() => Err(BodyError::TooLarge),
        Err(_) => Err(BodyError::Broken),
    }
}

/// One `Content-Type`, the form's, in any letter case, at most with `charset=utf-8`.
pub fn is_form(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(only), None) = (types.next(), types.next()) else { return false };
    let Ok(text) = only.to_str() else { return false };
    let mut parts = text.split(';').map(str::trim);
    let is_form = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/x-www-form-urlencoded"));
    is_form && parts.all(|parameter| parameter.is_empty() || parameter.to_ascii_lowercase().replace('"', "") == "charset=utf-8")
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderValue, Request};
    use http_body_util::Full;

    use super::*;

    const FORM: (header::HeaderName, &str) = (header::CONTENT_TYPE, "application/x-www-form-urlencoded");

    // OA-TK-01…04, OA-HT-04, OA-HT-05
    #[tokio::test]
    async fn each_fault_of_a_body_is_told_apart() {
        let fault = async |path: &str, (name, value): (header::HeaderName, &str), body: Body| {
            let request = Request::post(path).header(FORM.0, FORM.1).body(()).unwrap();
            let (mut parts, ()) = request.into_parts();
            parts.headers.insert(name, value.parse().unwrap());
            read(&parts, body).await.unwrap_err()
        };
        let broken = || Body::new(Limited::new(Full::new(Bytes::from_static(b"a=b&c=d")), 3));
        assert!(matches!(fault("/token", (header::CONTENT_TYPE, "text/plain"), Body::from("a=b")).await, BodyError::NotAForm));
        assert!(matches!(fault("/token", (header::CONTENT_ENCODING, "gzip"), Body::from("a=b")).await, BodyError::Encoded));
        assert!(matches!(fault("/token?a=b", FORM, Body::from("a=b")).await, BodyError::InUrl));
        assert!(matches!(fault("/token", FORM, Body::from(vec![b'a'; MOST_BYTES + 1])).await, BodyError::TooLarge));
        assert!(matches!(fault("/token", FORM, broken()).await, BodyError::Broken));
        assert!(matches!(fault("/token", FORM, Body::from("%zz")).await, BodyError::Parameters(ParametersError::Encoding)));
    }

    // OA-TK-02
    #[test]
    fn only_one_content_type_is_a_form() {
        let with = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::CONTENT_TYPE, HeaderValue::from_static(value));
            }
            is_form(&headers)
        };
        let form = "application/x-www-form-urlencoded";
        assert!(with(&[form]));
        assert!(with(&["Application/X-WWW-Form-Urlencoded; Charset=UTF-8"]));
        assert!(with(&["application/x-www-form-urlencoded;charset=\"utf-8\""]));
        for refused in [
            &[][..],
            &["application/json"],
            &["multipart/form-data; boundary=x"],
            &["application/x-www-form-urlencoded; charset=latin1"],
            &[form, form],
        ] {
            assert!(!with(refused), "{refused:?}");
        }
    }
}
