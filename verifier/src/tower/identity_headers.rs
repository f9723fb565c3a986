//! Headers by which somebody in front of a server says who is calling. Here nobody is in
//! front but the caller, so they are lies or mistakes (RFC 9700 §4.13, OA-RS-13).

use http::{HeaderMap, HeaderName};

const NAMES: [&str; 16] = [
    "remote-user",
    "x-auth-email",
    "x-auth-user",
    "x-authenticated-user",
    "x-authenticated-userid",
    "x-email",
    "x-forwarded-access-token",
    "x-forwarded-email",
    "x-forwarded-groups",
    "x-forwarded-preferred-username",
    "x-forwarded-user",
    "x-remote-groups",
    "x-remote-user",
    "x-user",
    "x-user-id",
    "x-webauth-user",
];
const FAMILIES: [&str; 3] = ["x-auth-request-", "x-portcullis-", "x-remote-extra-"];

/// Takes them all away.
pub(super) fn strip(headers: &mut HeaderMap) {
    let claimed: Vec<HeaderName> = headers.keys().filter(|name| claims_identity(name.as_str())).cloned().collect();
    for name in claimed {
        headers.remove(name);
    }
}

/// With `_` for `-` as well: what comes behind may not tell them apart.
fn claims_identity(name: &str) -> bool {
    let name = name.replace('_', "-");
    NAMES.contains(&name.as_str()) || FAMILIES.iter().any(|family| name.starts_with(family))
}

#[cfg(test)]
mod tests {
    use super::*;

    // OA-RS-13
    #[test]
    fn a_forged_identity_is_taken_away_in_any_spelling() {
        let mut headers = HeaderMap::new();
        for name in
            ["X-User", "x_forwarded_user", "X-Auth-Request-Email", "X-Portcullis-Subject", "Remote_User", "X-Request-Id", "X-Forwarded-For"]
        {
            headers.insert(HeaderName::try_from(name).unwrap(), "root".parse().unwrap());
        }
        strip(&mut headers);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["x-forwarded-for", "x-request-id"]);
    }
}
