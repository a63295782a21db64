//! core is made to say errors in which an upstream repeats its key.

use super::Secrets;
use crate::{
    engine::codex::{
        errors::turn_error,
        events::{EventReader, Step},
        tools::ClientTools,
    },
    turn::{ToolChoice, TurnError},
};
use codex_api::{ApiError, TransportError, map_api_error};
use codex_login::{AuthManager, CodexAuth};
use codex_model_provider_info::ModelProviderInfo;
use codex_protocol::{
    error::CodexErr,
    protocol::{EventMsg, StreamErrorEvent, WarningEvent},
};
use serde_json::json;
use std::{sync::Arc, time::SystemTime};

const KEY: &str = "house/5c6d+7e8f90a1b2c3";
const LOGIN: &str = "login-0a1b2c3d4e5f6071";

/// Those of a provider, with a login.
fn secrets(provider: &ModelProviderInfo) -> Secrets {
    let auth = AuthManager::from_auth_for_testing(CodexAuth::from_api_key(LOGIN));
    Secrets::new(provider, auth)
}

fn with_key() -> ModelProviderInfo {
    ModelProviderInfo {
        name: "fake".to_owned(),
        base_url: Some("http://127.0.0.1:9/v1".to_owned()),
        experimental_bearer_token: Some(KEY.to_owned()),
        ..ModelProviderInfo::default()
    }
}

/// What core makes of a refusal.
fn refusal(status: u16, body: &str) -> CodexErr {
    map_api_error(ApiError::Transport(TransportError::Http {
        status: status.try_into().unwrap(),
        url: Some("http://127.0.0.1:9/v1/responses".into()),
        headers: None,
        body: Some(body.into()),
    }))
}

/// What a client is told of it.
fn told(secrets: &Secrets, error: &CodexErr) -> TurnError {
    let mut event = EventMsg::Error(error.to_error_event(None));
    secrets.clean(&mut event);
    let EventMsg::Error(event) = event else {
        panic!("another event");
    };
    turn_error(event, None, SystemTime::now())
}

#[test]
fn a_key_that_the_upstream_repeats_does_not_reach_the_client() {
    let secrets = secrets(&with_key());
    let escaped = KEY.replace('/', "\\/").replace('+', "\\u002B");
    for status in [400, 401, 403, 404, 429, 500, 503] {
        for key in [KEY, LOGIN, escaped.as_str()] {
            for body in [
                format!(r#"{{"error":{{"message":"Incorrect API key: {key}."}}}}"#),
                format!(r#"{{"detail":"Incorrect API key: {key}."}}"#),
                format!("Incorrect API key: {key}."),
            ] {
                let error = format!("{:?}", told(&secrets, &refusal(status, &body)));
                for end in ["5c6d", "a1b2c3", "5f6071"] {
                    assert!(!error.contains(end), "{status} {body}: {error}");
                }
            }
        }
    }
    let refused = told(
        &secrets,
        &refusal(
            401,
            &format!(r#"{{"error":{{"message":"Bad key {KEY}."}}}}"#),
        ),
    );
    assert!(
        refused.to_string().contains("Bad key [hidden]."),
        "{refused}"
    );
}

#[test]
fn a_key_that_core_cuts_in_the_middle_does_not_reach_the_client() {
    // core keeps the first thousand bytes of what is no JSON.
    let body = format!("{}{KEY} {}", "x".repeat(985), "y".repeat(200));
    let error = refusal(401, &body);
    let (cut, _) = KEY.split_at(15);
    assert!(error.to_string().contains(&format!("{cut}...")), "{error}");
    let error = told(&secrets(&with_key()), &error).to_string();
    assert!(error.contains("x[hidden]..."), "{error}");
}

#[test]
fn a_key_in_what_went_wrong_meanwhile_does_not_reach_the_log() {
    let secrets = secrets(&with_key());
    let tools = ClientTools::new(Vec::new(), &ToolChoice::Auto).unwrap();
    let mut reader = EventReader::new(Arc::new(tools));
    let text = format!("stream disconnected before completion: bad key {KEY}");
    let failed = StreamErrorEvent {
        message: text.clone(),
        codex_error_info: None,
        additional_details: Some(text.clone()),
    };
    let warning = WarningEvent {
        message: text.clone(),
    };
    let completed = json!({"type": "task_complete", "turn_id": "u", "last_agent_message": null,
        "error": {"message": text, "codex_error_info": null}});
    for mut event in [
        EventMsg::StreamError(failed),
        EventMsg::Warning(warning),
        serde_json::from_value(completed).unwrap(),
    ] {
        secrets.clean(&mut event);
        let step = reader.on_event(event, SystemTime::now(), &mut Vec::new());
        let notes: Vec<_> = reader.notes().collect();
        let said = format!("{step:?} {notes:?}");
        assert!(said.contains("bad key [hidden]"), "{said}");
        assert!(!said.contains(KEY), "{said}");
        assert!(step == Step::Continue || said.contains("Err("), "{said}");
    }
}

#[test]
fn what_is_secret_is_told_by_its_name() {
    let pairs = |pairs: &[(&str, &str)]| {
        let pairs = pairs.iter();
        let pairs = pairs.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Some(pairs.collect())
    };
    let secrets = secrets(&ModelProviderInfo {
        base_url: Some("http://me:pass-12345678@127.0.0.1:9/v1?sig=sign-12345678".to_owned()),
        http_headers: pairs(&[
            ("X-Api-Key", "Bearer head-12345678"),
            ("User-Agent", "codex_cli_rs/0.145.0"),
        ]),
        query_params: pairs(&[
            ("code", "code-12345678"),
            ("api-version", "2025-04-01-preview"),
        ]),
        ..with_key()
    });
    let names = "codex_cli_rs/0.145.0 2025-04-01-preview";
    let text = format!("pass-12345678 sign-12345678 head-12345678 code-12345678 {names}");
    let mut event = EventMsg::Warning(WarningEvent { message: text });
    secrets.clean(&mut event);
    let EventMsg::Warning(WarningEvent { message }) = event else {
        panic!("another event");
    };
    let hidden = "[hidden] ".repeat(4);
    assert_eq!(message, format!("{hidden}{names}"));
}
