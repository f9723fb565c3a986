//! The protocol's nouns. Each is parsed at the edge; a value that exists is valid.

mod client_id;
mod code_challenge;
mod external_url;
mod family_id;
mod grant_id;
mod grant_type;
mod prompt;
mod redirect_uri;
mod signing_algorithm;
mod subject;
mod tagged_member;
mod text;
mod token;
mod token_endpoint_auth_method;
mod user_name;
mod visible;

pub use client_id::{ClientId, ClientIdError};
pub use code_challenge::{CodeChallenge, CodeChallengeError, CodeVerifier, CodeVerifierError};
pub use external_url::{ExternalUrl, ExternalUrlError, HostKind};
pub use family_id::FamilyId;
pub use grant_id::GrantId;
pub use grant_type::{GrantType, UnknownGrantType};
pub use prompt::{Prompt, PromptError};
pub use redirect_uri::{RedirectKind, RedirectUri, RedirectUriError};
pub use signing_algorithm::{SigningAlgorithm, UnknownAlgorithm};
pub use subject::{Subject, SubjectError};
pub use tagged_member::{HumanReadable, NotHumanReadable, TaggedMember, TaggedMemberError};
pub use token::{
    AuthorizationCode, BrowserId, ClientSecret, InitialAccessToken, Kind, NotSuchToken, PersonalAccessToken, RequestHandle, SessionId,
    SetupLink, Token, TokenHash, looks_secret,
};
pub(crate) use token::{checked, hash_of, with_checksum};
pub use token_endpoint_auth_method::{TokenEndpointAuthMethod, UnknownAuthMethod};
pub use user_name::user_name_key;
pub use visible::is_seen;
