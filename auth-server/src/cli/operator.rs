//! Who sits at the command line, as the system knows them.

use std::{fs, os::unix::fs::MetadataExt as _};

/// A login that nobody made: the process was started by the system.
const NOBODY: u32 = u32::MAX;
const MOST_CHARACTERS: usize = 64;

/// `ada`, or `ada as portcullis` where somebody works under another account, as with sudo.
pub(super) fn operator() -> String {
    let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let own = fs::metadata("/proc/self").ok().map(|process| named(&accounts, process.uid())).or_else(|| variable("USER"));
    // The kernel remembers who logged in; where it does not, sudo says who called it.
    let login = fs::read_to_string("/proc/self/loginuid").ok().and_then(|id| id.trim().parse().ok()).filter(|id| *id != NOBODY);
    let behind = login.map(|id| named(&accounts, id)).or_else(|| variable("SUDO_USER"));
    told(own, behind)
}

fn told(own: Option<String>, behind: Option<String>) -> String {
    match (own, behind) {
        (Some(own), Some(behind)) if own != behind => format!("{behind} as {own}"),
        (Some(name), _) | (None, Some(name)) => name,
        (None, None) => "unknown".to_owned(),
    }
}

/// The name of an account, or its number where it has none, as in containers.
fn named(accounts: &str, id: u32) -> String {
    let id = id.to_string();
    let mut lines = accounts.lines().map(|line| line.split(':'));
    let found = lines.find_map(|mut fields| fields.next().filter(|_| fields.nth(1) == Some(id.as_str())));
    found.map_or_else(|| format!("uid {id}"), str::to_owned)
}

#[expect(clippy::disallowed_methods, reason = "only to say who it was; no setting is read here")]
fn variable(name: &str) -> Option<String> {
    let value: String = std::env::var(name).ok()?.chars().take(MOST_CHARACTERS).collect();
    Some(value).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operator_is_named_as_the_system_names_them() {
        let accounts = "root:x:0:0:root:/root:/bin/sh\nada:x:1000:1000:Ada:/home/ada:/bin/sh\n";
        assert_eq!(named(accounts, 1000), "ada");
        assert_eq!(named(accounts, 65532), "uid 65532");
        let some = |name: &str| Some(name.to_owned());
        assert_eq!(told(some("portcullis"), some("ada")), "ada as portcullis");
        assert_eq!(told(some("ada"), some("ada")), "ada");
        assert_eq!(told(some("ada"), None), "ada");
        assert_eq!(told(None, None), "unknown");
    }
}
