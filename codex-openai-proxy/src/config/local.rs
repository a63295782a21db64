//! What lies on this machine.

use std::net::IpAddr;
use url::{Host, Url};

/// Whether a URL leads to this machine and to no other: its host is a loopback address, the name of one
/// (RFC 6761, section 6.3), or the unspecified address, which stands for one. Names below `localhost` do
/// not count: some resolvers ask others for them.
#[must_use]
pub fn is_on_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.strip_suffix('.').unwrap_or(name);
            name.eq_ignore_ascii_case("localhost")
        }
        Some(Host::Ipv4(address)) => is_own(address.into()),
        Some(Host::Ipv6(address)) => is_own(address.into()),
        None => false,
    }
}

fn is_own(address: IpAddr) -> bool {
    let address = address.to_canonical();
    address.is_loopback() || address.is_unspecified()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_hosts_are_on_this_machine() {
        for (url, local) in [
            ("http://127.0.0.1:11434/v1", true),
            ("http://127.9.9.9/", true),
            ("http://[::1]:8080", true),
            ("http://[::ffff:127.0.0.1]/", true),
            ("https://LOCALHOST/v1", true),
            ("http://[::]:1/", true),
            ("http://[::ffff:8.8.8.8]/", false),
            ("http://notlocalhost/", false),
            ("http://2130706433/", true),
            ("http://0.0.0.0:11434/", true),
            ("http://localhost./", true),
            ("http://x.localhost/", false),
            ("http://localhost.example.com/", false),
            ("http://127.0.0.1.example.com/", false),
            ("http://127.0.0.1@example.com/", false),
            ("http://192.168.1.1/", false),
            ("https://api.openai.com/v1", false),
            ("unix:/tmp/socket", false),
        ] {
            assert_eq!(
                is_on_this_machine(&Url::parse(url).unwrap()),
                local,
                "{url}"
            );
        }
    }
}
