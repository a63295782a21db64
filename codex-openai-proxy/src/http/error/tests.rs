//! Which failure is which status, code and message.

use super::*;

/// Status, type, code and `Retry-After`.
type Row = (
    u16,
    &'static str,
    Option<&'static str>,
    Option<&'static str>,
);

fn row(reply: &ErrorReply) -> (u16, &str, Option<&str>, Option<String>) {
    let headers = reply.headers.as_deref();
    let retry_after = headers
        .and_then(|headers| headers.get(header::RETRY_AFTER))
        .map(|value| value.to_str().unwrap().to_owned());
    (
        reply.status.as_u16(),
        &reply.body.error.kind,
        reply.body.error.code.as_deref(),
        retry_after,
    )
}

#[test]
fn every_turn_error_has_its_status_and_code() {
    let message = || "why".to_owned();
    let limited = |quota, millis| TurnError::RateLimited {
        message: message(),
        retry_after: Some(Duration::from_millis(millis)),
        quota,
    };
    let cases: Vec<(TurnError, Row)> = vec![
        (
            TurnError::invalid("messages", "why"),
            (400, "invalid_request_error", None, None),
        ),
        (
            TurnError::ContextWindowExceeded { message: message() },
            (
                400,
                "invalid_request_error",
                Some("context_length_exceeded"),
                None,
            ),
        ),
        (
            limited(false, 1_001),
            (
                429,
                "rate_limit_error",
                Some("rate_limit_exceeded"),
                Some("2"),
            ),
        ),
        (
            limited(true, 7_200_000),
            (
                429,
                "insufficient_quota",
                Some("usage_limit_reached"),
                Some("1800"),
            ),
        ),
        (
            TurnError::NotLoggedIn { message: message() },
            (401, "authentication_error", Some("not_logged_in"), None),
        ),
        (
            TurnError::UpstreamRefused { message: message() },
            (502, "server_error", Some("upstream_auth_error"), None),
        ),
        (
            TurnError::Overloaded { message: message() },
            (503, "server_error", Some("server_is_overloaded"), Some("5")),
        ),
        (
            TurnError::Timeout { message: message() },
            (504, "server_error", Some("upstream_timeout"), None),
        ),
        (
            TurnError::Upstream { message: message() },
            (502, "server_error", Some("upstream_error"), None),
        ),
        (
            TurnError::Unavailable { message: message() },
            (503, "server_error", Some("service_unavailable"), None),
        ),
    ];
    for (error, (status, kind, code, retry_after)) in cases {
        let reply = ErrorReply::from(error.clone());
        let expected = (status, kind, code, retry_after.map(str::to_owned));
        assert_eq!(row(&reply), expected, "{error:?}");
        assert_eq!(reply.body.error.message, "why");
    }
}

#[test]
fn tool_loops_that_do_not_add_up_are_refused_in_the_words_of_openai() {
    let param = || "messages[1].tool_calls".to_owned();
    let unknown = TurnError::UnknownToolCall {
        call_id: "call_9".to_owned(),
        param: param(),
    };
    let missing = TurnError::MissingToolResults {
        call_ids: vec!["call_1".to_owned(), "call_3".to_owned()],
        param: param(),
    };
    for (error, begin, end) in [
        (
            unknown,
            "Invalid parameter: messages with role 'tool' must be a response to a preceeding",
            " message with 'tool_calls'.",
        ),
        (
            missing,
            "An assistant message with 'tool_calls' must be followed by tool messages",
            "did not have response messages: call_1, call_3",
        ),
    ] {
        let reply = ErrorReply::from(error);
        assert_eq!(row(&reply), (400, "invalid_request_error", None, None));
        let object = &reply.body.error;
        assert_eq!(object.param.as_deref(), Some("messages[1].tool_calls"));
        assert!(object.message.starts_with(begin), "{}", object.message);
        assert!(object.message.ends_with(end), "{}", object.message);
    }
}

#[test]
fn conversations_that_cannot_be_had_are_named() {
    let id = ConversationId::new("chat-1").unwrap();
    for (error, status, code, param) in [
        (
            TurnError::ConversationBusy { id: id.clone() },
            409,
            "conversation_busy",
            None,
        ),
        (
            TurnError::ConversationNotFound { id },
            404,
            "conversation_not_found",
            Some("conversation_id"),
        ),
    ] {
        let reply = ErrorReply::from(error);
        let expected = (status, "invalid_request_error", Some(code), None);
        assert_eq!(row(&reply), expected);
        assert_eq!(reply.body.error.param.as_deref(), param);
        assert!(reply.body.error.message.contains("'chat-1'"));
    }
}

#[test]
fn the_field_at_fault_is_named() {
    let reply = ErrorReply::from(TurnError::invalid("messages[2].content", "why"));
    assert_eq!(
        reply.body.error.param.as_deref(),
        Some("messages[2].content")
    );
}

#[test]
fn internals_stay_inside() {
    let reply = ErrorReply::from(TurnError::internal("/home/me/secret"));
    assert_eq!(
        row(&reply),
        (500, "server_error", Some("internal_error"), None)
    );
    assert!(!reply.body.error.message.contains("secret"));
}

#[test]
fn a_limit_without_a_known_end_names_none() {
    let reply = ErrorReply::from(TurnError::RateLimited {
        message: String::new(),
        retry_after: None,
        quota: true,
    });
    assert_eq!(row(&reply).3, None);
}
