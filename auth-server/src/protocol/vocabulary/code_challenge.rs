//! Proof key for code exchange, method S256 only (RFC 7636).

use std::str::FromStr;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL};
use sha2::{Digest as _, Sha256};

use crate::secret::same_bytes;

/// The S256 challenge: the base64url form of a SHA-256 value (RFC 7636 §4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeChallenge(String);

/// The text can't be an S256 challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a code_challenge has exactly 43 characters of A-Z a-z 0-9 - _")]
pub struct CodeChallengeError;

/// What answers a challenge (RFC 7636 §4.1).
#[derive(Clone)]
pub struct CodeVerifier(String);

/// The text can't be a verifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a code_verifier has 43 to 128 characters of A-Z a-z 0-9 - . _ ~")]
pub struct CodeVerifierError;

impl CodeChallenge {
    /// The challenge as it was sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the verifier is the one behind this challenge, in constant time.
    pub fn is_answered_by(&self, verifier: &CodeVerifier) -> bool {
        same_bytes(verifier.challenge().0.as_bytes(), self.0.as_bytes())
    }
}

impl FromStr for CodeChallenge {
    type Err = CodeChallengeError;

    fn from_str(text: &str) -> Result<Self, CodeChallengeError> {
        let fits = text.len() == 43 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if fits { Ok(Self(text.to_owned())) } else { Err(CodeChallengeError) }
    }
}

super::text::by_text!(CodeChallenge);

impl CodeVerifier {
    /// The S256 challenge that this verifier answers.
    pub fn challenge(&self) -> CodeChallenge {
        CodeChallenge(BASE64URL.encode(Sha256::digest(&self.0)))
    }
}

impl FromStr for CodeVerifier {
    type Err = CodeVerifierError;

    fn from_str(text: &str) -> Result<Self, CodeVerifierError> {
        let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        let fits = (43..=128).contains(&text.len()) && text.bytes().all(unreserved);
        if fits { Ok(Self(text.to_owned())) } else { Err(CodeVerifierError) }
    }
}

impl std::fmt::Debug for CodeVerifier {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("CodeVerifier([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // RFC 7636 Appendix B; OA-PK-06
    #[test]
    fn the_example_of_the_rfc_holds() {
        let verifier: CodeVerifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".parse().unwrap();
        let challenge: CodeChallenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".parse().unwrap();
        assert!(challenge.is_answered_by(&verifier));
    }

    // OA-PK-03
    #[test]
    fn a_challenge_has_forty_three_url_safe_characters() {
        for text in [
            "",
            &"a".repeat(42),
            &"a".repeat(44),
            &format!("{}=", "a".repeat(42)),
            &format!("{}+", "a".repeat(42)),
            &format!("{}.", "a".repeat(42)),
        ] {
            assert!(text.parse::<CodeChallenge>().is_err(), "{text}");
        }
    }

    proptest! {
        // OA-PK-05
        #[test]
        fn a_verifier_answers_its_own_challenge_only(mine in "[A-Za-z0-9._~-]{43,128}", other in "[A-Za-z0-9._~-]{43,128}") {
            let challenge = mine.parse::<CodeVerifier>().unwrap().challenge();
            prop_assert!(challenge.is_answered_by(&mine.parse().unwrap()));
            prop_assert_eq!(challenge.is_answered_by(&other.parse().unwrap()), mine == other);
        }

        // OA-PK-05
        #[test]
        fn lengths_outside_the_bounds_are_refused(short in "[A-Za-z0-9._~-]{0,42}", long in "[A-Za-z0-9._~-]{129,200}") {
            prop_assert!(short.parse::<CodeVerifier>().is_err());
            prop_assert!(long.parse::<CodeVerifier>().is_err());
        }
    }
}
