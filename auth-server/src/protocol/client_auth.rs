//! How a client proves who it is (RFC 6749 §2.3, §3.2.1, §5.2).
//!
//! First [`Presented::read`] finds out who the request claims to come from, then
//! [`authenticate`] holds the claim against that client's record, and an assertion
//! ([`Signed::judge`]) against its keys. Every failure after the first step looks the
//! same from outside.

use std::{ops::Deref, sync::Arc};

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use chrono::{DateTime, Utc};
use portcullis_verifier::{issuer::ClientAssertion, jwk::Set, vocabulary::Issuer};

use super::{
    client::{Client, ClientSecret},
    client_assertion::{self, AssertionAudience, AssertionFault, UsedOnce},
    error::{OAuthError, Refusal},
    parameters::{Parameters, decode_text},
    vocabulary::ClientId,
};
use crate::secret::Secret;

/// A client's claim about itself, and what it offers as proof.
#[derive(Debug)]
pub struct Presented {
    client_id: ClientId,
    proof: Proof,
    by_header: bool,
}

#[derive(Debug)]
enum Proof {
    None,
    /// More than one when the text can be read in more than one way.
    Secret(Vec<Secret<String>>),
    /// A signed JWT (RFC 7523 §2.2).
    Assertion(Secret<String>),
}

/// What is known of a client that presented nothing false.
#[derive(Debug)]
pub enum Authentication {
    /// It is who it claims to be, or has nothing to prove.
    Done(AuthenticatedClient),
    /// That is for its keys to say.
    BySignature(Signed),
}

/// A client that sent an assertion, to be held against its keys.
#[derive(Debug)]
pub struct Signed {
    client: Arc<Client>,
    assertion: Secret<String>,
}

/// A client whose assertion is good, if this is the first time that it is used.
#[derive(Debug)]
pub struct SignedOnce {
    client: Arc<Client>,
    /// What must not have been seen before.
    pub used: UsedOnce,
}

/// A client that proved who it is, or that has nothing to prove: the only way to
/// get one is [`authenticate`].
///
/// ```compile_fail
/// # use portcullis::protocol::{client::Client, client_auth::AuthenticatedClient};
/// fn trust_me(client: Client) -> AuthenticatedClient {
///     AuthenticatedClient { client } // the field is private
/// }
/// ```
#[derive(Clone, Debug)]
pub struct AuthenticatedClient {
    client: Arc<Client>,
}

/// A client that is authenticated can do all that a client can.
impl Deref for AuthenticatedClient {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

/// Why a client is not authenticated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct ClientAuthError {
    /// What was wrong.
    pub reason: ClientAuthReason,
    /// Whether the client used the `Authorization` header, which must then be
    /// answered with a challenge (RFC 6749 §5.2).
    pub by_header: bool,
}

/// What was wrong with a client's authentication.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientAuthReason {
    /// A `client_assertion_type` that is not the one of RFC 7523.
    #[error("the client_assertion_type is unknown, or comes without an assertion")]
    AssertionType,
    /// A signed assertion that proves nothing.
    #[error(transparent)]
    Assertion(#[from] AssertionFault),
    /// A good assertion, for the second time.
    #[error("client_assertion: it was used before")]
    AssertionAgain,
    /// The keys by which to check an assertion could not be had.
    #[error("client_keys_unavailable: {0}")]
    KeysUnavailable(String),
    /// A client that signs, and did not.
    #[error("the client signs assertions, but presented none")]
    MissingAssertion,
    /// An assertion of a client that has no keys here.
    #[error("the client presented an assertion, but proves itself otherwise")]
    UnexpectedAssertion,
    /// The operator switched the client off.
    #[error("the client is disabled")]
    Disabled,
    /// The secret was the client's, but its time is over.
    #[error("the client's secret has expired")]
    ExpiredSecret,
    /// A header that cannot be read, or two of them.
    #[error("the Authorization header cannot be read")]
    Header,
    /// A `client_id` that no client could have.
    #[error("the client_id is malformed")]
    MalformedId,
    /// Two identifiers that differ.
    #[error("the client_id in the form is not the one in the Authorization header")]
    Mismatch,
    /// A client with a secret that did not present it.
    #[error("the client has a secret, but presented none")]
    MissingSecret,
    /// Nothing says which client this is.
    #[error("no client identification")]
    NoClient,
    /// Something other than `Basic`.
    #[error("the Authorization scheme is not Basic")]
    Scheme,
    /// More than one way at once.
    #[error("more than one way of authentication")]
    SeveralMethods,
    /// A secret from a client that has none.
    #[error("a public client presented a secret")]
    UnexpectedSecret,
    /// No such client.
    #[error("there is no such client")]
    Unknown,
    /// A secret, but not the client's.
    #[error("the secret is wrong")]
    WrongSecret,
}

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Standard alphabet, and no quarrel about padding.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent));

