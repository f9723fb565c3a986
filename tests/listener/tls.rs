//! TLS by the server itself.

use std::{fs, path::Path};

use portcullis_verifier::{BuildError, Rejection, TrustedIssuer, Verifier};
use reqwest::{Version, tls};

use crate::harness::{Answer, Certificate, Client, FILES, Server, Setup, Store, Tokens, trusting, until};

async fn start(certificate: &Certificate) -> Server {
    Setup::on(Store::Sqlite).tls(&certificate.certificate(), &certificate.key()).start().await
}

/// Whether who trusts only this certificate gets an answer, over a connection of its own.
async fn is_trusted(server: &Server, certificate: &Path) -> bool {
    let client = trusting(Some(certificate)).build().unwrap();
    Answer::try_to(client.get(server.url("/livez"))).await.is_ok_and(|answer| answer.status == 200)
}

// OA-HT-14
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_tls_1_3_is_spoken() {
    let certificate = Certificate::new();
    let server = start(&certificate).await;
    let old = server.http().tls_version_max(tls::Version::TLS_1_2).build().unwrap();
    let refused = Answer::try_to(old.get(server.url("/livez"))).await.expect_err("TLS 1.2 is refused");
    assert!(format!("{refused:?}").contains("ProtocolVersion"), "{refused:?}");
    let new = server.http().tls_version_min(tls::Version::TLS_1_3).build().unwrap();
    Answer::to(new.get(server.url("/livez"))).await.expect(200);
    let plain = server.http().build().unwrap();
    let refused = Answer::try_to(plain.get(server.url("/livez").replace("https://", "http://"))).await;
    assert!(refused.is_err(), "no answer without TLS: {refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_choose_http_2_or_http_1_1() {
    let certificate = Certificate::new();
    let server = start(&certificate).await;
    let address = server.url("/.well-known/oauth-authorization-server");
    let new = server.http().build().unwrap().get(&address).send().await.unwrap();
    assert_eq!((new.version(), new.status().as_u16()), (Version::HTTP_2, 200));
    let old = server.http().http1_only().build().unwrap().get(&address).send().await.unwrap();
    assert_eq!((old.version(), old.status().as_u16()), (Version::HTTP_11, 200));
}

// OA-HT-14, MCP-AS-06
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_over_tls_asks_for_a_year_of_tls() {
    let certificate = Certificate::new();
    let server = start(&certificate).await;
    for path in ["/livez", "/sign-in", "/.well-known/oauth-authorization-server", "/jwks", "/token", "/nowhere"] {
        let hsts = server.get(path).await.header("strict-transport-security");
        assert_eq!(hsts.as_deref(), Some("max-age=31536000"), "{path}");
    }
    let metadata = server.get("/.well-known/oauth-authorization-server").await.json();
    assert_eq!(metadata["issuer"], server.issuer.as_str());
    assert_eq!(metadata["token_endpoint"], format!("{}/token", server.issuer));

    let plain = Server::start(Store::Sqlite).await;
    assert_eq!(plain.get("/livez").await.header("strict-transport-security"), None, "a browser ignores it, and localhost is shared");
}

// OA-SE-01, OA-SE-02
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cookies_over_tls_are_bound_to_the_host() {
    let certificate = Certificate::new();
    let server = start(&certificate).await;
    let mut ada = server.person("ada");
    let page = ada.open("/sign-in").await;
    let mut lines = page.answer.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap().to_owned()).collect::<Vec<_>>();
    let mut form = page.form("/sign-in");
    form.set("username", "ada");
    form.set("password", &ada.password.clone());
    let answer = ada.submit_only(&form, None).await.expect(303);
    lines.extend(answer.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap().to_owned()));
    assert!(lines.len() >= 2, "the browser's own and the session: {lines:?}");
    for line in lines {
        let attributes: Vec<_> = line.split(';').map(str::trim).collect();
        assert!(line.starts_with("__Host-"), "{line}");
        for attribute in ["Secure", "HttpOnly", "SameSite=Lax", "Path=/"] {
            assert!(attributes.contains(&attribute), "{attribute} in {line}");
        }
        assert!(!line.to_lowercase().contains("domain="), "{line}");
    }
    assert_eq!(ada.get("/account").await.status, 200);
}

