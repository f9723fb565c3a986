//! Every way in which a token can be wrong, each with a reason of its own.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL};
use chrono::TimeDelta;
use proptest::prelude::*;
use serde_json::json;

use super::{ISSUER, MCP, now};
use crate::{
    BuildError, Refusal, Rejection, TrustedIssuer, Verifier,
    jwk::Algorithm,
    testing::{TestIssuer, TestToken},
};

fn issuer() -> TestIssuer {
    TestIssuer::new(ISSUER)
}

fn verifier() -> Verifier {
    Verifier::builder(issuer().trusted(), MCP).build().unwrap()
}

fn token() -> TestToken {
    issuer().token(MCP, now())
}

#[track_caller]
fn refused(token: &str) -> Rejection {
    verifier().verify(token, now()).expect_err("it is refused")
}

/// What is said in the log, shortened to the variant.
fn name(rejection: &Rejection) -> String {
    format!("{rejection:?}").split([' ', '(', '{']).next().unwrap_or_default().to_owned()
}

// MCP-RS-10, MCP-RS-24, OA-AT-11
#[test]
fn a_good_token_says_who_calls_and_what_may_be_done() {
    let token = token().scope("b a").sign();
    let caller = verifier().verify(&token, now()).unwrap();
    assert_eq!((caller.issuer(), caller.subject(), caller.client_id()), (ISSUER, "u_1", "c_1"));
    assert_eq!((caller.scope().to_string().as_str(), caller.jti(), caller.grant_id()), ("a b", "t_1", Some("g_1")));
    assert_eq!((caller.auth_time(), caller.expires_at()), (Some(now()), now() + TimeDelta::minutes(15)));
    assert!(!caller.is_machine());
    assert!(!format!("{caller:?}").contains("u_1"), "{caller:?}");

    let machine = issuer().token(MCP, now()).subject("c_1").without("grant_id").without("auth_time").without("scope").sign();
    let machine = verifier().verify(&machine, now()).unwrap();
    assert!(machine.is_machine() && machine.scope().is_empty() && machine.grant_id().is_none());
}

// EA-171, EA-172, OA-AT-08
#[test]
fn times_are_held_against_the_clock() {
    let at = now().timestamp();
    for (claims, expected) in [
        (vec![("exp", json!(at - 30))], "Expired"),
        (vec![("iat", json!(at + 31))], "NotYetValid"),
        (vec![("nbf", json!(at + 31))], "NotYetValid"),
        (vec![("exp", json!(at + 24 * 3600 + 1))], "LivesTooLong"),
        (vec![("exp", json!("1800000900"))], "Claim"),
        (vec![("exp", json!(1_800_000_900.5))], "Claim"),
        (vec![("exp", json!(1_800_000_900.0))], "Claim"),
        (vec![("exp", json!(-1))], "Claim"),
        (vec![("exp", json!(9_007_199_254_740_993_i64))], "Claim"),
        (vec![("exp", json!(18_446_744_073_709_551_615_u64))], "Claim"),
        (vec![("iat", json!(null))], "Claim"),
        (vec![("nbf", json!("now"))], "Claim"),
        (vec![("auth_time", json!("now"))], "Claim"),
    ] {
        let changed = claims.iter().fold(token(), |token, (name, value)| token.claim(name, value.clone()));
        assert_eq!(name(&refused(&changed.sign())), expected, "{claims:?}");
    }
    assert_eq!(refused(&token().without("exp").sign()), Rejection::Claim("exp"));
    assert_eq!(refused(&token().without("iat").sign()), Rejection::Claim("iat"));
    for fine in [("exp", at - 29), ("iat", at + 30), ("nbf", at + 30), ("exp", at + 24 * 3600)] {
        assert!(verifier().verify(&token().claim(fine.0, fine.1).sign(), now()).is_ok(), "{fine:?}");
    }
}

