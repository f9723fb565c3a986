//! MCP-AS-01 to 03, 08, OA-MD-02 to 04: where the document is, and where it is not.

use crate::harness::{Answer, Server, Setup, Store, raw};

const NAME: &str = "/.well-known/oauth-authorization-server";

// MCP-AS-01, MCP-AS-08
#[tokio::test]
async fn an_issuer_at_the_root_has_one_address() {
    let server = Server::start(Store::Sqlite).await;
    server.get(NAME).await.expect(200);
    nothing_else(&server, &["/other", "/token", "/mcp"]).await;
}

// MCP-AS-01, MCP-AS-03, OA-MD-02, OA-MD-03
#[tokio::test]
async fn an_issuer_with_a_path_is_found_wherever_clients_look() {
    let server = Setup::on(Store::Sqlite).issuer_path("/tenant/one").start().await;
    assert!(server.issuer.ends_with("/tenant/one"));
    let documents = [format!("{NAME}/tenant/one"), format!("/tenant/one{NAME}"), NAME.to_owned()];
    let inserted = server.get(&documents[0]).await.expect(200);
    assert_eq!(inserted.json()["issuer"], server.issuer.as_str());
    assert_eq!(inserted.json()["token_endpoint"], format!("{}/token", server.issuer));
    for path in &documents[1..] {
        assert_eq!(server.get(path).await.expect(200).body, inserted.body, "{path}");
        Answer::to(server.request("HEAD", path)).await.expect(200);
        Answer::to(server.request("OPTIONS", path)).await.expect(204);
    }
    nothing_else(&server, &["/tenant", "/tenant/two", "/tenant/one/more", "/tenant/one/", "/tenant%2fone", "/Tenant/one"]).await;
    // OA-MD-08: OpenID Connect is not there, at any of its places.
    for path in ["/tenant/one/.well-known/openid-configuration", "/.well-known/openid-configuration/tenant/one"] {
        let answer = server.get(path).await;
        answer.expect_error(404, "not_found");
        assert_eq!(answer.header("content-type").as_deref(), Some("application/json"), "{path}");
        assert_eq!(answer.header("access-control-allow-origin").as_deref(), Some("*"), "{path}");
        let preflight = Answer::to(server.request("OPTIONS", path)).await.expect(204);
        assert!(preflight.header("access-control-allow-headers").is_some(), "{path}");
    }
    // The endpoints are below the path, and only there.
    server.get("/tenant/one/jwks").await.expect(200);
    server.post_form("/tenant/one/token", &[("grant_type", "x")]).await.expect_error(400, "unsupported_grant_type");
    for path in ["/jwks", "/token", "/register"] {
        server.get(path).await.expect_error(404, "not_found");
    }
    assert_eq!(server.get("/authorize").await.status, 404);
    assert_eq!(server.get("/tenant/one/authorize").await.status, 400);
    server.get("/livez").await.expect(200);
}

// OA-MD-04, EA-160: a path means what is written and nothing else. Sent byte by byte, since a client would tidy it up.
#[tokio::test]
async fn no_other_spelling_of_a_well_known_path_is_read() {
    let server = Setup::on(Store::Sqlite).issuer_path("/tenant").start().await;
    let ask = async |path: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\r\n", server.port);
        raw(server.port, request.as_bytes()).await
    };
    for known in [NAME.to_owned(), format!("{NAME}/tenant"), format!("/tenant{NAME}")] {
        assert!(ask(&known).await.starts_with("HTTP/1.1 200 "), "{known}");
    }
    for other in [
        "/.well-known/oauth-authorization-server/%74enant",
        "/.well-known/oauth-authorization-server/Tenant",
        "/.well-known/oauth-authorization-server/tenant/",
        "/.well-known/oauth-authorization-server//tenant",
        "/.well-known/oauth-authorization-server/./tenant",
        "/.well-known/oauth-authorization-server/x/../tenant",
        "/.well-known/oauth-authorization-server/x/%2e%2e/tenant",
        "/.well-known/oauth-authorization-server/tenant/.",
        "/.well-known/oauth-authorization-server/tenant;a=b",
        "/.well-known/oauth-authorization-server/tenant%00",
        "/.well-known/oauth-authorization-server%2ftenant",
        "/.well-known/x/../oauth-authorization-server",
        "/.well-known/./oauth-authorization-server",
        "/.well-known/%6fauth-authorization-server",
        "/.well-known/OAUTH-AUTHORIZATION-SERVER",
        "/./.well-known/oauth-authorization-server",
        "/../.well-known/oauth-authorization-server",
        "//.well-known/oauth-authorization-server",
        "//tenant/.well-known/oauth-authorization-server",
        "/tenant//.well-known/oauth-authorization-server",
        "/tenant/../.well-known/oauth-authorization-server",
        "/%74enant/.well-known/oauth-authorization-server",
        "/Tenant/.well-known/oauth-authorization-server",
        "/tenant/./jwks",
        "/tenant//jwks",
        "/%74enant/jwks",
    ] {
        let answer = ask(other).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{other}: {answer}"));
        assert!(head.starts_with("HTTP/1.1 404 ") && head.to_lowercase().contains("content-type: application/json"), "{other}: {answer}");
        assert!(body.contains(r#""error":"not_found""#), "{other}: {answer}");
    }
    // No program means these: there is nothing, in whichever form.
    for other in ["/.Well-Known/oauth-authorization-server", "/%2ewell-known/oauth-authorization-server", "/tenant/%6awks", "/tenant/JWKS"]
    {
        let answer = ask(other).await;
        assert!(answer.starts_with("HTTP/1.1 404 "), "{other}: {answer}");
    }
}

/// A fast JSON 404 that scripts may read, and no redirect, no page, no 401.
async fn nothing_else(server: &Server, others: &[&str]) {
    let mut paths: Vec<String> = others.iter().map(|other| format!("{NAME}{other}")).collect();
    paths.extend(others.iter().filter(|other| !other.contains('%')).map(|other| format!("{other}/.well-known/openid-configuration")));
    paths.extend(
        ["openid-configuration", "oauth-protected-resource", "oauth-protected-resource/mcp", "x"]
            .map(|name| format!("/.well-known/{name}")),
    );
    for path in paths {
        let answer = server.get(&path).await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.body);
        answer.expect_error(404, "not_found");
        assert_eq!(answer.header("access-control-allow-origin").as_deref(), Some("*"), "{path}");
        let preflight = Answer::to(server.request("OPTIONS", &path).header("access-control-request-method", "GET")).await.expect(204);
        assert!(preflight.header("access-control-allow-headers").unwrap().contains("MCP-Protocol-Version"), "{path}");
        assert_eq!(preflight.header("access-control-allow-origin").as_deref(), Some("*"), "{path}");
    }
}
