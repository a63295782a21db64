//! The reply of a provider that is no success.

use super::reply::ReplyBody;
use crate::{config::Secret, engine::hidden, turn::ProviderError};
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

    let text = hidden::without(secrets, text);
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
