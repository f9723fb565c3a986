//! Well-known clients, so that an operator need not hunt for redirect URIs.
//!
//! Every entry is exact: no pattern, no domain. A vendor's domain also serves
//! addresses that other people control. Clients whose address differs from
//! installation to installation are therefore not in the table.

use chrono::{DateTime, Utc};

use crate::protocol::{
    client::{ApplicationType, Client, ClientOrigin},
    vocabulary::{ClientId, RedirectUri, RedirectUriError, TokenEndpointAuthMethod},
};

/// What is known about one vendor's client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// How the operator names it: `--preset claude-ai`.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// Where it answers, exactly.
    pub redirect_uris: &'static [&'static str],
    /// How it authenticates at the token endpoint.
    pub token_endpoint_auth_method: TokenEndpointAuthMethod,
    /// Where it runs.
    pub application_type: ApplicationType,
    /// How sure the redirect URIs are.
    pub evidence: Evidence,
    /// Where they are from.
    pub source: &'static str,
    /// When that was looked at (year-month-day).
    pub checked: &'static str,
}

/// How sure an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Evidence {
    /// Other people report it.
    Reported,
    /// It is in the client's source.
    Source,
    /// The vendor documents it.
    Vendor,
}

impl Evidence {
    /// In words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reported => "reported by others",
            Self::Source => "the client's source",
            Self::Vendor => "the vendor's documentation",
        }
    }
}

impl Preset {
    /// A client record made of this preset. Where the method needs a secret, the
    /// caller adds one.
    pub fn client(&self, id: ClientId, created_at: DateTime<Utc>) -> Result<Client, RedirectUriError> {
        let redirect_uris = self.redirect_uris.iter().map(|uri| uri.parse::<RedirectUri>()).collect::<Result<_, _>>()?;
        Ok(Client {
            name: Some(self.title.to_owned()),
            redirect_uris,
            token_endpoint_auth_method: self.token_endpoint_auth_method,
            application_type: Some(self.application_type),
            ..Client::new(id, ClientOrigin::Operator, created_at)
        })
    }
}

/// The preset of that name.
pub fn preset(name: &str) -> Option<&'static Preset> {
    presets().iter().find(|preset| preset.name == name)
}

/// Every preset, by name.
pub fn presets() -> &'static [Preset] {
    PRESETS
}

const CHECKED: &str = "2026-11-23";

/// A program on a person's computer, which proves nothing but its PKCE verifier.
const fn native(
    name: &'static str,
    title: &'static str,
    redirect_uris: &'static [&'static str],
    (evidence, source): (Evidence, &'static str),
) -> Preset {
    Preset {
        name,
        title,
        redirect_uris,
        token_endpoint_auth_method: TokenEndpointAuthMethod::None,
        application_type: ApplicationType::Native,
        evidence,
        source,
        checked: CHECKED,
    }
}

/// A service on the web; public unless its entry says otherwise.
const fn web(name: &'static str, title: &'static str, redirect_uris: &'static [&'static str], origin: (Evidence, &'static str)) -> Preset {
    Preset { application_type: ApplicationType::Web, ..native(name, title, redirect_uris, origin) }
}

