//! Why a registration is refused (RFC 7591 §3.2.2).

use super::{MOST_REDIRECT_URIS, keys::MOST_KEYS};
use crate::protocol::{
    error::{ErrorCode, OAuthError, Refusal},
    vocabulary::{HumanReadable, RedirectUriError},
};

/// Why a registration is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistrationError {
    /// The body is over the limit.
    #[error("the body is larger than 64 KB")]
    BodyTooLarge,
    /// The authentication method is none that a registered client can have.
    #[error("the token_endpoint_auth_method is not supported")]
    AuthMethod,
    /// No grant is left that a registered client can have.
    #[error("none of the grant_types is open to a registered client")]
    GrantTypes,
    /// One key cannot be kept; which one and why.
    #[error("jwks.keys[{position}]: {reason}")]
    Key {
        /// Counted from 0.
        position: usize,
        /// What is wrong with it.
        reason: KeyFault,
    },
    /// The keys are no key set, are too many, or come twice.
    #[error("jwks is no set of at most 10 keys and 16 KB, or jwks_uri is no https address, or there are both")]
    Keys,
    /// A member for people has something behind its name that is no language tag, or
    /// the tag of another.
    #[error("{} is followed by something that is no language tag, or by the same one twice", .0.as_str())]
    LanguageTag(HumanReadable),
    /// More in further languages than is kept.
    #[error("more than 10 members have a language tag")]
    ManyTagged,
    /// A member has the wrong type, is too long or has characters it may not have.
    #[error("the member {0} is malformed")]
    Member(Member),
    /// A client that signs assertions, and no keys to check them by.
    #[error("private_key_jwt without jwks or jwks_uri")]
    NoKeys,
    /// The body is not one plain JSON object.
    #[error("the body is not a JSON object")]
    NotAnObject,
    /// One redirect URI is not acceptable; which one and why.
    #[error("redirect_uris[{position}]: {reason}")]
    RedirectUri {
        /// Counted from 0.
        position: usize,
        /// What is wrong with it.
        reason: RedirectFault,
    },
    /// The list of redirect URIs is missing, empty, too long or no list.
    #[error("redirect_uris is not an array of 1 to 32 strings")]
    RedirectUris,
    /// No response type is left that works here.
    #[error("response_types does not contain code")]
    ResponseTypes,
    /// What a member says in a further language breaks the member's rule.
    #[error("{} with a language tag is malformed", .0.as_str())]
    Tagged(HumanReadable),
}

/// What is wrong with one key of a client (RFC 7517, RFC 7518 §6, RFC 8037 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the sentences are the documentation")]
pub enum KeyFault {
    #[error("its crv is none that is known here")]
    Curve,
    #[error("its e is even, below 65537 or longer than 33 bits")]
    Exponent,
    #[error("its kid is no text of at most 256 bytes, or another key has it")]
    Kid,
    #[error("its kty is none that is known here")]
    Kind,
    #[error("its coordinates or numbers are missing, not base64url or not of the right length")]
    Malformed,
    #[error("its modulus is even, or not of 2048 to 4096 bits")]
    Modulus,
    #[error("its point is not on the curve, or one that anybody could sign for")]
    Point,
    #[error("it is not public, or shared")]
    Private,
}

/// What is wrong with one redirect URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedirectFault {
    /// It is none.
    #[error(transparent)]
    Malformed(RedirectUriError),
    /// It is one, but the operator takes none with private-use schemes.
    #[error("private-use schemes are switched off")]
    PrivateUse,
}

/// A member of client metadata (RFC 7591 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "they are the members' names")]
pub enum Member {
    #[error("application_type")]
    ApplicationType,
    #[error("client_name")]
    ClientName,
    #[error("client_uri")]
    ClientUri,
    #[error("contacts")]
    Contacts,
    #[error("grant_types")]
    GrantTypes,
    #[error("logo_uri")]
    LogoUri,
    #[error("policy_uri")]
    PolicyUri,
    #[error("response_types")]
    ResponseTypes,
    #[error("scope")]
    Scope,
    #[error("software_id")]
    SoftwareId,
    #[error("software_version")]
    SoftwareVersion,
    #[error("token_endpoint_auth_method")]
    TokenEndpointAuthMethod,
    #[error("tos_uri")]
    TosUri,
}

