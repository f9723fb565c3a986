//! What a client asks of a person: the authorization request, with PKCE.

use base64::Engine as _;
use sha2::{Digest as _, Sha256};

use super::{FILES, random_text, server::encoded};

/// An authorization request, and the secret behind its challenge.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) verifier: String,
    pub(crate) state: String,
}

impl Ask {
    /// A request as a well-behaved MCP client makes it.
    pub(crate) fn new(client_id: &str, redirect_uri: &str) -> Self {
        let verifier = random_text();
        let state = random_text();
        let mut ask = Self { parameters: Vec::new(), verifier, state: state.clone() };
        let challenge = challenge_of(&ask.verifier);
        for (name, value) in [
            ("response_type", "code"),
            ("client_id", client_id),
            ("redirect_uri", redirect_uri),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
            ("state", &state),
            ("resource", FILES),
            ("scope", "files:read"),
        ] {
            ask.parameters.push((name.to_owned(), value.to_owned()));
        }
        ask
    }

    /// Replaces a parameter where it stands, or adds it.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        match self.parameters.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => value.clone_into(known),
            None => self.parameters.push((name.to_owned(), value.to_owned())),
        }
        self
    }

    /// Adds a parameter, even a second time.
    pub(crate) fn and(mut self, name: &str, value: &str) -> Self {
        self.parameters.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.parameters.retain(|(known, _)| known != name);
        self
    }

    pub(crate) fn query(&self) -> String {
        encoded(&self.parameters)
    }

    pub(crate) fn path(&self) -> String {
        format!("/authorize?{}", self.query())
    }
}

/// RFC 7636 §4.2.
pub(crate) fn challenge_of(verifier: &str) -> String {
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
}
