//! Whose way the doctor goes, and what is known of that client.

use std::time::Duration;

use clap::ValueEnum;

/// A client that people connect with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Client {
    /// What every client does that follows the specification.
    #[default]
    #[value(skip)]
    Any,
    /// claude.ai, Claude Desktop, Claude on phones: one service on the internet.
    Claude,
    /// ChatGPT's connectors and apps: a service on the internet.
    Chatgpt,
    /// Visual Studio Code.
    Vscode,
    /// Cursor.
    Cursor,
    /// The MCP Inspector: a page in a browser.
    Inspector,
    /// The client of `FastMCP` for Python, and what else is made with the Python SDK.
    Fastmcp,
}

impl Client {
    /// As sentences begin with it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Any => "A client",
            Self::Claude => "Claude",
            Self::Chatgpt => "ChatGPT",
            Self::Vscode => "VS Code",
            Self::Cursor => "Cursor",
            Self::Inspector => "The Inspector",
            Self::Fastmcp => "FastMCP",
        }
    }

    /// As `--as` has it.
    pub(super) fn key(self) -> Option<String> {
        self.to_possible_value().map(|value| value.get_name().to_owned())
    }

    /// It connects from the internet, not from a person's computer.
    pub(super) fn is_hosted(self) -> bool {
        matches!(self, Self::Claude | Self::Chatgpt)
    }

    /// It asks as a page in a browser does, so CORS decides; for all clients together it may.
    pub(super) fn asks_from_a_page(self) -> bool {
        matches!(self, Self::Any | Self::Inspector)
    }

    /// K-03: how long it waits for one answer, where that is known.
    pub(super) fn waits(self) -> Option<Duration> {
        (self == Self::Claude).then_some(Duration::from_secs(10))
    }
}