impl Refusal for ClientAuthError {
    fn answer(&self) -> OAuthError {
        match self.reason {
            ClientAuthReason::AssertionType => OAuthError::invalid_request("the client_assertion_type is not known here"),
            ClientAuthReason::Mismatch => OAuthError::invalid_request("the client_id differs from the one in the Authorization header"),
            ClientAuthReason::SeveralMethods => OAuthError::invalid_request("use one way of client authentication per request"),
            ClientAuthReason::Assertion(_)
            | ClientAuthReason::AssertionAgain
            | ClientAuthReason::Disabled
            | ClientAuthReason::ExpiredSecret
            | ClientAuthReason::Header
            | ClientAuthReason::KeysUnavailable(_)
            | ClientAuthReason::MalformedId
            | ClientAuthReason::MissingAssertion
            | ClientAuthReason::MissingSecret
            | ClientAuthReason::NoClient
            | ClientAuthReason::Scheme
            | ClientAuthReason::UnexpectedAssertion
            | ClientAuthReason::UnexpectedSecret
            | ClientAuthReason::Unknown
            | ClientAuthReason::WrongSecret => OAuthError::INVALID_CLIENT,
        }
    }
}

impl ClientAuthError {
    /// The value of `WWW-Authenticate` that belongs to the answer, if one does
    /// (RFC 6749 §5.2, RFC 7617).
    pub fn challenge(&self, issuer: &Issuer) -> Option<String> {
        let is_wanted = self.by_header && self.answer() == OAuthError::INVALID_CLIENT;
        is_wanted.then(|| format!("Basic realm=\"{issuer}\""))
    }
}

impl Presented {
    /// Reads the `Authorization` headers and the form of a request.
    pub fn read<'a>(authorization: impl IntoIterator<Item = &'a [u8]>, form: &Parameters) -> Result<Self, ClientAuthError> {
        let mut headers = authorization.into_iter();
        match (headers.next(), headers.next()) {
            (None, _) => Self::from_form(form).map_err(|reason| ClientAuthError { reason, by_header: false }),
            (Some(header), None) => Self::from_header(header, form).map_err(|reason| ClientAuthError { reason, by_header: true }),
            (Some(_), Some(_)) => Err(ClientAuthError { reason: ClientAuthReason::Header, by_header: true }),
        }
    }

    /// Whose record to look up.
    pub fn client_id(&self) -> &ClientId {
        &self.client_id
    }

    fn from_form(form: &Parameters) -> Result<Self, ClientAuthReason> {
        let secret = form.get("client_secret");
        if let Some(assertion) = assertion(form)? {
            return if secret.is_some() { Err(ClientAuthReason::SeveralMethods) } else { Self::from_assertion(assertion, form) };
        }
        let client_id = form.get("client_id").ok_or(ClientAuthReason::NoClient)?;
        let client_id = client_id.parse().map_err(|_| ClientAuthReason::MalformedId)?;
        let proof = secret.map_or(Proof::None, |secret| Proof::Secret(vec![Secret::new(secret.to_owned())]));
        Ok(Self { client_id, proof, by_header: false })
    }

    /// The assertion says whose it is; who says it again in the form says the same
    /// (RFC 7521 §4.2).
    fn from_assertion(assertion: &str, form: &Parameters) -> Result<Self, ClientAuthReason> {
        let claimed = ClientAssertion::read(assertion).map_err(AssertionFault::Jwt)?.issuer().to_owned();
        if form.get("client_id").is_some_and(|in_form| in_form != claimed) {
            return Err(ClientAuthReason::Mismatch);
        }
        let client_id = claimed.parse().map_err(|_| ClientAuthReason::MalformedId)?;
        Ok(Self { client_id, proof: Proof::Assertion(Secret::new(assertion.to_owned())), by_header: false })
    }

    fn from_header(header: &[u8], form: &Parameters) -> Result<Self, ClientAuthReason> {
        let (scheme, credentials) = split_scheme(header).ok_or(ClientAuthReason::Header)?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return Err(ClientAuthReason::Scheme);
        }
        if form.get("client_secret").is_some() || assertion(form)?.is_some() {
            return Err(ClientAuthReason::SeveralMethods);
        }
        let (client_id, proof) = basic(credentials).ok_or(ClientAuthReason::Header)?;
        if form.get("client_id").is_some_and(|in_form| in_form != client_id.as_str()) {
            return Err(ClientAuthReason::Mismatch);
        }
        Ok(Self { client_id, proof, by_header: true })
    }
}

