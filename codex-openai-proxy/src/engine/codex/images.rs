//! Images, made ready for core.
//!
//! core replaces an image that it cannot decode, and every image that is not inline, by a sentence
//! about it. A client would never learn of that. So images behind a URL are fetched here and made
//! inline, and what core would not take is refused with the field's name.

use crate::{
    config::CodexSettings,
    turn::{ImageDetail, Item, Part, TurnError},
};
use codex_utils_image::{
    PromptImageMode, PromptImageResizeLimits, data_url_from_bytes, load_data_url_for_prompt,
};
use futures_util::{StreamExt, future::try_join_all};
use reqwest::{
    Client, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect,
};
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
    time::Duration,
};

/// The largest image that is fetched, in bytes: OpenAI's own bound for one image.
const LARGEST: usize = 50 * 1024 * 1024;
const TIMEOUT: Duration = Duration::from_secs(20);
const REDIRECTS: usize = 3;

/// Fetches and checks the images of requests.
#[derive(Debug)]
pub struct Images {
    client: Option<Client>,
    private_hosts: PrivateHosts,
}

/// Whether images may come from hosts that only this machine's network can reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PrivateHosts {
    Allowed,
    Refused,
}

impl Images {
    /// # Errors
    ///
    /// When TLS cannot be set up.
    pub fn new(settings: &CodexSettings) -> Result<Self, reqwest::Error> {
        let private_hosts = if settings.allow_private_image_hosts {
            PrivateHosts::Allowed
        } else {
            PrivateHosts::Refused
        };
        let client = if settings.fetch_images {
            Some(
                Client::builder()
                    .timeout(TIMEOUT)
                    // A proxy would resolve names for us, out of reach of the check.
                    .no_proxy()
                    .dns_resolver(Arc::new(Resolver { private_hosts }))
                    .redirect(redirect::Policy::custom(move |attempt| {
                        if attempt.previous().len() > REDIRECTS {
                            attempt.error("too many redirects")
                        } else if may_ask(attempt.url(), private_hosts) {
                            attempt.follow()
                        } else {
                            attempt.error("redirected to a private address")
                        }
                    }))
                    .build()?,
            )
        } else {
            None
        };
        Ok(Self {
            client,
            private_hosts,
        })
    }

    /// Makes every image of `items` inline and valid.
    ///
    /// # Errors
    ///
    /// [`TurnError::InvalidRequest`] with the field of the first image that cannot be used.
    pub async fn prepare(&self, items: &mut [Item]) -> Result<(), TurnError> {
        let parts = items.iter_mut().flat_map(|item| match item {
            Item::Message { content, .. } => content.as_mut_slice(),
            Item::ToolResult { output, .. } => output.as_mut_slice(),
            Item::ToolCall(_) | Item::Reasoning(_) => &mut [],
        });
        let images = parts.filter(|part| matches!(part, Part::Image { .. }));
        try_join_all(images.map(|image| self.prepare_one(image))).await?;
        Ok(())
    }

    async fn prepare_one(&self, part: &mut Part) -> Result<(), TurnError> {
        let Part::Image { url, detail, param } = part else {
            return Ok(());
        };
        if *detail == Some(ImageDetail::Low) {
            tracing::info!(field = %param, "image detail `low` is sent as `auto`");
        }
        let image = if is_inline(url) {
            std::mem::take(url)
        } else {
            self.fetch(url)
                .await
                .map_err(|reason| TurnError::invalid(param.clone(), reason))?
        };
        // Decoding a large picture takes milliseconds; core finds the result in the same cache.
        let limits = core_limits(*detail);
        *url = tokio::task::spawn_blocking(move || {
            load_data_url_for_prompt(&image, limits).map(|_| image)
        })
        .await
        .map_err(TurnError::internal)?
        .map_err(|error| {
            TurnError::invalid(param.clone(), format!("The image cannot be read: {error}."))
        })?;
        Ok(())
    }

