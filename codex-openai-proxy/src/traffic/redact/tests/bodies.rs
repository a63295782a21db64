//! Secrets in bodies and headers.

use super::{
    super::{Form, Kept, MAX_TEXT, body, head},
    SHAPED, tells,
};
use crate::{config::KeptBodies, traffic::channel::BodyKind};
use serde_json::{Value, json};

fn redacted(given: &str) -> String {
    let kept = body(BodyKind::Request, given.as_bytes(), KeptBodies::Redacted);
    assert_eq!((kept.form, kept.truncated), (Form::Redacted, false));
    kept.text
}

fn redacted_json(given: &Value) -> Value {
    serde_json::from_str(&redacted(&given.to_string())).unwrap()
}

#[test]
fn json_without_secrets_stays_as_it_was_written() {
    for given in [
        "{}",
        " [ 1.0, 1e5, 12345678901234567890123, -0 ] ",
        "{\n  \"b\": 1,\n  \"a\" : \"x\\u00e9\\n\\/\",\n  \"b\": null }\n",
        "\"text\"",
        "null",
        r#"{"messages":[{"role":"user","content":"Use max_tokens: 5"}],"max_tokens":5}"#,
        r#"{"tool_calls":[{"id":"call_1","function":{"name":"f","arguments":"{\"a\": 1}"}}]}"#,
    ] {
        assert_eq!(redacted(given), given);
    }
}

#[test]
fn values_under_secret_names_are_masked_whatever_they_are() {
    let given = json!({
        "api_key": "abc",
        "nested": [{"Authorization": "x", "n": 1}],
        "access_token": ["a", {"b": "c"}],
        "credentials": {"user": "u", "deep": [[{"x": "y"}]]},
        "password": 12345,
        "secret": true,
        "client_secret": null,
        "cookie": "",
        "max_tokens": 7,
        "env": {"AZURE_KEY": "0123456789abcdef0123", "CACHE_KEY": "0123456789abcdef0123"},
        "headers": [{"name": "X-Api-Key", "value": "abc"}, {"name": "Accept", "value": "abc"}],
    });
    let shown = json!({
        "api_key": "[redacted]",
        "nested": [{"Authorization": "[redacted]", "n": 1}],
        "access_token": "[redacted]",
        "credentials": "[redacted]",
        "password": 12345,
        "secret": true,
        "client_secret": null,
        "cookie": "",
        "max_tokens": 7,
        "env": {"AZURE_KEY": "[redacted]", "CACHE_KEY": "0123456789abcdef0123"},
        "headers": [{"name": "X-Api-Key", "value": "[redacted]"}, {"name": "Accept", "value": "abc"}],
    });
    assert_eq!(redacted_json(&given), shown);
}

#[test]
fn settings_under_soft_names_stay_but_for_what_is_no_word() {
    let stays = json!([
        {"auth": {"type": "oauth", "scopes": ["read", "write"]}},
        {"secrets": {"inherit": true}},
        {"cookies": []},
        {"token": {"kind": "ident", "span": [1, 2]}},
        {"dependencies": {"cookie": "^1.0.2", "jwt": "~9.0.2", "auth": "workspace:*"}},
        {"top_logprobs": [{"token": " understanding", "logprob": -0.1}]},
    ]);
    assert_eq!(redacted_json(&stays), stays);
    let given = json!({
        "token": {"kind": "ident", "a": [["0123abcdef"]], "password": "word"},
        "cookies": [{"name": "sid", "value": "hunter2"}],
        "secrets": {"db": {"api_key": {"a": "word"}}, "words": "correcthorse"},
    });
    let shown = json!({
        "token": {"kind": "ident", "a": [["[redacted]"]], "password": "[redacted]"},
        "cookies": [{"name": "sid", "value": "[redacted]"}],
        "secrets": {"db": {"api_key": "[redacted]"}, "words": "[redacted]"},
    });
    assert_eq!(redacted_json(&given), shown);
}

#[test]
fn what_a_list_announces_is_masked() {
    let given = json!([
        ["x-api-key", "0123abcdef", "x"],
        ["Authorization", "Bearer 0123abcdef"],
        ["mysql", "--password", "correcthorse", "db"],
        ["--token", "--verbose"],
        ["password", "token", "secret"],
    ]);
    let shown = json!([
        ["x-api-key", "[redacted]", "x"],
        ["Authorization", "[redacted]"],
        ["mysql", "--password", "[redacted]", "db"],
        ["--token", "--verbose"],
        ["password", "token", "secret"],
    ]);
    assert_eq!(redacted_json(&given), shown);
}

