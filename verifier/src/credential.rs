//! How a token is presented: in one `Authorization` header, and nowhere else
//! (RFC 6750 §2.1, OAuth 2.1 §5.1).

use http::{HeaderMap, header::AUTHORIZATION};

/// What is wrong with the way a credential was presented: answered with 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// A token in the header, and another in the query or the form.
    #[error("there is a token in the header and another in the query or the form")]
    AlsoElsewhere,
    /// `Bearer` and then no token, several, or something that is none.
    #[error("after Bearer there is not exactly one token")]
    NotOneToken,
    /// No scheme, or bytes that no header should have.
    #[error("the Authorization header is not a scheme and its value")]
    NotAScheme,
    /// More than one `Authorization` header.
    #[error("there are several Authorization headers")]
    SeveralHeaders,
}

/// The token in the header. `None` for no credential, and for a scheme that is not ours.
pub(crate) fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Malformed> {
    let mut lines = headers.get_all(AUTHORIZATION).iter();
    let Some(line) = lines.next() else { return Ok(None) };
    if lines.next().is_some() {
        return Err(Malformed::SeveralHeaders);
    }
    let line = line.to_str().map_err(|_| Malformed::NotAScheme)?;
    let (scheme, rest) = line.split_once(' ').unwrap_or((line, ""));
    if scheme.is_empty() || !scheme.bytes().all(is_token_byte) {
        return Err(Malformed::NotAScheme);
    }
    if !scheme.eq_ignore_ascii_case("Bearer") {
        return Ok(None);
    }
    let token = rest.trim_matches(' ');
    if is_token68(token) { Ok(Some(token)) } else { Err(Malformed::NotOneToken) }
}

/// Whether a query or a form has a parameter `access_token`. Its value is not read.
pub(crate) fn has_token_parameter(encoded: &[u8]) -> bool {
    url::form_urlencoded::parse(encoded).any(|(name, _)| name == "access_token")
}

/// RFC 9110 §11.2.
fn is_token68(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    !body.is_empty() && body.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte))
}

/// RFC 9110 §5.6.2.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(lines: &[&str]) -> Result<Option<String>, Malformed> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(AUTHORIZATION, HeaderValue::from_str(line).unwrap());
        }
        bearer(&headers).map(|token| token.map(str::to_owned))
    }

    // OA-RS-01, OA-RS-03; EA-165, EA-166, EA-167
    #[test]
    fn one_header_with_one_token_is_read() {
        for good in ["Bearer a.b-c_d~+/==", "bearer a.b-c_d~+/==", "BEARER   a.b-c_d~+/==", "Bearer a.b-c_d~+/== "] {
            assert_eq!(read(&[good]), Ok(Some("a.b-c_d~+/==".to_owned())), "{good}");
        }
        for none in [&[][..], &["Basic dTpw"], &["DPoP a.b.c"], &["Basic"], &["Bearerx abc"]] {
            assert_eq!(read(none), Ok(None), "{none:?}");
        }
        for (bad, why) in [
            ("Bearer", Malformed::NotOneToken),
            ("Bearer ", Malformed::NotOneToken),
            ("Bearer =", Malformed::NotOneToken),
            ("Bearer a b", Malformed::NotOneToken),
            ("Bearer a, Bearer b", Malformed::NotOneToken),
            ("Bearer a,b", Malformed::NotOneToken),
            ("Bearer \"a\"", Malformed::NotOneToken),
            ("Bearer a=b", Malformed::NotOneToken),
            ("Bearer\ta", Malformed::NotAScheme),
            ("Bearer a\tb", Malformed::NotOneToken),
            ("", Malformed::NotAScheme),
            (" a", Malformed::NotAScheme),
            ("Bearer a\nBearer a", Malformed::SeveralHeaders),
            ("Basic a\nBearer a", Malformed::SeveralHeaders),
        ] {
            let lines: Vec<_> = bad.split('\n').collect();
            assert_eq!(read(&lines), Err(why), "{bad:?}");
        }
        let mut opaque = HeaderMap::new();
        opaque.insert(AUTHORIZATION, HeaderValue::from_bytes(b"Bearer \xe9").unwrap());
        assert_eq!(bearer(&opaque), Err(Malformed::NotAScheme));
    }

    // OA-RS-02
    #[test]
    fn a_token_in_a_query_or_form_is_noticed_in_any_spelling() {
        assert!(has_token_parameter(b"x=1&access_token=abc"));
        assert!(has_token_parameter(b"access%5Ftoken"));
        assert!(!has_token_parameter(b"x=access_token&Access_Token=1&access_token2=3"));
    }
}
