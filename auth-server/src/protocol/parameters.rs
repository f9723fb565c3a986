//! The parameters of a request, decoded from a query or a form
//! (RFC 6749 §3.1, §3.2, Appendix B).
//!
//! Decoding happens once and is strict. A value that is there but empty counts as
//! absent; a parameter the protocol knows appears once, `resource` excepted
//! (RFC 8707 §2).

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::error::{OAuthError, Refusal};

/// Every parameter some endpoint of ours gives a meaning to, in order.
const KNOWN: &[&str] = &[
    "acr_values",
    "claims",
    "client_assertion",
    "client_assertion_type",
    "client_id",
    "client_secret",
    "code",
    "code_challenge",
    "code_challenge_method",
    "code_verifier",
    "display",
    "grant_type",
    "id_token_hint",
    "login_hint",
    "max_age",
    "nonce",
    "prompt",
    "redirect_uri",
    "refresh_token",
    "request",
    "request_uri",
    "resource",
    "response_mode",
    "response_type",
    "scope",
    "state",
    "token",
    "token_type_hint",
    "ui_locales",
];

const MOST_PAIRS: usize = 100;
const LONGEST_NAME: usize = 128;

/// The decoded parameters of one request.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Parameters {
    values: BTreeMap<String, String>,
    resources: Vec<String>,
    repeated: Vec<&'static str>,
    malformed: Vec<&'static str>,
}

/// Why a query or form cannot be read at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParametersError {
    /// A percent sign without two hexadecimal digits, text that is not UTF-8, or
    /// a control character.
    #[error("a parameter is not form-encoded UTF-8 text")]
    Encoding,
    /// A name of more than 128 bytes.
    #[error("the name of a parameter is longer than 128 bytes")]
    LongName,
    /// More than 100 pairs.
    #[error("there are more than 100 parameters")]
    TooMany,
}

impl Refusal for ParametersError {
    fn answer(&self) -> OAuthError {
        OAuthError::invalid_request(match self {
            Self::Encoding => "a parameter is not form-encoded UTF-8 text",
            Self::LongName => "the name of a parameter is too long",
            Self::TooMany => "there are too many parameters",
        })
    }
}

impl Parameters {
    /// Decodes the form of the token, revocation or introspection endpoint: one
    /// badly encoded parameter spoils the request.
    pub fn parse(encoded: &[u8]) -> Result<Self, ParametersError> {
        Self::decode(encoded, true)
    }

    /// Decodes an authorization request. A badly encoded value of a known
    /// parameter is left out and remembered as [malformed](Self::is_malformed):
    /// whether that is answered by a page or by a redirect depends on what else
    /// the request says. Badly encoded unknown parameters are dropped.
    pub fn parse_remembering_faults(encoded: &[u8]) -> Result<Self, ParametersError> {
        Self::decode(encoded, false)
    }

    fn decode(encoded: &[u8], strict: bool) -> Result<Self, ParametersError> {
        let mut parameters = Self::default();
        let mut seen = BTreeSet::new();
        let pairs = encoded.split(|&byte| byte == b'&').filter(|pair| !pair.is_empty());
        for (count, pair) in pairs.enumerate() {
            if count >= MOST_PAIRS {
                return Err(ParametersError::TooMany);
            }
            let (name, value) = split_once(pair, b'=');
            match (decode_text(name), decode_text(value)) {
                (Some(name), _) if name.len() > LONGEST_NAME => return Err(ParametersError::LongName),
                (Some(name), Some(value)) => parameters.take(name, value, &mut seen, strict)?,
                (Some(_), None) | (None, _) if strict => return Err(ParametersError::Encoding),
                (Some(name), None) => parameters.remember_fault(&name, &mut seen),
                (None, _) => {}
            }
        }
        Ok(parameters)
    }

    fn take(&mut self, name: String, value: String, seen: &mut BTreeSet<&'static str>, strict: bool) -> Result<(), ParametersError> {
        if value.is_empty() {
            return Ok(());
        }
        let known = known(&name);
        if value.contains('\0') || (known.is_some() && value.chars().any(char::is_control)) {
            if strict {
                return Err(ParametersError::Encoding);
            }
            self.remember_fault(&name, seen);
            return Ok(());
        }
        if name == "resource" {
            self.resources.push(value.clone());
        } else if let Some(known) = known {
            self.note(known, seen);
        }
        self.values.entry(name).or_insert(value);
        Ok(())
    }

