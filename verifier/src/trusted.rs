//! An issuer that a server trusts, and how its tokens are checked.

use std::sync::Arc;

use crate::{
    access_token::{Leniency, TokenKind},
    builder::BuildError,
    jwk::Algorithm,
    keys::{self, Keys},
    vocabulary::Issuer,
};
#[cfg(feature = "fetch")]
use crate::{
    fetch::AuthorizationServer,
    introspection::{Credentials, Introspection},
    keys::{Fetched, SigningKeys},
};

/// An issuer to trust, such as `https://auth.example.com`, and what is special about
/// it. For Portcullis nothing is; its address alone will do.
///
/// Several issuers are kept apart: a key of one never checks a token of another, and
/// nothing here that is lenient for one is lenient for the next.
///
/// ```
/// use portcullis_verifier::{TrustedIssuer, Verifier, jwk::Algorithm};
///
/// # let jwks = r#"{"keys":[{"kid":"a","kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}"#;
/// let realm = TrustedIssuer::new("https://login.example.com/realms/main")
///     .algorithms([Algorithm::Es256])
///     .accept_typ("JWT")
///     .keys(jwks);
/// let verifier = Verifier::builder(realm, "https://mcp.example.com/mcp").build()?;
/// # Ok::<(), portcullis_verifier::BuildError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct TrustedIssuer {
    identifier: String,
    accepts_slash: bool,
    algorithms: Vec<Algorithm>,
    kind: TokenKind,
    leniency: Leniency,
    keys: Option<String>,
    #[cfg(feature = "fetch")]
    introspection: Option<Credentials>,
    #[cfg(feature = "fetch")]
    roots: Vec<String>,
}

impl TrustedIssuer {
    /// An issuer, by its identifier: compared with `iss` byte for byte.
    pub fn new(identifier: impl Into<String>) -> Self {
        Self {
            identifier: identifier.into(),
            accepts_slash: false,
            algorithms: Vec::new(),
            kind: TokenKind::default(),
            leniency: Leniency::default(),
            keys: None,
            #[cfg(feature = "fetch")]
            introspection: None,
            #[cfg(feature = "fetch")]
            roots: Vec::new(),
        }
    }

    /// Only these algorithms; by default all that this build checks (RFC 8725 §3.1).
    pub fn algorithms(mut self, allowed: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms = allowed.into_iter().collect();
        self
    }

    /// The issuer's public keys, a JWK set (RFC 7517 §5), instead of fetching them.
    pub fn keys(mut self, jwks: impl Into<String>) -> Self {
        self.keys = Some(jwks.into());
        self
    }

    /// For issuers that do not follow RFC 9068: one more `typ` that means "access
    /// token", such as `JWT`. It is then on the audience alone to tell an access token
    /// from an ID token.
    pub fn accept_typ(mut self, typ: impl Into<String>) -> Self {
        self.kind.further.push(typ.into());
        self
    }

    /// For issuers that do not follow RFC 9068: tokens without `typ` are read too.
    pub fn accept_missing_typ(mut self) -> Self {
        self.kind.may_be_missing = true;
        self
    }

    /// For issuers whose tokens name no key: the only one that fits is meant.
    pub fn accept_missing_kid(mut self) -> Self {
        self.leniency.kid_may_be_missing = true;
        self
    }

    /// For issuers that write scopes as an array, in `scope` or `scp`.
    pub fn accept_scope_arrays(mut self) -> Self {
        self.leniency.scope_may_be_array = true;
        self
    }

    /// For issuers whose identifier ends in a slash. One of Portcullis does only where its
    /// operator has set `issuer_trailing_slash`.
    pub fn accept_trailing_slash(mut self) -> Self {
        self.accepts_slash = true;
        self
    }

    /// Asks the issuer about every token (RFC 7662), with these credentials: a token
    /// that was revoked is refused within a minute, and opaque tokens work. A token
    /// about which the issuer does not answer is not let in.
    #[cfg(feature = "fetch")]
    pub fn introspection(mut self, client_id: impl Into<String>, client_secret: impl Into<String>) -> Self {
        self.introspection = Some(Credentials::new(client_id.into(), client_secret.into()));
        self
    }

