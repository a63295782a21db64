//! core is made to say each of its errors, so that a new version of it cannot change a text
//! unnoticed.

use super::turn_error;
use crate::turn::TurnError;
use codex_api::{ApiError, TransportError, map_api_error};
use codex_protocol::{
    error::{CodexErr, RefreshTokenFailedError, RefreshTokenFailedReason},
    protocol::{ErrorEvent, RateLimitSnapshot, RateLimitWindow},
};
use std::time::{Duration, SystemTime};

fn said(error: &CodexErr) -> TurnError {
    turn_error(error.to_error_event(None), None, SystemTime::now())
}

fn http(status: u16, body: &str) -> TurnError {
    said(&map_api_error(ApiError::Transport(TransportError::Http {
        status: status.try_into().unwrap(),
        url: Some("http://upstream.internal/v1/responses".into()),
        headers: None,
        body: Some(body.into()),
    })))
}

#[test]
fn a_bad_request_keeps_the_upstream_s_reason() {
    let error = http(
        400,
        r#"{"error":{"message":"No such tool.","param":"tools[0]"}}"#,
    );
    assert_eq!(error, TurnError::invalid("tools[0]", "No such tool."));
    let TurnError::InvalidRequest { message, .. } = http(400, r#"{"detail":"Unsupported value"}"#)
    else {
        panic!("not a bad request");
    };
    assert_eq!(message, "Unsupported value");
}

#[test]
fn context_overflow_is_told_apart_on_both_ways() {
    let body = r#"{"error":{"code":"context_length_exceeded","message":"too long"}}"#;
    assert!(matches!(
        http(400, body),
        TurnError::ContextWindowExceeded { .. }
    ));
    assert!(matches!(
        said(&CodexErr::ContextWindowExceeded),
        TurnError::ContextWindowExceeded { .. }
    ));
}

#[test]
fn refused_credentials_are_the_upstream_s_and_name_no_address() {
    for status in [401, 403] {
        let error = http(status, r#"{"error":{"message":"Bad key"}}"#);
        assert!(
            matches!(error, TurnError::UpstreamRefused { .. }),
            "{error:?}"
        );
        let text = error.to_string();
        assert!(text.contains("Bad key"), "{text}");
        assert!(!text.contains("upstream.internal"), "{text}");
    }
}

#[test]
fn statuses_have_their_errors() {
    assert!(matches!(http(404, "{}"), TurnError::Upstream { .. }));
    assert!(matches!(http(500, "oops"), TurnError::Upstream { .. }));
    assert!(matches!(http(503, "busy"), TurnError::Overloaded { .. }));
    assert!(matches!(http(504, "slow"), TurnError::Timeout { .. }));
    assert!(matches!(
        http(503, r#"{"error":{"code":"server_is_overloaded"}}"#),
        TurnError::Overloaded { .. }
    ));
    assert!(matches!(
        http(429, "slow down"),
        TurnError::RateLimited { quota: false, .. }
    ));
}

#[test]
fn a_spent_plan_says_when_it_resets() {
    let resets_at = SystemTime::now() + Duration::from_mins(10);
    let seconds = resets_at
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let body = format!(r#"{{"error":{{"type":"usage_limit_reached","resets_at":{seconds}}}}}"#);
    let TurnError::RateLimited {
        retry_after: Some(wait),
        quota: true,
        ..
    } = http(429, &body)
    else {
        panic!("no usage limit with a time");
    };
    assert!((595..=660).contains(&wait.as_secs()), "{wait:?}");
}

#[test]
fn the_window_that_is_used_up_says_when_it_resets() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
    let window = |used_percent, resets_at| RateLimitWindow {
        used_percent,
        window_minutes: None,
        resets_at: Some(resets_at),
    };
    let limits = RateLimitSnapshot {
        limit_id: None,
        limit_name: None,
        primary: Some(window(100.0, 1_090)),
        secondary: Some(window(40.0, 9_000)),
        credits: None,
        individual_limit: None,
        spend_control_reached: None,
        plan_type: None,
        rate_limit_reached_type: None,
    };
    let event = CodexErr::QuotaExceeded.to_error_event(None);
    let TurnError::RateLimited { retry_after, .. } = turn_error(event, Some(&limits), now) else {
        panic!("no rate limit");
    };
    assert_eq!(retry_after, Some(Duration::from_secs(90)));
}

#[test]
fn streams_that_fail_are_told_apart() {
    let stream = |text: &str| said(&CodexErr::Stream(text.into(), None));
    assert!(matches!(
        stream("idle timeout waiting for SSE"),
        TurnError::Timeout { .. }
    ));
    assert!(matches!(
        stream("stream closed before response.completed"),
        TurnError::Upstream { .. }
    ));
    assert!(matches!(
        stream("Rate limit reached for gpt-5.2. Please try again in 11s."),
        TurnError::RateLimited { .. }
    ));
    assert!(matches!(
        said(&CodexErr::RequestTimeout),
        TurnError::Timeout { .. }
    ));
    assert!(matches!(
        said(&CodexErr::ServerOverloaded),
        TurnError::Overloaded { .. }
    ));
    assert!(matches!(
        said(&CodexErr::InternalServerError),
        TurnError::Upstream { .. }
    ));
}

#[test]
fn a_login_that_no_longer_works_says_how_to_log_in() {
    let error = said(&CodexErr::RefreshTokenFailed(RefreshTokenFailedError::new(
        RefreshTokenFailedReason::Expired,
        "Your refresh token has expired.",
    )));
    assert!(matches!(&error, TurnError::NotLoggedIn { message } if message.contains("login")));
}

#[test]
fn a_refused_prompt_is_the_client_s_to_mend() {
    assert!(matches!(
        said(&CodexErr::InvalidRequest("Invalid prompt: no.".into())),
        TurnError::InvalidRequest { .. }
    ));
    assert!(matches!(
        said(&CodexErr::InvalidImageRequest()),
        TurnError::InvalidRequest { .. }
    ));
}

#[test]
fn faults_of_core_stay_inside() {
    let io = std::io::Error::from_raw_os_error(2);
    for error in [
        CodexErr::Fatal("tool router".into()),
        CodexErr::Io(io),
        CodexErr::Json(serde_json::from_str::<u8>("x").unwrap_err()),
        CodexErr::TurnAborted,
        CodexErr::Spawn,
    ] {
        assert!(
            matches!(said(&error), TurnError::Internal { .. }),
            "{error}"
        );
    }
}

#[test]
fn an_error_without_a_type_is_read_by_its_text() {
    let event = ErrorEvent {
        message: "request timed out".into(),
        codex_error_info: None,
    };
    assert!(matches!(
        turn_error(event, None, SystemTime::now()),
        TurnError::Timeout { .. }
    ));
}