#[test]
fn schemas_inside_schemas_take_linear_time() {
    let mut given = format!("{{\"x\":[{}1],\"type\":1}}", "1,".repeat(500_000));
    for _ in 0..60 {
        given = format!("{{\"properties\":{{\"token\":{given}}},\"type\":\"object\"}}");
    }
    let begun = std::time::Instant::now();
    let shown = redacted(&given);
    let took = begun.elapsed();
    assert!(took.as_secs() < 5, "{took:?}");
    assert_eq!(shown, given);
}

#[test]
fn schemas_of_tools_stay_but_for_their_examples() {
    let given = json!({"properties": {
        "token": {"type": "string", "description": "The token", "default": "abc"},
        "password": "abc",
        "auth": {"user": "u"},
        "path": {"type": "string", "default": "abc"},
    }});
    let shown = json!({"properties": {
        "token": {"type": "string", "description": "The token", "default": "[redacted]"},
        "password": "[redacted]",
        "auth": "[redacted]",
        "path": {"type": "string", "default": "abc"},
    }});
    assert_eq!(redacted_json(&given), shown);
}

#[test]
fn every_shape_is_found_wherever_it_stands() {
    for secret in SHAPED {
        let arguments = json!({"command": format!("run {secret}"), "list": [secret]}).to_string();
        let deeper = json!({"arguments": arguments.clone()}).to_string();
        let given = json!({
            "model": "gpt-5.2",
            "messages": [
                {"role": "user", "content": secret},
                {"role": "user", "content": [{"type": "text", "text": format!("a {secret} b")}]},
                {"tool_calls": [{"function": {"name": "f", "arguments": arguments}}]},
                {"role": "tool", "content": deeper},
            ],
            *secret: 1,
        });
        let shown = redacted_json(&given);
        assert!(!tells(&shown.to_string(), secret), "{shown}");
        assert_eq!(shown["model"], "gpt-5.2");
        let arguments = &shown["messages"][2]["tool_calls"][0]["function"]["arguments"];
        let arguments: Value = serde_json::from_str(arguments.as_str().unwrap()).unwrap();
        assert!(arguments["command"].as_str().unwrap().starts_with("run "));
    }
}

