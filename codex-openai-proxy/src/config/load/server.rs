//! Where to listen, and what is taken.

use super::upstreams::is_header;
use crate::config::{
    AdmissionSettings, CorsOrigins, DEFAULT_ADDR, Limits, RateLimit,
    reader::{Listed, Reader},
    settings::of,
};
use std::{
    cmp::Ordering,
    net::SocketAddr,
    num::{NonZeroU32, NonZeroUsize},
    time::Duration,
};
use url::Url;

/// Stands for every origin.
const ANY: &str = "*";

impl Reader<'_> {
    pub(super) fn addr(&mut self) -> SocketAddr {
        self.mistakes.extend(self.layers.wrong_host());
        self.warnings.extend(self.layers.idle_parts());
        let Some(text) = self.text(&of::ADDR) else {
            return DEFAULT_ADDR;
        };
        text.trim().parse().unwrap_or_else(|_| {
            self.wrong_setting(
                &of::ADDR,
                format_args!("{text:?} is no address: write IP:PORT, such as {DEFAULT_ADDR}"),
            );
            DEFAULT_ADDR
        })
    }

    pub(super) fn limits(&mut self) -> Limits {
        let default = Limits::default();
        let request = self.seconds(&of::REQUEST);
        Limits {
            max_body_bytes: self.count(&of::MAX_BODY).unwrap_or(default.max_body_bytes),
            drain: self.seconds(&of::DRAIN).unwrap_or(default.drain),
            keep_alive: self.seconds(&of::KEEP_ALIVE).unwrap_or(default.keep_alive),
            first_event: self
                .seconds(&of::FIRST_EVENT)
                .unwrap_or(default.first_event),
            sign_of_life: default.sign_of_life,
            head: self.seconds(&of::HEAD).unwrap_or(default.head),
            body: self.seconds(&of::BODY).unwrap_or(default.body),
            idle: self.seconds(&of::IDLE).unwrap_or(default.idle),
            max_connections: self
                .count(&of::MAX_CONNECTIONS)
                .unwrap_or(default.max_connections),
            request: request.map_or(default.request, |time| (!time.is_zero()).then_some(time)),
        }
    }

    pub(super) fn cors(&mut self) -> CorsOrigins {
        let Some(origins) = self.list(&of::CORS) else {
            return CorsOrigins::default();
        };
        if origins.iter().any(|origin| origin.text.trim() == ANY) {
            if origins.len() > 1 {
                self.wrong_setting(&of::CORS, "names single origins beside \"*\", which is all");
            }
            return CorsOrigins::Any;
        }
        let mut known = Vec::with_capacity(origins.len());
        for Listed { text, written } in &origins {
            match origin(text.trim()) {
                Some(origin) if known.contains(&origin) => {}
                Some(origin) => known.push(origin),
                None => self.wrong(
                    written,
                    format_args!(
                        "{text:?} is no origin: write SCHEME://HOST or SCHEME://HOST:PORT and nothing \
                         behind it"
                    ),
                ),
            }
        }
        CorsOrigins::These(known)
    }

    pub(super) fn admission(&mut self) -> AdmissionSettings {
        let default = AdmissionSettings::default();
        let max_parallel = self.count(&of::MAX_PARALLEL);
        AdmissionSettings {
            rate: self.rate(),
            max_parallel: max_parallel.and_then(NonZeroUsize::new),
            max_queued: self.count(&of::MAX_QUEUED).unwrap_or(default.max_queued),
            queue_timeout: self.seconds(&of::QUEUE).unwrap_or(default.queue_timeout),
            address_header: self.address_header(),
        }
    }

    /// One of the two forms: the one that the stronger layer says something of.
    fn rate(&mut self) -> Option<RateLimit> {
        let requests = |number: Option<u64>| number.and_then(|it| u32::try_from(it).ok());
        let per_minute = requests(self.number(&of::RATE_PER_MINUTE)).and_then(NonZeroU32::new);
        let most = requests(self.number(&of::RATE_MAX)).and_then(NonZeroU32::new);
        let window = self.time(&of::RATE_WINDOW);
        let has_window = self.layers.find(&of::RATE_WINDOW).is_some();
        let has_most = self.layers.find(&of::RATE_MAX).is_some();
        let stronger = self
            .layers
            .compare(&[&of::RATE_PER_MINUTE], &[&of::RATE_MAX, &of::RATE_WINDOW]);
        if stronger.is_eq() && per_minute.is_some() && (most.is_some() || has_window) {
            self.wrong_setting(
                &of::RATE_PER_MINUTE,
                "and limits.rate_max with limits.rate_window are two ways to say one thing: set either",
            );
        } else if has_window && !has_most {
            self.wrong_setting(&of::RATE_WINDOW, "means nothing without limits.rate_max");
        } else if most.is_some() && !has_window {
            self.wrong_setting(&of::RATE_MAX, "means nothing without limits.rate_window");
        }
        let per_minute = per_minute.map(|requests| RateLimit {
            requests,
            window: Duration::from_mins(1),
        });
        let in_window = most.zip(window);
        let in_window = in_window.map(|(requests, window)| RateLimit { requests, window });
        match stronger {
            Ordering::Greater => per_minute,
            Ordering::Less => in_window,
            Ordering::Equal => per_minute.or(in_window),
        }
    }

    fn address_header(&mut self) -> Option<String> {
        let name = self.text(&of::ADDRESS_HEADER)?;
        let lower = name.trim().to_ascii_lowercase();
        if !is_header(&lower) {
            let message = format!("{name:?} is no name of a header");
            self.wrong_setting(&of::ADDRESS_HEADER, message);
        }
        Some(lower)
    }
}

/// An origin as browsers write it (RFC 6454, section 6.2).
fn origin(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let rest = text.split_once("://")?.1;
    if rest.contains(['/', '?', '#', '@', '\\', '*']) || url.host_str().is_none_or(str::is_empty) {
        return None;
    }
    let origin = url.origin();
    Some(if origin.is_tuple() {
        origin.ascii_serialization()
    } else {
        // Those of browser extensions and of desktop programs.
        text.to_ascii_lowercase()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_written_as_browsers_write_them() {
        for (text, written) in [
            ("https://chat.example.com", Some("https://chat.example.com")),
            (
                "https://Chat.Example.com:443",
                Some("https://chat.example.com"),
            ),
            ("http://localhost:3000", Some("http://localhost:3000")),
            ("http://[::1]:3000", Some("http://[::1]:3000")),
            (
                "chrome-extension://ABCdef",
                Some("chrome-extension://abcdef"),
            ),
            ("app://obsidian.md", Some("app://obsidian.md")),
            ("https://chat.example.com/", None),
            ("https://chat.example.com/path", None),
            ("https://user@chat.example.com", None),
            ("chat.example.com", None),
            ("https://", None),
            ("https:chat", None),
            ("null", None),
            ("https://*.example.com", None),
            ("", None),
        ] {
            assert_eq!(origin(text).as_deref(), written, "{text}");
        }
    }
}
