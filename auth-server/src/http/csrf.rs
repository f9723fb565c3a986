//! Forms come from our own pages (OA-SE-02, OA-SE-03).
//!
//! Two locks: a token in the form that is a keyed function of the browser's
//! cookies and of what the form is about, and what the browser itself says about
//! where the request comes from.

use axum::http::{HeaderMap, HeaderValue, header};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL};
use portcullis_verifier::vocabulary::Issuer;

use crate::{
    keys::{MasterKey, hmac},
    secret::{Secret, same_bytes},
};

/// Makes and checks the tokens in forms.
#[derive(Clone, Debug)]
pub struct FormKey(Secret<[u8; 32]>);

/// Why a form was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// The browser says that the form was sent from another site.
    #[error("the form was sent from another site")]
    CrossSite,
    /// The form's token is missing or belongs to another browser or page.
    #[error("the form's token is missing, or belongs to another browser or page")]
    Token,
}

impl FormKey {
    /// Derives the key; all processes with one master key agree.
    pub fn new(master: &MasterKey) -> Self {
        Self(master.derive("form token"))
    }

    /// The token for a form: bound to a cookie (by its hash) and to what it is about.
    pub fn token(&self, bound_to: &[u8], about: &str) -> String {
        BASE64URL.encode(hmac(self.0.expose(), &[bound_to, about.as_bytes()]))
    }

    /// Checks a form that came back.
    pub fn check(&self, headers: &HeaderMap, issuer: &Issuer, bound_to: &[u8], about: &str, given: Option<&str>) -> Result<(), FormError> {
        if !is_same_origin(headers, issuer) {
            return Err(FormError::CrossSite);
        }
        let expected = self.token(bound_to, about);
        let is_ours = given.is_some_and(|given| same_bytes(given.as_bytes(), expected.as_bytes()));
        if is_ours { Ok(()) } else { Err(FormError::Token) }
    }
}

/// What the browser says, where it says something. `Origin: null` is what it sends
/// when a page has no referrer; then only `Sec-Fetch-Site` counts.
fn is_same_origin(headers: &HeaderMap, issuer: &Issuer) -> bool {
    let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or("malformed"));
    let site = text("sec-fetch-site");
    match text(header::ORIGIN.as_str()) {
        None => matches!(site, None | Some("same-origin" | "none")),
        Some("null") => site == Some("same-origin"),
        Some(origin) => origin == issuer.origin() && matches!(site, None | Some("same-origin")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (header::HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    // OA-SE-02
    #[test]
    fn a_form_from_elsewhere_is_refused() {
        let key = FormKey::new(&MasterKey::new([1; 32]));
        let issuer = Issuer::parse("https://auth.example/tenant").unwrap();
        let token = key.token(b"session", "request 1");
        let check =
            |pairs: &[(&'static str, &'static str)], bound: &[u8], about, token| key.check(&headers(pairs), &issuer, bound, about, token);
        let good = Some(token.as_str());
        assert_eq!(check(&[], b"session", "request 1", good), Ok(()));
        assert_eq!(check(&[("origin", "https://auth.example"), ("sec-fetch-site", "same-origin")], b"session", "request 1", good), Ok(()));
        assert_eq!(check(&[("origin", "null"), ("sec-fetch-site", "same-origin")], b"session", "request 1", good), Ok(()));
        for foreign in [
            &[("origin", "https://evil.example")][..],
            &[("origin", "null")],
            &[("origin", "null"), ("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site")],
            &[("origin", "https://auth.example"), ("sec-fetch-site", "cross-site")],
        ] {
            assert_eq!(check(foreign, b"session", "request 1", good), Err(FormError::CrossSite), "{foreign:?}");
        }
        assert_eq!(check(&[], b"session", "request 1", None), Err(FormError::Token));
        assert_eq!(check(&[], b"other", "request 1", good), Err(FormError::Token));
        // OA-AZ-26: the token of one tab's request does not fit another's
        assert_eq!(check(&[], b"session", "request 2", good), Err(FormError::Token));
    }
}