// EA-173, OA-AT-07, MCP-RS-11
#[test]
fn a_token_for_somebody_else_is_refused_and_the_log_says_for_whom() {
    for other in [
        json!("https://mcp.example.com"),
        json!("https://mcp.example.com/mcp/x"),
        json!("https://mcp.example.com/MCP"),
        json!("https://mcp.example.com/mcp?x=1"),
        json!(ISSUER),
        json!("c_1"),
        json!(""),
        json!([]),
        json!(["https://a.example", "https://b.example"]),
    ] {
        let rejection = refused(&token().claim("aud", other.clone()).sign());
        assert!(matches!(rejection, Rejection::Audience { .. }), "{other} {rejection}");
    }
    for malformed in [json!(5), json!(null), json!({"a": 1}), json!([MCP, 5])] {
        assert_eq!(refused(&token().claim("aud", malformed.clone()).sign()), Rejection::Claim("aud"), "{malformed}");
    }
    assert_eq!(refused(&token().without("aud").sign()), Rejection::Claim("aud"));
    let rejection = refused(&token().claim("aud", "https://mcp.example.com").sign());
    assert_eq!(rejection.to_string(), "aud is https://mcp.example.com, this server is https://mcp.example.com/mcp");
    for ours in
        [json!([MCP]), json!(["https://a.example", MCP]), json!("https://MCP.example.com:443/mcp"), json!("https://mcp.example.com/mcp/")]
    {
        assert!(verifier().verify(&token().claim("aud", ours.clone()).sign(), now()).is_ok(), "{ours}");
    }
}

// MCP-RS-11: further audiences have names
#[test]
fn a_further_audience_is_one_that_was_named() {
    let verifier = Verifier::builder(issuer().trusted(), MCP).audience("api://files").build().unwrap();
    assert!(verifier.verify(&token().claim("aud", "api://files").sign(), now()).is_ok());
    assert!(verifier.verify(&token().claim("aud", "api://FILES").sign(), now()).is_err());
    assert!(verifier.verify(&token().sign(), now()).is_ok());
}

// EA-174, OA-AT-06
#[test]
fn the_issuer_is_compared_character_by_character() {
    for other in ["https://auth.example.com/", "https://AUTH.example.com", "http://auth.example.com", "https://evil.example", ""] {
        let rejection = refused(&token().claim("iss", other).sign());
        assert!(matches!(rejection, Rejection::Issuer { .. }), "{other} {rejection}");
    }
    assert_eq!(refused(&token().without("iss").sign()), Rejection::Claim("iss"));
    assert_eq!(
        refused(&token().claim("iss", "https://auth.example.com/").sign()).to_string(),
        "iss is https://auth.example.com/, this server trusts https://auth.example.com"
    );
}

// EA-175, OA-AT-04, OA-JW-18, OA-IN-07
#[test]
fn only_access_tokens_are_access_tokens() {
    for other in ["JWT", "dpop+jwt", "oauth-id-jag+jwt", "logout+jwt", "token-introspection+jwt", "application/jwt", ""] {
        assert_eq!(name(&refused(&token().header("typ", other).sign())), "Type", "{other}");
    }
    assert_eq!(name(&refused(&token().header("typ", 5).sign())), "Type");
    assert_eq!(refused(&token().without_header("typ").sign()), Rejection::Type("missing".to_owned()));
    for same in ["AT+JWT", "application/at+jwt", "Application/At+JWT"] {
        assert!(verifier().verify(&token().header("typ", same).sign(), now()).is_ok(), "{same}");
    }
}

// EA-176, OA-JW-07, OA-AT-05
#[test]
fn no_algorithm_but_the_keys_own() {
    for other in ["none", "None", "HS256", "HS512", "es256", "ES384", ""] {
        assert_eq!(name(&refused(&token().header("alg", other).sign())), "Algorithm", "{other}");
    }
    for other in ["RS256", "PS256", "EdDSA"] {
        assert_eq!(name(&refused(&token().header("alg", other).sign())), "AlgorithmOfKey", "{other}");
    }
    assert_eq!(name(&refused(&token().without_header("alg").sign())), "Algorithm");
    let unsigned = token().header("alg", "none").sign();
    let stripped = unsigned.rsplit_once('.').unwrap().0;
    assert_eq!(name(&refused(&format!("{stripped}."))), "Algorithm");

    let only_ed = issuer().trusted().algorithms([Algorithm::EdDsa]);
    let verifier = Verifier::builder(only_ed, MCP).build().unwrap();
    assert_eq!(verifier.verify(&token().sign(), now()).unwrap_err(), Rejection::Algorithm("ES256".to_owned()));
}

