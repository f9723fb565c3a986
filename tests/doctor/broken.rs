//! One broken server for each finding that is made over HTTP.

use serde_json::{Value, json};

use super::{
    codes, doctor,
    world::{AT_PATH, AT_ROOT, OAUTH, OPENID, Reply, World},
};

/// What is broken, how, for which client, and what has to be found.
type Case = (&'static str, fn(&mut World), Option<&'static str>, &'static [&'static str]);

/// Runs the doctor against each of them.
async fn find(cases: &[Case]) {
    for (what, spoil, client, expected) in cases {
        let mut world = World::good().await;
        spoil(&mut world);
        let url = world.serve();
        let mut arguments = vec![url.as_str(), "--json"];
        arguments.extend(client.iter().flat_map(|client| ["--as", client]));
        let ran = doctor(&arguments);
        assert_eq!(codes(&ran.json()), *expected, "{what}: {ran:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_good_server_has_no_findings() {
    find(&[("nothing", |_| {}, None, &[]), ("nothing", |_| {}, Some("inspector"), &[])]).await;
}

// MCP-RS-05, MCP-RS-06, MCP-RS-07, MCP-RS-08, K-19, K-23
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_the_mcp_endpoint() {
    /// The challenge, changed.
    fn challenged(world: &mut World, change: impl Fn(&str) -> String) {
        let refusal = world.refusal();
        let line = refusal.headers.iter().find(|(name, _)| *name == "www-authenticate").unwrap().1.clone();
        let refusal = refusal.with("www-authenticate", &change(&line));
        world.set("POST /mcp", refusal.clone());
        world.set("GET /mcp", refusal);
    }
    find(&[
        ("a redirect", |world| world.set("POST /mcp", Reply::new(307).with("location", "/mcp/")), None, &["PC-D020"]),
        ("no protection", |world| world.set("POST /mcp", Reply::json(200, &json!({}))), None, &["PC-D021"]),
        ("forbidden", |world| world.set("POST /mcp", Reply::new(403)), None, &["PC-D022"]),
        (
            "no challenge",
            |world| {
                let silent = world.refusal().without("www-authenticate");
                world.set("POST /mcp", silent.clone());
                world.set("GET /mcp", silent);
            },
            None,
            &["PC-D023"],
        ),
        ("DPoP first", |world| challenged(world, |line| format!("DPoP algs=\"ES256\", {line}")), None, &["PC-D024"]),
        ("no resource_metadata", |world| challenged(world, |_| "Bearer realm=\"mcp\"".to_owned()), None, &["PC-D025"]),
        ("another origin", |world| challenged(world, |line| line.replace("127.0.0.1", "localhost")), None, &["PC-D026"]),
        ("GET is not allowed", |world| world.set("GET /mcp", Reply::new(405)), None, &["PC-D027"]),
        ("offline_access", |world| challenged(world, |line| line.replace("files:read", "files:read offline_access")), None, &["PC-D028"]),
    ])
    .await;
}

// MCP-RS-02, MCP-AS-08, F-10, K-02
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_the_resource_metadata_should_be() {
    find(&[
        (
            "nowhere",
            |world| {
                world.unset(AT_PATH);
                world.unset(AT_ROOT);
            },
            None,
            &["PC-D031", "PC-D030"],
        ),
        ("not where the challenge says", |world| world.unset(AT_PATH), None, &["PC-D031"]),
        (
            "not at the path",
            |world| {
                let at = format!("{}/metadata", world.origin);
                let refusal = world.refusal().with("www-authenticate", &format!("Bearer resource_metadata=\"{at}\""));
                world.set("POST /mcp", refusal);
                world.unset(AT_PATH);
                let document = world.resource();
                world.set("GET /metadata", Reply::json(200, &document));
            },
            None,
            &["PC-D032"],
        ),
        ("not at the root", |world| world.unset(AT_ROOT), None, &["PC-D033"]),
        ("a page at the root", |world| world.set(AT_ROOT, Reply::page(200)), None, &["PC-D034", "PC-D033"]),
        ("a redirect at the root", |world| world.set(AT_ROOT, Reply::new(302).with("location", "/")), None, &["PC-D035", "PC-D033"]),
        ("a guard at the root", |world| world.set(AT_ROOT, Reply::new(401)), None, &["PC-D036", "PC-D033"]),
        ("a failure at the root", |world| world.set(AT_ROOT, Reply::new(500)), None, &["PC-D037", "PC-D033"]),
    ])
    .await;
}

// MCP-RS-01, MCP-RS-03, K-20, K-25
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_the_resource_metadata() {
    find(&[
        ("null", |world| world.resource_with("resource_name", Value::Null), None, &["PC-D038"]),
        ("no resource", |world| world.resource_with("resource", json!([])), None, &["PC-D040"]),
        (
            "the origin",
            |world| {
                let origin = world.origin.clone();
                world.resource_with("resource", json!(origin));
            },
            None,
            &["PC-D041"],
        ),
        (
            "a slash",
            |world| {
                let slash = format!("{}/", world.url());
                world.resource_with("resource", json!(slash));
            },
            None,
            &["PC-D042"],
        ),
        ("another", |world| world.resource_with("resource", json!("https://other.example/mcp")), None, &["PC-D043"]),
        ("no server", |world| world.resource_with("authorization_servers", json!([])), None, &["PC-D044"]),
        (
            "two servers",
            |world| {
                let two = json!([world.origin, "https://other.example"]);
                world.resource_with("authorization_servers", two);
            },
            None,
            &["PC-D045"],
        ),
        (
            "two documents",
            |world| {
                let mut other = world.resource();
                other["authorization_servers"] = json!([world.origin, "https://other.example"]);
                let at = format!("{}/metadata", world.origin);
                let refusal = world.refusal().with("www-authenticate", &format!("Bearer resource_metadata=\"{at}\""));
                world.set("POST /mcp", refusal);
                world.set("GET /metadata", Reply::json(200, &other));
            },
            None,
            &["PC-D046", "PC-D045"],
        ),
    ])
    .await;
}

// MCP-AS-01, MCP-AS-02, MCP-AS-04, MCP-AS-05, MCP-AS-08, K-11, F-03
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_issuer_and_server_metadata() {
    find(&[
        (
            "an issuer elsewhere on this computer, of a server that is not",
            |world| world.resource_with("authorization_servers", json!(["http://169.254.169.254/latest"])),
            None,
            &["PC-D050"],
        ),
        (
            "a slash that FastMCP adds",
            |world| {
                let slash = format!("{}/", world.origin);
                world.resource_with("authorization_servers", json!([slash]));
            },
            None,
            &["PC-D051", "PC-D061"],
        ),
        ("nowhere", |world| world.unset(OAUTH), None, &["PC-D060"]),
        ("another issuer", |world| world.server_with("issuer", json!("https://other.example")), None, &["PC-D061"]),
        ("a page with 404", |world| world.set(OPENID, Reply::page(404)), None, &["PC-D062"]),
        (
            "two that differ",
            |world| {
                let mut other = world.server();
                other["token_endpoint"] = json!(format!("{}/other", world.origin));
                other["subject_types_supported"] = json!(["public"]);
                other["id_token_signing_alg_values_supported"] = json!(["RS256"]);
                world.set(OPENID, Reply::json(200, &other));
            },
            None,
            &["PC-D063"],
        ),
        (
            "half of OpenID",
            |world| {
                let document = world.server();
                world.set(OPENID, Reply::json(200, &document));
            },
            None,
            &["PC-D078"],
        ),
    ])
    .await;
}

// MCP-AS-06, MCP-AS-07, K-01, K-12
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_what_the_server_can_do() {
    find(&[
        ("no token endpoint", |world| world.server_with("token_endpoint", Value::Null), None, &["PC-D070"]),
        ("plain http", |world| world.server_with("token_endpoint", json!("http://auth.example.com/token")), None, &["PC-D071"]),
        ("plain PKCE", |world| world.server_with("code_challenge_methods_supported", json!(["plain"])), None, &["PC-D072"]),
        ("no code", |world| world.server_with("response_types_supported", json!(["token"])), None, &["PC-D073"]),
        ("no refresh", |world| world.server_with("grant_types_supported", json!(["authorization_code"])), None, &["PC-D074"]),
        ("no registration", |world| world.server_with("registration_endpoint", Value::Null), None, &["PC-D075"]),
        (
            "documents, and no none",
            |world| {
                let mut document = world.server();
                document["client_id_metadata_document_supported"] = json!(true);
                document["token_endpoint_auth_methods_supported"] = json!(["client_secret_basic"]);
                world.set(OAUTH, Reply::json(200, &document));
            },
            None,
            &["PC-D076"],
        ),
        ("no iss", |world| world.server_with("authorization_response_iss_parameter_supported", Value::Null), None, &["PC-D077"]),
    ])
    .await;
}

// MCP-AS-55, MCP-AS-59, K-09
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_the_token_endpoint() {
    find(&[
        ("an error with 200", |world| world.set("POST /token", Reply::json(200, &json!({"error": "invalid_grant"}))), None, &["PC-D100"]),
        ("a page", |world| world.set("POST /token", Reply::page(400)), None, &["PC-D101"]),
        ("400", |world| world.set("POST /token", Reply::json(400, &json!({"error": "invalid_client"}))), None, &["PC-D102"]),
    ])
    .await;
}

// MCP-AS-190, MCP-AS-191, MCP-AS-192, MCP-RS-25
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn for_a_page_in_a_browser() {
    find(&[
        ("no preflight", |world| world.set("OPTIONS /register", Reply::new(405)), None, &["PC-D080"]),
        (
            "a header that is missing",
            |world| world.set("OPTIONS /mcp", Reply::new(204).with("access-control-allow-headers", "authorization, content-type")),
            Some("inspector"),
            &["PC-D081"],
        ),
        (
            "a document that can't be read",
            |world| {
                let document = world.server();
                world.set(OAUTH, Reply::json(200, &document).without("access-control-allow-origin"));
            },
            None,
            &["PC-D082"],
        ),
        (
            "a challenge that can't be read",
            |world| {
                let refusal = world.refusal().without("access-control-expose-headers");
                world.set("POST /mcp", refusal);
            },
            None,
            &["PC-D083"],
        ),
        ("nothing that others need", |world| world.set("OPTIONS", Reply::new(405)), Some("vscode"), &[]),
    ])
    .await;
}
