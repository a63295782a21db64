//! Exports of a request whose parts are nasty.

use super::{curl, har, json_lines};
use crate::traffic::{BodyKind, Detail, StoredBody, Summary};
use serde_json::{Value, json};
use std::process::Command;

const BASE: &str = "http://127.0.0.1:11435";

fn summary(more: Value) -> Summary {
    let mut summary = json!({
        "id": "1234", "seq": 1, "updated": 9, "time": "2026-11-21T03:04:05.123456Z",
        "method": "POST", "path": "/v1/chat/completions", "stream": true, "state": "done",
        "status": 200, "first_token_ms": 100.5, "duration_ms": 250.75,
        "calls": [], "results": 0, "dropped": 0, "retries": 0,
    });
    let Value::Object(more) = more else {
        panic!("{more}");
    };
    summary.as_object_mut().unwrap().extend(more);
    serde_json::from_value(summary).unwrap()
}

fn kept(kind: BodyKind, text: &str, form: &str) -> StoredBody {
    StoredBody {
        kind,
        size: text.len() as u64,
        form: form.to_owned(),
        text: text.to_owned(),
        truncated: false,
    }
}

fn detail(bodies: Vec<StoredBody>) -> Detail {
    Detail {
        request: summary(json!({})),
        records: Vec::new(),
        bodies,
        tool_calls: Vec::new(),
    }
}

