//! Who a client is, as far as its address tells.

use http::HeaderMap;
use std::{
    fmt,
    net::{IpAddr, Ipv6Addr, SocketAddr},
};

/// The bits of an IPv6 address that its owner cannot choose: the network's.
const NETWORK: u128 = !0 << 64;

/// What a client is counted by: its IPv4 address, or the network of its IPv6 one, of which everybody has
/// more than can be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientAddress(IpAddr);

impl ClientAddress {
    /// All those who are not told apart.
    pub const ANY: Self = Self(IpAddr::V6(Ipv6Addr::UNSPECIFIED));

    /// The client of a request that came from `peer` with these headers. Where `header` names one, and
    /// the peer is on this machine, as a tunnel or a reverse proxy is, that header tells the address; of
    /// several, the last, which is the one that the peer itself has seen.
    #[must_use]
    pub fn of(peer: IpAddr, headers: &HeaderMap, header: Option<&str>) -> Self {
        let peer = peer.to_canonical();
        let told = header
            .filter(|_| peer.is_loopback())
            .and_then(|name| headers.get_all(name).iter().next_back())
            .and_then(|value| value.to_str().ok())
            .and_then(|list| list.rsplit(',').next())
            .and_then(|address| parse(address.trim()));
        Self::from(told.unwrap_or(peer))
    }

    /// The address, or the first one of the network.
    #[must_use]
    pub fn ip(self) -> IpAddr {
        self.0
    }
}

impl From<IpAddr> for ClientAddress {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & NETWORK).into(),
            address @ IpAddr::V4(_) => address,
        })
    }
}

impl fmt::Display for ClientAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => address.fmt(f),
            IpAddr::V6(network) => write!(f, "{network}/64"),
        }
    }
}

/// An address, with or without brackets and a port.
fn parse(text: &str) -> Option<IpAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    let address = bare.parse();
    let with_port = || text.parse().map(|address: SocketAddr| address.ip());
    address.or_else(|_| with_port()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn seen(peer: &str, sent: &[&str], header: Option<&str>) -> String {
        let mut headers = HeaderMap::new();
        for value in sent {
            headers.append("x-forwarded-for", HeaderValue::from_str(value).unwrap());
        }
        ClientAddress::of(peer.parse().unwrap(), &headers, header).to_string()
    }

    #[test]
    fn the_header_is_believed_of_this_machine_alone() {
        let header = Some("x-forwarded-for");
        for (peer, sent, header, address) in [
            ("127.0.0.1", &["203.0.113.7"][..], header, "203.0.113.7"),
            ("::1", &["203.0.113.7"], header, "203.0.113.7"),
            ("::ffff:127.0.0.1", &["203.0.113.7"], header, "203.0.113.7"),
            ("127.0.0.1", &["203.0.113.7"], None, "127.0.0.1"),
            ("192.0.2.1", &["203.0.113.7"], header, "192.0.2.1"),
            ("127.0.0.1", &[], header, "127.0.0.1"),
            ("127.0.0.1", &["unknown"], header, "127.0.0.1"),
            ("127.0.0.1", &[""], header, "127.0.0.1"),
        ] {
            assert_eq!(seen(peer, sent, header), address, "{peer} {sent:?}");
        }
    }

    #[test]
    fn of_several_addresses_the_last_counts() {
        let seen = |sent: &[&str]| seen("127.0.0.1", sent, Some("x-forwarded-for"));
        assert_eq!(seen(&["198.51.100.1, 203.0.113.7"]), "203.0.113.7");
        assert_eq!(seen(&["198.51.100.1", "203.0.113.7"]), "203.0.113.7");
        assert_eq!(seen(&["203.0.113.7:4711"]), "203.0.113.7");
        assert_eq!(seen(&["[2001:db8::7]:4711"]), "2001:db8::/64");
        assert_eq!(seen(&["[2001:db8::7]"]), "2001:db8::/64");
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one_client() {
        let of = |address: &str| ClientAddress::from(address.parse::<IpAddr>().unwrap());
        assert_eq!(of("2001:db8:0:1::1"), of("2001:db8:0:1:ffff::2"));
        assert_ne!(of("2001:db8:0:1::1"), of("2001:db8:0:2::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}
