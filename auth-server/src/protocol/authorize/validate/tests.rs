use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::protocol::authorize::{bind, sample};

/// `with` replaces or removes (`name` alone) parameters of a good request.
fn judge(with: &str) -> Result<AuthorizationRequest, RefusedRequest> {
    judge_for(&sample::client(), with)
}

fn judge_for(client: &Client, with: &str) -> Result<AuthorizationRequest, RefusedRequest> {
    bind(sample::parameters(&sample::query(with)), client).unwrap().validate(client, &sample::resources(), &sample::issuer())
}

fn reason(with: &str) -> RedirectError {
    judge(with).expect_err(with).reason
}

fn scope_of(with: &str) -> String {
    judge(with).unwrap().scope.to_string()
}

#[test]
fn a_good_request_is_read_in_full() {
    let request = judge("state=s&scope=notes:write&resource=https://MCP.example/notes/&prompt=consent&max_age=60&login_hint=ada").unwrap();
    assert_eq!(request.client_id.as_str(), "app");
    assert_eq!(request.redirect_uri.as_str(), "https://app.example/cb");
    assert_eq!(request.state.as_deref(), Some("s"));
    assert_eq!(request.code_challenge.as_str(), sample::CHALLENGE);
    assert_eq!(request.resource, "https://mcp.example/notes");
    assert_eq!(request.scope.to_string(), "notes:write");
    assert!(request.prompt.consent);
    assert_eq!(request.max_age, Some(TimeDelta::seconds(60)));
    assert_eq!(request.login_hint.as_deref(), Some("ada"));
    let stored = serde_json::to_string(&request).unwrap();
    assert_eq!(serde_json::from_str::<AuthorizationRequest>(&stored).unwrap(), request);
}

// OA-AT-02: nobody consents in vain
#[test]
fn a_request_whose_token_would_be_too_large_is_refused() {
    let wordy = "a".repeat(2000);
    let client = Client { id: wordy.parse().unwrap(), ..sample::client() };
    let refused = judge_for(&client, &format!("client_id={wordy}")).unwrap_err();
    assert_eq!(refused.reason, RedirectError::TokenTooLarge);
}

// EA-018, EA-019, EA-021, OA-AZ-08, OA-AZ-10
#[test]
fn the_answer_is_a_code_in_the_query_or_nothing() {
    assert_eq!(reason("response_type"), RedirectError::ResponseTypeMissing);
    for other in ["token", "id_token", "code%20token", "CODE", "none", "code%20"] {
        assert_eq!(reason(&format!("response_type={other}")), RedirectError::ResponseType, "{other}");
    }
    for other in ["fragment", "web_message", "form_post", "Query"] {
        assert_eq!(reason(&format!("response_mode={other}")), RedirectError::ResponseMode, "{other}");
    }
    assert!(judge("response_mode=query").is_ok());
}

// EA-020, EA-026, EA-027, OA-AZ-04, MCP-AS-28
#[test]
fn a_repeated_parameter_is_refused_and_a_repeated_state_is_not_returned() {
    for name in ["response_type", "code_challenge", "code_challenge_method", "scope", "prompt", "max_age", "request_uri", "nonce"] {
        let refused = judge(&format!("state=s&{name}=x&{name}=x")).unwrap_err();
        assert_eq!((refused.reason, refused.state.as_deref()), (RedirectError::Repeated, Some("s")), "{name}");
    }
    let refused = judge("state=s&state=t").unwrap_err();
    assert_eq!((refused.reason, refused.state), (RedirectError::Repeated, None));
}

// MCP-AS-28: what we do not know is nobody's business
#[test]
fn unknown_parameters_are_ignored_even_if_repeated() {
    assert!(judge("audience=x&access_type=offline&foo=1&foo=2&prompt=whatever").is_ok());
}

// EA-028, OA-AZ-05, OA-AZ-12
#[test]
fn a_bad_state_is_refused_and_left_out() {
    for (with, why) in [
        (format!("state={}", "x".repeat(4097)), RedirectError::State),
        ("state=a%0d%0ab".to_owned(), RedirectError::Malformed),
        ("state=%c3".to_owned(), RedirectError::Malformed),
    ] {
        let refused = judge(&with).unwrap_err();
        assert_eq!((refused.reason, refused.state), (why, None));
    }
    let refused = judge("state=s&login_hint=%00").unwrap_err();
    assert_eq!((refused.reason, refused.state.as_deref()), (RedirectError::Malformed, Some("s")));
}

