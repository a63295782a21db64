//! The address that `HOST` and `PORT` make.

use super::{Layers, of_variable};
use crate::config::{DEFAULT_ADDR, Mistake, document::Value, settings::of, value::Written};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

const PORT: &str = "PORT";

const PROXY_HOST: &str = "PROXY_HOST";

/// Shells set it too, to the machine's name.
const HOST: &str = "HOST";

/// The variables of a host; the first that is an address wins.
const HOSTS: [&str; 2] = [PROXY_HOST, HOST];

impl Layers<'_> {
    /// The address, unless nothing but a host is known of it.
    pub(in crate::config) fn addr_with_port(&self) -> Option<SocketAddr> {
        let written = self.find(&of::ADDR)?;
        let has_port = !HOSTS.contains(&written.name.as_str());
        has_port.then(|| written.into_text()?.trim().parse().ok())?
    }

    /// A host that can be nothing but ours and is none.
    pub(in crate::config) fn wrong_host(&self) -> Option<Mistake> {
        let host = self.variable(PROXY_HOST)?;
        let message = format!("{host:?} is no IP address");
        ip(&host)
            .is_none()
            .then(|| Mistake::new(PROXY_HOST, message))
    }

    /// The variables of a part of the address that count for nothing, and why.
    pub(in crate::config) fn idle_parts(&self) -> Vec<Mistake> {
        let whole = self
            .flag(&of::ADDR)
            .or_else(|| self.own_variable(&of::ADDR))
            .map(|written| written.name);
        let mut idle = Vec::new();
        let mut beaten = |name: &str, by: &str| {
            let message = format!("is not used, because {by} says where to listen");
            idle.push(Mistake::new(name, message));
        };
        if let Some(whole) = &whole
            && self.variable(PORT).is_some()
        {
            beaten(PORT, whole);
        }
        let hosts = HOSTS.map(|name| self.variable(name).and_then(|host| ip(&host)).map(|_| name));
        let winner = whole
            .as_deref()
            .or_else(|| hosts.into_iter().flatten().next());
        for name in hosts.into_iter().flatten() {
            if let Some(winner) = winner.filter(|winner| *winner != name) {
                beaten(name, winner);
            }
        }
        if whole.is_none()
            && let Some(host) = self.variable(HOST).filter(|host| ip(host).is_none())
        {
            let message = format!("is not used, because {host:?} is no IP address");
            idle.push(Mistake::new(HOST, message));
        }
        idle
    }

    /// The address that `HOST` and `PORT` make of the one beneath.
    pub(super) fn address_of_parts(&self) -> Option<Written> {
        let host = self.host();
        let port = self.variable(PORT);
        let name = match (&port, &host) {
            (Some(_), _) => PORT,
            (None, Some((name, _))) => name,
            (None, None) => return None,
        };
        let beneath = self.of_file(&of::ADDR);
        let beneath = beneath.and_then(|written| written.into_text()?.parse().ok());
        let beneath: SocketAddr = beneath.unwrap_or(DEFAULT_ADDR);
        let ip = host.map_or(beneath.ip(), |(_, ip)| ip);
        let port = port.unwrap_or_else(|| beneath.port().to_string());
        let text = match ip {
            IpAddr::V4(ip) => format!("{ip}:{port}"),
            IpAddr::V6(ip) => format!("[{ip}]:{port}"),
        };
        Some(of_variable(name, Value::Text(text)))
    }

    fn host(&self) -> Option<(&'static str, IpAddr)> {
        HOSTS
            .into_iter()
            .find_map(|name| Some((name, ip(&self.variable(name)?)?)))
    }
}

/// An address, also by the name that every machine has for itself.
fn ip(host: &str) -> Option<IpAddr> {
    if host.eq_ignore_ascii_case("localhost") {
        return Some(Ipv4Addr::LOCALHOST.into());
    }
    host.trim_matches(['[', ']']).parse().ok()
}