    fn remember_fault(&mut self, name: &str, seen: &mut BTreeSet<&'static str>) {
        let Some(known) = known(name) else { return };
        if known != "resource" {
            self.note(known, seen);
        }
        if !self.malformed.contains(&known) {
            self.malformed.push(known);
        }
    }

    fn note(&mut self, known: &'static str, seen: &mut BTreeSet<&'static str>) {
        if !seen.insert(known) && !self.repeated.contains(&known) {
            self.repeated.push(known);
        }
    }

    /// The first value of that name; an empty one counts as absent.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// Every `resource`, in the order they were sent (RFC 8707 §2).
    pub fn resources(&self) -> &[String] {
        &self.resources
    }

    /// Whether a known parameter that may appear once came more often.
    pub fn is_repeated(&self, name: &str) -> bool {
        self.repeated.contains(&name)
    }

    /// The first known parameter that came more than once.
    pub fn first_repeated(&self) -> Option<&'static str> {
        self.repeated.first().copied()
    }

    /// Whether a value of this known parameter was badly encoded or held a
    /// control character. Only after [`parse_remembering_faults`](Self::parse_remembering_faults).
    pub fn is_malformed(&self, name: &str) -> bool {
        self.malformed.contains(&name)
    }

    /// The first known parameter with a malformed value.
    pub fn first_malformed(&self) -> Option<&'static str> {
        self.malformed.first().copied()
    }

    /// Whether any known parameter is there: in the address of the token endpoint
    /// that is a mistake which leaks secrets into logs (RFC 6749 §2.3.1).
    pub fn has_known(&self) -> bool {
        !self.malformed.is_empty() || self.values.keys().any(|name| known(name).is_some())
    }
}

/// Names only: the values are secrets often enough.
impl fmt::Debug for Parameters {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Parameters")
            .field("names", &self.values.keys().collect::<Vec<_>>())
            .field("resources", &self.resources)
            .field("repeated", &self.repeated)
            .field("malformed", &self.malformed)
            .finish()
    }
}

fn known(name: &str) -> Option<&'static str> {
    KNOWN.binary_search(&name).ok().and_then(|position| KNOWN.get(position).copied())
}

fn split_once(pair: &[u8], at: u8) -> (&[u8], &[u8]) {
    let mut halves = pair.splitn(2, |&byte| byte == at);
    (halves.next().unwrap_or_default(), halves.next().unwrap_or_default())
}

/// Decodes `+` and `%XX` into UTF-8 text, or nothing (RFC 6749 Appendix B).
pub(crate) fn decode_text(encoded: &[u8]) -> Option<String> {
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    loop {
        rest = match rest {
            [] => return String::from_utf8(decoded).ok(),
            [b'%', high, low, tail @ ..] => {
                decoded.push((hexadecimal(*high)? << 4) | hexadecimal(*low)?);
                tail
            }
            [b'%', ..] => return None,
            [b'+', tail @ ..] => {
                decoded.push(b' ');
                tail
            }
            [byte, tail @ ..] => {
                decoded.push(*byte);
                tail
            }
        };
    }
}

