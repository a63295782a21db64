//! What an HTTP provider says of a failure, handed on to the client.

use super::{AUTHENTICATION_UPSTREAM, ErrorReply, SERVER};
use crate::{turn::ProviderError, wire::error::ErrorBody};
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::Value;

/// `true` or `false`: what OpenAI's libraries do with an error, whatever its status.
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

impl From<ProviderError> for ErrorReply {
    /// Status, body and the headers that clients go by stay what they were. The exceptions: a refusal
    /// of our key becomes a 502, since clients would blame the key that they sent to us; a status that
    /// is no error becomes one; a body that is no JSON object is put into an envelope. A key that was
    /// refused is not worth another try, which clients would make after a 502.
    fn from(error: ProviderError) -> Self {
        let ProviderError {
            provider,
            status: number,
            message,
            content_type: _,
            body,
            headers,
        } = error;
        let status = StatusCode::from_u16(number);
        let refused_key = matches!(status, Ok(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN));
        let mut reply = match status {
            Ok(_) if refused_key => {
                let message =
                    format!("the provider '{provider}' refused this proxy's key: {message}");
                Self::new(StatusCode::BAD_GATEWAY, SERVER, message).code(AUTHENTICATION_UPSTREAM)
            }
            Ok(status) if status.is_client_error() || status.is_server_error() => {
                match serde_json::from_slice(&body) {
                    Ok(said @ Value::Object(_)) => {
                        let mut reply = Self::new(status, SERVER, message);
                        *reply.body = envelope(*reply.body, said);
                        reply.raw = Some(body);
                        reply
                    }
                    _ => Self::new(status, SERVER, message).code("upstream_error"),
                }
            }
            _ => {
                let message = format!("the provider '{provider}' answered {number}: {message}");
                Self::new(StatusCode::BAD_GATEWAY, SERVER, message).code("upstream_error")
            }
        };
        for (name, value) in headers {
            if let (Ok(name), Ok(value)) = (
                HeaderName::try_from(name),
                HeaderValue::try_from(value.as_str()),
            ) {
                reply = reply.header(name, value);
            }
        }
        if refused_key {
            reply = reply.header(SHOULD_RETRY, HeaderValue::from_static("false"));
        }
        reply
    }
}

/// What can be read of a provider's envelope, for the log and for streams.
fn envelope(mut body: ErrorBody, mut said: Value) -> ErrorBody {
    let mut text = |name: &str| match said.get_mut("error")?.get_mut(name)?.take() {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    if let Some(kind) = text("type") {
        body.error.kind = kind.into();
    }
    body.error.param = text("param");
    body.error.code = text("code").map(Into::into);
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http_body_util::BodyExt;

    fn said(status: u16, body: &'static str) -> ProviderError {
        ProviderError {
            provider: "near".to_owned(),
            status,
            message: "slow down".to_owned(),
            content_type: None,
            body: Bytes::from_static(body.as_bytes()),
            headers: vec![
                ("retry-after".to_owned(), "3".to_owned()),
                ("retry-after-ms".to_owned(), "2500".to_owned()),
                ("x-should-retry".to_owned(), "true".to_owned()),
                ("x-ratelimit-remaining-requests".to_owned(), "0".to_owned()),
            ],
        }
    }

    #[tokio::test]
    async fn status_body_and_limits_stay_as_they_were() {
        let body = r#"{ "error": {"message":"slow down","type":"tokens","code":429,"more":1} }"#;
        let reply = ErrorReply::from(said(429, body));
        assert_eq!(reply.body.error.kind, "tokens");
        assert_eq!(reply.body.error.code.as_deref(), Some("429"));
        let response = reply.into_response();
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()["retry-after"], "3");
        assert_eq!(response.headers()["retry-after-ms"], "2500");
        assert_eq!(response.headers()["x-should-retry"], "true");
        assert_eq!(response.headers()["x-ratelimit-remaining-requests"], "0");
        let sent = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(sent, body);
    }

    #[tokio::test]
    async fn a_refused_key_is_not_the_clients() {
        for status in [401, 403] {
            let reply = ErrorReply::from(said(status, r#"{"error":{"message":"bad key"}}"#));
            assert_eq!(reply.status, 502);
            assert_eq!(
                reply.body.error.code.as_deref(),
                Some("upstream_auth_error")
            );
            assert!(reply.body.error.message.contains("'near'"));
            let response = reply.into_response();
            assert_eq!(response.headers()["x-should-retry"], "false");
        }
    }

    #[test]
    fn what_is_no_error_or_no_json_is_put_into_an_envelope() {
        for (status, body, expected) in [(302, "", 502), (500, "<html>", 500), (700, "{}", 502)] {
            let reply = ErrorReply::from(said(status, body));
            assert_eq!(reply.status, expected, "{status}");
            assert!(reply.raw.is_none());
            assert!(reply.body.error.message.contains("slow down"));
        }
    }
}
