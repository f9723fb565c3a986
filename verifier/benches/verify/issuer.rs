//! The tokens: as long as those of the server, and no two the same.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL};
use chrono::{DateTime, Utc};
use portcullis_verifier::{TrustedIssuer, Verifier, jwk::Jwk};
use serde_json::{Value, json};

use crate::{Result, keys::Key};

const ISSUER: &str = "https://auth.example.com";
const RESOURCE: &str = "https://mcp.example.com/mcp";

/// An issuer with one key, and the server that trusts it.
pub(crate) struct Issuer<'k> {
    key: &'k Key,
    kid: String,
    pub(crate) verifier: Verifier,
}

impl<'k> Issuer<'k> {
    pub(crate) fn new(key: &'k Key) -> Result<Self> {
        let kid = Jwk::from_json(key.public.to_string().as_bytes())?.thumbprint().to_owned();
        let mut public = key.public.clone();
        for (member, value) in [("kid", kid.as_str()), ("alg", key.algorithm.as_str()), ("use", "sig")] {
            if let Some(members) = public.as_object_mut() {
                members.insert(member.to_owned(), value.into());
            }
        }
        let trusted = TrustedIssuer::new(ISSUER).keys(json!({ "keys": [public] }).to_string());
        let verifier = Verifier::builder(trusted, RESOURCE).scope("files:read").build()?;
        Ok(Self { key, kid, verifier })
    }

    /// The claims of a token of Portcullis after a person's consent.
    pub(crate) fn token(&self, number: usize, now: DateTime<Utc>) -> Result<String> {
        let now = now.timestamp();
        let header = json!({ "alg": self.key.algorithm.as_str(), "typ": "at+jwt", "kid": self.kid });
        let claims = json!({
            "iss": ISSUER, "sub": "u_0197a1b2c3d47e5f8a9b0c1d2e3f4a5b", "aud": RESOURCE, "client_id": "c_0197a1b2c3d47e5f8a9b0c1d2e3f4a5b",
            "exp": now + 900, "iat": now, "jti": BASE64URL.encode(format!("{number:032}")), "scope": "files:read files:write",
            "auth_time": now - 60, "grant_id": "0197a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b",
        });
        let part = |value: Value| BASE64URL.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = self.key.sign(signed.as_bytes())?;
        Ok(format!("{signed}.{}", BASE64URL.encode(signature)))
    }

    /// What no verifier can do without: the signature check of the library.
    pub(crate) fn check_signature(&self, token: &str) -> Result<()> {
        let (signed, signature) = token.rsplit_once('.').ok_or("a token of three parts")?;
        self.key.check(signed.as_bytes(), &BASE64URL.decode(signature)?)
    }
}
