//! Whom a request counts for: the address it came from (OA-HT-08, MCP-AS-64).

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use axum::http::HeaderMap;
use ipnet::IpNet;

use crate::config::SourceAddress;

/// Where a request came from. An IPv6 customer has a whole /64, so that is one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Source {
    address: IpAddr,
    vendor: bool,
}

/// Tells sources apart, behind the proxies that the operator trusts.
#[derive(Clone, Debug)]
pub struct Sources {
    trusted_proxies: Vec<IpNet>,
    vendor_networks: Vec<IpNet>,
}

impl Source {
    /// The same for all requests that count together.
    pub fn key(&self) -> String {
        self.to_string()
    }

    /// As much of the address as is to be written down.
    pub fn shown(&self, how: SourceAddress) -> Option<IpAddr> {
        match (how, self.address) {
            (SourceAddress::None, _) => None,
            (SourceAddress::Full, address) => Some(address),
            (SourceAddress::Network, IpAddr::V4(address)) => Some(Ipv4Addr::from_bits(address.to_bits() & (u32::MAX << 8)).into()),
            (SourceAddress::Network, IpAddr::V6(address)) => Some(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 80)).into()),
        }
    }

    /// Whether many people share it, since a vendor's clients come from there.
    pub fn is_vendor(&self) -> bool {
        self.vendor
    }
}

impl Default for Source {
    fn default() -> Self {
        Self { address: IpAddr::V6(Ipv6Addr::UNSPECIFIED), vendor: false }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            IpAddr::V4(address) => address.fmt(formatter),
            IpAddr::V6(address) => write!(formatter, "{}/64", network(address)),
        }
    }
}

fn network(address: Ipv6Addr) -> Ipv6Addr {
    Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))
}

impl Sources {
    /// Believes only these proxies.
    pub fn new(trusted_proxies: Vec<IpNet>, vendor_networks: Vec<IpNet>) -> Self {
        Self { trusted_proxies, vendor_networks }
    }

    /// The right-most address that is not a trusted proxy's; what stands to the left
    /// of it anybody could have written.
    pub fn of(&self, headers: &HeaderMap, peer: IpAddr) -> Source {
        let mut address = peer.to_canonical();
        if self.is_proxy(address) {
            for hop in hops(headers).rev() {
                let Some(hop) = hop else { break };
                address = hop;
                if !self.is_proxy(hop) {
                    break;
                }
            }
        }
        Source { address, vendor: self.vendor_networks.iter().any(|network| network.contains(&address)) }
    }

    fn is_proxy(&self, address: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|network| network.contains(&address))
    }
}

/// The addresses of `X-Forwarded-For`, `None` for what is no address.
fn hops(headers: &HeaderMap) -> impl DoubleEndedIterator<Item = Option<IpAddr>> {
    headers
        .get_all("x-forwarded-for")
        .iter()
        .map(|value| value.to_str().unwrap_or_default())
        .flat_map(|value| value.split(','))
        .map(|hop| address(hop.trim()))
        .collect::<Vec<_>>()
        .into_iter()
}

/// With or without a port, IPv6 with or without brackets.
fn address(hop: &str) -> Option<IpAddr> {
    let plain = hop.parse().ok();
    let with_port = || hop.parse().ok().map(|socket: std::net::SocketAddr| socket.ip());
    let bracketed = || hop.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    plain.or_else(with_port).or_else(bracketed).map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn source(peer: &str, forwarded: Option<&str>) -> String {
        let sources = Sources::new(vec!["10.0.0.0/8".parse().unwrap()], vec!["160.79.104.0/21".parse().unwrap()]);
        let pairs = forwarded.map(|value| (HeaderName::from_static("x-forwarded-for"), HeaderValue::from_str(value).unwrap()));
        sources.of(&HeaderMap::from_iter(pairs), peer.parse().unwrap()).to_string()
    }

    // OA-HT-08, OA-MX-17
    #[test]
    fn only_trusted_proxies_are_believed() {
        assert_eq!(source("192.0.2.1", Some("198.51.100.7")), "192.0.2.1");
        assert_eq!(source("10.0.0.1", Some("198.51.100.7")), "198.51.100.7");
        assert_eq!(source("10.0.0.1", Some("1.2.3.4, 198.51.100.7, 10.9.9.9")), "198.51.100.7");
        assert_eq!(source("10.0.0.1", Some("198.51.100.7, garbage")), "10.0.0.1");
        assert_eq!(source("10.0.0.1", None), "10.0.0.1");
        assert_eq!(source("10.0.0.1", Some("198.51.100.7:4711")), "198.51.100.7");
    }

    // OA-LG-02
    #[test]
    fn no_more_of_an_address_is_shown_than_the_operator_wants() {
        let sources = Sources::new(Vec::new(), Vec::new());
        let shown = |peer: &str, how| sources.of(&HeaderMap::new(), peer.parse().unwrap()).shown(how).map(|address| address.to_string());
        for (peer, network) in [("192.0.2.77", "192.0.2.0"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1::")] {
            assert_eq!(shown(peer, SourceAddress::Full).as_deref(), Some(peer));
            assert_eq!(shown(peer, SourceAddress::Network).as_deref(), Some(network));
            assert_eq!(shown(peer, SourceAddress::None), None);
        }
    }

    #[test]
    fn an_ipv6_network_is_one_source() {
        assert_eq!(source("2001:db8::1", None), source("2001:db8::2", None));
        assert_ne!(source("2001:db8:0:1::1", None), source("2001:db8:0:2::1", None));
        assert_eq!(source("::ffff:192.0.2.1", None), "192.0.2.1");
    }

    proptest::proptest! {
        // OA-HT-08: whatever is claimed, a stranger counts as itself, and a proxy's word is an address or nothing
        #[test]
        fn any_forwarding_is_read_or_ignored(claimed in "[ -~]{0,60}", hops in "(10\\.0\\.0\\.[1-9]|192\\.0\\.2\\.[1-9]|x|, ){0,6}") {
            for claimed in [claimed, hops] {
                proptest::prop_assert_eq!(source("192.0.2.1", Some(&claimed)), "192.0.2.1");
                let counted = source("10.0.0.1", Some(&claimed));
                let address = counted.strip_suffix("/64").unwrap_or(&counted);
                proptest::prop_assert!(address.parse::<IpAddr>().is_ok(), "{}", counted);
            }
        }
    }
}
