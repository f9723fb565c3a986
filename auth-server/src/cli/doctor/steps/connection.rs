//! Whether there is a connection: TCP, TLS version, chain of certificates (MCP-AS-230).

use crate::cli::doctor::{
    client::Client,
    finding::Kind,
    outside::{Handshake, NoWay},
    report::{Notes, Step},
};

pub(in crate::cli::doctor) fn judge(seen: &Result<Option<Handshake>, NoWay>, client: Client) -> Notes {
    let mut notes = Notes::of(Step::Connection, client);
    match seen {
        Ok(None) => notes.pass("it can be connected to, without TLS"),
        Ok(Some(Handshake { version, certificates })) => {
            notes.pass(format!("{version} with a trusted certificate ({} sent)", sent(*certificates)));
        }
        Err(NoWay::Connection(reason)) => notes.find(Kind::NoConnection, [reason]),
        Err(NoWay::Version(reason)) => notes.find(Kind::TlsTooOld, [reason]),
        Err(NoWay::Tls(reason)) => notes.find(Kind::TlsBroken, [reason]),
        Err(NoWay::Certificate { reason, sent: number, is_incomplete }) => {
            let mut lines = vec![reason.clone(), format!("{} sent", sent(*number))];
            if *is_incomplete {
                lines.push(
                    "Most likely the intermediate certificate is missing; else it vouches for itself, or its authority is private."
                        .to_owned(),
                );
            }
            notes.find(Kind::CertificateUntrusted, lines);
        }
    }
    notes
}

fn sent(certificates: usize) -> String {
    if certificates == 1 { "1 certificate".to_owned() } else { format!("{certificates} certificates") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(way: NoWay) -> Kind {
        judge(&Err(way), Client::Any).kinds().remove(0)
    }

    #[test]
    fn a_handshake_is_told_with_its_version() {
        let handshake = Handshake { version: "TLS 1.3".to_owned(), certificates: 2 };
        assert_eq!(judge(&Ok(Some(handshake)), Client::Any).kinds(), []);
        assert_eq!(judge(&Ok(None), Client::Any).kinds(), []);
    }

    #[test]
    fn each_way_to_fail_has_its_name() {
        let reason = || "why".to_owned();
        assert_eq!(found(NoWay::Connection(reason())), Kind::NoConnection);
        assert_eq!(found(NoWay::Version(reason())), Kind::TlsTooOld);
        assert_eq!(found(NoWay::Tls(reason())), Kind::TlsBroken);
        let certificate = |is_incomplete| judge(&Err(NoWay::Certificate { reason: reason(), sent: 1, is_incomplete }), Client::Any);
        assert_eq!(certificate(false).kinds(), [Kind::CertificateUntrusted]);
        assert!(certificate(true).findings[0].seen.iter().any(|line| line.contains("intermediate")));
        assert!(!certificate(false).findings[0].seen.iter().any(|line| line.contains("intermediate")));
    }
}
