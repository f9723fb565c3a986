//! The address itself: scheme, port, what its name stands for (K-03, MCP-AS-230).

use std::net::{IpAddr, SocketAddr};

use url::Url;

use crate::cli::doctor::{
    client::Client,
    document::is_loopback,
    finding::Kind,
    report::{Notes, Step},
};

pub(in crate::cli::doctor) fn judge(url: &Url, addresses: &Result<Vec<SocketAddr>, String>, client: Client) -> Notes {
    let mut notes = Notes::of(Step::Address, client);
    let is_local = is_loopback(url);
    if url.scheme() != "https" && !is_local {
        notes.find(Kind::NotHttps, [url.as_str()]);
    }
    let port = url.port_or_known_default().unwrap_or_default();
    if client.is_hosted() && port != 443 {
        notes.find(Kind::OtherPort, [format!("port {port}")]);
    }
    let addresses = match addresses {
        Ok(addresses) if !addresses.is_empty() => addresses,
        Ok(_) => {
            notes.find(Kind::NameUnknown, [url.host_str().unwrap_or_default()]);
            return notes;
        }
        Err(reason) => {
            notes.find(Kind::NameUnknown, [url.host_str().unwrap_or_default(), reason]);
            return notes;
        }
    };
    let list = addresses.iter().map(|address| address.ip().to_string()).collect::<Vec<_>>().join(", ");
    if client.is_hosted() && !addresses.iter().all(|address| is_public(address.ip())) {
        notes.find(Kind::NotPublic, [list.clone()]);
    }
    if !is_local && !addresses.iter().any(SocketAddr::is_ipv4) {
        notes.find(Kind::NoIpv4, [list.clone()]);
    }
    if notes.findings.is_empty() {
        notes.pass(format!("{} is {list}, port {port}", url.host_str().unwrap_or_default()));
    }
    notes
}

/// Whether the internet can have a way to it.
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            let is_shared = first == 100 && (64..128).contains(&second);
            !(address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_unspecified()
                || address.is_broadcast()
                || address.is_multicast()
                || is_shared)
        }
        IpAddr::V6(address) => {
            let is_link_local = address.is_unicast_link_local();
            !(address.is_loopback() || address.is_unspecified() || address.is_unique_local() || address.is_multicast() || is_link_local)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::testing::{MCP, url};

    fn kinds(address: &str, ips: &[&str], client: Client) -> Vec<Kind> {
        let addresses = ips.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 443)).collect();
        judge(&url(address), &Ok(addresses), client).kinds()
    }

    #[test]
    fn a_public_https_address_at_443_is_fine_for_all() {
        for client in [Client::Any, Client::Claude, Client::Chatgpt, Client::Inspector] {
            assert_eq!(kinds(MCP, &["1.1.1.1", "2606:4700::1111"], client), []);
        }
    }

    // MCP-AS-06
    #[test]
    fn plain_http_is_fine_on_this_computer_only() {
        assert_eq!(kinds("http://mcp.example.com/mcp", &["1.1.1.1"], Client::Any), [Kind::NotHttps]);
        assert_eq!(kinds("http://127.0.0.1:8081/mcp", &["127.0.0.1"], Client::Any), []);
    }

    // K-03, MCP-AS-230
    #[test]
    fn who_connects_from_the_internet_needs_a_public_address_at_443() {
        assert_eq!(kinds("https://mcp.example.com:8443/mcp", &["1.1.1.1"], Client::Claude), [Kind::OtherPort]);
        assert_eq!(kinds("https://mcp.example.com:8443/mcp", &["1.1.1.1"], Client::Vscode), []);
        for private in ["10.0.0.1", "100.64.0.1", "169.254.1.1", "192.168.1.1", "127.0.0.1", "::ffff:10.0.0.1"] {
            assert_eq!(kinds(MCP, &["1.1.1.1", private], Client::Chatgpt), [Kind::NotPublic], "{private}");
        }
        assert_eq!(kinds(MCP, &["10.0.0.1"], Client::Cursor), []);
        assert_eq!(kinds(MCP, &["2606:4700::1111"], Client::Claude), [Kind::NoIpv4]);
        assert_eq!(kinds(MCP, &["fd00::1", "1.1.1.1"], Client::Claude), [Kind::NotPublic]);
    }

    #[test]
    fn a_name_without_address_is_the_end() {
        assert_eq!(kinds(MCP, &[], Client::Any), [Kind::NameUnknown]);
        assert_eq!(judge(&url(MCP), &Err("no such name".to_owned()), Client::Any).kinds(), [Kind::NameUnknown]);
    }
}
