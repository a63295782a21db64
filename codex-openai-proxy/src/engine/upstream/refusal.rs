//! The reply of a provider that is no success.

use super::reply::ReplyBody;
use crate::{config::Secret, turn::ProviderError};
use bytes::Bytes;
use futures_util::StreamExt;
use http::{HeaderMap, HeaderName, StatusCode, header};
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;

/// How much of the body is kept, in bytes.
const LONGEST: usize = 1024 * 1024;

/// How long the body may take: who has said no once need not be waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest plain text that is taken for a message, in bytes. Beyond that it is some page.
const LONGEST_MESSAGE: usize = 1000;

/// The code of a plan that is used up, which waiting does not mend:
/// <https://platform.openai.com/docs/guides/error-codes>.
const QUOTA: &str = "insufficient_quota";

/// The shapes of errors: OpenAI's envelope; the same with nothing but a text in it (Ollama); without
/// the envelope (`vLLM`); that of `FastAPI`.
#[derive(Deserialize)]
struct Said {
    error: Option<Value>,
    message: Option<Value>,
    detail: Option<Value>,
}

/// What stands in place of a secret.
const HIDDEN: &str = "[hidden]";

/// The shortest secret that is looked for: a shorter one is a word like others.
const SHORTEST_SECRET: usize = 8;

/// Reads a refusal. What of its body does not come is left out, and so are `secrets`: some providers
/// repeat the key that they do not like, and one of them may be cut in the middle.
pub(super) async fn read(
    provider: &str,
    status: StatusCode,
    headers: &HeaderMap,
    mut body: ReplyBody,
    secrets: &[Secret],
) -> ProviderError {
    let mut text = Vec::new();
    let all = async {
        while let Some(Ok(chunk)) = body.next().await {
            let room = LONGEST - text.len();
            text.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if chunk.len() >= room {
                break;
            }
        }
    };
    // Whether it ended or took too long: what has come is what there is.
    let _ = tokio::time::timeout(PATIENCE, all).await;

    let text = without(secrets, text);
    let value = |name: &HeaderName| Some(headers.get(name)?.to_str().ok()?.to_owned());
    let kept = headers.keys().filter(|name| is_kept(name));
    ProviderError {
        provider: provider.to_owned(),
        status: status.as_u16(),
        message: message(&text).unwrap_or_else(|| format!("the provider answered {status}")),
        content_type: value(&header::CONTENT_TYPE),
        headers: kept
            .filter_map(|name| Some((name.as_str().to_owned(), value(name)?)))
            .collect(),
        body: Bytes::from(text),
    }
}

/// Whether a refusal says that the plan is used up.
pub(super) fn is_of_quota(error: &ProviderError) -> bool {
    serde_json::from_slice::<Said>(&error.body)
        .ok()
        .and_then(|said| said.error)
        .is_some_and(|error| error["code"] == QUOTA || error["type"] == QUOTA)
}

/// Whether clients go by a header: it tells when to come back, or whether to.
fn is_kept(name: &HeaderName) -> bool {
    *name == header::RETRY_AFTER
        || ["retry-after-ms", "x-should-retry"].contains(&name.as_str())
        || name.as_str().starts_with("x-ratelimit-")
}

/// The body without these, whatever its encoding. Where there is none of them, it stays as it is to the
/// byte.
fn without(secrets: &[Secret], mut body: Vec<u8>) -> Vec<u8> {
    for secret in secrets {
        // `Bearer KEY`: the key may be repeated alone.
        let secret = secret.expose().split_ascii_whitespace().next_back();
        let secret = secret.unwrap_or_default().as_bytes();
        if secret.len() < SHORTEST_SECRET {
            continue;
        }
        if let Some(hidden) = hide(secret, &body) {
            body = hidden;
        }
    }
    body
}