// EA-022, OA-AZ-09
#[test]
fn a_client_without_the_code_grant_gets_no_code() {
    let client = Client { grant_types: BTreeSet::from([GrantType::ClientCredentials]), ..sample::client() };
    assert_eq!(judge_for(&client, "").unwrap_err().reason, RedirectError::ClientMayNot);
}

// EA-039, EA-040, OA-AZ-11
#[test]
fn request_objects_are_refused_and_never_ignored() {
    assert_eq!(reason("request=eyJ"), RedirectError::RequestObject);
    assert_eq!(reason("request_uri=https://app.example/r"), RedirectError::RequestUri);
    assert_eq!(reason("request_uri=urn:ietf:params:oauth:request_uri:x"), RedirectError::RequestUri);
}

// EA-023…EA-025, OA-PK-01…04, MCP-AS-20
#[test]
fn pkce_with_s256_is_required_of_everybody() {
    assert_eq!(reason("code_challenge"), RedirectError::ChallengeMissing);
    assert_eq!(reason("code_challenge="), RedirectError::ChallengeMissing);
    assert_eq!(reason("code_challenge&code_challenge_method"), RedirectError::ChallengeMissing);
    for method in ["code_challenge_method", "code_challenge_method=plain", "code_challenge_method=s256", "code_challenge_method=S512"] {
        assert_eq!(reason(method), RedirectError::ChallengeMethod, "{method}");
    }
    let a = |length| "a".repeat(length);
    for challenge in [a(42), a(44), a(42) + "%3D", a(42) + "%2B", a(42) + "/", a(42) + ".", a(42) + "%20"] {
        assert_eq!(reason(&format!("code_challenge={challenge}")), RedirectError::ChallengeMalformed, "{challenge}");
    }
}

// EA-034…EA-037, MCP-AS-70…76
#[test]
fn the_resource_is_one_of_ours_or_the_default() {
    assert_eq!(judge("resource=https://mcp.example/mail").unwrap().resource, "https://mcp.example/mail");
    for (with, why) in [
        ("resource=https://mcp.example/other", TargetError::Unknown),
        ("resource=mail", TargetError::Malformed),
        ("resource=https://mcp.example/mail&resource=https://mcp.example/notes", TargetError::Several),
        ("resource", TargetError::Unnamed),
        ("resource=", TargetError::Unnamed),
    ] {
        assert_eq!(reason(with), RedirectError::Target(why), "{with}");
    }
    assert!(judge("resource=https://mcp.example/notes&resource=https://MCP.example/notes/").is_ok());
}

// MCP-AS-77
#[test]
fn an_audience_is_a_resource_only_where_it_is_known_and_no_resource_is_named() {
    assert_eq!(judge("resource&audience=https://mcp.example/mail").unwrap().resource, "https://mcp.example/mail");
    assert_eq!(judge("audience=https://mcp.example/mail").unwrap().resource, "https://mcp.example/notes");
    assert_eq!(reason("resource&audience=https://other.example"), RedirectError::Target(TargetError::Unnamed));
}

// EA-030…EA-032, MCP-AS-29, MCP-AS-81, OA-AZ-24
#[test]
fn unknown_scopes_are_dropped_and_malformed_ones_are_not() {
    assert_eq!(scope_of("scope=notes:write%20claudeai"), "notes:write");
    assert_eq!(scope_of("scope=openid%20email%20profile"), "notes:read");
    assert_eq!(scope_of("scope=claudeai"), "notes:read");
    assert_eq!(scope_of("scope=offline_access"), "notes:read");
    assert_eq!(scope_of("scope"), "notes:read");
    assert_eq!(scope_of("scope="), "notes:read");
    assert_eq!(scope_of("scope=%20"), "notes:read");
    assert_eq!(scope_of("scope=%20notes:write++notes:read%20notes:read"), "notes:read notes:write");
    assert_eq!(scope_of("scope=mail:send"), "notes:read", "a scope of another resource is unknown here");
    for bad in ["a%22b", "a%5Cb", "%C3%A9"] {
        assert_eq!(reason(&format!("scope={bad}")), RedirectError::Scope, "{bad}");
    }
    let many: Vec<String> = (0..101).map(|number| format!("s{number}")).collect();
    assert_eq!(reason(&format!("scope={}", many.join("+"))), RedirectError::Scope);
    assert_eq!(reason(&format!("scope={}", "x".repeat(2049))), RedirectError::Scope);
}

