//! How a client proves who it is at the token endpoint (RFC 7591 §2).

super::text::names! {
    /// How a client proves who it is at the token endpoint (RFC 7591 §2).
    TokenEndpointAuthMethod, unknown
    /// The method is none that this server knows.
    UnknownAuthMethod("the authentication method is none of none, client_secret_basic, client_secret_post, private_key_jwt"):
    /// A public client: it proves nothing but its PKCE verifier.
    None = "none",
    /// The secret in the `Authorization` header (RFC 6749 §2.3.1).
    ClientSecretBasic = "client_secret_basic",
    /// The secret in the form (RFC 6749 §2.3.1).
    ClientSecretPost = "client_secret_post",
    /// A signed assertion (RFC 7523 §2.2).
    PrivateKeyJwt = "private_key_jwt",
}
