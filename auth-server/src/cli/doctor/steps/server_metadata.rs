//! The metadata of the authorization server, at each place where clients look, and its issuer byte for byte (MCP-AS-01 to 08).

use url::Url;

use crate::cli::doctor::{
    client::Client,
    document::{Found, Members, Place, note_nulls, note_odd, text},
    finding::Kind,
    report::{Notes, Step},
};

/// The document that the client goes by.
#[derive(Clone, Debug)]
pub(in crate::cli::doctor) struct Chosen {
    pub(in crate::cli::doctor) url: Url,
    pub(in crate::cli::doctor) members: Members,
}

/// MCP-CL-02: where clients look, in their order.
pub(in crate::cli::doctor) fn places(issuer: &Url) -> Vec<Url> {
    let path = issuer.path().trim_end_matches('/');
    let at = |path: String| {
        let mut url = issuer.clone();
        url.set_path(&path);
        url
    };
    let mut places =
        vec![at(format!("/.well-known/oauth-authorization-server{path}")), at(format!("/.well-known/openid-configuration{path}"))];
    if !path.is_empty() {
        places.push(at(format!("{path}/.well-known/openid-configuration")));
    }
    places
}

/// Also the document, where the client goes on.
pub(in crate::cli::doctor) fn judge(issuer: &str, seen: &[Place], client: Client) -> (Notes, Option<Chosen>) {
    let mut notes = Notes::of(Step::ServerMetadata, client);
    for place in seen {
        note_odd(&mut notes, place);
        if let Found::Nothing { in_json: false } = place.found {
            notes.find(Kind::PlainNotFound, [place.url.as_str()]);
        }
    }
    let documents: Vec<(&Url, &Members)> = seen.iter().filter_map(|place| Some((&place.url, place.found.document()?))).collect();
    let Some((url, members)) = documents.first() else {
        notes.find(Kind::ServerMetadataNowhere, seen.iter().map(|place| place.url.as_str()));
        return (notes, None);
    };
    let mut is_other = false;
    for (url, members) in &documents {
        let named = text(members, "issuer").unwrap_or("nothing");
        if named != issuer {
            is_other = true;
            let lines = [
                format!("resource metadata   {issuer}"),
                format!("server metadata     {named}"),
                format!("They differ by {}, at {url}", difference(issuer, named)),
            ];
            notes.find(Kind::IssuerDiffers, lines);
        }
    }
    let differs = |other: &Members| {
        ["authorization_endpoint", "token_endpoint", "registration_endpoint"].iter().find(|name| {
            let (one, other) = (members.get(**name), other.get(**name));
            one != other
        })
    };
    for (url, other) in documents.iter().skip(1) {
        if let Some(name) = differs(other) {
            notes.find(Kind::ServerMetadataDiffers, [format!("{name}, at {url}")]);
        }
    }
    note_nulls(&mut notes, members);
    openid(&documents, &mut notes);
    if notes.findings.is_empty() {
        notes.pass(format!("server metadata at {url} names the very same issuer"));
    }
    let chosen = Chosen { url: (*url).clone(), members: (*members).clone() };
    (notes, (!is_other).then_some(chosen))
}

/// What somebody comparing the two by eye would overlook.
fn difference(one: &str, other: &str) -> &'static str {
    if one.trim_end_matches('/') == other.trim_end_matches('/') {
        "a slash at the end"
    } else if one.eq_ignore_ascii_case(other) {
        "upper and lower case"
    } else if one.split_once("://").map(|(_, rest)| rest) == other.split_once("://").map(|(_, rest)| rest) {
        "http and https"
    } else {
        "more than a slash"
    }
}

