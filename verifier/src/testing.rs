//! An issuer in a box, for tests: it signs any token, good or bad, and nothing has to run.
//!
//! ```
//! use portcullis_verifier::{Rejection, Verifier, testing::TestIssuer};
//!
//! let issuer = TestIssuer::new("https://auth.example.com");
//! let verifier = Verifier::builder(issuer.trusted(), "https://mcp.example.com/mcp").build()?;
//! let now = verifier.now();
//!
//! let token = issuer.token("https://mcp.example.com/mcp", now).scope("files:read").sign();
//! assert_eq!(verifier.verify(&token, now).unwrap().scope().to_string(), "files:read");
//!
//! let stray = issuer.token("https://other.example.com/mcp", now).sign();
//! assert!(matches!(verifier.verify(&stray, now), Err(Rejection::Audience { .. })));
//! # Ok::<(), portcullis_verifier::BuildError>(())
//! ```
//!
//! Its keys are the same in every run and known to everybody. Trust it nowhere else.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL};
use chrono::{DateTime, Utc};
use p256::ecdsa::{Signature, SigningKey, signature::Signer as _};
use serde_json::{Map, Value, json};

use crate::{TrustedIssuer, jwk::Jwk};

/// An issuer whose private key is no secret.
#[derive(Clone, Debug)]
pub struct TestIssuer {
    identifier: String,
    key: SigningKey,
    public: Value,
    kid: String,
}

/// A token in the making: a good one, until it is changed.
#[derive(Clone, Debug)]
#[must_use]
pub struct TestToken {
    key: SigningKey,
    header: Map<String, Value>,
    claims: Map<String, Value>,
}

impl TestIssuer {
    /// An issuer with its one key.
    pub fn new(identifier: impl Into<String>) -> Self {
        Self::with_key(identifier, 1)
    }

    /// An issuer with another key: each number from 1 to 254 is one.
    pub fn with_key(identifier: impl Into<String>, number: u8) -> Self {
        // Any 32 bytes in range are a key, and a byte repeated is in range if it is neither 0 nor 255.
        let bytes = [number.clamp(1, 254); 32];
        let key = SigningKey::from_slice(&bytes).unwrap_or_else(|_| unreachable!("{bytes:?} is in range"));
        let point = key.verifying_key().to_sec1_point(false);
        let coordinate = |bytes: Option<&p256::FieldBytes>| BASE64URL.encode(bytes.copied().unwrap_or_default());
        let (x, y) = (coordinate(point.x()), coordinate(point.y()));
        let bare = json!({"kty": "EC", "crv": "P-256", "x": x, "y": y}).to_string();
        let kid = Jwk::from_json(bare.as_bytes()).map(|key| key.thumbprint().to_owned()).unwrap_or_default();
        let public = json!({"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": kid, "alg": "ES256", "use": "sig"});
        Self { identifier: identifier.into(), key, public, kid }
    }

    /// The issuer, as a verifier trusts it: with its keys, so nothing is fetched.
    pub fn trusted(&self) -> TrustedIssuer {
        TrustedIssuer::new(&self.identifier).keys(self.jwks())
    }

    /// Its public key.
    pub fn public_key(&self) -> &Value {
        &self.public
    }

    /// Its public keys, a JWK set.
    pub fn jwks(&self) -> String {
        json!({"keys": [self.public]}).to_string()
    }

    /// Its metadata, for a server that plays the issuer (RFC 8414). The keys are at
    /// `/jwks`, and tokens are asked about at `/introspect`.
    pub fn metadata(&self) -> Value {
        let below = |path| format!("{}{path}", self.identifier.trim_end_matches('/'));
        json!({"issuer": self.identifier, "jwks_uri": below("/jwks"), "introspection_endpoint": below("/introspect")})
    }

    /// A good token for a resource: issued now, for a quarter of an hour.
    pub fn token(&self, resource: impl Into<String>, now: DateTime<Utc>) -> TestToken {
        let now = now.timestamp();
        let header = json!({"typ": "at+jwt", "alg": "ES256", "kid": self.kid});
        let claims = json!({
            "iss": self.identifier, "sub": "u_1", "aud": resource.into(), "client_id": "c_1", "iat": now, "exp": now + 900,
            "jti": "t_1", "scope": "", "auth_time": now, "grant_id": "g_1",
        });
        TestToken { key: self.key.clone(), header: object(header), claims: object(claims) }
    }
}

impl TestToken {
    /// The person it speaks of.
    pub fn subject(self, subject: impl Into<String>) -> Self {
        self.claim("sub", subject.into())
    }

    /// The client that calls.
    pub fn client(self, client_id: impl Into<String>) -> Self {
        self.claim("client_id", client_id.into())
    }

    /// What it allows, separated by spaces.
    pub fn scope(self, scope: impl Into<String>) -> Self {
        self.claim("scope", scope.into())
    }

    /// Sets a claim, whatever it may be.
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    /// Takes a claim away.
    pub fn without(mut self, name: &str) -> Self {
        self.claims.remove(name);
        self
    }

    /// Sets a member of the header.
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.insert(name.to_owned(), value.into());
        self
    }

    /// Takes a member of the header away.
    pub fn without_header(mut self, name: &str) -> Self {
        self.header.remove(name);
        self
    }

    /// The token.
    pub fn sign(&self) -> String {
        self.sign_parts(&Value::Object(self.header.clone()).to_string(), &Value::Object(self.claims.clone()).to_string())
    }

    /// A token of any two texts, correctly signed.
    pub fn sign_parts(&self, header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", BASE64URL.encode(header), BASE64URL.encode(claims));
        let signature: Signature = self.key.sign(signed.as_bytes());
        format!("{signed}.{}", BASE64URL.encode(signature.to_bytes()))
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        Value::Array(_) | Value::Bool(_) | Value::Null | Value::Number(_) | Value::String(_) => Map::new(),
    }
}
