//! The official Rust SDK, with its own OAuth client.

use std::collections::BTreeSet;

use rmcp::{
    RoleClient, ServiceError, ServiceExt as _,
    model::CallToolRequestParams,
    service::RunningService,
    transport::{
        AuthClient, AuthError, StreamableHttpClientTransport,
        auth::{AuthorizationCallback, AuthorizationRequest, OAuthState, OAuthTokenResponse, WWWAuthenticateParams},
        streamable_http_client::StreamableHttpClientTransportConfig,
    },
};
use serde_json::{Value, json};
use url::Url;

use super::{
    callback::Callback,
    stage::{ALL_SCOPES, FURTHER_SCOPE, SCOPED_TOOL, Stage, allow, assert_asks_for_all, scopes},
};
use crate::{
    docs::sample_tools,
    harness::{Browser, http},
};

/// A connection to the sample, and the keeper of its tokens.
pub(crate) struct Connection {
    service: RunningService<RoleClient, ()>,
    auth: AuthClient<reqwest::Client>,
    pub(crate) client_id: String,
}

impl Connection {
    /// Connects as the SDK's own examples do: try, be challenged, authorize, try again.
    pub(crate) async fn to(sample: &str, browser: &Browser, callback: &mut Callback) -> Self {
        Self::asking(sample, &["Sample", sample, "Use the sample tools"], browser, callback).await
    }

    /// The same at any server; the person reads these words before they allow it.
    pub(crate) async fn asking(sample: &str, words: &[&str], browser: &Browser, callback: &mut Callback) -> Self {
        let challenge = challenge(sample).await;
        let mut state = OAuthState::new(sample, None).await.unwrap();
        let request = AuthorizationRequest::new(callback.url.as_str()).with_client_name("rmcp").with_initial_scope_selection();
        state.start_authorization(request.with_challenge(challenge)).await.unwrap();
        let url = state.get_authorization_url().await.unwrap();
        let asked = allow(browser, &url).await.text;
        for word in words.iter().chain(&["rmcp", "Its name is not verified", "an app on this computer"]) {
            assert!(asked.contains(word), "{word} in: {asked}");
        }
        state.handle_callback_url(&callback.next().await).await.unwrap();
        let (client_id, _) = state.get_credentials().await.unwrap();
        let auth = AuthClient::new(http(), state.into_authorization_manager().unwrap());
        let config = StreamableHttpClientTransportConfig::with_uri(sample);
        let service = ().serve(StreamableHttpClientTransport::with_client(auth.clone(), config)).await.unwrap();
        Self { service, auth, client_id }
    }

    /// Asks for a tool; what it said.
    pub(crate) async fn call(&self, name: &'static str, input: Value) -> Result<String, ServiceError> {
        let mut parameters = CallToolRequestParams::new(name);
        if let Value::Object(input) = input {
            parameters = parameters.with_arguments(input);
        }
        let result = self.service.call_tool(parameters).await?;
        assert_ne!(result.is_error, Some(true), "{result:?}");
        Ok(result.content.iter().filter_map(|part| part.as_text()).map(|text| text.text.as_str()).collect())
    }

    pub(crate) async fn tools(&self) -> BTreeSet<String> {
        self.service.list_all_tools().await.unwrap().into_iter().map(|tool| tool.name.into_owned()).collect()
    }

    /// The tokens it holds now.
    async fn tokens(&self) -> Value {
        let (_, tokens) = self.auth.auth_manager.lock().await.get_credentials().await.unwrap();
        serde_json::to_value(tokens.unwrap()).unwrap()
    }

    async fn refresh(&self) -> Result<OAuthTokenResponse, AuthError> {
        self.auth.auth_manager.lock().await.refresh_token().await
    }

    /// What the SDK does after a 403: a new request for the union of old and new.
    async fn asks_for_more(&self, scope: &str) -> String {
        self.auth.auth_manager.lock().await.request_scope_upgrade(scope).await.unwrap()
    }

