//! Opaque values that are shown once and kept only as a hash: codes, secrets,
//! session ids, handles (RFC 9700 §4.10).
//!
//! Each kind has a prefix that secret scanners can look for, and a checksum, so
//! that a mistyped or made-up value is refused before the store is asked. Hashes
//! are separated by kind: a value of one kind is never found as another.

use std::{fmt, marker::PhantomData};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroize;

/// What a token is for.
pub trait Kind: Copy + fmt::Debug + Send + Sync + 'static {
    /// How the value starts, for people and secret scanners.
    const PREFIX: &'static str;
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {}
        impl Kind for $name {
            const PREFIX: &'static str = $prefix;
        }
    )*};
}

kinds! {
    /// An authorization code (RFC 6749 §1.3.1).
    AuthorizationCode = "pc_code_";
    /// Binds a pending request to the browser that began it.
    BrowserId = "pc_browser_";
    /// A client's secret (RFC 6749 §2.3.1).
    ClientSecret = "pc_secret_";
    /// Lets its bearer register a client (RFC 7591 §3).
    InitialAccessToken = "pc_register_";
    /// Made by a person, for a client that can only send a header.
    PersonalAccessToken = "pc_pat_";
    /// Names a pending authorization request.
    RequestHandle = "pc_request_";
    /// A person's session.
    SessionId = "pc_session_";
    /// The one-time link that makes the first account.
    SetupLink = "pc_setup_";
}

/// 256 bits nobody can guess, of one kind.
pub struct Token<K> {
    wire: String,
    kind: PhantomData<K>,
}

/// What the store keeps of a [`Token`].
pub struct TokenHash<K> {
    bytes: [u8; 32],
    kind: PhantomData<K>,
}

/// The text is not a token of this kind: wrong prefix, length or checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not such a token")]
pub struct NotSuchToken;

impl<K: Kind> Token<K> {
    /// Makes a token of fresh random bytes.
    pub fn new(mut random: [u8; 32]) -> Self {
        let wire = with_checksum(format!("{}{}", K::PREFIX, BASE64URL.encode(random)));
        random.zeroize();
        Self { wire, kind: PhantomData }
    }

    /// Reads what somebody presented.
    pub fn parse(presented: &str) -> Result<Self, NotSuchToken> {
        let body = checked(presented, K::PREFIX).ok_or(NotSuchToken)?;
        let bytes = BASE64URL.decode(body).map_err(|_| NotSuchToken)?;
        if bytes.len() != 32 {
            return Err(NotSuchToken);
        }
        Ok(Self { wire: presented.to_owned(), kind: PhantomData })
    }

    /// The text that leaves the server, once.
    pub fn wire(&self) -> &str {
        &self.wire
    }

    /// What the store keeps.
    pub fn hash(&self) -> TokenHash<K> {
        TokenHash { bytes: hash_of(K::PREFIX, &self.wire), kind: PhantomData }
    }
}

impl<K> Drop for Token<K> {
    fn drop(&mut self) {
        self.wire.zeroize();
    }
}

impl<K: Kind> fmt::Debug for Token<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}[redacted]", K::PREFIX)
    }
}

impl<K> TokenHash<K> {
    /// The hash as it stands in the database.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self { bytes, kind: PhantomData }
    }

    /// The hash as it is stored.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl<K> Clone for TokenHash<K> {
    fn clone(&self) -> Self {
        Self { bytes: self.bytes, kind: PhantomData }
    }
}

impl<K> PartialEq for TokenHash<K> {
    fn eq(&self, other: &Self) -> bool {
        crate::secret::same_bytes(&self.bytes, &other.bytes)
    }
}

impl<K> Eq for TokenHash<K> {}

impl<K: Kind> fmt::Debug for TokenHash<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "hash of {}…", K::PREFIX)
    }
}

