//! The style sheet and the icon, built into the binary.
//!
//! Pages name them by what is in them, so browsers keep them for good and see a new
//! version at once.

use axum::{
    body::Body,
    extract::{Path, RawQuery},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};

use super::PageFailure;

/// A file of ours.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    name: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
    version: u64,
}

/// The style sheet.
pub const STYLE: Asset = Asset::new("style.css", "text/css; charset=utf-8", include_bytes!("../../../templates/assets/style.css"));
/// The icon.
pub const ICON: Asset = Asset::new("icon.svg", "image/svg+xml", include_bytes!("../../../templates/assets/icon.svg"));

impl Asset {
    const fn new(name: &'static str, kind: &'static str, bytes: &'static [u8]) -> Self {
        Self { name, kind, bytes, version: fnv1a(bytes) }
    }

    /// Its address below the issuer.
    pub fn address(&self) -> String {
        format!("/assets/{}?{}", self.name, self.query())
    }

    fn query(&self) -> String {
        format!("v={:016x}", self.version)
    }

    fn tag(&self) -> String {
        format!("\"{:016x}\"", self.version)
    }
}

/// FNV-1a: tells versions of a file apart. It keeps nobody from anything.
const fn fnv1a(mut bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    while let [first, rest @ ..] = bytes {
        hash = (hash ^ *first as u64).wrapping_mul(0x0100_0000_01b3);
        bytes = rest;
    }
    hash
}

/// `GET /assets/{name}`.
pub async fn asset(Path(name): Path<String>, RawQuery(query): RawQuery, headers: HeaderMap) -> Result<Response, PageFailure> {
    let asset = [STYLE, ICON].into_iter().find(|asset| asset.name == name).ok_or_else(PageFailure::not_found)?;
    Ok(answer(&asset, query.as_deref(), &headers))
}

fn answer(asset: &Asset, query: Option<&str>, headers: &HeaderMap) -> Response {
    // A page of another version, during an upgrade, must not make this one stay.
    let is_exact = query == Some(asset.query().as_str());
    let keep = if is_exact { "public, max-age=31536000, immutable" } else { "no-cache" };
    let tag = asset.tag();
    let known = headers.get_all(header::IF_NONE_MATCH).iter().any(|value| matches_tag(value, &tag));
    let (status, body) = if known { (StatusCode::NOT_MODIFIED, Body::empty()) } else { (StatusCode::OK, Body::from(asset.bytes)) };
    let mut response = (status, [(header::CACHE_CONTROL, keep), (header::CONTENT_TYPE, asset.kind)], body).into_response();
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// RFC 9110 §13.1.2, compared weakly.
fn matches_tag(value: &HeaderValue, tag: &str) -> bool {
    let listed = value.to_str().unwrap_or_default().split(',').map(str::trim);
    listed.into_iter().any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(asset: &Asset, query: Option<&str>, tag: &'static str) -> Response {
        answer(asset, query, &HeaderMap::from_iter([(header::IF_NONE_MATCH, HeaderValue::from_static(tag))]))
    }

    #[tokio::test]
    async fn an_asset_is_kept_under_its_exact_address_only() {
        let address = STYLE.address();
        let exact = answer(&STYLE, address.split_once('?').map(|(_, query)| query), &HeaderMap::new());
        assert_eq!(exact.headers()[header::CACHE_CONTROL], "public, max-age=31536000, immutable");
        assert_eq!(exact.headers()[header::CONTENT_TYPE], "text/css; charset=utf-8");
        for other in [None, Some("v=0"), Some("")] {
            assert_eq!(answer(&STYLE, other, &HeaderMap::new()).headers()[header::CACHE_CONTROL], "no-cache");
        }
        let body = axum::body::to_bytes(exact.into_body(), 1 << 20).await.unwrap();
        assert_eq!(&body[..], STYLE.bytes);
        assert_ne!(STYLE.version, ICON.version);
    }

    #[test]
    fn a_known_asset_is_not_sent_again() {
        let tag: &'static str = format!("\"other\", W/{}", ICON.tag()).leak();
        assert_eq!(get(&ICON, None, tag).status(), StatusCode::NOT_MODIFIED);
        assert_eq!(get(&ICON, None, "*").status(), StatusCode::NOT_MODIFIED);
        assert_eq!(get(&ICON, None, "\"other\"").status(), StatusCode::OK);
    }

    // WCAG 2.2, 2.3.3; and what the content security policy would refuse
    #[test]
    fn nothing_moves_and_nothing_comes_from_elsewhere() {
        let style = std::str::from_utf8(STYLE.bytes).unwrap();
        for word in ["animation", "transition", "@import", "url(", "http:", "https:", "@font-face"] {
            assert!(!style.contains(word), "{word}");
        }
        let icon = std::str::from_utf8(ICON.bytes).unwrap();
        assert!(!icon.contains("<script") && !icon.contains("style") && !icon.contains("href"), "{icon}");
    }
}
