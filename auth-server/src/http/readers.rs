//! Who reads what is at an address, also where nothing is or nothing gets through.

use axum::response::{IntoResponse as _, Response};

use super::{ApiFailure, PageFailure, cors};

/// Who reads the answers of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// In a browser.
    People,
    /// Programs, but no scripts of other origins (MCP-AS-190).
    Programs,
    /// Programs, in browsers too: of any origin, errors as well (MCP-AS-192).
    Scripts,
}

const FOR_PEOPLE: [&str; 6] = ["authorize", "sign-in", "sign-out", "account", "setup", "assets"];
/// Clients guess such addresses below any path; what is not there is told in JSON.
const FOR_SCRIPTS: [&str; 5] = ["/.well-known", "/token", "/register", "/revoke", "/jwks"];

impl Readers {
    /// Of a path, at a server whose issuer has `issuer_path`.
    pub fn at(path: &str, issuer_path: &str) -> Self {
        let below = path.strip_prefix(issuer_path).unwrap_or(path);
        let first = below.split('/').nth(1).unwrap_or_default();
        if FOR_PEOPLE.contains(&first) {
            Self::People
        } else if below.contains("/introspect") || matches!(path, "/livez" | "/readyz") {
            Self::Programs
        } else if FOR_SCRIPTS.iter().any(|name| below.contains(name)) {
            Self::Scripts
        } else {
            Self::People
        }
    }

    /// A failure in the form that they read.
    pub fn told(self, api: impl FnOnce() -> ApiFailure, page: impl FnOnce() -> PageFailure) -> Response {
        if self == Self::People { page().into_response() } else { self.marked(api().into_response()) }
    }

    /// An answer that scripts may read where they may.
    pub fn marked(self, mut response: Response) -> Response {
        if self == Self::Scripts {
            cors::mark(response.headers_mut());
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // MCP-AS-190, MCP-AS-192
    #[test]
    fn each_address_has_its_readers_whatever_the_issuer_is_called() {
        use Readers as R;
        for issuer_path in ["", "/tenant", "/accounts", "/token", "/introspect/a"] {
            for (below, readers) in [
                ("/token", R::Scripts),
                ("/register", R::Scripts),
                ("/revoke", R::Scripts),
                ("/jwks", R::Scripts),
                ("/.well-known/openid-configuration", R::Scripts),
                ("/introspect", R::Programs),
                ("/authorize", R::People),
                ("/authorize/x/sign-in", R::People),
                ("/account", R::People),
                ("/setup/token", R::People),
                ("/assets/style.css", R::People),
                ("/nothing", R::People),
            ] {
                assert_eq!(Readers::at(&format!("{issuer_path}{below}"), issuer_path), readers, "{issuer_path} {below}");
            }
            assert_eq!(Readers::at("/livez", issuer_path), R::Programs);
            assert_eq!(Readers::at("/.well-known/oauth-authorization-server/tenant", issuer_path), R::Scripts);
            assert_eq!(Readers::at("/mcp/.well-known/openid-configuration", issuer_path), R::Scripts);
        }
    }
}
