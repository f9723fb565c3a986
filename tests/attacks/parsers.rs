//! Whatever strangers send is read in one go: four times as much takes about four times
//! as long, and never sixteen times (OA-AB-06, CWE-407). What counts is the ratio, the
//! best of several: a slow machine is slow for both.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use portcullis::{
    http::browser::Cookies,
    limits::Sources,
    protocol::{
        client_auth::Presented,
        parameters::Parameters,
        registration::{self, Chosen, LARGEST_BODY, RegistrationError, RegistrationPolicy},
        vocabulary::{
            AuthorizationCode, ClientId, ClientSecret, CodeChallenge, CodeVerifier, GrantId, Prompt, RedirectUri, SessionId, Subject,
            TaggedMember, Token,
        },
    },
};
use portcullis_verifier::{
    TrustedIssuer, Verifier,
    jwk::{Set, SetError},
    vocabulary::{Issuer, Resource, Scope},
};
use reqwest::header::{COOKIE, HeaderMap, HeaderName, HeaderValue};

use crate::harness::FILES;

/// What is most for four times as much. A linear parser is at 4, a quadratic one at 16.
const MOST: f64 = 8.0;
/// Short and many: the best of them was not interrupted, however busy the machine is.
const WINDOW: Duration = Duration::from_micros(100);
const ROUNDS: usize = 40;
const ATTEMPTS: usize = 5;

/// How long it takes to read this so many times.
fn time<T>(parse: &impl Fn(&[u8]) -> T, input: &[u8], times: u32) -> Duration {
    let began = Instant::now();
    for _ in 0..times {
        black_box(parse(black_box(input)));
    }
    began.elapsed()
}

/// How much longer four times as much takes, at best.
fn ratio<T>(parse: &impl Fn(&[u8]) -> T, little: &[u8], much: &[u8]) -> f64 {
    let mut times = 1;
    while time(parse, little, times) < WINDOW {
        times *= 2;
    }
    let (mut shortest, mut long) = (Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        shortest = shortest.min(time(parse, little, times));
        long = long.min(time(parse, much, times));
    }
    long.as_secs_f64() / shortest.as_secs_f64()
}

