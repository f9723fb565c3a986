//! Which scopes a request needs, and whether those granted are enough.

use std::collections::{BTreeMap, HashMap};

use crate::vocabulary::{Scope, ScopeToken};

/// What requests need: some scopes always, more for some tools.
#[derive(Debug, Default)]
pub(crate) struct Needs {
    pub(crate) always: Scope,
    pub(crate) tools: HashMap<String, Scope>,
    /// For a broader scope, all that it contains, however far down.
    pub(crate) implied: BTreeMap<ScopeToken, Scope>,
}

impl Needs {
    /// Follows "contains" to its end, so that a question later is one look-up.
    pub(crate) fn hierarchy(pairs: &[(ScopeToken, ScopeToken)]) -> BTreeMap<ScopeToken, Scope> {
        let mut implied: BTreeMap<ScopeToken, Scope> = BTreeMap::new();
        for (broader, _) in pairs {
            let mut found: Scope = std::iter::once(broader.clone()).collect();
            loop {
                let below = pairs.iter().filter(|(above, _)| found.contains(above.as_str())).map(|(_, below)| below.clone());
                let more = found.union(&below.collect());
                if more == found {
                    break;
                }
                found = more;
            }
            implied.insert(broader.clone(), found);
        }
        implied
    }

    /// What a call of these tools needs, all in all.
    pub(crate) fn of_tools<'a>(&self, names: impl Iterator<Item = &'a str>) -> Scope {
        names.filter_map(|name| self.tools.get(name)).fold(self.always.clone(), |needed, more| needed.union(more))
    }

    /// Whether `granted` is enough, the hierarchy resolved first (MCP-RS-14).
    pub(crate) fn are_met(&self, needed: &Scope, granted: &Scope) -> bool {
        needed.is_within(granted) || needed.is_within(&self.resolved(granted))
    }

    fn resolved(&self, granted: &Scope) -> Scope {
        granted.iter().filter_map(|token| self.implied.get(token)).fold(granted.clone(), |all, more| all.union(more))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(text: &str) -> Scope {
        Scope::parse(text).unwrap()
    }

    fn needs() -> Needs {
        let pairs = [("admin", "write"), ("write", "read"), ("read", "list"), ("read", "write")];
        let pairs: Vec<_> = pairs.iter().map(|(above, below)| (above.parse().unwrap(), below.parse().unwrap())).collect();
        Needs {
            always: scope("read"),
            tools: HashMap::from([("delete".to_owned(), scope("write")), ("reset".to_owned(), scope("admin"))]),
            implied: Needs::hierarchy(&pairs),
        }
    }

    // MCP-RS-14; a circle of scopes that contain each other ends, too
    #[test]
    fn a_broader_scope_is_enough_and_a_narrower_one_is_not() {
        let needs = needs();
        assert!(needs.are_met(&scope("read list"), &scope("admin")));
        assert!(needs.are_met(&scope("write"), &scope("read")));
        assert!(!needs.are_met(&scope("admin"), &scope("write read")));
        assert!(!needs.are_met(&scope("other"), &scope("admin")));
    }

    // MCP-RS-13
    #[test]
    fn several_tools_need_what_each_of_them_needs() {
        let needs = needs();
        assert_eq!(needs.of_tools(["delete", "reset", "unknown"].into_iter()), scope("read write admin"));
        assert_eq!(needs.of_tools(std::iter::empty()), scope("read"));
    }
}
