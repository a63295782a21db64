//! The page and what belongs to it: compiled in, or read from a folder while it is worked on.

use crate::http::{AppState, body::ReplyBody, error::ErrorReply, reply};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header, request::Parts};
use std::{path::Path, sync::LazyLock};

/// The name of the page among the files.
const PAGE: &str = "logs.html";

/// What the page may do: load its own scripts and styles, and ask this proxy.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
                      img-src 'self' data:; connect-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'";

/// One file.
struct Asset {
    name: &'static str,
    bytes: &'static [u8],
}

/// The files with these names in the folder `static`.
macro_rules! assets {
    ($($name:literal,)*) => {
        &[$(Asset {
            name: $name,
            bytes: include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../static/", $name)),
        },)*]
    };
}

/// All of them. A test finds the one that is missing.
const ASSETS: &[Asset] = assets![
    "logs.css",
    "logs.html",
    "logs.js",
    "logs/address.js",
    "logs/api.js",
    "logs/belonging.js",
    "logs/cells.js",
    "logs/chart.js",
    "logs/chat-view.js",
    "logs/chat.js",
    "logs/chats.js",
    "logs/conversation-panel.js",
    "logs/dialogs.js",
    "logs/dom.js",
    "logs/explain.js",
    "logs/facts.js",
    "logs/feed.js",
    "logs/filterbar.js",
    "logs/filters.js",
    "logs/format.js",
    "logs/header.js",
    "logs/json.js",
    "logs/keyboard.js",
    "logs/limits.js",
    "logs/list.js",
    "logs/live.js",
    "logs/long-text.js",
    "logs/menu.js",
    "logs/notify.js",
    "logs/panel.js",
    "logs/raw-view.js",
    "logs/records-view.js",
    "logs/refresher.js",
    "logs/request-panel.js",
    "logs/rows.js",
    "logs/server-time.js",
    "logs/sse.js",
    "logs/states.js",
    "logs/store.js",
    "logs/text.js",
    "logs/theme.js",
    "logs/timeline.js",
    "logs/turns.js",
    "logs/waterfall.js",
];

/// The tags of them, in the same order.
static TAGS: LazyLock<Vec<HeaderValue>> =
    LazyLock::new(|| ASSETS.iter().map(|asset| tag(asset.bytes)).collect());

/// `GET /logs`
pub(super) async fn page(
    state: &AppState,
    head: &Parts,
) -> Result<Response<ReplyBody>, ErrorReply> {
    get(state, PAGE, head).await
}

/// `GET /logs/assets/{name}`
pub(super) async fn asset(
    state: &AppState,
    name: &str,
    head: &Parts,
) -> Result<Response<ReplyBody>, ErrorReply> {
    get(state, name, head).await
}

