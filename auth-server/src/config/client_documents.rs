//! `[client_documents]`: clients that are known by a document of their own.

use super::{section::section, value::choice};
use crate::protocol::vocabulary::ExternalUrl;

choice! {
    /// Which clients may be known by a document (Client ID Metadata Document).
    DocumentMode {
        /// Any.
        Open = "open",
        /// Those that are listed.
        Known = "known",
        /// None.
        Off = "off",
    }
}

section! {
    /// Clients whose identifier is the address of a document that says what they are (Client ID Metadata Documents): Claude, ChatGPT and
    /// VS Code come like this. Nobody has to register them.
    pub ClientDocuments at "client_documents" {
        /// Which of them are let in: all (`open`; each is asked for on the consent page with the host that vouches for it), those in
        /// `known`, or none (`off`).
        mode: DocumentMode = DocumentMode::Open;
        /// Hosts such as `claude.ai`, or whole identifiers such as `https://claude.ai/oauth/mcp-oauth-client-metadata`. They may come; people are
        /// asked all the same, since others may have pages on such a host too.
        known: Vec<String> = Vec::new();
        /// Hosts or whole identifiers that may not.
        denied: Vec<String> = Vec::new();
    }
}

impl DocumentMode {
    /// Whether there are such clients at all.
    pub fn is_on(self) -> bool {
        match self {
            Self::Open | Self::Known => true,
            Self::Off => false,
        }
    }
}

impl ClientDocuments {
    /// Whether the operator lets this client in.
    pub fn admits(&self, id: &ExternalUrl) -> bool {
        let is_in = |list: &[String]| list.iter().any(|entry| entry == id.as_str() || entry.eq_ignore_ascii_case(id.host()));
        let is_let_in = match self.mode {
            DocumentMode::Open => true,
            DocumentMode::Known => is_in(&self.known),
            DocumentMode::Off => false,
        };
        is_let_in && !is_in(&self.denied)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // MCP-AS-124, OA-CM-04
    #[test]
    fn lists_name_hosts_or_whole_identifiers() {
        let admits = |mode, known: &[&str], denied: &[&str], id: &str| {
            let list = |entries: &[&str]| entries.iter().map(|&entry| entry.to_owned()).collect();
            ClientDocuments { mode, known: list(known), denied: list(denied) }.admits(&id.parse().unwrap())
        };
        let id = "https://app.example/client.json";
        assert!(admits(DocumentMode::Open, &[], &[], id));
        assert!(!admits(DocumentMode::Open, &[], &["App.Example"], id));
        assert!(!admits(DocumentMode::Open, &[], &[id], id));
        assert!(admits(DocumentMode::Open, &[], &["https://app.example/other.json"], id));
        assert!(!admits(DocumentMode::Known, &["example", "other.example"], &[], id));
        assert!(admits(DocumentMode::Known, &["app.example"], &[], id));
        assert!(admits(DocumentMode::Known, &[id], &[], id));
        assert!(!admits(DocumentMode::Known, &["app.example"], &[id], id));
        assert!(!admits(DocumentMode::Off, &["app.example"], &[], id));
    }
}