/// The same for one secret; `None` where it does not stand there.
fn hide(secret: &[u8], body: &[u8]) -> Option<Vec<u8>> {
    let mut hidden = Vec::new();
    let mut rest = body;
    while let Some(at) = find(rest, secret) {
        hidden.extend_from_slice(&rest[..at]);
        hidden.extend_from_slice(HIDDEN.as_bytes());
        rest = &rest[at + secret.len()..];
    }
    let mut begun = (SHORTEST_SECRET..secret.len()).rev();
    let cut = begun.find(|&length| rest.ends_with(&secret[..length]));
    if hidden.is_empty() && cut.is_none() {
        return None;
    }
    hidden.extend_from_slice(&rest[..rest.len() - cut.unwrap_or(0)]);
    if cut.is_some() {
        hidden.extend_from_slice(HIDDEN.as_bytes());
    }
    Some(hidden)
}

fn find(body: &[u8], secret: &[u8]) -> Option<usize> {
    let first = *secret.first()?;
    let begins = body.iter().enumerate().filter(|&(_, &byte)| byte == first);
    let mut begins = begins.map(|(at, _)| at);
    begins.find(|&at| body[at..].starts_with(secret))
}

/// What a body says for people, if it says so.
fn message(body: &[u8]) -> Option<String> {
    if let Ok(said) = serde_json::from_slice::<Said>(body) {
        let said = [said.error, said.message, said.detail];
        return said.into_iter().flatten().find_map(text_of);
    }
    let text = str::from_utf8(body).ok()?.trim();
    let is_prose = text.len() <= LONGEST_MESSAGE && !text.starts_with(['<', '{', '[']);
    (is_prose && !text.is_empty()).then(|| text.to_owned())
}

/// A text, or the message that an object has.
fn text_of(mut value: Value) -> Option<String> {
    if let Value::Object(object) = &mut value {
        value = object.remove("message")?;
    }
    match value {
        Value::String(text) if !text.is_empty() => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_is_repeated_is_hidden() {
        let secrets = ["sk-12345678", "v1"].map(Secret::new);
        let said = |text: &str| without(&secrets, text.as_bytes().to_vec());
        assert_eq!(
            said("wrong key: sk-12345678 (v1)"),
            b"wrong key: [hidden] (v1)"
        );
        assert_eq!(said("v1 only"), b"v1 only");
        assert_eq!(without(&secrets, vec![0xff]), [0xff]);
    }

    #[test]
    fn a_secret_is_hidden_wherever_it_stands_and_however_it_is_cut() {
        let secrets = ["Bearer sk-12345678-abc"].map(Secret::new);
        let said = |text: &[u8]| without(&secrets, text.to_vec());
        let latin = b"cl\xe9 sk-12345678-abc sk-12345678-abc".as_slice();
        assert_eq!(said(latin), b"cl\xe9 [hidden] [hidden]");
        assert_eq!(said(b"the key sk-12345678-a"), b"the key [hidden]");
        assert_eq!(said(b"the key sk-12345"), b"the key [hidden]");
        assert_eq!(said(b"the key sk-1234"), b"the key sk-1234");
    }

    #[test]
    fn the_message_is_found_in_the_shapes_that_providers_use() {
        let cases = [
            (
                r#"{"error":{"message":"slow down","code":"x"}}"#,
                Some("slow down"),
            ),
            (
                r#"{"error":"model 'x' not found"}"#,
                Some("model 'x' not found"),
            ),
            (
                r#"{"object":"error","message":"too long"}"#,
                Some("too long"),
            ),
            (r#"{"detail":"Not Found"}"#, Some("Not Found")),
            (" Bad gateway\n", Some("Bad gateway")),
            (r#"{"error":{"message":7}}"#, None),
            (r#"{"error":"#, None),
            ("<html>no</html>", None),
            ("", None),
        ];
        for (body, expected) in cases {
            assert_eq!(message(body.as_bytes()).as_deref(), expected, "{body}");
        }
    }
}