// EA-177, OA-JW-12
#[test]
fn a_signature_is_the_right_one_or_none() {
    let good = token().sign();
    let (signed, _) = good.rsplit_once('.').unwrap();
    let with = |signature: &[u8]| format!("{signed}.{}", BASE64URL.encode(signature));
    let der = [&[0x30, 0x44, 0x02, 0x20][..], &[1; 32], &[0x02, 0x20], &[1; 32]].concat();
    let order = [0xFF; 64];
    for (what, forged) in [
        ("zero", with(&[0; 64])),
        ("der", with(&der)),
        ("63 bytes", with(&[1; 63])),
        ("65 bytes", with(&[1; 65])),
        ("beyond the order", with(&order)),
        ("none", with(&[])),
        ("another key", TestIssuer::with_key(ISSUER, 2).token(MCP, now()).header("kid", kid()).sign()),
    ] {
        assert_eq!(name(&refused(&forged)), "Signature", "{what}");
    }
    let other = token().subject("u_2").sign();
    let mixed = format!("{}.{}", other.rsplit_once('.').unwrap().0, good.rsplit_once('.').unwrap().1);
    assert_eq!(name(&refused(&mixed)), "Signature");
}

// OA-AT-12: whoever made the claims up learns nothing of what is thought of them
#[test]
fn of_a_forged_token_only_the_signature_is_judged() {
    let forger = || TestIssuer::with_key(ISSUER, 2).token(MCP, now()).header("kid", kid());
    for (claim, value) in [
        ("exp", json!(1)),
        ("exp", json!("never")),
        ("iat", json!(i64::MAX)),
        ("nbf", json!(now().timestamp() + 3600)),
        ("aud", json!("https://other.example.com")),
        ("aud", json!(5)),
        ("sub", json!("")),
        ("scope", json!(["a"])),
        ("cnf", json!({"jkt": "x"})),
        ("auth_time", json!("now")),
    ] {
        assert_eq!(name(&refused(&forger().claim(claim, value.clone()).sign())), "Signature", "{claim} {value}");
        assert_ne!(name(&refused(&token().claim(claim, value.clone()).sign())), "Signature", "{claim} {value}");
    }
    assert_eq!(name(&refused(&forger().without("jti").without("exp").sign())), "Signature");
}

fn kid() -> String {
    issuer().public_key()["kid"].as_str().unwrap().to_owned()
}

// EA-178, EA-179, OA-JW-08, OA-JW-09, OA-JW-11
#[test]
fn headers_that_change_what_a_token_means_are_refused() {
    let refused_with = |member: &str, value: serde_json::Value| refused(&token().header(member, value).sign());
    assert_eq!(refused_with("jwk", issuer().public_key().clone()), Rejection::OwnKey("jwk"));
    assert_eq!(refused_with("jku", json!("https://evil.example/jwks")), Rejection::OwnKey("jku"));
    assert_eq!(refused_with("x5u", json!("https://evil.example/x5u")), Rejection::OwnKey("x5u"));
    assert_eq!(refused_with("crit", json!(["exp"])), Rejection::Critical("crit"));
    assert_eq!(refused_with("b64", json!(false)), Rejection::Critical("b64"));
    assert_eq!(refused_with("zip", json!("DEF")), Rejection::Wrapped);
    assert_eq!(refused_with("enc", json!("A256GCM")), Rejection::Wrapped);
    for (skipped, value) in [("x5c", json!(["AAAA"])), ("x5t", json!("AAAA")), ("x5t#S256", json!("AAAA")), ("cty", json!("x"))] {
        assert!(verifier().verify(&token().header(skipped, value).sign(), now()).is_ok(), "{skipped}");
    }
}