    /// The image behind `url` as a data URL; else the reason why not, for the client.
    async fn fetch(&self, url: &str) -> Result<String, String> {
        let Some(client) = &self.client else {
            return Err("Images by URL are switched off here; send the image inline.".to_owned());
        };
        let url = Url::parse(url).map_err(|error| format!("Not a URL: {error}."))?;
        if !may_ask(&url, self.private_hosts) {
            return Err("Images are fetched from public http(s) addresses only.".to_owned());
        }
        let failed = |error: reqwest::Error| {
            tracing::info!(error = %error, "image_fetch_failed");
            "The image could not be fetched.".to_owned()
        };
        let response = client.get(url).send().await.map_err(failed)?;
        if !response.status().is_success() {
            return Err(format!(
                "The image's server answered {}.",
                response.status()
            ));
        }
        let mime = response
            .headers()
            .get(reqwest::header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split(';').next())
            .filter(|mime| mime.starts_with("image/"))
            .unwrap_or("application/octet-stream")
            .to_owned();
        let mut bytes = Vec::new();
        let mut body = response.bytes_stream();
        while let Some(chunk) = body.next().await {
            bytes.extend_from_slice(&chunk.map_err(failed)?);
            if bytes.len() > LARGEST {
                return Err(format!("The image is larger than {LARGEST} bytes."));
            }
        }
        Ok(data_url_from_bytes(&mime, &bytes))
    }
}

/// The bounds to which core scales an image down (`codex-core/src/image_preparation.rs`).
fn core_limits(detail: Option<ImageDetail>) -> PromptImageMode {
    PromptImageMode::ResizeWithLimits(match detail {
        Some(ImageDetail::Original) => PromptImageResizeLimits {
            max_dimension: 6000,
            max_patches: 10_000,
        },
        _ => PromptImageResizeLimits {
            max_dimension: 2048,
            max_patches: 2_500,
        },
    })
}

fn is_inline(url: &str) -> bool {
    url.get(..5)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"))
}

/// Whether `url` may be asked, as far as its text tells. Names are checked when they are resolved.
fn may_ask(url: &Url, private_hosts: PrivateHosts) -> bool {
    if !matches!(url.scheme(), "http" | "https") {
        return false;
    }
    match url.host() {
        Some(url::Host::Ipv4(address)) => allowed(address.into(), private_hosts),
        Some(url::Host::Ipv6(address)) => allowed(address.into(), private_hosts),
        Some(url::Host::Domain(_)) => true,
        None => false,
    }
}

/// Resolves names to the addresses that may be asked, so that no name leads into this network.
struct Resolver {
    private_hosts: PrivateHosts,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let private_hosts = self.private_hosts;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let addresses: Vec<_> = found
                .filter(|address| allowed(address.ip(), private_hosts))
                .collect();
            if addresses.is_empty() {
                return Err("no public address".into());
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

fn allowed(address: IpAddr, private_hosts: PrivateHosts) -> bool {
    private_hosts == PrivateHosts::Allowed
        || match address {
            IpAddr::V4(address) => public_v4(address),
            IpAddr::V6(address) => public_v6(address),
        }
}

/// Not in any of IANA's special-purpose ranges.
fn public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_unspecified()
        || address.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (b == 18 || b == 19)))
}

/// Global unicast, without the ways to write an IPv4 address and the documentation range.
fn public_v6(address: Ipv6Addr) -> bool {
    if let Some(mapped) = address.to_ipv4_mapped() {
        return public_v4(mapped);
    }
    let [first, second, ..] = address.segments();
    let global_unicast = first & 0xe000 == 0x2000;
    let teredo_or_documentation = first == 0x2001 && (second < 0x200 || second == 0xdb8);
    let six_to_four = first == 0x2002;
    global_unicast && !teredo_or_documentation && !six_to_four
}

#[cfg(test)]
mod tests {
    use super::{PrivateHosts, allowed, is_inline, may_ask};
    use reqwest::Url;

    #[test]
    fn private_addresses_are_not_asked() {
        for address in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "198.18.0.1",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "::ffff:127.0.0.1",
            "2002:7f00:1::",
            "2001:db8::1",
            "64:ff9b::7f00:1",
        ] {
            assert!(
                !allowed(address.parse().unwrap(), PrivateHosts::Refused),
                "{address}"
            );
        }
        for address in ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "100.128.0.1"] {
            assert!(
                allowed(address.parse().unwrap(), PrivateHosts::Refused),
                "{address}"
            );
        }
    }

    #[test]
    fn urls_are_judged_by_their_host() {
        let may = |url: &str| may_ask(&Url::parse(url).unwrap(), PrivateHosts::Refused);
        assert!(may("https://example.com/cat.png"));
        assert!(!may("http://127.0.0.1/cat.png"));
        assert!(!may("http://0x7f.1/cat.png"));
        assert!(!may("http://[::1]:80/cat.png"));
        assert!(!may("file:///etc/passwd"));
        assert!(!may("ftp://example.com/cat.png"));
    }

    #[test]
    fn the_scheme_of_inline_images_has_no_case() {
        assert!(is_inline("data:image/png;base64,"));
        assert!(is_inline("DATA:image/png;base64,"));
        assert!(!is_inline("https://example.com"));
        assert!(!is_inline("ü"));
    }
}