/// The assertion of RFC 7523, if one is there.
fn assertion(form: &Parameters) -> Result<Option<&str>, ClientAuthReason> {
    match (form.get("client_assertion"), form.get("client_assertion_type")) {
        (None, None) => Ok(None),
        (Some(assertion), Some(ASSERTION_TYPE)) => Ok(Some(assertion)),
        (Some(_) | None, Some(_)) | (Some(_), None) => Err(ClientAuthReason::AssertionType),
    }
}

fn split_scheme(header: &[u8]) -> Option<(&str, &str)> {
    let (scheme, credentials) = std::str::from_utf8(header).ok()?.split_once(' ')?;
    Some((scheme, credentials.trim_matches(' ')))
}

/// Reads `base64(form-encoded id ":" form-encoded secret)` (RFC 6749 §2.3.1). Many
/// clients leave the form encoding out, so each half may also be meant as it is.
fn basic(credentials: &str) -> Option<(ClientId, Proof)> {
    let text = Secret::new(String::from_utf8(BASE64.decode(credentials).ok()?).ok()?);
    if text.expose().chars().any(char::is_control) {
        return None;
    }
    let (id, secret) = text.expose().split_once(':')?;
    let client_id = readings(id).find_map(|id| id.parse().ok())?;
    if secret.is_empty() {
        return Some((client_id, Proof::None));
    }
    Some((client_id, Proof::Secret(readings(secret).map(Secret::new).collect())))
}

/// The text form-decoded, and as it is if that is something else.
fn readings(text: &str) -> impl Iterator<Item = String> {
    let decoded = decode_text(text.as_bytes()).filter(|decoded| decoded != text);
    decoded.into_iter().chain([text.to_owned()])
}

/// Holds the claim against the record found under [`Presented::client_id`], if
/// there is one.
pub fn authenticate(presented: &Presented, client: Option<Arc<Client>>, now: DateTime<Utc>) -> Result<Authentication, ClientAuthError> {
    let client = client.filter(|client| client.id == presented.client_id);
    let secrets = client.as_ref().map_or(&[] as &[ClientSecret], |client| &client.secrets);
    // The proof is weighed even if the client is unknown: it takes as long.
    let proof = weigh(&presented.proof, secrets, now);
    let refuse = |reason| Err(ClientAuthError { reason, by_header: presented.by_header });
    let Some(client) = client else { return refuse(ClientAuthReason::Unknown) };
    if !client.is_active() {
        return refuse(ClientAuthReason::Disabled);
    }
    if let Proof::Assertion(assertion) = &presented.proof {
        return if client.signs_assertions() {
            Ok(Authentication::BySignature(Signed { client, assertion: assertion.clone() }))
        } else {
            refuse(ClientAuthReason::UnexpectedAssertion)
        };
    }
    match (client.has_secret(), proof) {
        (false, Weighed::NoSecret) if client.is_confidential() => refuse(ClientAuthReason::MissingAssertion),
        (false, Weighed::NoSecret) | (true, Weighed::Right) => Ok(Authentication::Done(AuthenticatedClient { client })),
        (false, Weighed::Right | Weighed::Expired | Weighed::Wrong) => refuse(ClientAuthReason::UnexpectedSecret),
        (true, Weighed::NoSecret) => refuse(ClientAuthReason::MissingSecret),
        (true, Weighed::Expired) => refuse(ClientAuthReason::ExpiredSecret),
        (true, Weighed::Wrong) => refuse(ClientAuthReason::WrongSecret),
    }
}

#[cfg(test)]
impl Authentication {
    /// The client, which signed nothing.
    pub(crate) fn expect_done(self) -> AuthenticatedClient {
        match self {
            Self::Done(client) => client,
            Self::BySignature(signed) => panic!("{signed:?} is yet to be judged"),
        }
    }
}