    async fn comes_back(&self, url: &str) {
        let back = AuthorizationCallback::from_redirect_url(url).unwrap();
        let manager = self.auth.auth_manager.lock().await;
        manager.exchange_code_for_token_with_issuer(&back.code, &back.csrf_token, back.issuer.as_deref()).await.unwrap();
    }
}

/// The challenge that a client without a token is answered with.
async fn challenge(sample: &str) -> String {
    let config = StreamableHttpClientTransportConfig::with_uri(sample);
    let refused = ().serve(StreamableHttpClientTransport::with_client(http(), config)).await.expect_err("nobody gets in without a token");
    refused.auth_challenge().expect("a 401 has a challenge").to_owned()
}

/// What the 403 says is needed.
fn needed(refused: &ServiceError, sample: &str) -> Option<String> {
    let parameters = WWWAuthenticateParams::parse(refused.auth_challenge()?, &Url::parse(sample).unwrap());
    parameters.is_insufficient_scope().then_some(parameters.scope)?
}

fn text<'a>(tokens: &'a Value, name: &str) -> &'a str {
    tokens[name].as_str().unwrap_or_else(|| panic!("no {name} in {tokens}"))
}

// MCP-AS-01, MCP-AS-80, MCP-RS-13, MCP-CL-05, MCP-CL-09, MCP-CL-11, OA-RT-01, OA-RV-01
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rust_sdk_goes_the_whole_way() {
    let stage = Stage::set().await;
    let mut callback = Callback::open().await;
    let client = Connection::to(&stage.sample, &stage.browser, &mut callback).await;

    assert_eq!(client.tools().await, sample_tools(), "as the guide says");
    let first = client.tokens().await;
    let claims = stage.claims(text(&first, "access_token"));
    assert_eq!(claims["client_id"], client.client_id.as_str());
    let said = client.call("whoami", json!({})).await.unwrap();
    assert!(said.contains(claims["sub"].as_str().unwrap()) && said.contains(&client.client_id), "{said}");
    assert!(client.call("add", json!({ "a": 2, "b": 40 })).await.unwrap().contains("42"));

    // Step-up: the tool is refused, the person is asked for what is new, the grant stays the same.
    let refused = client.call(SCOPED_TOOL, json!({})).await.expect_err("the first permission is too narrow");
    let needed = needed(&refused, &stage.sample).expect("the challenge says what is needed");
    assert!(scopes(&needed).contains(&FURTHER_SCOPE), "{needed}");
    let url = client.asks_for_more(&needed).await;
    assert_eq!(stage.allow(&url).await.new, [FURTHER_SCOPE], "only this is new");
    client.comes_back(&callback.next().await).await;
    client.call(SCOPED_TOOL, json!({})).await.unwrap();
    let wide = client.tokens().await;
    let wide_claims = stage.claims(text(&wide, "access_token"));
    assert_eq!(wide_claims["grant_id"], claims["grant_id"], "one person, one client, one server: one grant");
    assert_asks_for_all(&url);
    assert_eq!(scopes(text(&wide, "scope")), ALL_SCOPES);

    client.refresh().await.unwrap();
    let fresh = client.tokens().await;
    assert_ne!(text(&fresh, "access_token"), text(&wide, "access_token"));
    assert_ne!(text(&fresh, "refresh_token"), text(&wide, "refresh_token"));
    assert_eq!(stage.claims(text(&fresh, "access_token"))["grant_id"], claims["grant_id"]);
    client.call(SCOPED_TOOL, json!({})).await.unwrap();
    assert_eq!(stage.introspected(text(&fresh, "access_token")).await["active"], true);

    // The client takes its leave.
    let form = [("token", text(&fresh, "refresh_token")), ("client_id", &client.client_id)];
    stage.server.post_form("/revoke", &form).await.expect(200);
    let ended = client.refresh().await.expect_err("the family has ended");
    assert!(matches!(ended, AuthError::TokenRefreshRejected(_)), "{ended}");
    assert_eq!(stage.introspected(text(&fresh, "access_token")).await, json!({ "active": false }));
}
