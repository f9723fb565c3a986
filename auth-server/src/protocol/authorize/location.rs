//! The address of an answer: the client's own text with parameters appended
//! (RFC 6749 §4.1.2, RFC 9207 §2).
//!
//! Nothing is parsed and written again, so not a byte of what the client asked for
//! can change (OA-RU-19).

use std::fmt::Write as _;

use portcullis_verifier::vocabulary::Issuer;

use super::{AuthorizationRequest, RefusedRequest};
use crate::protocol::vocabulary::RedirectUri;

/// Where the browser goes with a code.
pub fn success_location(request: &AuthorizationRequest, code: &str, issuer: &Issuer) -> String {
    appended(&request.redirect_uri, &[("code", Some(code)), ("state", request.state.as_deref()), ("iss", Some(issuer.as_str()))])
}

/// Where the browser goes with an error.
pub fn error_location(refused: &RefusedRequest, issuer: &Issuer) -> String {
    appended(
        &refused.redirect_uri,
        &[
            ("error", Some(refused.error.code.as_str())),
            ("error_description", Some(refused.error.description)),
            ("state", refused.state.as_deref()),
            ("iss", Some(issuer.as_str())),
        ],
    )
}

fn appended(redirect_uri: &RedirectUri, parameters: &[(&str, Option<&str>)]) -> String {
    let mut location = redirect_uri.as_str().to_owned();
    let mut separator = match location.split_once('?') {
        None => "?",
        Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
        Some(_) => "&",
    };
    for (name, value) in parameters.iter().filter_map(|(name, value)| value.map(|value| (name, value))) {
        location.push_str(separator);
        location.push_str(name);
        location.push('=');
        encode(value, &mut location);
        separator = "&";
    }
    location
}

/// Everything but unreserved characters becomes `%XX`. A space is `%20`, which form
/// decoders and plain percent-decoders read alike; `+` only the former.
fn encode(value: &str, location: &mut String) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            location.push(char::from(byte));
        } else {
            // writing to a String cannot fail
            let _ = write!(location, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use url::Url;

    use super::*;
    use crate::protocol::{authorize::RedirectError, authorize::sample};

    fn issuer() -> Issuer {
        Issuer::parse("https://auth.example/tenant").unwrap()
    }

    fn pairs(location: &str) -> Vec<(String, String)> {
        let query = location.split_once('?').unwrap().1;
        url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
    }

    // OA-AZ-25, MCP-AS-27, MCP-AS-150, OA-ISS-01
    #[test]
    fn success_has_code_state_and_iss_and_nothing_else() {
        let location = success_location(&sample::request("state=a%2Bb%26c%3D"), "the-code", &issuer());
        assert_eq!(location, "https://app.example/cb?code=the-code&state=a%2Bb%26c%3D&iss=https%3A%2F%2Fauth.example%2Ftenant");
        let without = success_location(&sample::request("state="), "c", &issuer());
        assert_eq!(without, "https://app.example/cb?code=c&iss=https%3A%2F%2Fauth.example%2Ftenant");
    }

    // MCP-AS-23, OA-ISS-01
    #[test]
    fn an_error_has_state_and_iss_and_no_code() {
        let refused = sample::request("state=xyz").refused(RedirectError::Denied);
        assert_eq!(
            error_location(&refused, &issuer()),
            "https://app.example/cb?error=access_denied&error_description=the%20request%20was%20denied&state=xyz\
             &iss=https%3A%2F%2Fauth.example%2Ftenant"
        );
    }

    // OA-AZ-13, OA-RU-19
    #[test]
    fn the_clients_own_address_stays_as_it_is() {
        for (uri, begins) in [
            ("https://app.example", "https://app.example?code=c&iss="),
            ("https://app.example/", "https://app.example/?code=c&iss="),
            ("https://APP.example/cb?a=1", "https://APP.example/cb?a=1&code=c&iss="),
            ("https://app.example/cb?", "https://app.example/cb?code=c&iss="),
            ("https://app.example/cb?a=1&", "https://app.example/cb?a=1&code=c&iss="),
            ("http://127.0.0.1:1/cb", "http://127.0.0.1:1/cb?code=c&iss="),
            ("cursor://anysphere.cursor-deeplink/mcp", "cursor://anysphere.cursor-deeplink/mcp?code=c&iss="),
            ("com.example.app:/cb", "com.example.app:/cb?code=c&iss="),
        ] {
            let uri: RedirectUri = uri.parse().unwrap();
            let location = appended(&uri, &[("code", Some("c")), ("state", None), ("iss", Some("x"))]);
            assert!(location.starts_with(begins), "{location}");
        }
    }

    proptest! {
        // OA-AZ-12, MCP-AS-27: whatever the state, it comes back as it was, and nothing beside it
        #[test]
        fn any_state_comes_back_once_and_unchanged(state in "\\PC{1,80}") {
            let mut request = sample::request("");
            request.state = Some(state.clone());
            for location in [success_location(&request, "c", &issuer()), error_location(&request.refused(RedirectError::Denied), &issuer())] {
                prop_assert!(location.bytes().all(|byte| byte.is_ascii_graphic()), "{}", location);
                prop_assert!(!location.contains('#'));
                let pairs = pairs(&location);
                prop_assert_eq!(pairs.iter().filter(|(name, _)| name == "state").map(|(_, value)| value.clone()).collect::<Vec<_>>(), vec![state.clone()]);
                prop_assert_eq!(pairs.iter().filter(|(name, _)| name == "iss").count(), 1);
                let url = Url::parse(&location).unwrap();
                prop_assert_eq!(url.host_str(), Some("app.example"));
            }
        }

        // RFC 9700 §4.11: whatever was registered, the answer goes to that host and nowhere else
        #[test]
        fn no_answer_leaves_for_another_host(
            text in "(https://[a-z]{1,4}\\.example(:[1-9][0-9]{0,3})?|http://127\\.0\\.0\\.1(:[1-9][0-9]{0,3})?)(/[A-Za-z0-9~:@!$&',()*+=._-]{0,5}){0,2}(\\?[A-Za-z0-9/?:@&=]{0,8})?",
            state in "[\\r\\n#?&=@/\\\\:.a]{1,12}",
        ) {
            if let Ok(uri) = text.parse::<RedirectUri>() {
                let location = appended(&uri, &[("code", Some("c")), ("state", Some(&state)), ("iss", Some("https://auth.example"))]);
                let (before, after) = (Url::parse(&text).unwrap(), Url::parse(&location).unwrap());
                prop_assert_eq!(before.origin(), after.origin());
                prop_assert_eq!(before.path(), after.path());
                prop_assert!(after.username().is_empty() && after.fragment().is_none());
                prop_assert!(location.bytes().all(|byte| byte.is_ascii_graphic()));
                let returned = after.query_pairs().find(|(name, _)| name == "state").map(|(_, value)| value.into_owned());
                prop_assert_eq!(returned, Some(state));
            }
        }

        // OA-RU-19
        #[test]
        fn the_location_begins_with_the_redirect_uri(path in "(/[A-Za-z0-9~._-]{0,5}){0,3}", query in "(\\?([a-b]=[A-Z%2B]{0,3}&?){0,2})?") {
            if let Ok(uri) = format!("https://app.example{path}{query}").parse::<RedirectUri>() {
                let location = appended(&uri, &[("code", Some("c")), ("iss", Some("https://auth.example"))]);
                prop_assert!(location.starts_with(uri.as_str()));
                prop_assert_eq!(pairs(&location).iter().filter(|(name, _)| name == "code").count(), 1);
            }
        }
    }
}