impl Signed {
    /// Whose keys are wanted.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Whether this key set may have the key: if not, a fresher one may.
    pub fn may_be_of(&self, keys: &Set) -> bool {
        ClientAssertion::read(self.assertion.expose()).is_ok_and(|assertion| assertion.may_be_of(keys))
    }

    /// Holds the assertion against the client's keys.
    pub fn judge(self, keys: &Set, audience: AssertionAudience<'_>, now: DateTime<Utc>) -> Result<SignedOnce, ClientAuthError> {
        let judged = ClientAssertion::read(self.assertion.expose())
            .map_err(AssertionFault::Jwt)
            .and_then(|assertion| client_assertion::judge(assertion, &self.client.id, keys, audience, now));
        let used = judged.map_err(|fault| ClientAuthError { reason: fault.into(), by_header: false })?;
        Ok(SignedOnce { client: self.client, used })
    }
}

impl SignedOnce {
    /// Whose assertion it is.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The client, if this is the first use of its assertion: found out by one step that
    /// can not succeed twice.
    pub fn if_first(self, is_first: bool) -> Result<AuthenticatedClient, ClientAuthError> {
        if is_first {
            Ok(AuthenticatedClient { client: self.client })
        } else {
            Err(ClientAuthError { reason: ClientAuthReason::AssertionAgain, by_header: false })
        }
    }
}

enum Weighed {
    Expired,
    NoSecret,
    Right,
    Wrong,
}

/// Compares every reading with every secret, in a time that tells nothing about
/// which of them differs where.
fn weigh(proof: &Proof, secrets: &[ClientSecret], now: DateTime<Utc>) -> Weighed {
    let Proof::Secret(readings) = proof else { return Weighed::NoSecret };
    let mut weighed = Weighed::Wrong;
    for reading in readings {
        let hash = ClientSecret::hash_of_presented(reading.expose());
        for secret in secrets {
            match (secret.hash == hash, secret.is_live(now), &weighed) {
                (true, true, _) => weighed = Weighed::Right,
                (true, false, Weighed::Wrong) => weighed = Weighed::Expired,
                (true, false, _) | (false, _, _) => {}
            }
        }
    }
    weighed
}

#[cfg(test)]
mod tests {
    use portcullis_verifier::testing::TestIssuer;

    use super::{ClientAuthReason as R, *};
    use crate::protocol::{
        client::ClientOrigin,
        error::ErrorCode,
        vocabulary::{ClientSecret as SecretKind, Token, TokenEndpointAuthMethod},
    };

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn public() -> Client {
        Client::new("pub".parse().unwrap(), ClientOrigin::Registered, now())
    }

    fn right() -> Token<SecretKind> {
        Token::new([1; 32])
    }

    fn confidential(method: TokenEndpointAuthMethod) -> Client {
        let secrets = vec![ClientSecret::of(&right(), now(), None)];
        Client { token_endpoint_auth_method: method, secrets, ..Client::new("conf".parse().unwrap(), ClientOrigin::Operator, now()) }
    }

    fn header(text: &str) -> String {
        format!("Basic {}", BASE64.encode(text))
    }

    /// What comes of a request to a server that knows `pub` and `conf`.
    fn outcome(headers: &[&str], form: &str) -> Result<String, (R, bool)> {
        let known = [public(), confidential(TokenEndpointAuthMethod::ClientSecretBasic)];
        let form = Parameters::parse(form.as_bytes()).unwrap();
        let read = Presented::read(headers.iter().map(|text| text.as_bytes()), &form);
        let done = read.and_then(|presented| {
            let client = known.iter().find(|client| client.id == *presented.client_id());
            authenticate(&presented, client.cloned().map(Arc::new), now())
        });
        let id = |done| match done {
            Authentication::Done(client) => client.id.to_string(),
            Authentication::BySignature(signed) => signed.client().id.to_string(),
        };
        done.map(id).map_err(|error| (error.reason, error.by_header))
    }