// MCP-AS-82
#[test]
fn the_registered_scope_is_a_default_and_never_a_cap() {
    let client = Client { scope: Some(Scope::parse("notes:write other").unwrap()), ..sample::client() };
    assert_eq!(judge_for(&client, "").unwrap().scope.to_string(), "notes:write");
    assert_eq!(judge_for(&client, "scope=notes:read").unwrap().scope.to_string(), "notes:read");
    assert_eq!(judge_for(&client, "scope=claudeai").unwrap().scope.to_string(), "notes:read");
}

// EA-043, EA-044, OA-AZ-20, OA-AZ-21, MCP-AS-30
#[test]
fn prompt_and_max_age_are_read_strictly() {
    assert_eq!(reason("prompt=none%20login"), RedirectError::Prompt);
    assert!(judge("prompt=none").unwrap().prompt.none);
    assert!(judge("prompt=login%20later").unwrap().prompt.login);
    for bad in ["-1", "abc", "1.5", "%2B5", "1e3", "%D9%A3"] {
        assert_eq!(reason(&format!("max_age={bad}")), RedirectError::MaxAge, "{bad}");
    }
    assert_eq!(judge("max_age=0").unwrap().max_age, Some(TimeDelta::zero()));
    assert!(judge("max_age=99999999999999999999999999").unwrap().max_age.unwrap() > TimeDelta::days(365));
    assert_eq!(judge(&format!("login_hint={}", "x".repeat(321))).unwrap().login_hint, None);
}

// oauth.md, order of checks: each mistake hides those after it
#[test]
fn several_mistakes_get_the_answer_to_the_first() {
    let mistakes: &[(&str, RedirectError)] = &[
        ("login_hint=%00", RedirectError::Malformed),
        ("nonce=1&nonce=2", RedirectError::Repeated),
        ("response_type=token", RedirectError::ResponseType),
        ("response_mode=fragment", RedirectError::ResponseMode),
        ("request=x", RedirectError::RequestObject),
        ("request_uri=x", RedirectError::RequestUri),
        ("code_challenge_method=plain", RedirectError::ChallengeMethod),
        ("resource=https://other.example", RedirectError::Target(TargetError::Unknown)),
        ("scope=a%22b", RedirectError::Scope),
        ("prompt=none%20login", RedirectError::Prompt),
        ("max_age=x", RedirectError::MaxAge),
    ];
    for (at, (_, expected)) in mistakes.iter().enumerate() {
        let rest: Vec<&str> = mistakes[at..].iter().map(|(with, _)| *with).collect();
        assert_eq!(reason(&rest.join("&")), *expected);
    }
}

proptest! {
    // OA-AZ-17, MCP-AS-81: no wording of `scope` asks for more than the resource knows
    #[test]
    fn no_scope_is_smuggled_in(scope in "([a-z:]{0,6}|notes:read|notes:write|mail:send|%[0-9a-f]{2}|\\+| ){0,8}") {
        if let Ok(request) = judge(&format!("scope={}", scope.replace(' ', "+"))) {
            prop_assert!(request.scope.is_within(&Scope::parse("notes:read notes:write").unwrap()));
            prop_assert!(!request.scope.is_empty());
        }
    }

    #[test]
    fn any_query_is_answered_and_never_elsewhere(tail in "([a-z_]{1,12}=[ -~]{0,20}&){0,8}") {
        let query = format!("{}&{tail}", sample::query(""));
        if let Ok(bound) = bind(sample::parameters(&query), &sample::client()) {
            let answered = match bound.validate(&sample::client(), &sample::resources(), &sample::issuer()) {
                Ok(request) => request.redirect_uri,
                Err(refused) => {
                    prop_assert!(refused.reason != RedirectError::Disagreement);
                    refused.redirect_uri
                }
            };
            prop_assert_eq!(answered.as_str(), "https://app.example/cb");
        }
    }
}
