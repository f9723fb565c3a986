//! A little MCP server with its authorization server, both at one loopback origin: good, until a story breaks something.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::Response,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What is answered: status, headers, body.
#[derive(Clone)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: String,
}

impl Reply {
    pub(super) fn new(status: u16) -> Self {
        Self { status, headers: vec![("access-control-allow-origin", "*".to_owned())], body: String::new() }
    }

    pub(super) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(super) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self
    }

    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self { body: body.to_string(), ..Self::new(status).with("content-type", "application/json") }
    }

    pub(super) fn page(status: u16) -> Self {
        Self { body: "<html>".to_owned(), ..Self::new(status).with("content-type", "text/html") }
    }
}

/// Where things are.
pub(super) const AT_PATH: &str = "GET /.well-known/oauth-protected-resource/mcp";
pub(super) const AT_ROOT: &str = "GET /.well-known/oauth-protected-resource";
pub(super) const OAUTH: &str = "GET /.well-known/oauth-authorization-server";
pub(super) const OPENID: &str = "GET /.well-known/openid-configuration";

/// Not yet served.
pub(super) struct World {
    listener: TcpListener,
    pub(super) origin: String,
    replies: HashMap<String, Reply>,
}

impl World {
    pub(super) async fn good() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let mut world = Self { listener, origin, replies: HashMap::new() };
        let refusal = world.refusal();
        world.set("POST /mcp", refusal.clone());
        world.set("GET /mcp", refusal);
        let resource = world.resource();
        world.set_resource(&resource);
        let server = world.server();
        world.set(OAUTH, Reply::json(200, &server));
        let allowed = Reply::new(204).with("access-control-allow-headers", "authorization, content-type, mcp-protocol-version");
        world.set("OPTIONS", allowed);
        world.set("POST /token", Reply::json(401, &json!({"error": "invalid_client"})));
        world
    }

    pub(super) fn url(&self) -> String {
        format!("{}/mcp", self.origin)
    }

    /// The good answer to who has no token.
    pub(super) fn refusal(&self) -> Reply {
        let at = format!("{}/.well-known/oauth-protected-resource/mcp", self.origin);
        let challenge = format!("Bearer resource_metadata=\"{at}\", scope=\"files:read\"");
        Reply::new(401).with("www-authenticate", &challenge).with("access-control-expose-headers", "WWW-Authenticate")
    }

    /// The good resource metadata.
    pub(super) fn resource(&self) -> Value {
        json!({"resource": self.url(), "authorization_servers": [self.origin]})
    }

    /// The good metadata of the authorization server.
    pub(super) fn server(&self) -> Value {
        let at = |path: &str| format!("{}{path}", self.origin);
        json!({
            "issuer": self.origin, "authorization_endpoint": at("/authorize"), "token_endpoint": at("/token"),
            "registration_endpoint": at("/register"), "jwks_uri": at("/jwks"), "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token"], "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none"], "authorization_response_iss_parameter_supported": true,
        })
    }

    /// What is answered to this method at this path; to OPTIONS wherever nothing else is set.
    pub(super) fn set(&mut self, what: &str, reply: Reply) {
        self.replies.insert(what.to_owned(), reply);
    }

    pub(super) fn unset(&mut self, what: &str) {
        self.replies.remove(what);
    }

    pub(super) fn set_resource(&mut self, document: &Value) {
        self.set(AT_PATH, Reply::json(200, document));
        self.set(AT_ROOT, Reply::json(200, document));
    }

    /// The resource metadata with a member changed.
    pub(super) fn resource_with(&mut self, name: &str, value: Value) {
        let mut document = self.resource();
        document[name] = value;
        self.set_resource(&document);
    }

    /// The server's metadata with a member changed; null takes it out.
    pub(super) fn server_with(&mut self, name: &str, value: Value) {
        let mut document = self.server();
        document[name] = value;
        document.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        self.set(OAUTH, Reply::json(200, &document));
    }

    /// Serves until the test is over; the address to give to the doctor.
    pub(super) fn serve(self) -> String {
        let url = self.url();
        let routes = Router::new().fallback(answer).with_state(Arc::new(self.replies));
        tokio::spawn(async move { axum::serve(self.listener, routes).await });
        url
    }
}

async fn answer(State(replies): State<Arc<HashMap<String, Reply>>>, request: Request) -> Response<Body> {
    let method = request.method().as_str();
    let what = format!("{method} {}", request.uri().path());
    let reply = replies.get(&what).or_else(|| replies.get(method)).cloned();
    let reply = reply.unwrap_or_else(|| Reply::json(404, &json!({"error": "not_found"})));
    let mut response = Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    response.body(Body::from(reply.body)).unwrap()
}
