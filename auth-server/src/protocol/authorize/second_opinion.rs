//! A second, independent reading of a request that has passed our checks.
//!
//! `oxide-auth`'s authorization machine asks, in its own order, about client and
//! redirect URI, extension (PKCE) and scope, and is told what our checks found. If
//! what it would grant is not what we would grant, one of the two is wrong and
//! nothing is granted.

use std::borrow::Cow;

use oxide_auth::{
    code_grant::{
        authorization::{Authorization, Input, Output, Request},
        extensions::Pkce,
    },
    primitives::{
        grant::{Extensions, GrantExtension as _},
        registrar::{BoundClient, ExactUrl, PreGrant, RegisteredUrl},
        scope::Scope as TheirScope,
    },
};
use portcullis_verifier::vocabulary::Scope;

use super::{refused::RedirectError, validate::AuthorizationRequest};
use crate::protocol::{client::Client, parameters::Parameters, vocabulary::RedirectUri};

/// The machine takes three questions; more turns than this and it is lost.
const MOST_TURNS: usize = 8;

/// Lets the machine read the request again. Any difference is our fault, never the
/// client's, and is answered as such.
pub(super) fn confirm(asked: &Parameters, client: &Client, allowed: &Scope, request: &AuthorizationRequest) -> Result<(), RedirectError> {
    let reading = Reading { asked, request, scope: request.scope.to_string() };
    let granted = run(&reading, client, allowed).ok_or(RedirectError::Disagreement)?;
    if granted.agrees_with(request) { Ok(()) } else { Err(RedirectError::Disagreement) }
}

/// What the machine would grant.
struct Granted {
    pre_grant: PreGrant,
    state: Option<String>,
    extensions: Extensions,
}

impl Granted {
    fn agrees_with(&self, request: &AuthorizationRequest) -> bool {
        // a stored S256 challenge has an `S` at its end
        let stored = format!("{}S", request.code_challenge.as_str());
        let mut private = self.extensions.private();
        let challenge = private.find_map(|(name, value)| (name == Pkce::required().identifier()).then_some(value).flatten());
        self.pre_grant.client_id == request.client_id.as_str()
            && self.pre_grant.redirect_uri.as_str() == request.redirect_uri.as_str()
            && scope_of(&self.pre_grant.scope).is_some_and(|scope| scope == request.scope)
            && self.state == request.state
            && challenge == Some(stored.as_str())
    }
}

fn run(reading: &Reading<'_>, client: &Client, allowed: &Scope) -> Option<Granted> {
    let mut machine = Authorization::new(reading);
    let mut input = Input::None;
    for _ in 0..MOST_TURNS {
        input = match machine.advance(input) {
            Output::Bind { client_id, redirect_uri } => {
                let bound_client = bound(client, &client_id, redirect_uri?)?;
                Input::Bound { request: reading, bound_client }
            }
            Output::Extend => Input::Extended(extended(reading)?),
            Output::Negotiate { bound_client, scope } => {
                let pre_grant = negotiated(bound_client, scope, allowed)?;
                Input::Negotiated { pre_grant, state: reading.state().map(Cow::into_owned) }
            }
            Output::Ok { pre_grant, state, extensions } => return Some(Granted { pre_grant, state, extensions }),
            Output::Err(_) => return None,
        };
    }
    None
}

/// Our rule for loopback ports, their bookkeeping.
fn bound(client: &Client, client_id: &str, asked: ExactUrl) -> Option<BoundClient<'static>> {
    let redirect_uri: RedirectUri = asked.as_str().parse().ok()?;
    if client.id.as_str() != client_id || !client.may_redirect_to(&redirect_uri) {
        return None;
    }
    Some(BoundClient { client_id: Cow::Owned(client_id.to_owned()), redirect_uri: Cow::Owned(RegisteredUrl::Exact(asked)) })
}

fn extended(reading: &Reading<'_>) -> Option<Extensions> {
    let pkce = Pkce::required();
    let challenge = pkce.challenge(reading.extension("code_challenge_method"), reading.extension("code_challenge")).ok()??;
    let mut extensions = Extensions::new();
    extensions.set(&pkce, challenge);
    Some(extensions)
}

/// `a.priviledged_to(&b)`, as it is spelt there, means that `a` contains `b`.
fn negotiated(client: &BoundClient<'_>, scope: Option<TheirScope>, allowed: &Scope) -> Option<PreGrant> {
    let allowed: TheirScope = allowed.to_string().parse().ok()?;
    let scope = match scope {
        Some(scope) => scope,
        None => "".parse().ok()?,
    };
    allowed.priviledged_to(&scope).then(|| PreGrant {
        client_id: client.client_id.clone().into_owned(),
        redirect_uri: client.redirect_uri.clone().into_owned(),
        scope,
    })
}

