//! Why a token was refused: precise for the log, one answer for the caller.

/// Why a token was refused, with the values that explain it. This is for logs: a
/// client only ever hears `invalid_token` (RFC 6750 §3.1).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// `alg` is none of the issuer's asymmetric algorithms (RFC 8725 §3.1).
    #[error("alg {0} is not one of the issuer's algorithms")]
    Algorithm(String),
    /// The key of this name is for another algorithm (RFC 8725 §3.1).
    #[error("alg is {algorithm}, but key {kid} is not for that algorithm")]
    AlgorithmOfKey {
        /// What the token says.
        algorithm: &'static str,
        /// The key that it names.
        kid: String,
    },
    /// `aud` does not name this resource (RFC 9068 §4).
    #[error("aud is {found}, this server is {expected}")]
    Audience {
        /// Whom the token is for.
        found: String,
        /// Who we are.
        expected: String,
    },
    /// A claim is missing, or is not what its definition says.
    #[error("the claim {0} is missing or malformed")]
    Claim(&'static str),
    /// The payload is no JSON object, has a member twice, or is nested too deeply.
    #[error("the claims are not a JSON object in which every name stands once")]
    Claims,
    /// `crit` or `b64`: extensions that change what a token means (RFC 7515 §4.1.11).
    #[error("the header has {0}, an extension that is not understood")]
    Critical(&'static str),
    /// `exp` has passed.
    #[error("the token expired {} s ago", .ago.num_seconds())]
    Expired {
        /// How long ago.
        ago: chrono::TimeDelta,
    },
    /// The header is no JSON object, or has a member twice.
    #[error("the header is not a JSON object in which every name stands once")]
    Header,
    /// The issuer says that the token is no longer good, or never was (RFC 7662 §2.2).
    #[error("the issuer says that the token is not active")]
    Inactive,
    /// `iss` is no issuer of ours. It is compared byte for byte.
    #[error("iss is {found}, this server trusts {expected}")]
    Issuer {
        /// Whose token it says it is.
        found: String,
        /// Whom we trust.
        expected: String,
    },
    /// There are no keys of the issuer to check with. This is no fault of the token:
    /// the answer is 503, not 401.
    #[error("no keys of {0} are at hand")]
    KeysUnavailable(String),
    /// It lives for more than a day.
    #[error("the token lives for {} s, longer than a day", .0.num_seconds())]
    LivesTooLong(chrono::TimeDelta),
    /// The issuer has to be asked about every token, and was not, or did not answer.
    /// This is no fault of the token either.
    #[error("{0} could not be asked about the token")]
    NotAsked(String),
    /// Not three parts of base64url.
    #[error("the token is not three parts of base64url")]
    NotCompact,
    /// `iat` or `nbf` lies in the future.
    #[error("{claim} lies {} s in the future", .ahead.num_seconds())]
    NotYetValid {
        /// Which of the two.
        claim: &'static str,
        /// How far.
        ahead: chrono::TimeDelta,
    },
    /// `jwk`, `jku`, `x5u`: a token does not bring its own key (RFC 8725 §3.10).
    #[error("the header has {0}: a token does not bring its own key")]
    OwnKey(&'static str),
    /// `cnf`: bound to a key, so it is no bearer token (RFC 7800 §3).
    #[error("the token is bound to a key (cnf), and was used as a bearer token")]
    SenderBound,
    /// The signature is not the key's.
    #[error("the signature is not one of key {0}")]
    Signature(String),
    /// More than 8 KiB.
    #[error("the token has {0} bytes, more than are read")]
    TooLarge(usize),
    /// `typ` is not `at+jwt` (RFC 9068 §4).
    #[error("typ is {0}, not at+jwt")]
    Type(String),
    /// No key of that name; a fresh key set may have it.
    #[error("kid is {0}, and the issuer has no such key")]
    UnknownKey(String),
    /// `zip`, `enc`, or five parts.
    #[error("the token is compressed or encrypted")]
    Wrapped,
}

impl Rejection {
    /// Whether the token may be good, and we are the ones who cannot tell: answered
    /// with 503, since after a 401 a client would throw its token away (OA-RS-15).
    pub fn is_our_fault(&self) -> bool {
        matches!(self, Self::KeysUnavailable(_) | Self::NotAsked(_))
    }
}

const MOST_SHOWN: usize = 120;

/// A value from a token, for a log: cut, and with nothing in it that could start a
/// new line or move a terminal's cursor.
pub(crate) fn shown(value: &str) -> String {
    let mut shown: String = value.chars().take(MOST_SHOWN).flat_map(char::escape_debug).collect();
    if value.chars().nth(MOST_SHOWN).is_some() {
        shown.push('…');
    }
    if shown.is_empty() { "(empty)".to_owned() } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    // MCP-RS-28, EA-192: nothing that a caller chooses forges a log line
    #[test]
    fn shown_values_are_short_and_of_one_line() {
        assert_eq!(shown("https://mcp.example.com"), "https://mcp.example.com");
        assert_eq!(shown("a\r\nINFO all is well\u{1b}[2J"), "a\\r\\nINFO all is well\\u{1b}[2J");
        assert_eq!(shown(&"é".repeat(121)), format!("{}…", "é".repeat(120)));
        assert_eq!(shown(""), "(empty)");
    }

    #[test]
    fn a_rejection_explains_itself() {
        let rejection =
            Rejection::Audience { found: "https://mcp.example.com".to_owned(), expected: "https://mcp.example.com/mcp".to_owned() };
        assert_eq!(rejection.to_string(), "aud is https://mcp.example.com, this server is https://mcp.example.com/mcp");
    }
}