// OA-JW-17
#[test]
fn files_that_can_not_be_used_are_told_before_the_start() {
    use std::os::unix::fs::PermissionsExt as _;
    let (one, other) = (Certificate::new(), Certificate::new());
    let refused = |key: &Path| {
        let ran = Setup::on(Store::Sqlite).tls(&one.certificate(), key).refused();
        assert_eq!(ran.status.code(), Some(2), "{ran:?}");
        ran.stderr
    };
    assert!(refused(&other.key()).contains("certificate and private key do not belong together"));
    fs::set_permissions(one.key(), fs::Permissions::from_mode(0o640)).unwrap();
    let open = refused(&one.key());
    assert!(open.contains("others can read the private key") && open.contains("chmod 600"), "{open}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_certificate_is_read_at_sighup() {
    let (first, next) = (Certificate::new(), Certificate::new());
    let server = start(&first).await;
    let old = first.certificate().with_file_name("old.pem");
    first.replace_with(&next, &old);
    assert!(is_trusted(&server, &old).await, "nothing changes without a signal");
    server.signal("HUP");
    until("the new certificate", async || is_trusted(&server, &next.certificate()).await).await;
    assert!(!is_trusted(&server, &old).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_can_not_be_read_leaves_the_old_one() {
    let certificate = Certificate::new();
    let server = start(&certificate).await;
    let good = certificate.certificate().with_file_name("good.pem");
    fs::copy(certificate.certificate(), &good).unwrap();
    fs::write(certificate.certificate(), "-----BEGIN CERTIFICATE-----\nnonsense").unwrap();
    server.signal("HUP");
    until("a word in the log", async || server.log().contains("the old one stays")).await;
    assert!(is_trusted(&server, &good).await);
}

// MCP-RS-17, MCP-RS-18, OA-JW-16
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_verifier_asks_only_whom_its_roots_vouch_for() {
    let certificate = Certificate::new();
    let server = start(&certificate).await;
    let machine = Client::operator(&server, "Nightly", "", &["--machine", FILES, "--introspect", FILES]);
    let token = Tokens::of(&machine.credentials(&[("resource", FILES)]).await).access;
    let build = |issuer: TrustedIssuer| Verifier::builder(issuer, FILES).build();
    let issuer = || TrustedIssuer::new(server.issuer.as_str());
    let pem = |certificate: &Certificate| fs::read_to_string(certificate.certificate()).unwrap();
    let both = format!("{}{}", pem(&Certificate::new()), pem(&certificate));
    let secret = machine.secret.clone().unwrap();
    for trusting in [issuer().root_certificate(pem(&certificate)), issuer().root_certificate(both)] {
        build(trusting.clone()).unwrap().check(&token).await.unwrap();
        build(trusting.introspection(&machine.id, &secret)).unwrap().check(&token).await.unwrap();
    }
    for stranger in [issuer(), issuer().root_certificate(pem(&Certificate::new()))] {
        let refused = build(stranger.clone()).unwrap().check(&token).await;
        assert!(matches!(refused, Err(Rejection::KeysUnavailable(_))), "{refused:?}");
        let refused = build(stranger.introspection(&machine.id, &secret)).unwrap().check(&token).await;
        assert!(refused.is_err_and(|rejection| rejection.is_our_fault()));
    }
    for nonsense in ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        assert!(matches!(build(issuer().root_certificate(nonsense)), Err(BuildError::Tls(_))), "{nonsense}");
    }
    for plain in ["http://auth.example.com", "http://192.0.2.1:8080", "http://localhost.example.com"] {
        assert!(matches!(build(TrustedIssuer::new(plain)), Err(BuildError::Issuer { .. })), "{plain}");
    }
}