    // OA-CL-01, MCP-AS-56, MCP-AS-57: Basic and post, whichever is registered
    #[test]
    fn a_client_with_a_secret_may_send_it_either_way() {
        for method in [TokenEndpointAuthMethod::ClientSecretBasic, TokenEndpointAuthMethod::ClientSecretPost] {
            let client = confidential(method);
            let post = Parameters::parse(format!("client_id=conf&client_secret={}", right().wire()).as_bytes()).unwrap();
            let basic = header(&format!("conf:{}", right().wire()));
            for presented in [Presented::read([], &post), Presented::read([basic.as_bytes()], &Parameters::default())] {
                assert!(authenticate(&presented.unwrap(), Some(Arc::new(client.clone())), now()).is_ok());
            }
        }
        assert_eq!(outcome(&[], "client_id=pub"), Ok("pub".to_owned()));
    }

    // OA-CL-02, OA-CL-03, EA-082, EA-083
    #[test]
    fn there_is_one_mechanism_and_one_identifier_per_request() {
        let basic = header(&format!("conf:{}", right().wire()));
        let assertion = format!("client_assertion=a.b.c&client_assertion_type={ASSERTION_TYPE}");
        assert_eq!(outcome(&[&basic], "client_secret=x"), Err((R::SeveralMethods, true)));
        assert_eq!(outcome(&[&basic], &assertion), Err((R::SeveralMethods, true)));
        assert_eq!(outcome(&[], &format!("client_id=conf&client_secret=x&{assertion}")), Err((R::SeveralMethods, false)));
        assert_eq!(outcome(&[&basic], "client_id=conf"), Ok("conf".to_owned()));
        assert_eq!(outcome(&[&basic], "client_id=pub"), Err((R::Mismatch, true)));
    }

    // OA-CL-04, OA-CL-08, EA-080, EA-081
    #[test]
    fn a_header_that_cannot_be_read_is_refused_with_a_challenge() {
        let good = header(&format!("conf:{}", right().wire()));
        let control = header("conf:a\nb");
        for (headers, reason) in [
            (vec!["Basic ???"], R::Header),
            (vec!["Basic Y29uZg=="], R::Header),
            (vec!["Basic"], R::Header),
            (vec![""], R::Header),
            (vec![&control], R::Header),
            (vec![&good, &good], R::Header),
            (vec!["Bearer abc"], R::Scheme),
            (vec!["Digest username=\"conf\""], R::Scheme),
        ] {
            assert_eq!(outcome(&headers, ""), Err((reason, true)), "{headers:?}");
        }
        assert_eq!(outcome(&[&good.replace("Basic", "bAsIc")], ""), Ok("conf".to_owned()));
        assert_eq!(outcome(&[good.trim_end_matches('=')], ""), Ok("conf".to_owned()));
    }

    // OA-CL-04: secrets of other servers, form-encoded and raw
    #[test]
    fn a_secret_with_other_characters_is_read_encoded_or_raw() {
        let imported = "a+b%20c/d:e";
        let mut client = confidential(TokenEndpointAuthMethod::ClientSecretBasic);
        client.secrets = vec![ClientSecret { hash: ClientSecret::hash_of_presented(imported), created_at: now(), expires_at: None }];
        for sent in ["conf:a+b%20c/d:e", "conf:a%2Bb%2520c%2Fd%3Ae"] {
            let presented = Presented::read([header(sent).as_bytes()], &Parameters::default()).unwrap();
            assert!(authenticate(&presented, Some(Arc::new(client.clone())), now()).is_ok(), "{sent}");
        }
    }

    // OA-CL-05, OA-CL-06, OA-CL-07, EA-077, EA-079, EA-084, EA-085, MCP-AS-59
    #[test]
    fn whoever_does_not_prove_who_they_are_hears_the_same() {
        let answers = [
            outcome(&[], "").unwrap_err(),
            outcome(&[], "client_id=nobody").unwrap_err(),
            outcome(&[], "client_id=nobody&client_secret=x").unwrap_err(),
            outcome(&[], "client_id=conf").unwrap_err(),
            outcome(&[], "client_id=conf&client_secret=").unwrap_err(),
            outcome(&[], "client_id=conf&client_secret=wrong").unwrap_err(),
            outcome(&[], "client_id=pub&client_secret=x").unwrap_err(),
            outcome(&[], "client_id=%C3%A9").unwrap_err(),
            outcome(&[], "client_secret=x").unwrap_err(),
        ];
        let reasons = answers.clone().map(|(reason, _)| reason);
        assert_eq!(
            reasons,
            [
                R::NoClient,
                R::Unknown,
                R::Unknown,
                R::MissingSecret,
                R::MissingSecret,
                R::WrongSecret,
                R::UnexpectedSecret,
                R::MalformedId,
                R::NoClient
            ]
        );
        for (reason, by_header) in answers {
            assert_eq!(ClientAuthError { reason, by_header }.answer(), OAuthError::INVALID_CLIENT);
            assert!(!by_header);
        }
    }