const PRESETS: &[Preset] = &[
    web(
        "antigravity",
        "Google Antigravity",
        &["https://antigravity.google/oauth-callback"],
        (Evidence::Reported, "third-party allow-lists that cite antigravity.google"),
    ),
    web(
        "chatgpt",
        "ChatGPT",
        &["https://chatgpt.com/connector_platform_oauth_redirect"],
        (Evidence::Vendor, "https://developers.openai.com/plugins/build/auth"),
    ),
    web(
        "claude-ai",
        "Claude",
        &["https://claude.ai/api/mcp/auth_callback", "https://claude.com/api/mcp/auth_callback"],
        (Evidence::Vendor, "https://claude.com/docs/connectors/building/authentication"),
    ),
    native(
        "claude-code",
        "Claude Code",
        &["http://localhost/callback", "http://127.0.0.1/callback"],
        (Evidence::Vendor, "https://code.claude.com/docs/en/mcp"),
    ),
    native(
        "cursor",
        "Cursor",
        &[
            "cursor://anysphere.cursor-mcp/oauth/callback",
            "https://www.cursor.com/agents/mcp/oauth/callback",
            "http://localhost:8787/callback",
        ],
        (Evidence::Reported, "https://github.com/koala73/worldmonitor, which cites cursor.com/docs/mcp"),
    ),
    web(
        "devin",
        "Devin",
        &["https://api.devin.ai/mcp/oauth/callback"],
        (Evidence::Reported, "third-party allow-lists that cite Devin's documentation"),
    ),
    native(
        "fastmcp",
        "FastMCP client",
        &["http://localhost/callback"],
        (Evidence::Source, "https://github.com/PrefectHQ/fastmcp, client/auth/oauth.py"),
    ),
    native(
        "gemini-cli",
        "Gemini CLI",
        &["http://localhost/oauth/callback"],
        (Evidence::Source, "https://github.com/google-gemini/gemini-cli, packages/core/src/mcp/oauth-provider.ts"),
    ),
    native(
        "goose",
        "Goose",
        &["http://127.0.0.1/oauth_callback"],
        (Evidence::Source, "https://github.com/aaif-goose/goose, crates/goose/src/oauth/mod.rs"),
    ),
    web(
        "grok",
        "Grok",
        &["https://grok.com/connectors-oauth-exchange-code/", "https://console.x.ai/connectors-oauth-exchange-code/"],
        (Evidence::Reported, "https://grok.com/oauth/mcp-client.json, as seen by others"),
    ),
    Preset {
        token_endpoint_auth_method: TokenEndpointAuthMethod::ClientSecretBasic,
        ..web(
            "le-chat",
            "Mistral Le Chat",
            &["https://callback.mistral.ai/v1/integrations_auth/oauth2_callback"],
            (Evidence::Reported, "https://github.com/pantalytics/odoo-mcp-pro, pull requests 21 and 22"),
        )
    },
    Preset {
        token_endpoint_auth_method: TokenEndpointAuthMethod::ClientSecretPost,
        ..web(
            "m365-copilot",
            "Microsoft 365 Copilot",
            &["https://teams.microsoft.com/api/platform/v1.0/oAuthRedirect"],
            (Evidence::Reported, "third-party set-up guides"),
        )
    },
    web(
        "make",
        "Make",
        &["https://www.make.com/oauth/cb/mcp"],
        (Evidence::Reported, "the allow-list and tests of the browserless MCP server"),
    ),
    web(
        "make-celonis",
        "Make, hosted by Celonis",
        &["https://us1.make.celonis.com/oauth/cb/mcp", "https://eu1.make.celonis.com/oauth/cb/mcp"],
        (Evidence::Reported, "https://github.com/keboola/mcp-server, tests"),
    ),
    native(
        "mcp-inspector",
        "MCP Inspector",
        &["http://localhost/oauth/callback", "http://localhost/oauth/callback/debug", "http://127.0.0.1/oauth/callback"],
        (Evidence::Source, "https://github.com/modelcontextprotocol/inspector, core/auth/providers.ts"),
    ),
    native("mcp-remote", "mcp-remote", &["http://localhost/oauth/callback"], (Evidence::Source, "https://github.com/geelen/mcp-remote")),
    web(
        "n8n-cloud",
        "n8n",
        &["https://oauth.n8n.cloud/oauth2/callback"],
        (Evidence::Reported, "https://github.com/n8n-io/n8n/issues/21791"),
    ),
    native(
        "opencode",
        "OpenCode",
        &["http://127.0.0.1/mcp/oauth/callback", "http://127.0.0.1/callback", "http://localhost/callback"],
        (Evidence::Reported, "https://github.com/anomalyco/opencode/issues/50510"),
    ),
    web(
        "perplexity",
        "Perplexity",
        &["https://www.perplexity.ai/rest/connections/oauth_callback"],
        (Evidence::Reported, "third-party allow-lists that cite Perplexity's help centre"),
    ),
    native(
        "vscode",
        "Visual Studio Code",
        &["https://vscode.dev/redirect", "https://insiders.vscode.dev/redirect", "http://127.0.0.1/", "http://127.0.0.1:33418/"],
        (Evidence::Source, "https://github.com/microsoft/vscode, src/vs/base/common/oauth.ts"),
    ),
    native(
        "zed",
        "Zed",
        &["http://127.0.0.1/callback"],
        (Evidence::Reported, "https://zed.dev/oauth/client-metadata.json, as seen by others"),
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::vocabulary::RedirectKind;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    // OA-RU-11, K-27
    #[test]
    fn every_preset_makes_a_client_with_exact_redirect_uris() {
        for preset in presets() {
            let client = preset.client("c".parse().unwrap(), now()).unwrap_or_else(|error| panic!("{}: {error}", preset.name));
            let written: Vec<&str> = client.redirect_uris.iter().map(RedirectUri::as_str).collect();
            assert_eq!(written, preset.redirect_uris, "{}", preset.name);
            assert_eq!(client.display_name(), preset.title);
            assert!(!client.trusted, "{}", preset.name);
            if !client.is_confidential() {
                assert_eq!(client.check(), Ok(()), "{}", preset.name);
            }
        }
    }

    /// As the list of known clients has them, written down a second time: a slip of the
    /// finger above would send codes elsewhere.
    const KNOWN: &[(&str, &str)] = &[
        ("antigravity", "https://antigravity.google/oauth-callback"),
        ("chatgpt", "https://chatgpt.com/connector_platform_oauth_redirect"),
        ("claude-ai", "https://claude.ai/api/mcp/auth_callback https://claude.com/api/mcp/auth_callback"),
        ("claude-code", "http://localhost/callback http://127.0.0.1/callback"),
        (
            "cursor",
            "cursor://anysphere.cursor-mcp/oauth/callback https://www.cursor.com/agents/mcp/oauth/callback http://localhost:8787/callback",
        ),
        ("devin", "https://api.devin.ai/mcp/oauth/callback"),
        ("fastmcp", "http://localhost/callback"),
        ("gemini-cli", "http://localhost/oauth/callback"),
        ("goose", "http://127.0.0.1/oauth_callback"),
        ("grok", "https://grok.com/connectors-oauth-exchange-code/ https://console.x.ai/connectors-oauth-exchange-code/"),
        ("le-chat", "https://callback.mistral.ai/v1/integrations_auth/oauth2_callback"),
        ("m365-copilot", "https://teams.microsoft.com/api/platform/v1.0/oAuthRedirect"),
        ("make", "https://www.make.com/oauth/cb/mcp"),
        ("make-celonis", "https://us1.make.celonis.com/oauth/cb/mcp https://eu1.make.celonis.com/oauth/cb/mcp"),
        ("mcp-inspector", "http://localhost/oauth/callback http://localhost/oauth/callback/debug http://127.0.0.1/oauth/callback"),
        ("mcp-remote", "http://localhost/oauth/callback"),
        ("n8n-cloud", "https://oauth.n8n.cloud/oauth2/callback"),
        ("opencode", "http://127.0.0.1/mcp/oauth/callback http://127.0.0.1/callback http://localhost/callback"),
        ("perplexity", "https://www.perplexity.ai/rest/connections/oauth_callback"),
        ("vscode", "https://vscode.dev/redirect https://insiders.vscode.dev/redirect http://127.0.0.1/ http://127.0.0.1:33418/"),
        ("zed", "http://127.0.0.1/callback"),
    ];

    // MCP-AS-101, OA-RU-11
    #[test]
    fn presets_answer_where_the_list_of_known_clients_says() {
        let ours: Vec<(&str, String)> = presets().iter().map(|preset| (preset.name, preset.redirect_uris.join(" "))).collect();
        let known: Vec<(&str, String)> = KNOWN.iter().map(|(name, uris)| (*name, (*uris).to_owned())).collect();
        assert_eq!(ours, known);
    }

    #[test]
    fn presets_are_in_order_and_name_date_and_source() {
        let names: Vec<&str> = presets().iter().map(|preset| preset.name).collect();
        assert!(names.windows(2).all(|pair| pair[0] < pair[1]), "{names:?}");
        for preset in presets() {
            assert!(preset.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'), "{}", preset.name);
            assert!(chrono::NaiveDate::parse_from_str(preset.checked, "%Y-%m-%d").is_ok(), "{}", preset.name);
            assert!(!preset.source.is_empty());
        }
    }

    // MCP-AS-22, K-15: whatever port the program found free
    #[test]
    fn a_preset_of_a_program_takes_any_port() {
        for (name, asked) in [
            ("claude-code", "http://localhost:51234/callback"),
            ("gemini-cli", "http://localhost:7777/oauth/callback"),
            ("mcp-inspector", "http://localhost:6274/oauth/callback"),
            ("mcp-remote", "http://localhost:3334/oauth/callback"),
            ("opencode", "http://127.0.0.1:19876/mcp/oauth/callback"),
            ("vscode", "http://127.0.0.1:33418/"),
        ] {
            let client = preset(name).unwrap().client("c".parse().unwrap(), now()).unwrap();
            assert!(client.may_redirect_to(&asked.parse().unwrap()), "{name}");
        }
    }

    #[test]
    fn a_service_on_the_web_answers_nowhere_else() {
        for preset in presets().iter().filter(|preset| preset.application_type == ApplicationType::Web) {
            let client = preset.client("c".parse().unwrap(), now()).unwrap();
            assert!(client.redirect_uris.iter().all(|uri| uri.kind() == RedirectKind::Https), "{}", preset.name);
        }
        assert_eq!(preset("claude-ai").map(|preset| preset.title), Some("Claude"));
        assert_eq!(preset("no-such-client"), None);
    }
}
