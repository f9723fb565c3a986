//! What well-known vendors publish of their apps, as it was on a certain day: used when
//! the document itself can't be had and never was. Vendors' networks answer some data
//! centres with a riddle instead of the document (MCP-AS-121, K-07).

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::protocol::{
    client::Client,
    registration::{RegistrationPolicy, document},
    vocabulary::ClientId,
};

const COPIES: &[(&str, &str)] = &[
    ("https://claude.ai/oauth/mcp-oauth-client-metadata", include_str!("pinned/claude.json")),
    ("https://claude.ai/oauth/claude-code-client-metadata", include_str!("pinned/claude-code.json")),
    ("https://chatgpt.com/oauth/client.json", include_str!("pinned/chatgpt.json")),
    ("https://chatgpt.com/oauth/codex/client.json", include_str!("pinned/codex.json")),
    ("https://grok.com/oauth/mcp-client.json", include_str!("pinned/grok.json")),
    ("https://opencode.ai/oauth/opencode/client.json", include_str!("pinned/opencode.json")),
    ("https://vscode.dev/oauth/client-metadata.json", include_str!("pinned/vscode.json")),
    ("https://zed.dev/oauth/client-metadata.json", include_str!("pinned/zed.json")),
];

#[derive(Deserialize)]
struct Copy<'a> {
    as_of: &'a str,
    #[serde(borrow)]
    document: &'a RawValue,
}

/// The client as its document had it on a certain day, and that day; `None` for all but
/// a few.
pub(super) fn pinned(id: &ClientId, policy: RegistrationPolicy, now: DateTime<Utc>) -> Option<(Client, &'static str)> {
    let (_, file) = COPIES.iter().find(|(known, _)| *known == id.as_str())?;
    let Copy { as_of, document } = serde_json::from_str::<Copy<'static>>(file).ok()?;
    let client = document::read(id, document.get().as_bytes(), policy, now).ok()?;
    // Nobody has confirmed it, so it is no copy to fall back on later.
    Some((Client { confirmed_at: None, ..client }, as_of))
}

#[cfg(test)]
mod tests {
    use super::*;

    // MCP-AS-121, MCP-AS-116: each is read as what it would be from its address
    #[test]
    fn every_copy_makes_a_client() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let policy = RegistrationPolicy { private_use_schemes: true };
        for (id, _) in COPIES {
            let (client, as_of) = pinned(&id.parse().unwrap(), policy, now).unwrap_or_else(|| panic!("{id}"));
            assert_eq!(client.check(), Ok(()), "{id}");
            assert!(as_of.parse::<chrono::NaiveDate>().is_ok(), "{id}: {as_of}");
        }
        let chatgpt = pinned(&"https://chatgpt.com/oauth/client.json".parse().unwrap(), policy, now).unwrap().0;
        assert!(chatgpt.signs_assertions() && chatgpt.may_come_without_proof);
        assert!(pinned(&"https://claude.ai/oauth/other".parse().unwrap(), policy, now).is_none());
    }
}
