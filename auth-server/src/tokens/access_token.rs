//! Signing an access token (RFC 9068 §2, RFC 7515 §7.1).

use anyhow::Context as _;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL};

use crate::{keys::SigningKey, protocol::access_token::AccessTokenClaims};

/// The compact form of a signed token.
///
/// # Errors
/// The key could not sign. Nothing may be spent then.
pub fn sign(claims: &AccessTokenClaims<'_>, key: &SigningKey) -> anyhow::Result<String> {
    let payload = serde_json::to_vec(claims).context("writing the claims of an access token")?;
    let mut token = String::with_capacity(key.access_token_header().len() + payload.len() * 4 / 3 + 128);
    token.push_str(key.access_token_header());
    token.push('.');
    BASE64URL.encode_string(payload, &mut token);
    let signature = key.sign(token.as_bytes())?;
    token.push('.');
    BASE64URL.encode_string(signature, &mut token);
    Ok(token)
}