impl Refusal for RegistrationError {
    fn answer(&self) -> OAuthError {
        let metadata = |description| OAuthError::new(ErrorCode::InvalidClientMetadata, description);
        match *self {
            Self::BodyTooLarge => metadata("the body is larger than 64 KB"),
            Self::AuthMethod => {
                metadata("token_endpoint_auth_method must be none, client_secret_basic, client_secret_post or private_key_jwt")
            }
            Self::GrantTypes => metadata("grant_types must contain authorization_code"),
            Self::Key { position, reason } => metadata(reason.at(position)),
            Self::Keys => metadata("give jwks, a set of at most 10 keys and 16 KB, or jwks_uri, an https URL, and not both"),
            Self::LanguageTag(member) => metadata(tag_rule(member)),
            Self::ManyTagged => metadata("at most 10 members may have a language tag"),
            Self::Member(member) => metadata(member.rule()),
            Self::NoKeys => metadata("private_key_jwt needs jwks or jwks_uri"),
            Self::NotAnObject => metadata("the body must be one JSON object without repeated members"),
            Self::RedirectUri { position, reason } => OAuthError::new(ErrorCode::InvalidRedirectUri, reason.at(position)),
            Self::RedirectUris => OAuthError::new(ErrorCode::InvalidRedirectUri, "redirect_uris must be an array of 1 to 32 strings"),
            Self::ResponseTypes => metadata("response_types must contain code"),
            Self::Tagged(member) => metadata(tagged_rule(member)),
        }
    }
}

fn tag_rule(member: HumanReadable) -> &'static str {
    match member {
        HumanReadable::ClientName => "client_name# must be followed by a language tag such as en or pt-BR, and by each only once",
        HumanReadable::ClientUri => "client_uri# must be followed by a language tag such as en or pt-BR, and by each only once",
        HumanReadable::LogoUri => "logo_uri# must be followed by a language tag such as en or pt-BR, and by each only once",
        HumanReadable::PolicyUri => "policy_uri# must be followed by a language tag such as en or pt-BR, and by each only once",
        HumanReadable::TosUri => "tos_uri# must be followed by a language tag such as en or pt-BR, and by each only once",
    }
}

fn tagged_rule(member: HumanReadable) -> &'static str {
    match member {
        HumanReadable::ClientName => "client_name#... must be a string of at most 200 characters without control characters",
        HumanReadable::ClientUri => "client_uri#... must be an http or https URL of at most 2048 bytes",
        HumanReadable::LogoUri => "logo_uri#... must be an http or https URL of at most 2048 bytes",
        HumanReadable::PolicyUri => "policy_uri#... must be an http or https URL of at most 2048 bytes",
        HumanReadable::TosUri => "tos_uri#... must be an http or https URL of at most 2048 bytes",
    }
}

impl Member {
    fn rule(self) -> &'static str {
        match self {
            Self::ApplicationType => "application_type must be native or web",
            Self::ClientName => "client_name must be a string of at most 200 characters without control characters",
            Self::ClientUri => "client_uri must be an http or https URL of at most 2048 bytes",
            Self::Contacts => "contacts must be an array of at most 10 strings of at most 320 bytes",
            Self::GrantTypes => "grant_types must be an array of strings",
            Self::LogoUri => "logo_uri must be an http or https URL of at most 2048 bytes",
            Self::PolicyUri => "policy_uri must be an http or https URL of at most 2048 bytes",
            Self::ResponseTypes => "response_types must be an array of strings",
            Self::Scope => "scope must be a string of scope tokens separated by spaces",
            Self::SoftwareId => "software_id must be a string of at most 256 bytes without control characters",
            Self::SoftwareVersion => "software_version must be a string of at most 256 bytes without control characters",
            Self::TokenEndpointAuthMethod => "token_endpoint_auth_method must be a string",
            Self::TosUri => "tos_uri must be an http or https URL of at most 2048 bytes",
        }
    }
}

/// One fixed text for every position: a description cannot be put together.
macro_rules! at_each_position {
    ($reason:literal) => {
        at_each_position!("redirect_uris", $reason; 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31)
    };
    (key $reason:literal) => {
        at_each_position!("jwks.keys", $reason; 0 1 2 3 4 5 6 7 8 9)
    };
    ($list:literal, $reason:literal; $($position:literal)*) => {
        &[$(concat!($list, "[", $position, "] ", $reason)),*]
    };
}

impl KeyFault {
    fn at(self, position: usize) -> &'static str {
        let texts: &[&'static str; MOST_KEYS] = match self {
            Self::Curve => at_each_position!(key "has a crv that is not P-256 or P-384 for EC, or Ed25519 for OKP"),
            Self::Exponent => at_each_position!(key "has an e that is even, below 65537 or longer than 33 bits"),
            Self::Kid => at_each_position!(key "has a kid that is no string of at most 256 bytes, or that another key has"),
            Self::Kind => at_each_position!(key "has a kty that is not EC, OKP or RSA"),
            Self::Malformed => {
                at_each_position!(key "lacks a member of its kty, or has one that is not base64url or not of the right length")
            }
            Self::Modulus => at_each_position!(key "has an n that is even, or not of 2048 to 4096 bits"),
            Self::Point => at_each_position!(key "has a point that is not on its curve, or that anybody could sign for"),
            Self::Private => at_each_position!(key "has a private part or is a shared secret; only public keys belong here"),
        };
        texts.get(position).copied().unwrap_or("a key in jwks cannot be registered")
    }
}

