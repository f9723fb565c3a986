//! A client's identifier (RFC 6749 §2.2, App. A.1).

use std::str::FromStr;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL};

/// A client's identifier: printable ASCII without spaces, at most 2048 bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(String);

/// Why a text is no client identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientIdError {
    /// Nothing at all.
    #[error("a client_id has at least one character")]
    Empty,
    /// Longer than 2048 bytes.
    #[error("a client_id has at most 2048 bytes")]
    Length,
    /// Something other than printable ASCII, or a space.
    #[error("a client_id has printable ASCII characters only, and no spaces")]
    Character,
}

const MOST_BYTES: usize = 2048;
const SEALED: &str = "pc_r_";

impl ClientId {
    /// A fresh identifier, which needs no encoding in a header, a form or a URL.
    pub fn generate(random: [u8; 16]) -> Self {
        Self(format!("pc_c_{}", BASE64URL.encode(random)))
    }

    /// What stands in the place of a client where a person made the token. No client has it:
    /// it is no fresh identifier, no address, and operators can't choose it.
    pub fn of_personal_tokens() -> Self {
        Self("portcullis-personal-token".to_owned())
    }

    /// An identifier in which all that the client said is sealed.
    pub fn sealed(sealed: &[u8]) -> Self {
        Self(format!("{SEALED}{}", BASE64URL.encode(sealed)))
    }

    /// What is sealed in it, if it is such an identifier.
    pub fn sealed_bytes(&self) -> Option<Vec<u8>> {
        self.0.strip_prefix(SEALED).and_then(|text| BASE64URL.decode(text).ok())
    }

    /// Whether it is of that kind.
    pub fn is_sealed(&self) -> bool {
        self.0.starts_with(SEALED)
    }

    /// The identifier.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClientId {
    type Err = ClientIdError;

    fn from_str(text: &str) -> Result<Self, ClientIdError> {
        if text.is_empty() {
            return Err(ClientIdError::Empty);
        }
        if text.len() > MOST_BYTES {
            return Err(ClientIdError::Length);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ClientIdError::Character);
        }
        Ok(Self(text.to_owned()))
    }
}

super::text::by_text!(ClientId);

#[cfg(test)]
mod tests {
    use super::*;

    // OA-AZ-06
    #[test]
    fn malformed_identifiers_are_refused() {
        assert_eq!("".parse::<ClientId>(), Err(ClientIdError::Empty));
        for text in ["a b", "a\n", "ä", "a\0"] {
            assert_eq!(text.parse::<ClientId>(), Err(ClientIdError::Character), "{text:?}");
        }
        assert!("x".repeat(2048).parse::<ClientId>().is_ok());
        assert_eq!("x".repeat(2049).parse::<ClientId>(), Err(ClientIdError::Length));
    }

    // MCP-AS-57
    #[test]
    fn a_generated_identifier_needs_no_encoding() {
        let id = ClientId::generate([0xFF; 16]);
        assert!(id.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'));
        assert_eq!(id.as_str().parse(), Ok(id));
    }
}
