//! The grants of the token endpoint (RFC 6749 §1.3, RFC 7591 §2).

super::text::names! {
    /// A grant that a client may use.
    GrantType, unknown
    /// The grant is none that this server knows.
    UnknownGrantType("the grant type is none of authorization_code, refresh_token, client_credentials"):
    /// RFC 6749 §4.1.
    AuthorizationCode = "authorization_code",
    /// RFC 6749 §6.
    RefreshToken = "refresh_token",
    /// RFC 6749 §4.4.
    ClientCredentials = "client_credentials",
}