    /// One more authority that may vouch for the issuer's certificate, besides those that
    /// the system trusts: the certificate of a private one, in PEM. There may be several,
    /// in one text or one by one. They count for this issuer only.
    #[cfg(feature = "fetch")]
    pub fn root_certificate(mut self, pem: impl Into<String>) -> Self {
        self.roots.push(pem.into());
        self
    }

    pub(crate) fn build(self) -> Result<Trusted, BuildError> {
        let parse = if self.accepts_slash { Issuer::parse_with_slash } else { Issuer::parse };
        let issuer = match parse(&self.identifier) {
            Ok(issuer) => issuer,
            Err(reason) => return Err(BuildError::Issuer { identifier: self.identifier, reason }),
        };
        #[cfg(feature = "fetch")]
        let mut server = None;
        let keys = match self.keys {
            Some(jwks) => {
                let set = keys::read(&issuer, jwks.as_bytes());
                Keys::Fixed(Arc::new(set.map_err(|reason| BuildError::Keys { issuer: self.identifier.clone(), reason })?))
            }
            #[cfg(feature = "fetch")]
            None => Keys::Fetched(Arc::new(Fetched::new(SigningKeys(asked(&mut server, &issuer, &self.roots)?)))),
            #[cfg(not(feature = "fetch"))]
            None => return Err(BuildError::NoKeys(self.identifier)),
        };
        #[cfg(feature = "fetch")]
        let introspection = match self.introspection {
            Some(credentials) => Some(Introspection::new(asked(&mut server, &issuer, &self.roots)?, credentials)),
            None => None,
        };
        Ok(Trusted {
            issuer,
            algorithms: self.algorithms,
            kind: self.kind,
            leniency: self.leniency,
            keys,
            #[cfg(feature = "fetch")]
            introspection,
            #[cfg(all(feature = "axum", feature = "fetch"))]
            way_out: (server, self.roots),
        })
    }
}

impl<T: Into<String>> From<T> for TrustedIssuer {
    fn from(identifier: T) -> Self {
        Self::new(identifier)
    }
}

/// One way out per issuer, made where it is needed: it reads the system's certificates.
#[cfg(feature = "fetch")]
fn asked(server: &mut Option<Arc<AuthorizationServer>>, issuer: &Issuer, roots: &[String]) -> Result<Arc<AuthorizationServer>, BuildError> {
    match server {
        Some(known) => Ok(Arc::clone(known)),
        None => Ok(Arc::clone(server.insert(Arc::new(AuthorizationServer::new(issuer.clone(), roots)?)))),
    }
}

/// An issuer, ready to check its tokens.
#[derive(Debug)]
pub(crate) struct Trusted {
    pub(crate) issuer: Issuer,
    algorithms: Vec<Algorithm>,
    pub(crate) kind: TokenKind,
    pub(crate) leniency: Leniency,
    pub(crate) keys: Keys,
    #[cfg(feature = "fetch")]
    pub(crate) introspection: Option<Introspection>,
    /// The issuer as something that is asked, if it is, and what is needed to ask it.
    #[cfg(all(feature = "axum", feature = "fetch"))]
    way_out: (Option<Arc<AuthorizationServer>>, Vec<String>),
}

impl Trusted {
    /// The issuer as something that answers over HTTP, even where its keys were given.
    #[cfg(all(feature = "axum", feature = "fetch"))]
    pub(crate) fn server(&self) -> Result<Arc<AuthorizationServer>, BuildError> {
        let (mut server, roots) = (self.way_out.0.clone(), &self.way_out.1);
        asked(&mut server, &self.issuer, roots)
    }

    pub(crate) fn allows(&self, algorithm: Algorithm) -> bool {
        self.algorithms.is_empty() || self.algorithms.contains(&algorithm)
    }

    /// Whether every token has to be asked about.
    #[cfg_attr(not(feature = "fetch"), expect(clippy::unused_self, reason = "without the feature nobody can be asked"))]
    pub(crate) fn has_to_be_asked(&self) -> bool {
        #[cfg(feature = "fetch")]
        return self.introspection.is_some();
        #[cfg(not(feature = "fetch"))]
        false
    }
}
