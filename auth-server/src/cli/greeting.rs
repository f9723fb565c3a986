//! What the operator sees when the server has started.

use std::{fmt::Write as _, path::Path};

use super::output::counted;
use crate::{serve::Started, store::Location};

/// The facts of a start.
#[derive(Debug)]
pub(super) struct Greeting {
    issuer: String,
    data: String,
    kept: String,
    signing: String,
    sample: Option<String>,
    resources: Vec<(String, String)>,
    program: String,
}

impl Greeting {
    /// `called` is the name by which the program was started.
    pub(super) fn of(started: &Started, called: Option<String>) -> Self {
        let config = &started.app.config;
        let store = match &config.database {
            Location::Postgres(_) => "PostgreSQL",
            Location::Sqlite(_) => "SQLite",
        };
        let kept = if started.is_first {
            format!("{store}, created just now")
        } else {
            format!(
                "{store}, {}, {}",
                counted(started.accounts, "account"),
                counted(i128::try_from(started.resources.len()).unwrap_or_default(), "resource")
            )
        };
        let keys: Vec<String> = started
            .signing
            .iter()
            .map(|(algorithm, kid)| format!("{algorithm}, key {}", kid.chars().take(6).collect::<String>()))
            .collect();
        Self {
            issuer: config.issuer.to_string(),
            data: at_home(&config.data_dir, started.home.as_deref()),
            kept,
            signing: keys.join("; "),
            sample: started.sample.clone(),
            resources: started.resources.clone(),
            program: as_typed(called),
        }
    }

    /// A page for whoever sits at the terminal.
    pub(super) fn for_people(&self, setup_link: Option<&str>) -> String {
        let mut text = format!("Portcullis {}\n\n", env!("CARGO_PKG_VERSION"));
        for (name, value) in [("Issuer", &self.issuer), ("Data", &format!("{}   {}", self.data, self.kept)), ("Signing", &self.signing)] {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "  {name:<9}  {value}");
        }
        for (number, step) in (1..).zip(self.steps(setup_link)) {
            let _ = write!(text, "\n  {number}  {}", step.join("\n     "));
        }
        text.push_str("\n\n  Claude.ai and ChatGPT connect from the internet: docs/first-connection.md says what has to be reachable.\n");
        text
    }

    fn steps(&self, setup_link: Option<&str>) -> Vec<Vec<String>> {
        let mut steps = Vec::new();
        if let Some(link) = setup_link {
            steps.push(vec!["Make the first account (once, within 30 minutes)".to_owned(), link.to_owned()]);
        }
        match &self.sample {
            Some(address) => steps.push(vec![
                format!("Connect a client to the sample MCP server, {address}"),
                format!("Claude Code   claude mcp add --transport http sample {address}"),
                "Inspector     npx @modelcontextprotocol/inspector".to_owned(),
            ]),
            None if !self.resources.is_empty() => steps.push(self.known_resources()),
            None => steps.push(vec![
                "Connect a client to your MCP server, by the server's own address".to_owned(),
                "Claude Code   claude mcp add --transport http my-server https://your.server/mcp".to_owned(),
            ]),
        }
        steps.push(vec![
            "Protect your own server".to_owned(),
            format!("{} resource add https://your.server/mcp --name \"My server\"", self.program),
        ]);
        steps
    }

    /// What to paste for the MCP servers that are known.
    fn known_resources(&self) -> Vec<String> {
        const MOST_SHOWN: usize = 3;
        let mut step = vec!["Connect a client to your MCP server".to_owned()];
        for (name, address) in self.resources.iter().take(MOST_SHOWN) {
            step.push(format!("Claude Code   claude mcp add --transport http {} {address}", word(name)));
        }
        if self.resources.len() > MOST_SHOWN {
            step.push(format!("All of them   {} resource list", self.program));
        }
        step
    }

    /// The same facts as fields. The link is a secret, so only its file is named.
    pub(super) fn log(&self, setup_link_file: Option<&Path>) {
        let Self { issuer, data, kept, signing, sample, resources: _, program: _ } = self;
        let setup_link_file = setup_link_file.map(|file| file.display().to_string());
        tracing::info!(version = env!("CARGO_PKG_VERSION"), issuer, data, kept, signing, sample, "Portcullis is ready");
        if let Some(file) = setup_link_file {
            tracing::info!(file, "no account exists yet: the file holds a link that makes the first one, once, within 30 minutes");
        }
    }
}