/// What a shell makes of a command: the arguments that a program gets, and its input.
fn run(command: &str) -> (Vec<String>, String) {
    let script = format!(
        "curl() {{ for a in \"$@\"; do printf '%s\\0' \"$a\"; done; printf '\\0'; cat; }}\n{command}"
    );
    let mut shell = Command::new("sh");
    let output = shell.env("PROXY_API_KEY", "k e'y\"").arg("-c").arg(script);
    let output = output.stdin(std::process::Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let output = String::from_utf8(output.stdout).unwrap();
    let (arguments, input) = output.split_once("\0\0").unwrap();
    let arguments = arguments.split('\0').map(str::to_owned);
    (arguments.collect(), input.to_owned())
}

#[test]
fn the_command_says_what_the_request_said() {
    let headers = json!({
        "host": "127.0.0.1:11435", "content-length": "9", "cf-ray": "1", "x-forwarded-for": "1",
        "authorization": "Bearer [redacted]", "x-api-key": "[redacted]", "cookie": "[redacted]",
        "content-type": "application/json", "x-nasty": "it's $HOME `id` \\ \"x\" $(id)",
        "x-request-id": "mine",
    });
    let body = "{\"a\": \"it's $HOME `id`\",\nEOF\n\"b\": \"\\n\"}";
    let detail = detail(vec![
        kept(BodyKind::Headers, &headers.to_string(), "redacted"),
        kept(BodyKind::Request, body, "full"),
    ]);
    let command = curl::command(&detail, BASE);
    let (arguments, input) = run(&command);
    let expected = [
        "http://127.0.0.1:11435/v1/chat/completions",
        "--no-buffer",
        "--header",
        "authorization: Bearer k e'y\"",
        "--header",
        "x-api-key: k e'y\"",
        "--header",
        "content-type: application/json",
        "--header",
        "x-nasty: it's $HOME `id` \\ \"x\" $(id)",
        "--data-binary",
        "@-",
    ];
    assert_eq!(arguments, expected, "{command}");
    assert_eq!(input, format!("{body}\n"));
    assert!(
        command.contains("# Left out, because they are masked: cookie.\n"),
        "{command}"
    );
    assert!(!command.contains("redacted"), "{command}");
}

#[test]
fn the_command_tells_what_is_missing() {
    let mut body = kept(BodyKind::Request, "{}", "redacted");
    body.truncated = true;
    body.size = 99;
    let command = curl::command(&detail(vec![body]), BASE);
    assert!(
        command.contains("# Its headers were not kept.\n"),
        "{command}"
    );
    assert!(
        command.contains("# Its body is cut: this is the beginning of 99 bytes.\n"),
        "{command}"
    );
    assert!(command.contains("# Its body is redacted"), "{command}");
    let none = curl::command(&detail(Vec::new()), BASE);
    assert!(none.contains("# Its body was not kept.\n"), "{none}");
    let (arguments, input) = run(&none);
    assert_eq!(
        arguments[..2],
        ["http://127.0.0.1:11435/v1/chat/completions", "--request"]
    );
    assert_eq!(input, "");
}

#[test]
fn the_command_of_an_unknown_request_says_so() {
    let mut detail = detail(vec![kept(BodyKind::Request, "{}", "full")]);
    detail.request = summary(json!({"method": "", "path": ""}));
    let command = curl::command(&detail, BASE);
    let (arguments, _) = run(&command);
    assert_eq!(arguments, [BASE, "--no-buffer", "--data-binary", "@-"]);
    assert!(
        command.contains("# Its method and path were not kept.\n"),
        "{command}"
    );
}

#[test]
fn nothing_in_a_request_becomes_a_command() {
    let mut detail = detail(vec![kept(BodyKind::Request, "x\nEOF\nEOF_\n", "full")]);
    detail.request = summary(json!({
        "id": "x\necho pwned", "method": "X'; echo pwned '", "path": "/'; echo pwned; '$(id)",
    }));
    let (arguments, input) = run(&curl::command(&detail, "http://h'; echo pwned; '"));
    assert_eq!(
        arguments,
        [
            "http://h'; echo pwned; '/'; echo pwned; '$(id)",
            "--request",
            "X'; echo pwned '",
            "--no-buffer",
            "--data-binary",
            "@-",
        ]
    );
    assert_eq!(input, "x\nEOF\nEOF_\n");
}

#[test]
fn the_command_asks_for_one_address() {
    let mut detail = detail(Vec::new());
    for (path, is_pattern) in [
        ("/v1/responses/[1-9999]", true),
        ("/v1/{a,b}", true),
        ("/v1/a", false),
    ] {
        detail.request = summary(json!({"method": "GET", "path": path}));
        let (arguments, _) = run(&curl::command(&detail, BASE));
        assert_eq!(arguments[0], format!("{BASE}{path}"));
        let is_one = arguments.iter().any(|word| word == "--globoff");
        assert_eq!(is_one, is_pattern, "{path}");
    }
}

fn archive(details: &[Detail]) -> Value {
    let entries: Vec<String> = details
        .iter()
        .map(|detail| serde_json::to_string(&har::Entry::new(detail, BASE)).unwrap())
        .collect();
    let text = har::begin() + &entries.join(",") + har::END;
    serde_json::from_str(&text).unwrap()
}

#[test]
fn an_archive_has_all_that_the_format_asks_for() {
    let detail = detail(vec![
        kept(BodyKind::Headers, r#"{"accept":"*/*"}"#, "redacted"),
        kept(BodyKind::Request, r#"{"model":"x"}"#, "redacted"),
        kept(BodyKind::Reply, r#"{"id":"y"}"#, "full"),
    ]);
    let archive = archive(&[detail]);
    assert_eq!(archive["log"]["version"], "1.2");
    assert_eq!(archive["log"]["creator"]["name"], "codex-openai-proxy");
    let mut entry = archive["log"]["entries"][0].clone();
    assert_eq!(entry["_request"]["id"], "1234");
    let entry = entry.as_object_mut().unwrap();
    entry.retain(|name, _| !name.starts_with('_'));
    assert_eq!(
        *entry,
        *json!({
            "startedDateTime": "2026-11-21T03:04:05.123456Z",
            "time": 250.75,
            "request": {
                "method": "POST",
                "url": "http://127.0.0.1:11435/v1/chat/completions",
                "httpVersion": "HTTP/1.1",
                "cookies": [],
                "headers": [{"name": "accept", "value": "*/*"}],
                "queryString": [],
                "postData": {
                    "mimeType": "application/json",
                    "text": "{\"model\":\"x\"}",
                    "comment": "redacted",
                },
                "headersSize": -1,
                "bodySize": 13,
            },
            "response": {
                "status": 200,
                "statusText": "",
                "httpVersion": "HTTP/1.1",
                "cookies": [],
                "headers": [],
                "content": {"size": 10, "mimeType": "application/json", "text": "{\"id\":\"y\"}"},
                "redirectURL": "",
                "headersSize": -1,
                "bodySize": -1,
            },
            "cache": {},
            "timings": {"send": 0.0, "wait": 100.5, "receive": 150.25},
        })
        .as_object()
        .unwrap()
    );
}

#[test]
fn an_archive_may_be_empty_and_prefers_streams() {
    assert_eq!(archive(&[])["log"]["entries"], json!([]));
    let mut detail = detail(vec![
        kept(BodyKind::Reply, "{}", "full"),
        kept(BodyKind::Stream, "data: {}\n\n", "full"),
    ]);
    detail.request.duration_ms = None;
    let entry = &archive(&[detail])["log"]["entries"][0];
    assert_eq!(
        entry["response"]["content"]["mimeType"],
        "text/event-stream"
    );
    assert_eq!(entry["response"]["content"]["text"], "data: {}\n\n");
    assert_eq!(
        entry["timings"],
        json!({"send": 0.0, "wait": 0.0, "receive": 0.0})
    );
}

#[test]
fn json_lines_begin_with_the_oldest() {
    let records = ["{\"seq\":2}".to_owned(), "{\"seq\":1}".to_owned()];
    assert_eq!(json_lines(&records), "{\"seq\":1}\n{\"seq\":2}\n");
    assert_eq!(json_lines(&[]), "");
}