#[test]
fn arguments_that_are_json_are_masked_by_name() {
    let given = json!({"arguments": r#"{"password": {"a": "hunter"}, "n": 1.0}"#});
    let shown = json!({"arguments": r#"{"password": "[redacted]", "n": 1.0}"#});
    assert_eq!(redacted_json(&given), shown);
}

#[test]
fn pictures_and_files_become_digests() {
    let long = "QUJD".repeat(4096);
    let given = json!({"content": [
        {"image_url": {"url": format!("data:image/jpeg;base64,{long}")}},
        {"input_audio": {"data": long}},
        {"data": "QUJD"},
    ]});
    let shown = redacted_json(&given);
    let digest = blake3::hash("ABC".repeat(4096).as_bytes()).to_hex();
    let digest = format!("12288 bytes, blake3:{}]", &digest[..16]);
    assert_eq!(
        shown["content"],
        json!([
            {"image_url": {"url": format!("[image/jpeg, {digest}")}},
            {"input_audio": {"data": format!("[base64, {digest}")}},
            {"data": "QUJD"},
        ])
    );
}

#[test]
fn what_is_no_json_is_text() {
    for (given, shown) in [
        ("{\"api_key\": \"abc\", ", "{\"api_key\": \"[redacted]\", "),
        ("token=abc123", "token=[redacted]"),
        ("", ""),
    ] {
        assert_eq!(redacted(given), shown);
    }
    let half = r#"["\ud800 sk-0123456789abcdefghij \ud800"]"#;
    assert_eq!(redacted(half), r#"["\ud800 [redacted] \ud800"]"#);
    let deep = "[".repeat(500) + "\"sk-0123456789abcdefghij\"" + &"]".repeat(500);
    assert!(!redacted(&deep).contains("sk-0"));
    let kept = body(
        BodyKind::Request,
        b"\xff token=abc123",
        KeptBodies::Redacted,
    );
    assert_eq!(kept.text, "\u{fffd} token=[redacted]");
}

#[test]
fn streams_are_masked_line_by_line() {
    let given = "data: {\"api_key\": {\"a\": 1}}\n\ndata: [DONE]\n\n: Bearer abcDEF123456\n";
    let kept = body(BodyKind::Stream, given.as_bytes(), KeptBodies::Redacted);
    assert_eq!(
        kept.text,
        "data: {\"api_key\": \"[redacted]\"}\n\ndata: [DONE]\n\n: Bearer [redacted]\n"
    );
}

#[test]
fn full_bodies_stay_and_headers_never_do() {
    let given = r#"{"api_key":"abc"}"#;
    let full = |kind| body(kind, given.as_bytes(), KeptBodies::Full);
    let whole = Kept {
        text: given.to_owned(),
        form: Form::Full,
        truncated: false,
    };
    for kind in [BodyKind::Request, BodyKind::Reply, BodyKind::Stream] {
        assert_eq!(full(kind), whole);
    }
    let headers = body(BodyKind::Headers, b"api-key: abc\n", KeptBodies::Full);
    assert_eq!(headers.text, r#"{"api-key":"[redacted]"}"#);
    assert_eq!(headers.form, Form::Redacted);
}

#[test]
fn long_bodies_are_cut_between_characters() {
    let given = "é".repeat(MAX_TEXT);
    for how in [KeptBodies::Full, KeptBodies::Redacted] {
        let kept = body(BodyKind::Request, given.as_bytes(), how);
        assert!(kept.truncated);
        assert_eq!(kept.text.len(), MAX_TEXT);
    }
    // What is long because of its pictures is kept whole.
    let given = json!(format!(
        "data:image/png;base64,{}",
        "QUJD".repeat(MAX_TEXT / 2)
    ));
    assert!(redacted(&given.to_string()).len() < 100);
}

#[test]
fn headers_that_tell_secrets_are_masked() {
    let head = head(
        [
            ("host", "proxy.example"),
            ("authorization", "Bearer abc"),
            ("proxy-authorization", "abc"),
            ("x-api-key", "abc"),
            ("api-key", "abc"),
            ("cookie", "a=b; c=d"),
            ("x-csrf-token", "abc"),
            ("x-hub-signature-256", "abc"),
            ("cf-connecting-ip", "192.0.2.1"),
            ("cf-ray", "1"),
            ("x-forwarded-for", "192.0.2.1"),
            ("accept", "a"),
            ("accept", "b"),
            ("referer", "https://h.example/?token=abc123"),
            ("x-request-id", "0123456789abcdef0123456789abcdef"),
        ]
        .into_iter()
        .map(|(name, value)| (name, value.as_bytes())),
    );
    let kept = body(BodyKind::Headers, &head, KeptBodies::Redacted);
    let shown: Value = serde_json::from_str(&kept.text).unwrap();
    assert_eq!(
        shown,
        json!({
            "host": "proxy.example",
            "authorization": "Bearer [redacted]",
            "proxy-authorization": "[redacted]",
            "x-api-key": "[redacted]",
            "api-key": "[redacted]",
            "cookie": "[redacted]",
            "x-csrf-token": "[redacted]",
            "x-hub-signature-256": "[redacted]",
            "cf-connecting-ip": "192.0.2.1",
            "cf-ray": "1",
            "x-forwarded-for": "192.0.2.1",
            "accept": "a, b",
            "referer": "https://h.example/?token=[redacted]",
            "x-request-id": "0123456789abcdef0123456789abcdef",
        })
    );
}

#[test]
fn headers_without_a_value_or_that_are_no_text_are_kept() {
    let pairs: [(&str, &[u8]); 3] = [
        ("x-empty", b""),
        ("x-bytes", b"a\xffb"),
        ("x-colon", b"a: b"),
    ];
    let kept = body(
        BodyKind::Headers,
        &head(pairs.into_iter()),
        KeptBodies::Redacted,
    );
    let shown: Value = serde_json::from_str(&kept.text).unwrap();
    assert_eq!(
        shown,
        json!({"x-empty": "", "x-bytes": "a\u{fffd}b", "x-colon": "a: b"})
    );
}
