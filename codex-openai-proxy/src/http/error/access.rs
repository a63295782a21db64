//! Why somebody is not let in, and what would open the door.

use super::{AUTHENTICATION, ErrorReply, INVALID_REQUEST};
use crate::http::access::{Indirection, Refusal};
use http::{HeaderName, HeaderValue, StatusCode, header};
use std::time::Duration;

/// What OpenAI's clients obey before they try again by themselves.
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// The code of a key that is missing or wrong; OpenAI's.
const INVALID_KEY: &str = "invalid_api_key";

impl From<Refusal> for ErrorReply {
    fn from(refusal: Refusal) -> Self {
        let mut reply = match refusal {
            Refusal::NoKey => unauthorized(
                "this proxy wants an API key (one of those in PROXY_API_KEY, or in [auth.keys] of \
                 the config.toml, where it runs), sent as `Authorization: Bearer KEY`, `x-api-key` \
                 or `api-key`",
                INVALID_KEY,
            ),
            Refusal::WrongKey => unauthorized(
                "the API key is none of those that this proxy was given in PROXY_API_KEY, or in \
                 [auth.keys] of its config.toml",
                INVALID_KEY,
            ),
            Refusal::TooManyWrongKeys { retry_after } => too_many_wrong_keys(retry_after),
            Refusal::ForeignPage => Self::new(
                StatusCode::FORBIDDEN,
                INVALID_REQUEST,
                "a web page of another site may not look at the log",
            )
            .code("foreign_page"),
            Refusal::NotDirect(indirection) => unauthorized(
                format!(
                    "this proxy has no API key, so it serves only programs that reach it directly \
                     on its own machine, and this request {}. To let it in, set a key where the \
                     proxy runs (start it with PROXY_API_KEY=KEY, or list the key in [auth.keys] of \
                     its config.toml) and send it as `Authorization: Bearer KEY`",
                    describe(indirection)
                ),
                "api_key_not_set",
            ),
        };
        reply.refusal = Some(refusal);
        reply
    }
}

/// A 401 has to name what would do (RFC 9110, 15.5.2).
fn unauthorized(message: impl Into<String>, code: &'static str) -> ErrorReply {
    ErrorReply::new(StatusCode::UNAUTHORIZED, AUTHENTICATION, message)
        .code(code)
        .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
}

/// The same key again would be as wrong, however long a client waits.
fn too_many_wrong_keys(retry_after: Duration) -> ErrorReply {
    let message = "too many wrong API keys have come from this address; the right one (of those in \
                   PROXY_API_KEY, or in [auth.keys] of the config.toml, where the proxy runs) is let \
                   in at any time";
    ErrorReply::new(StatusCode::TOO_MANY_REQUESTS, AUTHENTICATION, message)
        .code("too_many_wrong_keys")
        .header(SHOULD_RETRY, HeaderValue::from_static("false"))
        .retry_after(Some(retry_after))
}

fn describe(indirection: Indirection) -> &'static str {
    match indirection {
        Indirection::Peer => "comes from another machine",
        Indirection::Forwarded => "was forwarded by a tunnel or another proxy",
        Indirection::Host => "names a host that is not a loopback address",
        Indirection::Origin | Indirection::CrossSite => "comes from a web page of another site",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traffic::redact;

    fn all() -> [Refusal; 9] {
        let wait = Duration::from_millis(5200);
        [
            Refusal::NoKey,
            Refusal::WrongKey,
            Refusal::TooManyWrongKeys { retry_after: wait },
            Refusal::ForeignPage,
            Refusal::NotDirect(Indirection::Peer),
            Refusal::NotDirect(Indirection::Forwarded),
            Refusal::NotDirect(Indirection::Host),
            Refusal::NotDirect(Indirection::Origin),
            Refusal::NotDirect(Indirection::CrossSite),
        ]
    }

    #[test]
    fn our_own_advice_is_no_secret_and_names_both_settings() {
        for refusal in all() {
            let reply = ErrorReply::from(refusal);
            let message = &reply.body.error.message;
            assert_eq!(redact::text(message), message.as_str());
            let names_both = message.contains("PROXY_API_KEY") && message.contains("[auth.keys]");
            assert_eq!(names_both, refusal != Refusal::ForeignPage, "{message}");
        }
    }

    #[test]
    fn every_refusal_has_its_status_and_code() {
        for (refusal, status, code) in all()
            .into_iter()
            .zip([
                (401, "invalid_api_key"),
                (401, "invalid_api_key"),
                (429, "too_many_wrong_keys"),
                (403, "foreign_page"),
                (401, "api_key_not_set"),
                (401, "api_key_not_set"),
                (401, "api_key_not_set"),
                (401, "api_key_not_set"),
                (401, "api_key_not_set"),
            ])
            .map(|(refusal, (status, code))| (refusal, status, code))
        {
            let reply = ErrorReply::from(refusal);
            assert_eq!(reply.body.error.code.as_deref(), Some(code));
            let response = reply.into_response();
            assert_eq!(response.status(), status, "{refusal:?}");
            let challenge = response.headers().get(header::WWW_AUTHENTICATE);
            assert_eq!(challenge.is_some(), status == 401, "{refusal:?}");
        }
    }

    #[test]
    fn whoever_guesses_is_told_to_wait_and_not_to_try_by_itself() {
        let wait = Duration::from_millis(5200);
        let refusal = Refusal::TooManyWrongKeys { retry_after: wait };
        let response = ErrorReply::from(refusal).into_response();
        assert_eq!(response.headers()[header::RETRY_AFTER], "6");
        assert_eq!(response.headers()["x-should-retry"], "false");
    }
}