async fn get(
    state: &AppState,
    name: &str,
    head: &Parts,
) -> Result<Response<ReplyBody>, ErrorReply> {
    let unknown = || ErrorReply::unknown_path(&head.method, head.uri.path());
    let content_type = content_type(name).ok_or_else(unknown)?;
    let (bytes, tag) = if let Some(folder) = &state.config.logs.page_folder {
        let bytes = read(folder, name).await.ok_or_else(unknown)?;
        let tag = tag(&bytes);
        (bytes, tag)
    } else {
        let mut built_in = ASSETS.iter().zip(&*TAGS);
        let (asset, tag) = built_in
            .find(|(asset, _)| asset.name == name)
            .ok_or_else(unknown)?;
        (Bytes::from_static(asset.bytes), tag.clone())
    };
    let mut response = if is_known(&head.headers, &tag) {
        let mut response = Response::new(ReplyBody::default());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        reply::whole(content_type, bytes)
    };
    let headers = response.headers_mut();
    headers.insert(header::ETAG, tag);
    let fixed: [(HeaderName, &'static str); 3] = [
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

/// A file of the folder. Names lead nowhere else.
async fn read(folder: &Path, name: &str) -> Option<Bytes> {
    let is_plain = |part: &str| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        !part.is_empty() && !part.starts_with('.') && part.bytes().all(is_plain)
    };
    if !name.split('/').all(is_plain) {
        return None;
    }
    let path = folder.join(name);
    match tokio::fs::read(&path).await {
        Ok(bytes) => Some(bytes.into()),
        Err(error) => {
            tracing::debug!(%error, path = %path.display(), "page_unreadable");
            None
        }
    }
}

/// Files of other kinds are not served.
fn content_type(name: &str) -> Option<&'static str> {
    let (_, extension) = name.rsplit_once('.')?;
    match extension {
        "html" => Some("text/html; charset=utf-8"),
        "css" => Some("text/css; charset=utf-8"),
        "js" => Some("text/javascript; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        "png" => Some("image/png"),
        _ => None,
    }
}

fn tag(bytes: &[u8]) -> HeaderValue {
    let hash = blake3::hash(bytes).to_hex();
    // Hexadecimal digits between quotes.
    HeaderValue::try_from(format!("\"{}\"", &hash[..32]))
        .unwrap_or_else(|_| HeaderValue::from_static("\"\""))
}

/// Whether the client has this already (RFC 9110, 13.1.2). Proxies that compress make tags weak.
fn is_known(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    let known = headers.get_all(header::IF_NONE_MATCH).iter();
    known
        .filter_map(|known| known.to_str().ok())
        .flat_map(|known| known.split(','))
        .map(|known| known.trim().trim_start_matches("W/"))
        .any(|known| known == "*" || known.as_bytes() == tag.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::BTreeSet, fs, path::PathBuf};

    fn folder() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../static")
    }

    /// The names of all files below a folder.
    fn names(folder: &Path, below: &str, into: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{below}{}", entry.file_name().to_str().unwrap());
            if entry.path().is_dir() {
                names(&entry.path(), &format!("{name}/"), into);
            } else {
                into.insert(name);
            }
        }
    }

    #[test]
    fn every_file_is_built_in() {
        let mut there = BTreeSet::new();
        names(&folder(), "", &mut there);
        there.remove("README.md");
        let built_in = ASSETS.iter().map(|asset| asset.name.to_owned());
        assert_eq!(built_in.collect::<BTreeSet<_>>(), there);
        for asset in ASSETS {
            assert!(content_type(asset.name).is_some(), "{}", asset.name);
        }
    }

    /// Every string of a text that stands behind one of these words, up to the quote that ends it.
    fn strings<'a>(text: &'a str, before: &[&str]) -> Vec<&'a str> {
        let behind = before.iter().flat_map(|word| text.split(word).skip(1));
        behind
            .map(|rest| rest.split(['"', '\'']).next().unwrap())
            .collect()
    }

    #[test]
    fn everything_that_is_linked_is_there() {
        let mut links = 0;
        for asset in ASSETS {
            let text = std::str::from_utf8(asset.bytes).unwrap();
            let linked: Vec<String> = if asset.name == PAGE {
                strings(text, &["href=\"", "src=\""])
                    .into_iter()
                    .filter(|link| !link.starts_with(['#', 'd']))
                    .map(|link| link.strip_prefix("/logs/assets/").unwrap().to_owned())
                    .collect()
            } else if content_type(asset.name) == content_type("x.js") {
                let below = asset
                    .name
                    .rsplit_once('/')
                    .map(|(folder, _)| format!("{folder}/"));
                strings(text, &["} from '", "import '", "import('"])
                    .into_iter()
                    .map(|link| {
                        below.clone().unwrap_or_default() + link.strip_prefix("./").unwrap()
                    })
                    .collect()
            } else {
                Vec::new()
            };
            links += linked.len();
            for link in linked {
                assert!(
                    ASSETS.iter().any(|asset| asset.name == link),
                    "{} asks for {link}",
                    asset.name
                );
            }
        }
        assert!(links > 10, "only {links} links were found");
    }

    #[test]
    fn nothing_comes_from_another_host_or_from_the_page_itself() {
        for asset in ASSETS {
            let text = std::str::from_utf8(asset.bytes).unwrap();
            if asset.name == PAGE {
                // The policy would not run them.
                for inline in ["<style", "style=\"", "onclick=", "onload=", "javascript:"] {
                    assert!(!text.contains(inline), "{inline}");
                }
            }
            for other in [
                "src=\"http",
                "href=\"http",
                "from 'http",
                "url(http",
                "@import",
            ] {
                assert!(!text.contains(other), "{}: {other}", asset.name);
            }
        }
    }

    #[tokio::test]
    async fn names_lead_nowhere_but_into_the_folder() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("page");
        fs::create_dir_all(folder.join("logs")).unwrap();
        fs::write(home.path().join("secret.js"), "secret").unwrap();
        fs::write(folder.join(".hidden.js"), "secret").unwrap();
        fs::write(folder.join("logs/a.js"), "a").unwrap();
        assert_eq!(read(&folder, "logs/a.js").await.unwrap(), "a");
        let outside = home.path().join("secret.js");
        for name in [
            "../secret.js",
            "logs/../../secret.js",
            "logs/../logs/a.js",
            ".hidden.js",
            "logs//a.js",
            "logs\\a.js",
            "logs",
            "",
            outside.to_str().unwrap(),
        ] {
            assert!(read(&folder, name).await.is_none(), "{name}");
        }
    }

    #[test]
    fn tags_are_compared_one_by_one() {
        let tag = HeaderValue::from_static("\"a\"");
        for (shown, known) in [
            ("\"a\"", true),
            ("W/\"a\"", true),
            ("\"b\", \"a\"", true),
            ("*", true),
            ("\"b\"", false),
            ("a", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, HeaderValue::from_static(shown));
            assert_eq!(is_known(&headers, &tag), known, "{shown}");
        }
    }
}