/// MCP-AS-02: a document of OpenID's is complete, or not there.
fn openid(documents: &[(&Url, &Members)], notes: &mut Notes) {
    const NEEDED: [&str; 4] = ["jwks_uri", "response_types_supported", "subject_types_supported", "id_token_signing_alg_values_supported"];
    for (url, members) in documents.iter().filter(|(url, _)| url.path().contains("openid-configuration")) {
        let missing: Vec<&str> = NEEDED.into_iter().filter(|name| !members.contains_key(*name)).collect();
        if !missing.is_empty() {
            notes.find(Kind::OpenIdIncomplete, [missing.join(", "), format!("at {url}")]);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::cli::doctor::testing::{answer, nothing, place, url};

    const ISSUER: &str = "https://auth.example.com";
    const OAUTH: &str = "https://auth.example.com/.well-known/oauth-authorization-server";
    const OPENID: &str = "https://auth.example.com/.well-known/openid-configuration";

    fn good() -> Value {
        json!({"issuer": ISSUER, "token_endpoint": "https://auth.example.com/token"})
    }

    fn judged(seen: &[Place]) -> (Vec<Kind>, bool) {
        let (notes, chosen) = judge(ISSUER, seen, Client::Any);
        (notes.kinds(), chosen.is_some())
    }

    // MCP-CL-02
    #[test]
    fn clients_look_in_three_places_where_the_issuer_has_a_path() {
        assert_eq!(places(&url(ISSUER)), [url(OAUTH), url(OPENID)]);
        let of_path: Vec<String> = places(&url("https://a.example/t/1")).iter().map(|url| url.path().to_owned()).collect();
        assert_eq!(
            of_path,
            [
                "/.well-known/oauth-authorization-server/t/1",
                "/.well-known/openid-configuration/t/1",
                "/t/1/.well-known/openid-configuration",
            ]
        );
    }

    #[test]
    fn one_document_is_enough() {
        assert_eq!(judged(&[place(OAUTH, &good()), nothing(OPENID)]), (vec![], true));
        assert_eq!(judged(&[nothing(OAUTH), nothing(OPENID)]), (vec![Kind::ServerMetadataNowhere], false));
    }

    // MCP-AS-04, MCP-CL-03, K-11
    #[test]
    fn the_issuer_is_compared_byte_for_byte_and_the_difference_is_named() {
        for (named, difference) in [
            ("https://auth.example.com/", "a slash at the end"),
            ("https://AUTH.example.com", "upper and lower case"),
            ("http://auth.example.com", "http and https"),
            ("https://other.example", "more than a slash"),
        ] {
            let mut document = good();
            document["issuer"] = json!(named);
            let (notes, chosen) = judge(ISSUER, &[place(OAUTH, &document), nothing(OPENID)], Client::Any);
            assert_eq!((notes.kinds(), chosen.is_some()), (vec![Kind::IssuerDiffers], false), "{named}");
            assert!(notes.findings[0].seen[2].contains(difference), "{:?}", notes.findings[0].seen);
        }
    }

    // MCP-AS-02, MCP-AS-08, K-20
    #[test]
    fn what_else_is_wrong_with_it_has_a_name() {
        let html = |status| Place { url: url(OPENID), found: Found::read(&Ok(answer(status, &[("content-type", "text/html")], "no"))) };
        assert_eq!(judged(&[place(OAUTH, &good()), html(404)]), (vec![Kind::PlainNotFound], true));
        assert_eq!(judged(&[place(OAUTH, &good()), html(200)]), (vec![Kind::NotJson], true));
        assert_eq!(judged(&[place(OAUTH, &good()), html(500)]), (vec![Kind::WellKnownBroken], true));
        assert_eq!(judged(&[nothing(OAUTH), place(OPENID, &good())]), (vec![Kind::OpenIdIncomplete], true));
        let complete = json!({
            "issuer": ISSUER, "token_endpoint": "https://auth.example.com/oidc/token", "jwks_uri": "x", "response_types_supported": ["code"],
            "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["RS256"],
        });
        assert_eq!(judged(&[place(OAUTH, &good()), place(OPENID, &complete)]), (vec![Kind::ServerMetadataDiffers], true));
        let mut null = good();
        null["jwks_uri"] = Value::Null;
        assert_eq!(judged(&[place(OAUTH, &null), nothing(OPENID)]), (vec![Kind::NullMember], true));
    }
}