fn scope_of(theirs: &TheirScope) -> Option<Scope> {
    Scope::parse(&theirs.to_string()).ok()
}

/// The raw parameters, but for the scope: dropping unknown ones is ours alone.
struct Reading<'a> {
    asked: &'a Parameters,
    request: &'a AuthorizationRequest,
    scope: String,
}

impl Request for Reading<'_> {
    fn valid(&self) -> bool {
        self.asked.first_repeated().is_none() && self.asked.first_malformed().is_none()
    }

    fn client_id(&self) -> Option<Cow<'_, str>> {
        self.asked.get("client_id").map(Cow::Borrowed)
    }

    fn scope(&self) -> Option<Cow<'_, str>> {
        (!self.request.scope.is_empty()).then_some(Cow::Borrowed(self.scope.as_str()))
    }

    fn redirect_uri(&self) -> Option<Cow<'_, str>> {
        self.asked.get("redirect_uri").map(Cow::Borrowed)
    }

    fn state(&self) -> Option<Cow<'_, str>> {
        self.asked.get("state").map(Cow::Borrowed)
    }

    fn response_type(&self) -> Option<Cow<'_, str>> {
        self.asked.get("response_type").map(Cow::Borrowed)
    }

    fn extension(&self, key: &str) -> Option<Cow<'_, str>> {
        self.asked.get(key).map(Cow::Borrowed)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::protocol::authorize::sample;

    fn confirmed(query: &str, request: &AuthorizationRequest, allowed: &str) -> Result<(), RedirectError> {
        confirm(&sample::parameters(query), &sample::client(), &Scope::parse(allowed).unwrap(), request)
    }

    const KNOWN: &str = "notes:read notes:write";

    #[test]
    fn both_readings_agree_on_a_good_request() {
        for with in ["", "state=s", "scope=notes:write", "redirect_uri=http://127.0.0.1:4/cb", "redirect_uri=cursor://app/cb"] {
            assert_eq!(confirmed(&sample::query(with), &sample::request(with), KNOWN), Ok(()), "{with}");
        }
    }

    // A forged or damaged reading of ours is caught by theirs.
    #[test]
    fn a_difference_is_noticed() {
        let query = sample::query("state=s&scope=notes:read");
        let good = sample::request("state=s&scope=notes:read");
        let wrong = Err(RedirectError::Disagreement);
        let mut forged = good.clone();
        forged.state = Some("t".to_owned());
        assert_eq!(confirmed(&query, &forged, KNOWN), wrong);
        let mut forged = good.clone();
        forged.redirect_uri = "https://evil.example/cb".parse().unwrap();
        assert_eq!(confirmed(&query, &forged, KNOWN), wrong);
        let mut forged = good.clone();
        forged.code_challenge = "a".repeat(43).parse().unwrap();
        assert_eq!(confirmed(&query, &forged, KNOWN), wrong);
        let mut forged = good.clone();
        forged.client_id = "other".parse().unwrap();
        assert_eq!(confirmed(&query, &forged, KNOWN), wrong);
        assert_eq!(confirmed(&sample::query("redirect_uri=https://evil.example/cb"), &good, KNOWN), wrong);
        assert_eq!(confirmed(&sample::query("code_challenge_method=plain"), &good, KNOWN), wrong);
        assert_eq!(confirmed(&sample::query("response_type=token"), &good, KNOWN), wrong);
    }

    // MCP-AS-81: turned round, the comparison would let more through than is allowed
    #[test]
    fn a_scope_beyond_what_is_allowed_is_noticed() {
        let with = "scope=notes:read+notes:write";
        assert_eq!(confirmed(&sample::query(with), &sample::request(with), KNOWN), Ok(()));
        assert_eq!(confirmed(&sample::query(with), &sample::request(with), "notes:read"), Err(RedirectError::Disagreement));
        assert_eq!(confirmed(&sample::query(with), &sample::request(with), ""), Err(RedirectError::Disagreement));
    }

    proptest! {
        // Whatever may be registered, both readers can read.
        #[test]
        fn no_registered_address_divides_the_readers(
            text in "(https://[a-z]{1,5}\\.example|http://localhost(:[1-9][0-9]{0,3})?|http://\\[::1\\]|[a-z][a-z0-9.+-]{0,6}:/{0,2}[a-z]{1,4})(/[A-Za-z0-9~!$',()@_-]{0,5}){0,3}(\\?[a-b]{1,2}=[A-Z/?]{0,3})?",
        ) {
            if let Ok(uri) = text.parse::<RedirectUri>() {
                let client = Client { redirect_uris: vec![uri], ..sample::client() };
                let encoded = url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
                let request = sample::request_of(&client, &format!("redirect_uri={encoded}"));
                prop_assert_eq!(request.redirect_uri.as_str(), text);
            }
        }
    }
}