/// SHA-256 over kind and value, so that kinds never meet.
pub(crate) fn hash_of(kind: &str, wire: &str) -> [u8; 32] {
    Sha256::new().chain_update(kind).chain_update([0]).chain_update(wire).finalize().into()
}

/// Appends six characters that tell a typing error.
pub(crate) fn with_checksum(mut text: String) -> String {
    let checksum = checksum(&text);
    text.push_str(&checksum);
    text
}

/// Whether a text begins as every secret of ours does, or as a JWT: whoever sends it in
/// a wrong place is not to find it written down (OA-LG-03). Identifiers of clients are none.
pub fn looks_secret(text: &str) -> bool {
    text.starts_with("eyJ") || text.strip_prefix("pc_").is_some_and(|rest| !rest.starts_with("c_") && !rest.starts_with("r_"))
}

/// The part between prefix and checksum, if both are right.
pub(crate) fn checked<'a>(presented: &'a str, prefix: &str) -> Option<&'a str> {
    let (text, given) = presented.split_at_checked(presented.len().checked_sub(CHECKSUM_LENGTH)?)?;
    let body = text.strip_prefix(prefix)?;
    crate::secret::same_bytes(checksum(text).as_bytes(), given.as_bytes()).then_some(body)
}

const CHECKSUM_LENGTH: usize = 6;

fn checksum(text: &str) -> String {
    let digest: [u8; 32] = Sha256::digest(text).into();
    let mut encoded = BASE64URL.encode(digest);
    encoded.truncate(CHECKSUM_LENGTH);
    encoded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        // OA-CR-03, OA-CR-07
        #[test]
        fn a_token_is_read_only_as_its_own_kind(random in any::<[u8; 32]>()) {
            let code = Token::<AuthorizationCode>::new(random);
            prop_assert_eq!(Token::<AuthorizationCode>::parse(code.wire()).map(|read| read.hash()), Ok(code.hash()));
            prop_assert!(Token::<SessionId>::parse(code.wire()).is_err());
            let session = Token::<SessionId>::new(random);
            prop_assert!(session.hash().as_bytes() != code.hash().as_bytes());
        }

        // OA-CR-07
        #[test]
        fn one_changed_character_is_noticed(random in any::<[u8; 32]>(), at in 0_usize..57, to in "[A-Za-z0-9_-]") {
            let code = Token::<AuthorizationCode>::new(random);
            let mut changed: Vec<char> = code.wire().chars().collect();
            let to = to.chars().next().unwrap();
            prop_assume!(changed[at] != to);
            changed[at] = to;
            prop_assert!(Token::<AuthorizationCode>::parse(&changed.into_iter().collect::<String>()).is_err());
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,120}") {
            prop_assert!(Token::<AuthorizationCode>::parse(&text).is_err());
        }
    }

    // OA-LG-03
    #[test]
    fn a_secret_is_told_from_a_client_id() {
        let prefixes = [
            AuthorizationCode::PREFIX,
            ClientSecret::PREFIX,
            PersonalAccessToken::PREFIX,
            RequestHandle::PREFIX,
            SessionId::PREFIX,
            "pc_refresh_",
        ];
        assert!(prefixes.iter().all(|prefix| looks_secret(&format!("{prefix}x"))));
        assert!(looks_secret("eyJhbGciOiJFUzI1NiJ9.e30.x"));
        let id = crate::protocol::vocabulary::ClientId::generate([0xFF; 16]);
        for harmless in [id.as_str(), "my-app", "https://app.example/client.json", ""] {
            assert!(!looks_secret(harmless), "{harmless}");
        }
    }

    // MCP-AS-57: form-encoded and raw Basic credentials are the same bytes
    #[test]
    fn a_token_needs_no_encoding_anywhere() {
        let secret = Token::<ClientSecret>::new([0xFB; 32]);
        assert!(secret.wire().bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'));
        assert_eq!(format!("{secret:?}"), "pc_secret_[redacted]");
    }
}
