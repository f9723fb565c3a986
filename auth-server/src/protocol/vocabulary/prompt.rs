//! The `prompt` parameter (OpenID Connect Core §3.1.2.1), which OAuth clients send too.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What the client wants the person to be asked, whatever the server remembers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "four independent wishes, as the parameter is a set")]
pub struct Prompt {
    /// Show no page at all.
    pub none: bool,
    /// Ask for the password again.
    pub login: bool,
    /// Ask for consent again.
    pub consent: bool,
    /// Let the person choose an account.
    pub select_account: bool,
}

/// `none` stands beside another value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("prompt=none excludes every other value")]
pub struct PromptError;

impl FromStr for Prompt {
    type Err = PromptError;

    /// Unknown values are ignored.
    fn from_str(text: &str) -> Result<Self, PromptError> {
        let values: Vec<&str> = text.split(' ').filter(|value| !value.is_empty()).collect();
        let has = |name| values.contains(&name);
        let prompt = Self { none: has("none"), login: has("login"), consent: has("consent"), select_account: has("select_account") };
        if prompt.none && values.iter().any(|value| *value != "none") { Err(PromptError) } else { Ok(prompt) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // OA-AZ-20, MCP-AS-30
    #[test]
    fn none_stands_alone_and_unknown_values_are_ignored() {
        assert_eq!("none".parse(), Ok(Prompt { none: true, ..Prompt::default() }));
        assert_eq!("login  consent later".parse(), Ok(Prompt { login: true, consent: true, ..Prompt::default() }));
        assert_eq!("none login".parse::<Prompt>(), Err(PromptError));
        assert_eq!("LOGIN".parse(), Ok(Prompt::default()));
    }
}
