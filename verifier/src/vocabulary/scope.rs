//! Scopes (RFC 6749 §3.3).

use std::{borrow::Borrow, collections::BTreeSet, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// One scope token: printable ASCII without space, `"` and `\`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ScopeToken(String);

/// A sorted set of scope tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Scope(BTreeSet<ScopeToken>);

/// Why a text is not a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScopeError {
    /// A character outside the grammar of RFC 6749 §3.3.
    #[error("a scope has only printable ASCII characters other than space, `\"` and `\\`")]
    Character,
    /// An empty scope token.
    #[error("a scope is not empty")]
    Empty,
    /// More than 100 tokens, or more than 2048 bytes.
    #[error("there are more than 100 scopes, or more than 2048 bytes of them")]
    TooMany,
}

const MOST_TOKENS: usize = 100;
const MOST_BYTES: usize = 2048;

impl ScopeToken {
    /// The token's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for ScopeToken {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl FromStr for ScopeToken {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        if text.is_empty() {
            return Err(ScopeError::Empty);
        }
        if !text.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E)) {
            return Err(ScopeError::Character);
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for ScopeToken {
    type Error = ScopeError;

    fn try_from(text: String) -> Result<Self, ScopeError> {
        text.parse()
    }
}

impl From<ScopeToken> for String {
    fn from(token: ScopeToken) -> Self {
        token.0
    }
}

impl fmt::Display for ScopeToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Scope {
    /// The empty scope.
    pub fn none() -> Self {
        Self::default()
    }

    /// Reads scope tokens separated by spaces. Stray spaces are forgiven and
    /// repeated tokens count once; a malformed token is not forgiven.
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        if text.len() > MOST_BYTES {
            return Err(ScopeError::TooMany);
        }
        let tokens: BTreeSet<ScopeToken> = text.split(' ').filter(|token| !token.is_empty()).map(str::parse).collect::<Result<_, _>>()?;
        if tokens.len() > MOST_TOKENS {
            return Err(ScopeError::TooMany);
        }
        Ok(Self(tokens))
    }

    /// Whether there is no token in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many tokens there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether `token` is in it.
    pub fn contains(&self, token: &str) -> bool {
        self.0.contains(token)
    }

    /// Whether every token of this scope is also in `other`.
    pub fn is_within(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }

    /// The tokens of both.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.0.union(&other.0).cloned().collect()
    }

    /// The tokens that both have.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.0.intersection(&other.0).cloned().collect()
    }

    /// The tokens that `other` does not have.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.0.difference(&other.0).cloned().collect()
    }

    /// The tokens, in order.
    pub fn iter(&self) -> impl Iterator<Item = &ScopeToken> {
        self.0.iter()
    }
}

impl FromIterator<ScopeToken> for Scope {
    fn from_iter<I: IntoIterator<Item = ScopeToken>>(tokens: I) -> Self {
        Self(tokens.into_iter().collect())
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Scope {
    type Error = ScopeError;

    fn try_from(text: String) -> Result<Self, ScopeError> {
        Self::parse(&text)
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.to_string()
    }
}

/// The tokens in order, separated by single spaces.
impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, token) in self.0.iter().enumerate() {
            if position > 0 {
                formatter.write_str(" ")?;
            }
            formatter.write_str(token.as_str())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scope() -> impl Strategy<Value = Scope> {
        prop::collection::vec("[a-d]{1,2}", 0..6).prop_map(|tokens| Scope::parse(&tokens.join(" ")).unwrap())
    }

    // MCP-AS-29, OA-AZ-24
    #[test]
    fn spaces_are_forgiven_and_bad_characters_are_not() {
        assert_eq!(Scope::parse("  b a  b ").unwrap().to_string(), "a b");
        assert_eq!(Scope::parse("").unwrap(), Scope::none());
        for bad in ["a\"b", "a\\b", "é", "a\tb", "a\nb"] {
            assert_eq!(Scope::parse(bad), Err(ScopeError::Character), "{bad:?}");
        }
        let many: Vec<String> = (0..101).map(|number| number.to_string()).collect();
        assert_eq!(Scope::parse(&many.join(" ")), Err(ScopeError::TooMany));
    }

    proptest! {
        #[test]
        fn the_algebra_holds(a in scope(), b in scope()) {
            prop_assert!(a.intersection(&b).is_within(&a));
            prop_assert!(a.is_within(&a.union(&b)));
            prop_assert_eq!(a.difference(&b).union(&a.intersection(&b)), a.clone());
            prop_assert_eq!(a.is_within(&b), a.union(&b) == b);
            prop_assert_eq!(Scope::parse(&a.to_string()).unwrap(), a);
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,200}") {
            if let Ok(scope) = Scope::parse(&text) {
                prop_assert_eq!(Scope::parse(&scope.to_string()).unwrap(), scope);
            }
        }
    }
}