    // OA-CL-07: an empty secret is none
    #[test]
    fn a_public_client_may_leave_the_secret_empty() {
        assert_eq!(outcome(&[&header("pub:")], ""), Ok("pub".to_owned()));
        assert_eq!(outcome(&[], "client_id=pub&client_secret="), Ok("pub".to_owned()));
        assert_eq!(outcome(&[&header("conf:")], ""), Err((R::MissingSecret, true)));
    }

    // OA-CL-05, OA-CL-09
    #[test]
    fn disabled_clients_and_expired_secrets_are_refused() {
        let post = Parameters::parse(format!("client_id=conf&client_secret={}", right().wire()).as_bytes()).unwrap();
        let presented = Presented::read([], &post).unwrap();
        let mut client = confidential(TokenEndpointAuthMethod::ClientSecretPost);
        let reason =
            |client: &Client| authenticate(&presented, Some(Arc::new(client.clone())), now()).map(|_| ()).map_err(|error| error.reason);
        client.disabled_at = Some(now());
        assert_eq!(reason(&client), Err(R::Disabled));
        client.disabled_at = None;
        client.secrets[0].expires_at = Some(now());
        assert_eq!(reason(&client), Err(R::ExpiredSecret));
        client.secrets.push(ClientSecret::of(&Token::new([2; 32]), now(), None));
        assert_eq!(reason(&client), Err(R::ExpiredSecret));
        client.secrets.push(ClientSecret::of(&right(), now(), None));
        assert_eq!(reason(&client), Ok(()));
    }

    // OA-CL-16: a record that is not the claimed one proves nothing
    #[test]
    fn the_record_of_another_client_does_not_help() {
        let presented = Presented::read([], &Parameters::parse(b"client_id=other").unwrap()).unwrap();
        let refused = authenticate(&presented, Some(Arc::new(public())), now()).unwrap_err();
        assert_eq!(refused.reason, R::Unknown);
    }

    // OA-CL-10, EA-088
    #[test]
    fn an_assertion_is_of_one_type_and_readable() {
        assert_eq!(outcome(&[], "client_assertion=a.b.c&client_assertion_type=saml"), Err((R::AssertionType, false)));
        assert_eq!(outcome(&[], "client_id=pub&client_assertion=a.b.c"), Err((R::AssertionType, false)));
        let form = format!("client_id=pub&client_assertion=a.b.c&client_assertion_type={ASSERTION_TYPE}");
        assert!(matches!(outcome(&[], &form), Err((R::Assertion(AssertionFault::Jwt(_)), false))));
    }

    /// A client that signs its assertions, and one of them.
    fn signing(may_come_without_proof: bool) -> (TestIssuer, Client, String) {
        let app = TestIssuer::new("app");
        let client = Client {
            token_endpoint_auth_method: TokenEndpointAuthMethod::PrivateKeyJwt,
            may_come_without_proof,
            jwks: serde_json::from_str(&app.jwks()).unwrap(),
            ..Client::new("app".parse().unwrap(), ClientOrigin::Registered, now())
        };
        let assertion =
            app.token("https://auth.example.com", now()).header("typ", "JWT").claim("sub", "app").claim("exp", now().timestamp() + 60);
        let form = format!("client_assertion={}&client_assertion_type={ASSERTION_TYPE}", assertion.sign());
        (app, client, form)
    }

    fn by_form(form: &str, client: &Client) -> Result<Authentication, R> {
        let presented = Presented::read([], &Parameters::parse(form.as_bytes()).unwrap()).map_err(|error| error.reason)?;
        authenticate(&presented, Some(Arc::new(client.clone())), now()).map_err(|error| error.reason)
    }

