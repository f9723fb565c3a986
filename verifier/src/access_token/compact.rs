//! A token taken apart, and nothing in it believed yet (RFC 7515 §7.1).

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL};
use serde_json::{Map, Value};

use super::{MOST_BYTES, claims::TokenKind};
use crate::{
    jwk::Algorithm,
    rejection::{Rejection, shown},
    strict_json,
};

const MOST_HEADER_BYTES: usize = 2 * 1024;
const LONGEST_KID: usize = 256;

/// A token in its parts. Its claims are not to be believed: before the signature is
/// checked, `iss` and `kid` choose a key, and nothing else is looked at (OA-AT-12).
pub(crate) struct UnverifiedToken<'a> {
    pub(crate) header: Header,
    pub(crate) claims: Map<String, Value>,
    pub(crate) signed: &'a [u8],
    pub(crate) signature: Vec<u8>,
}

/// What a header may say.
pub(crate) struct Header {
    pub(crate) algorithm: Algorithm,
    pub(crate) kid: Option<String>,
}

impl<'a> UnverifiedToken<'a> {
    /// Reads the compact form. Which types of token are read, the issuer decides; so
    /// it is asked between the claims, which name the issuer, and the header.
    pub(crate) fn read<'k>(token: &'a str, kinds_of: impl FnOnce(&str) -> Result<&'k TokenKind, Rejection>) -> Result<Self, Rejection> {
        let parts = Parts::split(token)?;
        let header = decode(parts.header)?;
        if header.len() > MOST_HEADER_BYTES {
            return Err(Rejection::TooLarge(header.len()));
        }
        let members = strict_json::object(&header).ok_or(Rejection::Header)?;
        refuse_extensions(&members)?;
        let claims = strict_json::object(&decode(parts.payload)?).ok_or(Rejection::Claims)?;
        let issuer = claims.get("iss").and_then(Value::as_str).ok_or(Rejection::Claim("iss"))?;
        let header = Header::read(&members, kinds_of(issuer)?)?;
        let signature = decode(parts.signature)?;
        Ok(Self { header, claims, signed: parts.signed.as_bytes(), signature })
    }

    /// What it says it is signed with.
    pub(crate) fn algorithm(&self) -> Algorithm {
        self.header.algorithm
    }

    /// Who issued it, if it is to be believed.
    pub(crate) fn issuer(&self) -> &str {
        self.claims.get("iss").and_then(Value::as_str).unwrap_or_default()
    }
}

/// The three parts of the compact form (RFC 7515 §7.1).
struct Parts<'a> {
    header: &'a str,
    payload: &'a str,
    signature: &'a str,
    signed: &'a str,
}

impl<'a> Parts<'a> {
    fn split(token: &'a str) -> Result<Self, Rejection> {
        if token.len() > MOST_BYTES {
            return Err(Rejection::TooLarge(token.len()));
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(Rejection::NotCompact)?;
        let (header, payload) = signed.split_once('.').ok_or(Rejection::NotCompact)?;
        if payload.contains('.') {
            return Err(if token.matches('.').count() == 4 { Rejection::Wrapped } else { Rejection::NotCompact });
        }
        Ok(Self { header, payload, signature, signed })
    }
}

/// Without padding, and with the one last character that is canonical (OA-JW-10).
fn decode(part: &str) -> Result<Vec<u8>, Rejection> {
    BASE64URL.decode(part).map_err(|_| Rejection::NotCompact)
}

fn refuse_extensions(members: &Map<String, Value>) -> Result<(), Rejection> {
    let has = |name: &&str| members.contains_key(*name);
    if let Some(name) = ["crit", "b64"].into_iter().find(has) {
        return Err(Rejection::Critical(name));
    }
    if let Some(name) = ["jwk", "jku", "x5u"].into_iter().find(has) {
        return Err(Rejection::OwnKey(name));
    }
    if ["zip", "enc"].iter().any(has) { Err(Rejection::Wrapped) } else { Ok(()) }
}

impl Header {
    fn read(members: &Map<String, Value>, kinds: &TokenKind) -> Result<Self, Rejection> {
        let text = |name| members.get(name).and_then(Value::as_str);
        match members.get("typ") {
            None if kinds.may_be_missing => {}
            Some(Value::String(kind)) if kinds.includes(kind) => {}
            Some(Value::String(kind)) => return Err(Rejection::Type(shown(kind))),
            Some(_) | None => return Err(Rejection::Type("missing".to_owned())),
        }
        let algorithm = text("alg").ok_or_else(|| Rejection::Algorithm("missing".to_owned()))?;
        let algorithm = Algorithm::parse(algorithm).ok_or_else(|| Rejection::Algorithm(shown(algorithm)))?;
        let kid = match members.get("kid") {
            None => None,
            Some(Value::String(kid)) if kid.len() <= LONGEST_KID => Some(kid.clone()),
            Some(_) => return Err(Rejection::UnknownKey("not a short text".to_owned())),
        };
        Ok(Self { algorithm, kid })
    }
}
