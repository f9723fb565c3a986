//! The issuer as the resource metadata has it (MCP-AS-04, MCP-AS-05, F-03).

use url::Url;

use crate::cli::doctor::{
    client::Client,
    document::is_secure,
    finding::Kind,
    report::{Notes, Step},
};

/// Also the issuer as an address, where it can be asked.
pub(in crate::cli::doctor) fn judge(issuer: &str, is_local: bool, client: Client) -> (Notes, Option<Url>) {
    let mut notes = Notes::of(Step::Issuer, client);
    let usable = Url::parse(issuer).ok().filter(|url| {
        let is_bare = url.query().is_none() && url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
        is_secure(url, is_local) && is_bare
    });
    let Some(url) = usable else {
        notes.find(Kind::IssuerUnusable, [issuer]);
        return (notes, None);
    };
    if url.path() == "/" && issuer.ends_with('/') {
        notes.find(Kind::IssuerSlash, [issuer]);
    } else {
        notes.pass(format!("the issuer {issuer} is in its canonical form"));
    }
    (notes, Some(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(issuer: &str, is_local: bool) -> Vec<Kind> {
        judge(issuer, is_local, Client::Any).0.kinds()
    }

    #[test]
    fn https_and_this_computer_are_fine() {
        for (issuer, is_local) in [("https://auth.example.com", false), ("https://a.example/t/1", false), ("http://127.0.0.1:8080", true)] {
            assert_eq!(kinds(issuer, is_local), [], "{issuer}");
        }
    }

    #[test]
    fn what_is_no_issuer_is_not_asked() {
        let bad = [
            "auth.example.com",
            "http://a.example",
            "http://127.0.0.1:1",
            "https://a.example?x",
            "https://a.example#x",
            "https://u@a.example",
        ];
        for issuer in bad {
            let (notes, url) = judge(issuer, false, Client::Any);
            assert_eq!((notes.kinds(), url), (vec![Kind::IssuerUnusable], None), "{issuer}");
        }
        assert_eq!(kinds("http://169.254.169.254/latest", true), [Kind::IssuerUnusable], "nobody may send us to where only we can go");
    }

    // K-11, F-03
    #[test]
    fn a_slash_behind_an_origin_is_told() {
        assert_eq!(kinds("https://auth.example.com/", false), [Kind::IssuerSlash]);
        assert_eq!(kinds("https://auth.example.com/t/", false), [], "a path may end so");
    }
}