    // OA-CL-10, MCP-AS-202
    #[test]
    fn a_client_that_signs_is_known_by_its_keys_and_once() {
        let (app, client, form) = signing(false);
        let audience = AssertionAudience { issuer: "https://auth.example.com", token_endpoint: "https://auth.example.com/token" };
        for form in [form.clone(), format!("client_id=app&{form}")] {
            let Ok(Authentication::BySignature(signed)) = by_form(&form, &client) else { panic!("it signed") };
            let keys = Set::from_json(app.jwks().as_bytes()).unwrap();
            assert!(signed.may_be_of(&keys));
            let once = signed.judge(&keys, audience, now()).unwrap();
            assert_eq!(once.used.jti, "t_1");
            assert_eq!(once.if_first(false).unwrap_err().reason, R::AssertionAgain);
        }
        assert_eq!(by_form(&format!("client_id=other&{form}"), &client).unwrap_err(), R::Mismatch);
        let other = Set::from_json(TestIssuer::with_key("app", 9).jwks().as_bytes()).unwrap();
        let Ok(Authentication::BySignature(signed)) = by_form(&form, &client) else { panic!("it signed") };
        assert!(!signed.may_be_of(&other));
        assert!(matches!(signed.judge(&other, audience, now()).unwrap_err().reason, R::Assertion(_)));
    }

    // OA-CL-01, OA-CL-06, OA-CL-07, OA-CM-17, MCP-AS-115
    #[test]
    fn a_client_that_signs_has_to_unless_it_says_that_it_may_not() {
        let (_, client, form) = signing(false);
        assert_eq!(by_form("client_id=app", &client).unwrap_err(), R::MissingAssertion);
        assert_eq!(by_form("client_id=app&client_secret=x", &client).unwrap_err(), R::UnexpectedSecret);
        let (_, both, _) = signing(true);
        assert!(matches!(by_form("client_id=app", &both), Ok(Authentication::Done(_))));
        assert!(matches!(by_form(&form, &both), Ok(Authentication::BySignature(_))));
        assert_eq!(by_form("client_id=app&client_secret=x", &both).unwrap_err(), R::UnexpectedSecret);
        for other in [public(), confidential(TokenEndpointAuthMethod::ClientSecretPost)] {
            let other = Client { id: "app".parse().unwrap(), ..other };
            assert_eq!(by_form(&form, &other).unwrap_err(), R::UnexpectedAssertion);
        }
    }

    // OA-CL-02, OA-CL-03, OA-CL-10
    #[test]
    fn a_confused_request_is_told_what_is_wrong() {
        for reason in [R::AssertionType, R::Mismatch, R::SeveralMethods] {
            let error = ClientAuthError { reason, by_header: true };
            assert_eq!(error.answer().code, ErrorCode::InvalidRequest, "{error}");
        }
    }

    // OA-CL-05, OA-CL-13
    #[test]
    fn whatever_is_wrong_with_an_assertion_sounds_the_same() {
        let fault = R::Assertion(AssertionFault::Expired);
        for reason in [fault, R::AssertionAgain, R::KeysUnavailable("why".to_owned()), R::MissingAssertion, R::UnexpectedAssertion] {
            assert_eq!(ClientAuthError { reason, by_header: false }.answer(), OAuthError::INVALID_CLIENT);
        }
    }

    // MCP-AS-59, OA-CL-08
    #[test]
    fn only_who_used_the_header_is_challenged() {
        let issuer = Issuer::parse("https://auth.example.com").unwrap();
        let challenge = |reason, by_header| ClientAuthError { reason, by_header }.challenge(&issuer);
        assert_eq!(challenge(R::WrongSecret, true).as_deref(), Some("Basic realm=\"https://auth.example.com\""));
        assert_eq!(challenge(R::WrongSecret, false), None);
        assert_eq!(challenge(R::SeveralMethods, true), None);
    }

    // OA-LG: secrets stay out of logs
    #[test]
    fn a_presented_secret_is_not_printed() {
        let presented = Presented::read([header("conf:hush").as_bytes()], &Parameters::default()).unwrap();
        assert!(!format!("{presented:?}").contains("hush"));
    }

    proptest::proptest! {
        #[test]
        fn any_header_is_read_or_refused(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..80)) {
            let _ = Presented::read([bytes.as_slice()], &Parameters::default());
        }

        #[test]
        fn form_encoded_credentials_are_read(id in "[!-~]{1,20}", secret in "[ -~]{1,20}") {
            let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            let sent = header(&format!("{}:{}", encode(&id), encode(&secret)));
            let presented = Presented::read([sent.as_bytes()], &Parameters::default()).unwrap();
            proptest::prop_assert_eq!(presented.client_id().as_str(), id.as_str());
            let Proof::Secret(readings) = &presented.proof else { panic!("a secret was sent") };
            proptest::prop_assert_eq!(readings[0].expose(), &secret);
        }
    }
}