fn hexadecimal(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::protocol::error::ErrorCode;

    fn parse(encoded: &str) -> Parameters {
        Parameters::parse(encoded.as_bytes()).unwrap()
    }

    #[test]
    fn the_known_names_are_in_order() {
        assert!(KNOWN.is_sorted());
    }

    // OA-HT-04
    #[test]
    fn a_form_is_decoded_once() {
        let form = parse("state=a+b%2Bc%2520&scope=%C3%A9&&x&=y&code=a=b");
        assert_eq!(form.get("state"), Some("a b+c%20"));
        assert_eq!(form.get("scope"), Some("é"));
        assert_eq!(form.get("code"), Some("a=b"));
        assert_eq!(form.get("x"), None);
    }

    // OA-AZ-03, EA-004, EA-029
    #[test]
    fn an_empty_value_counts_as_absent() {
        let form = parse("client_id=&state&scope=&resource=&client_id=c");
        assert_eq!(form.get("state"), None);
        assert_eq!(form.get("client_id"), Some("c"));
        assert_eq!(form.first_repeated(), None);
        assert!(form.resources().is_empty());
    }

    // OA-AZ-04, OA-TK-03, EA-003, EA-073
    #[test]
    fn a_known_parameter_appears_once_and_resource_as_often_as_it_likes() {
        let form = parse("a=1&a=2&state=x&resource=https://a.example&state=x&client_id=1&resource=https://b.example&client%5Fid=2");
        assert!(form.is_repeated("state") && form.is_repeated("client_id"));
        assert!(!form.is_repeated("a") && !form.is_repeated("resource") && !form.is_repeated("scope"));
        assert_eq!(form.first_repeated(), Some("state"));
        assert_eq!(form.resources(), ["https://a.example", "https://b.example"]);
        assert_eq!(form.get("client_id"), Some("1"));
    }

    // OA-HT-04, EA-071
    #[test]
    fn one_badly_encoded_parameter_spoils_a_form() {
        for bad in ["a=%", "a=%4", "a=%zz", "%=1", "a=%FF", "a=%C3", "a=%00", "code=%0a", "code=a%7f", "%FF=1"] {
            assert_eq!(Parameters::parse(bad.as_bytes()), Err(ParametersError::Encoding), "{bad}");
        }
    }

    // OA-AZ-05, EA-016, EA-028
    #[test]
    fn an_authorization_request_remembers_which_known_parameter_is_malformed() {
        let query = Parameters::parse_remembering_faults(b"client_id=c&state=%zz&x=%zz&%FF=1&redirect_uri=%00&state=a").unwrap();
        assert_eq!(query.get("client_id"), Some("c"));
        assert!(query.is_malformed("state") && query.is_malformed("redirect_uri"));
        assert!(!query.is_malformed("client_id") && !query.is_malformed("x"));
        assert_eq!(query.first_malformed(), Some("state"));
        assert_eq!(query.first_repeated(), Some("state"));
        assert_eq!(query.get("redirect_uri"), None);
    }

    // OA-HT-04
    #[test]
    fn there_are_limits_to_number_and_length() {
        let pairs = |number: usize| (0..number).map(|n| format!("p{n}=1")).collect::<Vec<_>>().join("&");
        assert!(Parameters::parse(pairs(100).as_bytes()).is_ok());
        assert_eq!(Parameters::parse(pairs(101).as_bytes()), Err(ParametersError::TooMany));
        assert!(Parameters::parse("n".repeat(128).as_bytes()).is_ok());
        assert_eq!(Parameters::parse("n".repeat(129).as_bytes()), Err(ParametersError::LongName));
    }

    // OA-TK-11, EA-071
    #[test]
    fn what_cannot_be_read_is_an_invalid_request() {
        for error in [ParametersError::Encoding, ParametersError::LongName, ParametersError::TooMany] {
            assert_eq!(error.answer().code, ErrorCode::InvalidRequest, "{error}");
        }
    }

    // OA-TK-04, EA-072
    #[test]
    fn protocol_parameters_in_an_address_are_noticed() {
        assert!(parse("utm_source=x&client_secret=s").has_known());
        assert!(Parameters::parse_remembering_faults(b"code=%zz").unwrap().has_known());
        assert!(!parse("utm_source=x").has_known());
    }

    // OA-LG-01: secrets stay out of logs
    #[test]
    fn values_are_not_printed() {
        let printed = format!("{:?}", parse("client_secret=hush"));
        assert!(printed.contains("client_secret") && !printed.contains("hush"), "{printed}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let lenient = Parameters::parse_remembering_faults(&bytes);
            if let Ok(strict) = Parameters::parse(&bytes) {
                prop_assert_eq!(lenient, Ok(strict));
            }
        }

        #[test]
        fn what_was_encoded_is_decoded(pairs in prop::collection::btree_map("[a-z]{1,9}_", "\\PC{1,20}", 0..20)) {
            let encoded = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
            let form = parse(&encoded);
            for (name, value) in &pairs {
                prop_assert_eq!(form.get(name), Some(value.as_str()));
            }
        }
    }
}