/// Each piece, between a beginning and an end, as often as makes `most` bytes and a quarter of that.
#[track_caller]
fn is_linear<T>(what: &str, most: usize, inputs: &[(&str, &str, &str)], parse: impl Fn(&[u8]) -> T) {
    for (begin, piece, end) in inputs {
        let of = |bytes: usize| {
            let times = bytes.saturating_sub(begin.len() + end.len()) / piece.len();
            format!("{begin}{}{end}", piece.repeat(times)).into_bytes()
        };
        let (little, much) = (of(most / 4), of(most));
        assert!(much.len() <= most && much.len() > most - most / 4, "{what}: {} of {most} bytes", much.len());
        // Measured again as long as it looks bad.
        let mut ratios = Vec::new();
        while ratios.last().is_none_or(|ratio| *ratio > MOST) && ratios.len() < ATTEMPTS {
            ratios.push(ratio(&parse, &little, &much));
        }
        assert!(ratios.last().is_some_and(|ratio| *ratio <= MOST), "{what}, {begin}{piece}…{end}: {ratios:.1?}");
    }
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

fn register(body: &[u8]) -> Result<(), RegistrationError> {
    let chosen = Chosen { id: ClientId::generate([1; 16]), secret: Token::<ClientSecret>::new([2; 32]) };
    registration::register(body, RegistrationPolicy { private_use_schemes: true }, chosen, now()).map(|_| ())
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

// What is measured here can be measured: a parser that looks back at all it has read.
#[test]
fn a_parser_that_is_not_linear_would_be_noticed() {
    let quadratic =
        |bytes: &[u8]| bytes.iter().enumerate().filter(|(at, byte)| bytes[..*at].iter().any(|earlier| *earlier > **byte)).count();
    let ratio = ratio(&quadratic, &[b'a'; 1000], &[b'a'; 4000]);
    assert!(ratio > MOST, "{ratio}");
}

// OA-AB-06
#[test]
fn registrations_are_read_in_one_go() {
    const BEGIN: &str = r#"{"redirect_uris":["https://a.example/cb"],"#;
    let inputs = [
        (BEGIN, r#""a":1,"#, r#""z":1}"#),
        (r#"{"a":""#, r"\u0061", r#""}"#),
        (r#"{"a":""#, "é", r#""}"#),
        (r#"{"a":["#, "[],", "1]}"),
        (r#"{"a":"#, "[", ""),
        ("{", r#""client_name#"#, ""),
        (r#"{"client_name":""#, " ", r#""}"#),
        (r#"{"redirect_uris":["https://a.example/cb"],"client_name#de":""#, "x", r#""}"#),
        (r#"{"redirect_uris":["https://a.example/cb"],"scope":""#, "a ", r#""}"#),
        (r#"{"redirect_uris":["https://a.example/cb"],"grant_types":["authorization_code""#, r#","x""#, "]}"),
        (r#"{"redirect_uris":["https://a.example/cb"],"response_types":["code""#, r#","x""#, "]}"),
        (r#"{"redirect_uris":["https://a.example/cb"],"jwks":{"keys":["#, "{},", "1]}}"),
        (r#"{"redirect_uris":["https://a.example/cb"],"logo_uri":"https://a.example/"#, "../", r#""}"#),
        (r#"{"redirect_uris":["https://a.example/"#, "../", r#""]}"#),
        ("", " ", ""),
    ];
    is_linear("a registration", LARGEST_BODY, &inputs, register);
    // Members of different names, which a map could confuse.
    let members = |count: usize| {
        let members = (0..count).map(|at| format!(r#""client_name#a{at}":null,"#)).collect::<Vec<_>>().concat();
        format!(r#"{{{members}"redirect_uris":["https://a.example/cb"]}}"#).into_bytes()
    };
    let best = (0..ATTEMPTS).map(|_| ratio(&register, &members(500), &members(2000))).fold(f64::MAX, f64::min);
    assert!(best <= MOST, "{best}");
}

// OA-AB-06
#[test]
fn forms_queries_and_headers_are_read_in_one_go() {
    let forms = [("", "&", ""), ("a=", "%41", ""), ("a=", "+", ""), ("", "a=b&", ""), ("a", "=", ""), ("scope=", "a+", ""), ("%", "%", "")];
    is_linear("a form", LARGEST_BODY, &forms, Parameters::parse);
    is_linear("a query", 16 * 1024, &forms, Parameters::parse_remembering_faults);

    let form = Parameters::default();
    let headers =
        [("Basic ", "Ojo6", ""), ("Basic ", " ", "Ojo6"), ("Basic ", "JTQx", "Og=="), ("", "Basic ", ""), ("Basic YTp", "JTQx", "")];
    is_linear("client authentication", 16 * 1024, &headers, |header| Presented::read([header], &form));

    let cookies = Cookies::new(&Issuer::parse("https://auth.example.com").unwrap());
    let lines = [("", "a=b; ", ""), ("", ";", ""), ("", "=", ""), ("__Host-pc_session=", "; ", "")];
    let header = |name: HeaderName, value: &[u8]| HeaderMap::from_iter([(name, HeaderValue::from_bytes(value).unwrap())]);
    is_linear("cookies", 16 * 1024, &lines, |line| cookies.session(&header(COOKIE, line)));

    let sources = Sources::new(vec!["10.0.0.0/8".parse().unwrap()], Vec::new());
    let hops = [("", "10.0.0.1,", "1.2.3.4"), ("", ",", ""), ("", "\"", ""), ("", "[::1]:1, ", "x")];
    let peer = "10.1.1.1".parse().unwrap();
    let name = HeaderName::from_static("x-forwarded-for");
    is_linear("the way of a request", 16 * 1024, &hops, |line| sources.of(&header(name.clone(), line), peer));
}

// OA-AB-06
#[test]
fn addresses_and_names_are_read_in_one_go() {
    const MOST_BYTES: usize = 2048;
    let addresses = [
        ("https://a.example/", "../", ""),
        ("https://a.example/", "a/", ""),
        ("https://a.example/", "%41", ""),
        ("https://a.example/?", "a&", ""),
        ("https://", "a.", "example/cb"),
        ("https://", "xn--a.", "example/cb"),
        ("https://xn--", "a", "/cb"),
        ("https://", "@", "a.example"),
        ("https://[", ":", "]/"),
        ("http://127.0.0.1:", "0", "1/"),
        ("a", "-", ":/cb"),
        ("a.b:", "/", ""),
    ];
    is_linear("a redirect URI", MOST_BYTES, &addresses, |uri| text(uri).parse::<RedirectUri>());
    is_linear("a resource", MOST_BYTES, &addresses, |uri| Resource::parse(text(uri)));
    is_linear("an issuer", MOST_BYTES, &addresses, |uri| Issuer::parse(text(uri)));

    let words = [("", "a ", ""), ("", " ", ""), ("", "\"", ""), ("", "none ", ""), ("", "aB", ""), ("pc_code_", "a", ""), ("", "é", "")];
    is_linear("a scope", MOST_BYTES, &words, |word| Scope::parse(text(word)));
    is_linear("a prompt", LARGEST_BODY, &words, |word| text(word).parse::<Prompt>());
    is_linear("a client id", MOST_BYTES, &words, |word| text(word).parse::<ClientId>());
    is_linear("a challenge", LARGEST_BODY, &words, |word| text(word).parse::<CodeChallenge>());
    is_linear("a verifier of one", LARGEST_BODY, &words, |word| text(word).parse::<CodeVerifier>());
    is_linear("a grant", LARGEST_BODY, &words, |word| text(word).parse::<GrantId>());
    is_linear("a subject", LARGEST_BODY, &words, |word| text(word).parse::<Subject>());
    is_linear("a code", LARGEST_BODY, &words, |word| Token::<AuthorizationCode>::parse(text(word)));
    is_linear("a session", LARGEST_BODY, &words, |word| Token::<SessionId>::parse(text(word)));
    let tags = [("client_name#", "a-", "a"), ("client_name", "#", ""), ("client_name#", "a", ""), ("client_name#", "-", "")];
    is_linear("a tagged member", LARGEST_BODY, &tags, |name| text(name).parse::<TaggedMember>());
}

const KEYS: &str = r#"{"keys":[{"kid":"a","kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}"#;

// OA-AB-06
#[test]
fn tokens_and_key_sets_are_read_in_one_go() {
    let issuer = TrustedIssuer::new("https://auth.example.com").keys(KEYS);
    let verifier = Verifier::builder(issuer, FILES).build().unwrap();
    // {"typ":"at+jwt","alg":"ES256","kid":"a"}, then whatever; `eyJ` is {", `W1tb` is [[[, `IiIi` is """.
    let head = "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFUzI1NiIsImtpZCI6ImEifQ.";
    let with_body = [format!("{head}W1tb"), format!("{head}eyJh")];
    let tokens = [
        ("", ".", ""),
        ("", "eyJ", "."),
        ("", "W1tb", ".a.b"),
        (with_body[0].as_str(), "W1tb", ".YQ"),
        (with_body[1].as_str(), "IiIi", ".YQ"),
        (head, "A", ".YQ"),
        ("eyJ.eyJ.", "A", ""),
        ("", "é", ""),
    ];
    is_linear("a token", 8 * 1024, &tokens, |token| verifier.verify(text(token), now()));
    let sets = [
        (r#"{"keys":["#, "{},", "1]}"),
        (r#"{"keys":["#, "[", ""),
        (r#"{"keys":[],"a":""#, r"\u0061", r#""}"#),
        ("{", r#""a":1,"#, r#""keys":[]}"#),
        (r#"{"keys":[{"kty":"RSA","e":"AQAB","n":""#, "A", r#""}]}"#),
    ];
    is_linear("a key set", 128 * 1024, &sets, Set::from_json);
}

// OA-AB-06, OA-DR-01: the stack has an end, and so has what may be nested
#[test]
fn depth_is_bounded_wherever_json_is_read() {
    let deep = |open: &str, depth: usize| open.repeat(depth);
    for open in ["[", r#"{"a":"#, r#"[{"a":"#] {
        let body = format!(r#"{{"redirect_uris":["https://a.example/cb"],"a":{}"#, deep(open, LARGEST_BODY / 2 / open.len()));
        assert_eq!(register(body.as_bytes()), Err(RegistrationError::NotAnObject));
        let set = format!(r#"{{"keys":[],"a":{}"#, deep(open, 64 * 1024 / open.len()));
        assert_eq!(Set::from_json(set.as_bytes()).err(), Some(SetError::Malformed));
    }
    // Well-formed and small, but deep.
    let closed = format!(r#"{{"redirect_uris":["https://a.example/cb"],"a":{}{}}}"#, "[".repeat(40), "]".repeat(40));
    assert_eq!(register(closed.as_bytes()), Err(RegistrationError::NotAnObject));
}
