//! How long an answer may be kept (RFC 9111 §4.2).

use chrono::TimeDelta;
use http::{
    HeaderMap, HeaderValue,
    header::{AGE, CACHE_CONTROL},
};

/// How much longer the answer is fresh; `None` if it does not say.
pub(super) fn of(headers: &HeaderMap) -> Option<TimeDelta> {
    let mut max_age = None;
    for directive in headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')) {
        let directive = directive.trim().to_ascii_lowercase();
        if matches!(directive.as_str(), "no-store" | "no-cache") {
            return Some(TimeDelta::zero());
        }
        let seconds = directive.strip_prefix("max-age=").and_then(|value| value.trim_matches('"').parse::<u32>().ok());
        max_age = max_age.or(seconds);
    }
    let age = headers.get(AGE).and_then(|value: &HeaderValue| value.to_str().ok()).and_then(|age| age.parse::<u32>().ok()).unwrap_or(0);
    max_age.map(|seconds| TimeDelta::seconds(seconds.saturating_sub(age).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    // MCP-AS-120
    #[test]
    fn freshness_is_what_the_headers_say() {
        let read = |control: &str, age: &str| {
            let headers = [(CACHE_CONTROL, control), (AGE, age)].map(|(name, value)| (name, value.parse().unwrap()));
            of(&headers.into_iter().collect()).map(|span| span.num_seconds())
        };
        assert_eq!(read("public, max-age=600", ""), Some(600));
        assert_eq!(read("Max-Age=600", "100"), Some(500));
        assert_eq!(read("max-age=600", "700"), Some(0));
        assert_eq!(read("max-age=600, no-store", ""), Some(0));
        assert_eq!(read("max-age=-1", ""), None);
        assert_eq!(read("public", ""), None);
        assert_eq!(of(&HeaderMap::new()), None);
    }
}