/// The program's name such that the shell finds it again: a newcomer has it in
/// `target/release`, and not yet on the path.
fn as_typed(called: Option<String>) -> String {
    let is_plain = |name: &String| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
    called.filter(is_plain).unwrap_or_else(|| "portcullis".to_owned())
}

/// A name as one word that every shell takes as it stands.
fn word(name: &str) -> String {
    let plain: String = name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' }).collect();
    let word = plain.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-");
    if word.is_empty() { "my-server".to_owned() } else { word }
}

/// `~/.local/share/portcullis` rather than the whole way.
fn at_home(folder: &Path, home: Option<&Path>) -> String {
    match home.and_then(|home| folder.strip_prefix(home).ok()) {
        Some(rest) => Path::new("~").join(rest).display().to_string(),
        None => folder.display().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn greeting() -> Greeting {
        Greeting {
            issuer: "http://127.0.0.1:8080".to_owned(),
            data: at_home(Path::new("/home/ada/.local/share/portcullis"), Some(Path::new("/home/ada"))),
            kept: "SQLite, created just now".to_owned(),
            signing: "ES256, key 7Qm4tX".to_owned(),
            sample: Some("http://127.0.0.1:8081/mcp".to_owned()),
            resources: Vec::new(),
            program: as_typed(Some("target/release/portcullis".to_owned())),
        }
    }

    #[test]
    fn the_program_is_called_as_it_was_called() {
        let text = greeting().for_people(None);
        assert!(text.contains("\n     target/release/portcullis resource add https://your.server/mcp"), "{text}");
        for unusable in [None, Some(String::new()), Some("/my programs/portcullis".to_owned()), Some("$(x)".to_owned())] {
            assert_eq!(as_typed(unusable), "portcullis");
        }
    }

    #[test]
    fn the_first_start_says_what_to_do_in_three_steps() {
        let text = greeting().for_people(Some("http://127.0.0.1:8080/setup/mK3v"));
        assert!(text.contains("  Data       ~/.local/share/portcullis   SQLite, created just now\n"), "{text}");
        assert!(text.contains("  1  Make the first account (once, within 30 minutes)\n     http://127.0.0.1:8080/setup/mK3v\n"), "{text}");
        assert!(text.contains("  2  Connect a client to the sample"), "{text}");
        assert!(text.contains("  3  Protect your own server"), "{text}");
    }

    #[test]
    fn known_resources_are_named_where_it_says_what_to_paste() {
        let resource = |name: &str| (name.to_owned(), "https://mcp.example.com/mcp".to_owned());
        let resources = vec![resource("My Files; rm -rf"), resource("\u{1b}[2J"), resource("c"), resource("d")];
        let text = Greeting { sample: None, resources, ..greeting() }.for_people(None);
        assert!(text.contains("claude mcp add --transport http my-files-rm-rf https://mcp.example.com/mcp\n"), "{text}");
        assert!(text.contains("http 2j https://") && !text.contains('\u{1b}') && !text.contains("http d "), "{text}");
        assert!(
            text.contains("All of them   target/release/portcullis resource list")
                && !text.contains("Connect a client to your MCP server, by"),
            "{text}"
        );
    }

    #[test]
    fn a_later_start_has_no_link() {
        let text = greeting().for_people(None);
        assert!(!text.contains("setup"), "{text}");
        assert!(text.contains("  1  Connect a client"), "{text}");
    }
}