// EA-170, EA-180, EA-182, OA-JW-10
#[test]
fn what_is_not_three_parts_of_clean_base64url_is_refused() {
    let good = token().sign();
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (header, payload) = signed.split_once('.').unwrap();
    for (what, bad, expected) in [
        ("random", "Zm9vYmFy".to_owned(), "NotCompact"),
        ("empty", String::new(), "NotCompact"),
        ("two parts", signed.to_owned(), "NotCompact"),
        ("four parts", format!("{good}.x"), "NotCompact"),
        ("five parts", "a.b.c.d.e".to_owned(), "Wrapped"),
        ("padding", format!("{good}="), "NotCompact"),
        ("plus", format!("{header}.+{payload}.{signature}"), "NotCompact"),
        ("newline", format!("{header}.{payload}.{signature}\n"), "NotCompact"),
        ("space", format!(" {good}"), "NotCompact"),
        ("stray bits", format!("{signed}.{}", not_canonical(signature)), "NotCompact"),
        ("JSON form", r#"{"payload":"e30","signatures":[]}"#.to_owned(), "NotCompact"),
        ("too large", token().claim("filler", "x".repeat(8 * 1024)).sign(), "TooLarge"),
        ("large header", token().header("filler", "x".repeat(2 * 1024)).sign(), "TooLarge"),
        ("header twice", token().sign_parts(r#"{"typ":"at+jwt","alg":"ES256","alg":"ES256"}"#, "{}"), "Header"),
        ("header no object", token().sign_parts("[]", "{}"), "Header"),
        ("claims no object", token().sign_parts(r#"{"typ":"at+jwt"}"#, "5"), "Claims"),
        ("claims twice", claims_twice(), "Claims"),
        (
            "too deep",
            token()
                .claim("deep", serde_json::from_str::<serde_json::Value>(&format!("{}{}", "[".repeat(9), "]".repeat(9))).unwrap())
                .sign(),
            "Claims",
        ),
    ] {
        assert_eq!(name(&refused(&bad)), expected, "{what}");
    }
}

// OA-JW-10: 2 KB are counted in the header itself, not in base64url
#[test]
fn a_header_has_2048_bytes_at_most() {
    let padded = |length: usize| {
        let header = |filler: usize| json!({"typ": "at+jwt", "alg": "ES256", "kid": kid(), "filler": "x".repeat(filler)}).to_string();
        let header = header(length - header(0).len());
        assert_eq!(header.len(), length);
        token().sign_parts(&header, &String::from_utf8(BASE64URL.decode(token().sign().split('.').nth(1).unwrap()).unwrap()).unwrap())
    };
    assert!(verifier().verify(&padded(2048), now()).is_ok());
    assert_eq!(refused(&padded(2049)), Rejection::TooLarge(2049));
}

fn not_canonical(signature: &str) -> String {
    // 64 bytes leave four unused bits in the last character.
    let (head, last) = signature.split_at(signature.len() - 1);
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let at = alphabet.find(last).unwrap();
    format!("{head}{}", &alphabet[at + 1..at + 2])
}

fn claims_twice() -> String {
    let header = json!({"typ": "at+jwt", "alg": "ES256", "kid": kid()}).to_string();
    token().sign_parts(&header, &format!(r#"{{"iss":"{ISSUER}","aud":"https://a.example","aud":"{MCP}"}}"#))
}

// EA-181, OA-JW-13
#[test]
fn a_key_is_found_by_its_name_and_nothing_else() {
    for made_up in ["../../dev/null", "' OR 1=1", "", "SN6nPf"] {
        assert_eq!(name(&refused(&token().header("kid", made_up).sign())), "UnknownKey", "{made_up}");
    }
    assert_eq!(name(&refused(&token().header("kid", "k".repeat(257)).sign())), "UnknownKey");
    assert_eq!(name(&refused(&token().header("kid", 5).sign())), "UnknownKey");
    assert_eq!(name(&refused(&token().header("kid", "k".repeat(10_000)).sign())), "TooLarge");
    assert_eq!(refused(&token().without_header("kid").sign()), Rejection::UnknownKey("missing".to_owned()));
}

// EA-183, OA-RS-12
#[test]
fn several_issuers_are_kept_apart() {
    let other = TestIssuer::with_key("https://other.example.com", 2);
    let verifier = Verifier::builder(issuer().trusted(), MCP).issuer(other.trusted()).build().unwrap();
    assert!(verifier.verify(&token().sign(), now()).is_ok());
    assert_eq!(verifier.verify(&other.token(MCP, now()).sign(), now()).unwrap().issuer(), "https://other.example.com");
    let crossed = token().claim("iss", "https://other.example.com").sign();
    assert_eq!(name(&verifier.verify(&crossed, now()).unwrap_err()), "UnknownKey");
    let with_kid = token().claim("iss", "https://other.example.com").header("kid", other.public_key()["kid"].clone()).sign();
    assert_eq!(name(&verifier.verify(&with_kid, now()).unwrap_err()), "Signature");
    assert!(verifier.metadata().json().contains(r#""authorization_servers":["https://auth.example.com","https://other.example.com"]"#));
}

// EA-184, OA-AT-09, OA-AT-10, MCP-RS-20
#[test]
fn claims_are_what_they_have_to_be() {
    for (claim, value) in [
        ("sub", json!("")),
        ("sub", json!(5)),
        ("client_id", json!("")),
        ("jti", json!(null)),
        ("scope", json!(["a"])),
        ("scope", json!("a\"b")),
    ] {
        assert_eq!(name(&refused(&token().claim(claim, value.clone()).sign())), "Claim", "{claim} {value}");
    }
    for claim in ["sub", "client_id", "jti"] {
        assert_eq!(name(&refused(&token().without(claim).sign())), "Claim", "{claim}");
    }
    for bound in [json!({"jkt": "x"}), json!({"x5t#S256": "x"}), json!({"new": 1}), json!(null)] {
        assert_eq!(refused(&token().claim("cnf", bound.clone()).sign()), Rejection::SenderBound, "{bound}");
    }
}

// OA-AT-04, OA-AT-09, OA-JW-13: leniency is per issuer, and off by default
#[test]
fn a_foreign_issuer_is_met_halfway_and_no_other() {
    let foreign = TestIssuer::with_key("https://foreign.example.com/", 2);
    let lenient =
        foreign.trusted().accept_trailing_slash().accept_typ("JWT").accept_missing_typ().accept_missing_kid().accept_scope_arrays();
    let verifier = Verifier::builder(issuer().trusted(), MCP).issuer(lenient).build().unwrap();
    let odd = |token: TestToken| token.header("typ", "JWT").without_header("kid").without("scope").claim("scp", json!(["a", "b"])).sign();
    let caller = verifier.verify(&odd(foreign.token(MCP, now())), now()).unwrap();
    assert_eq!(caller.scope().to_string(), "a b");
    assert!(verifier.verify(&foreign.token(MCP, now()).without_header("typ").sign(), now()).is_ok());
    assert_eq!(name(&verifier.verify(&foreign.token(MCP, now()).claim("scope", json!(["a b"])).sign(), now()).unwrap_err()), "Claim");
    assert_eq!(name(&verifier.verify(&odd(token()), now()).unwrap_err()), "Type");
    assert_eq!(
        name(&verifier.verify(&foreign.token(MCP, now()).claim("iss", "https://foreign.example.com").sign(), now()).unwrap_err()),
        "Issuer"
    );
}

// EA-187, OA-RS-07, OA-RS-08
#[test]
fn a_sign_in_too_long_ago_is_not_enough() {
    let verifier = Verifier::builder(issuer().trusted(), MCP).max_age(TimeDelta::minutes(5)).build().unwrap();
    let judge = |token: TestToken| {
        let token = verifier.verify(&token.sign(), now()).unwrap();
        verifier.authorize(&token, verifier.needs(), now())
    };
    let signed_in = |ago: i64| token().claim("auth_time", now().timestamp() - ago);
    assert!(judge(signed_in(0)).is_ok() && judge(signed_in(330)).is_ok());
    assert!(matches!(judge(signed_in(331)), Err(Refusal::SignInTooOld { age: Some(_), .. })));
    assert!(matches!(judge(token().without("auth_time")), Err(Refusal::SignInTooOld { age: None, .. })));
}

// OA-RS-16
#[test]
fn a_remembered_token_ends_when_it_says() {
    let verifier = Verifier::builder(issuer().trusted(), MCP).build().unwrap();
    let token = token().sign();
    let end = now() + TimeDelta::minutes(15);
    assert!(verifier.verify(&token, now()).is_ok());
    assert!(verifier.verify(&token, end + TimeDelta::seconds(29)).is_ok(), "within the allowed difference of clocks");
    assert!(matches!(verifier.verify(&token, end + TimeDelta::seconds(30)), Err(Rejection::Expired { .. })));
}

// OA-RS-16, MCP-RS-18
#[test]
fn tokens_are_remembered_up_to_a_bound_or_not_at_all() {
    for (most, remembered) in [(64, 1..=64), (0, 0..=0)] {
        let verifier = Verifier::builder(issuer().trusted(), MCP).remember(most).build().unwrap();
        for number in 0..300 {
            assert!(verifier.verify(&token().claim("jti", format!("t_{number}")).sign(), now()).is_ok());
        }
        let said = format!("{verifier:?}");
        let (_, rest) = said.split_once("Remembered(").unwrap();
        let count: usize = rest.split_once(')').unwrap().0.parse().unwrap();
        assert!(remembered.contains(&count), "{count} of {most}");
    }
}

#[test]
fn a_description_that_makes_no_sense_is_refused() {
    let build = |resource: &str| Verifier::builder(issuer().trusted(), resource).build();
    let builder = || Verifier::builder(issuer().trusted(), MCP);
    assert!(matches!(build("https://mcp.example.com/mcp/"), Err(BuildError::TrailingSlash(_))));
    assert!(matches!(build("http://mcp.example.com/mcp"), Err(BuildError::Resource { .. })));
    assert!(build("https://mcp.example.com/").is_ok());
    for (described, wrong) in [
        (builder().scope("a b"), "Scope"),
        (builder().scope("offline_access"), "OfflineAccess"),
        (builder().tool("x", ["offline_access"]), "OfflineAccess"),
        (builder().scope_implies("a", "\""), "Scope"),
        (builder().clock_skew(TimeDelta::seconds(61)), "ClockSkew"),
        (builder().clock_skew(TimeDelta::seconds(-1)), "ClockSkew"),
        (builder().audience(ISSUER), "AudienceIsIssuer"),
        (builder().issuer(issuer().trusted()), "SameIssuerTwice"),
        (builder().issuer(TrustedIssuer::new("https://a.example/")), "Issuer"),
        (builder().issuer(TrustedIssuer::new("https://a.example").keys("{}")), "Keys"),
    ] {
        let error = described.build().expect_err(wrong);
        assert!(format!("{error:?}").starts_with(wrong), "{wrong} {error:?}");
    }
}

// RFC 7515 A.3: the example's signature is good, and it is no access token
#[test]
fn the_example_of_the_rfc_is_signed_well_and_still_no_access_token() {
    const TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    const KEY: &str =
        r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
    let key = crate::jwk::Jwk::from_json(KEY.as_bytes()).unwrap();
    let (signed, signature) = TOKEN.rsplit_once('.').unwrap();
    let signature = BASE64URL.decode(signature).unwrap();
    assert!(key.verifies(Algorithm::Es256, signed.as_bytes(), &signature));
    assert!(!key.verifies(Algorithm::Es256, &signed.as_bytes()[1..], &signature));
    assert!(matches!(refused(TOKEN), Rejection::Issuer { .. }));
}

proptest! {
    /// OA-JW-10, OA-JW-12: a token is good as it was issued, and in no other way.
    #[test]
    fn a_changed_token_never_passes(at in 0_usize..600, to in 0x21_u8..0x7F) {
        let verifier = verifier();
        let good = token().sign();
        prop_assert!(verifier.verify(&good, now()).is_ok());
        let mut bytes = good.clone().into_bytes();
        let at = at % bytes.len();
        prop_assume!(bytes[at] != to);
        bytes[at] = to;
        prop_assert!(verifier.verify(&String::from_utf8(bytes).unwrap(), now()).is_err());
    }

    #[test]
    fn any_text_is_refused_without_a_fuss(text in "[ -~]{0,300}", parts in "[A-Za-z0-9_.-]{0,300}") {
        let verifier = verifier();
        prop_assert!(verifier.verify(&text, now()).is_err());
        prop_assert!(verifier.verify(&parts, now()).is_err());
    }

    #[test]
    fn any_claims_are_judged_without_a_fuss(name in "iss|sub|aud|client_id|exp|iat|nbf|jti|scope|auth_time|cnf", value in json_value()) {
        let _ = verifier().verify(&token().claim(&name, value).sign(), now());
    }
}

fn json_value() -> impl Strategy<Value = serde_json::Value> {
    prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(|number| json!(number)),
        ".{0,20}".prop_map(|text| json!(text)),
        prop::collection::vec(".{0,9}", 0..4).prop_map(|texts| json!(texts)),
    ]
}
