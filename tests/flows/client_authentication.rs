//! Who is calling: at the token, revocation and introspection endpoints alike.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::json;

use crate::harness::{Answer, Client, FILES, Server, Setup, Tokens, on_both_stores};

/// A post with this `Authorization` header, or none.
async fn post(server: &Server, path: &str, authorization: Option<&str>, form: &[(&str, &str)]) -> Answer {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let mut request = server.request("POST", path).header("content-type", "application/x-www-form-urlencoded").body(body);
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    Answer::to(request).await
}

fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{id}:{secret}")))
}

on_both_stores! {
    // MCP-AS-56, MCP-AS-57, OA-CL-01, OA-CL-03, OA-CL-04, OA-CL-15: raw and form-encoded are the same bytes
    async fn a_secret_may_come_by_header_or_by_form_whichever_was_registered(store: Store) {
        let server = Server::start(store).await;
        for method in ["client_secret_basic", "client_secret_post"] {
            let metadata = json!({ "redirect_uris": ["https://client.example.com/callback"], "token_endpoint_auth_method": method });
            let client = Client::register_as(&server, &metadata).await;
            let secret = client.secret.clone().expect("a secret");
            let safe = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
            assert!(safe(&client.id) && safe(&secret), "{} {secret}", client.id);
            let mut ada = server.person("ada");
            let mut token = client.connect(&mut ada).await.refresh().to_owned();
            let header = basic(&client.id, &secret);
            let id = ("client_id", client.id.as_str());
            let by_form = [id, ("client_secret", secret.as_str())];
            for (authorization, more) in [(Some(header.as_str()), &[][..]), (Some(&header), &[id]), (None, &by_form[..])] {
                let mut form = vec![("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
                form.extend(more);
                let next = Tokens::of(&post(&server, "/token", authorization, &form).await);
                next.refresh().clone_into(&mut token);
            }
            for (authorization, more) in [(Some(header.as_str()), &[][..]), (None, &by_form[..])] {
                let mut form = vec![("token", token.as_str())];
                form.extend(more);
                post(&server, "/revoke", authorization, &form).await.expect(200);
                post(&server, "/introspect", authorization, &form).await.expect(200);
            }
        }
    }

    // OA-CL-05, OA-CL-06, OA-CL-07, OA-CL-08, OA-CR-08, MCP-AS-59: one answer, byte for byte
    async fn every_failed_authentication_gets_the_same_answer(store: Store) {
        let server = Setup::on(store).unlimited().start().await;
        let client = server.operators_client(|record| record.introspects = vec![FILES.to_owned()]).await;
        let public = server.client().await;
        let mut ada = server.person("ada");
        let token = client.connect(&mut ada).await.refresh().to_owned();
        let secret = client.secret.clone().unwrap();
        let id = client.id.as_str();
        let unknown = "pc_client_unknown";
        for (path, form) in [
            ("/token", vec![("grant_type", "refresh_token"), ("refresh_token", token.as_str())]),
            ("/revoke", vec![("token", token.as_str())]),
            ("/introspect", vec![("token", token.as_str())]),
        ] {
            let mut bodies = Vec::new();
            for authorization in [basic(id, "wrong"), basic(unknown, &secret), basic(&public.id, "wrong"),
                "Digest x".to_owned(), "Basic".to_owned(), "Basic %%%".to_owned(), format!("Basic {}", BASE64_STANDARD.encode(id))] {
                let answer = post(&server, path, Some(&authorization), &form).await;
                answer.expect_error(401, "invalid_client");
                assert_eq!(answer.header("www-authenticate"), Some(format!("Basic realm=\"{}\"", server.issuer)), "{authorization}");
                bodies.push(answer.body);
            }
            for more in [vec![], vec![("client_id", id)], vec![("client_id", id), ("client_secret", "wrong")], vec![("client_id", unknown)],
                vec![("client_id", &public.id), ("client_secret", "x")], vec![("client_secret", &secret)]] {
                let mut form = form.clone();
                form.extend(more);
                let answer = post(&server, path, None, &form).await;
                answer.expect_error(401, "invalid_client");
                assert_eq!(answer.header("www-authenticate"), None, "no header was used");
                bodies.push(answer.body);
            }
            bodies.dedup();
            assert_eq!(bodies.len(), 1, "{bodies:?}");
        }
        Tokens::of(&client.refresh(&token).await);
    }

    // OA-CL-02, OA-CL-03
    async fn one_mechanism_at_a_time(store: Store) {
        let server = Setup::on(store).unlimited().start().await;
        let client = server.operators_client(|_| {}).await;
        let mut ada = server.person("ada");
        let token = client.connect(&mut ada).await.refresh().to_owned();
        let secret = client.secret.clone().unwrap();
        let header = basic(&client.id, &secret);
        let form = [("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
        let jwt_bearer = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        for (authorization, more) in [
            (Some(&header), vec![("client_secret", secret.as_str())]),
            (Some(&header), vec![("client_id", "somebody-else")]),
            (Some(&header), vec![("client_assertion", "a.b.c"), ("client_assertion_type", jwt_bearer)]),
            (None, vec![("client_secret", &secret), ("client_assertion", "a.b.c"), ("client_assertion_type", jwt_bearer)]),
        ] {
            let form: Vec<_> = form.iter().copied().chain(more).collect();
            post(&server, "/token", authorization.map(String::as_str), &form).await.expect_error(400, "invalid_request");
        }
        Tokens::of(&client.refresh(&token).await);
    }

    // OA-CL-07: an empty secret is none
    async fn an_empty_secret_of_a_public_client_is_no_secret(store: Store) {
        let server = Server::start(store).await;
        let client = server.client().await;
        let mut ada = server.person("ada");
        let first = client.connect(&mut ada).await;
        let id = ("client_id", client.id.as_str());
        let form = [("grant_type", "refresh_token"), ("refresh_token", first.refresh()), id, ("client_secret", "")];
        let second = Tokens::of(&post(&server, "/token", None, &form).await);
        let form = [("grant_type", "refresh_token"), ("refresh_token", second.refresh())];
        Tokens::of(&post(&server, "/token", Some(&basic(&client.id, "")), &form).await);
    }

    // MCP-AS-101, OA-CL-09: the old one goes on until it expires
    async fn two_secrets_are_good_while_one_replaces_the_other(store: Store) {
        use portcullis::protocol::client::ClientSecret;
        use portcullis::protocol::vocabulary::Token;
        let server = Setup::on(store).unlimited().start().await;
        let second = Token::new([7; 32]);
        let expired = Token::new([8; 32]);
        let now = crate::harness::now();
        let client = server.operators_client(|record| {
            record.secrets.push(ClientSecret::of(&second, now, Some(now + chrono::TimeDelta::hours(1))));
            record.secrets.push(ClientSecret::of(&expired, now, Some(now)));
        }).await;
        for (secret, status) in [(client.secret.clone().unwrap(), 400), (second.wire().to_owned(), 400), (expired.wire().to_owned(), 401)] {
            let form = [("grant_type", "refresh_token"), ("refresh_token", "unknown")];
            let answer = post(&server, "/token", Some(&basic(&client.id, &secret)), &form).await;
            assert_eq!(answer.status, status, "{}", answer.body);
        }
    }

    // MCP-AS-64, OA-CL-14, OA-AB-02: nobody's failures hold back somebody else's success
    async fn failures_are_limited_and_successes_are_not(store: Store) {
        let server = Setup::on(store).table("limits", "client_failures_per_minute = 3\nsource_failures_per_minute = 1000").start().await;
        let client = server.operators_client(|_| {}).await;
        let mut ada = server.person("ada");
        let mut token = client.connect(&mut ada).await.refresh().to_owned();
        let form = [("grant_type", "refresh_token"), ("refresh_token", "guess")];
        for _ in 0..3 {
            post(&server, "/token", Some(&basic(&client.id, "wrong")), &form).await.expect_error(401, "invalid_client");
        }
        for path in ["/token", "/revoke", "/introspect"] {
            let form = if path == "/token" { &form[..] } else { &[("token", "guess")] };
            let held = post(&server, path, Some(&basic(&client.id, "wrong")), form).await;
            held.expect_error(429, "temporarily_unavailable");
            assert!(held.header("retry-after").is_some_and(|seconds| seconds.parse::<u32>().is_ok()));
        }
        for _ in 0..3 {
            Tokens::of(&client.refresh(&token).await).refresh().clone_into(&mut token);
        }
    }
}