impl RedirectFault {
    fn at(self, position: usize) -> &'static str {
        let texts: &[&'static str; MOST_REDIRECT_URIS] = match self {
            Self::Malformed(error) => match error {
                RedirectUriError::Character => at_each_position!("has a character that no redirect URI may have"),
                RedirectUriError::Ambiguous => at_each_position!("has an address that programs would read in different ways"),
                RedirectUriError::Encoding => at_each_position!("has percent-encoding that is malformed or hides a path separator"),
                RedirectUriError::Fragment => at_each_position!("has a fragment"),
                RedirectUriError::Host => at_each_position!("has a host that is not a plain DNS name in A-labels, or address"),
                RedirectUriError::Length => at_each_position!("is longer than 2048 bytes"),
                RedirectUriError::NotAbsolute => at_each_position!("is not an absolute URI"),
                RedirectUriError::PathSegment => at_each_position!("has a path segment of dots"),
                RedirectUriError::PlainHttp => at_each_position!("uses http; only 127.0.0.1, [::1] and localhost may"),
                RedirectUriError::Port => at_each_position!("has a port that is not a number from 1 to 65535"),
                RedirectUriError::ReservedParameter => {
                    at_each_position!("has a query parameter that the answer needs, such as code or state")
                }
                RedirectUriError::Scheme => at_each_position!("has a scheme that is not allowed"),
                RedirectUriError::UserInfo => at_each_position!("has a user name or password"),
                RedirectUriError::Wildcard => at_each_position!("has a wildcard; list each address"),
            },
            Self::PrivateUse => at_each_position!("has a private-use scheme, which this server does not take"),
        };
        texts.get(position).copied().unwrap_or("a redirect URI cannot be registered")
    }
}

#[cfg(test)]
mod tests {
    use RedirectUriError as E;
    use RegistrationError as R;

    use super::*;

    // OA-DR-05: each text is in the alphabet, since `OAuthError::new` would panic otherwise
    #[test]
    fn every_refusal_has_an_answer_that_names_the_place() {
        for reason in [
            E::Character,
            E::Ambiguous,
            E::Encoding,
            E::Fragment,
            E::Host,
            E::Length,
            E::NotAbsolute,
            E::PathSegment,
            E::PlainHttp,
            E::Port,
            E::ReservedParameter,
            E::Scheme,
            E::UserInfo,
            E::Wildcard,
        ]
        .map(RedirectFault::Malformed)
        .into_iter()
        .chain([RedirectFault::PrivateUse])
        {
            for position in 0..MOST_REDIRECT_URIS {
                let answer = RegistrationError::RedirectUri { position, reason }.answer();
                assert_eq!(answer.code, ErrorCode::InvalidRedirectUri);
                assert!(answer.description.starts_with(&format!("redirect_uris[{position}] ")), "{answer}");
            }
        }
        for member in [
            Member::ApplicationType,
            Member::ClientName,
            Member::ClientUri,
            Member::Contacts,
            Member::GrantTypes,
            Member::LogoUri,
            Member::PolicyUri,
            Member::ResponseTypes,
            Member::Scope,
            Member::SoftwareId,
            Member::SoftwareVersion,
            Member::TokenEndpointAuthMethod,
            Member::TosUri,
        ] {
            let answer = RegistrationError::Member(member).answer();
            assert!(answer.description.starts_with(&member.to_string()), "{answer}");
        }
        for member in HumanReadable::ALL {
            for error in [RegistrationError::LanguageTag(*member), RegistrationError::Tagged(*member)] {
                let answer = error.answer();
                assert!(answer.description.starts_with(&format!("{member}#")), "{answer}");
                assert_eq!(answer.code, ErrorCode::InvalidClientMetadata);
            }
        }
        for error in [R::BodyTooLarge, R::AuthMethod, R::GrantTypes, R::Keys, R::ManyTagged, R::NotAnObject, R::ResponseTypes] {
            assert_eq!(error.answer().code, ErrorCode::InvalidClientMetadata, "{error}");
        }
        assert_eq!(R::RedirectUris.answer().code, ErrorCode::InvalidRedirectUri);
    }

    // OA-DR-09
    #[test]
    fn every_fault_of_a_key_has_an_answer_that_names_the_key() {
        use KeyFault as K;
        for reason in [K::Curve, K::Exponent, K::Kid, K::Kind, K::Malformed, K::Modulus, K::Point, K::Private] {
            for position in 0..MOST_KEYS {
                let answer = R::Key { position, reason }.answer();
                assert_eq!(answer.code, ErrorCode::InvalidClientMetadata);
                assert!(answer.description.starts_with(&format!("jwks.keys[{position}] ")), "{answer}");
            }
        }
    }
}
