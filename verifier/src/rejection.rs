//! Why a token was refused: precise for the log, one answer for the caller.

/// Why a token was refused. A client only ever hears `invalid_token`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// `alg` is none of the asymmetric algorithms, or does not fit the key (RFC 8725 §3.1).
    #[error("the algorithm is not allowed, or not the key's")]
    Algorithm,
    /// `aud` does not name this resource (RFC 9068 §4).
    #[error("the token is for another audience")]
    Audience,
    /// A claim is missing or of the wrong type.
    #[error("the claim `{0}` is missing or malformed")]
    Claim(&'static str),
    /// `crit` or `b64`: extensions that change what a token means (RFC 7515 §4.1.11).
    #[error("the token asks for an extension that is not understood")]
    Critical,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// The header is no JSON object, or has a member twice.
    #[error("the header is malformed")]
    Header,
    /// `jwk`, `jku`, `x5u`: a token does not bring its own key (RFC 8725 §3.10).
    #[error("the token brings its own key")]
    OwnKey,
    /// `iss` is another issuer.
    #[error("the token is another issuer's")]
    Issuer,
    /// `iat` or `nbf` lies in the future.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// It lives for more than a day.
    #[error("the token lives for too long")]
    LivesTooLong,
    /// Not three parts of base64url.
    #[error("the token is not in the compact form")]
    NotCompact,
    /// `cnf`: bound to a key, so it is no bearer token (RFC 7800 §3).
    #[error("the token is bound to a key and was used as a bearer token")]
    SenderBound,
    /// The signature is not the key's.
    #[error("the signature is wrong")]
    Signature,
    /// More than 8 KiB.
    #[error("the token is too large")]
    TooLarge,
    /// `typ` is not `at+jwt` (RFC 9068 §4).
    #[error("the token is of another type")]
    Type,
    /// No key of that name; a fresh key set may have it.
    #[error("no key has the token's kid")]
    UnknownKey,
    /// `zip`, or five parts.
    #[error("the token is compressed or encrypted")]
    Wrapped,
}
