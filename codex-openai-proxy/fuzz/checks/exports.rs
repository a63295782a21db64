//! Requests of the log in the forms of other programs: method and path in the first line, then headers,
//! an empty line, and the body.

use super::requests::split_line;
use codex_openai_proxy::traffic::{BodyKind, Detail, StoredBody, Summary, export};
use serde_json::{Map, Value, json};

/// Where the requests went.
const BASE: &str = "http://127.0.0.1:11435";

/// The words that have an argument, and those that have none.
const OPTIONS: [(&str, bool); 6] = [
    ("--request", true),
    ("--header", true),
    ("--data-binary", true),
    ("--head", false),
    ("--no-buffer", false),
    ("--globoff", false),
];

/// Writes a request as a command and into an archive.
///
/// # Panics
///
/// A shell would do anything else with the command than call curl once with what the request said, or
/// the archive is none.
pub fn check(data: &[u8]) {
    let (first, mut rest) = split_line(data);
    let first = String::from_utf8_lossy(first);
    let (method, path) = first.split_once(' ').unwrap_or(("POST", &first));
    let mut headers = Map::new();
    loop {
        let (line, behind) = split_line(rest);
        rest = behind;
        let line = String::from_utf8_lossy(line);
        let Some((name, value)) = line.split_once(": ") else {
            break;
        };
        // As they are kept: names are words of HTTP in small letters.
        let is_name = !name.is_empty()
            && name
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'));
        if is_name {
            headers.insert(name.to_owned(), value.into());
        }
    }
    let body = String::from_utf8_lossy(rest).into_owned();
    // A shell knows none of these, and a database keeps them.
    if [method, path, &body].iter().any(|text| text.contains('\0')) {
        return;
    }
    let kept = |kind, text: String| StoredBody {
        kind,
        size: text.len() as u64,
        form: "full".to_owned(),
        text,
        truncated: false,
    };
    let detail = Detail {
        request: summary(method, path),
        records: Vec::new(),
        bodies: vec![
            kept(BodyKind::Headers, json!(headers).to_string()),
            kept(BodyKind::Request, body),
        ],
        tool_calls: Vec::new(),
    };
    command(&detail, &headers);
    archive(&detail);
}

fn summary(method: &str, path: &str) -> Summary {
    let summary = json!({
        "id": format!("{path}\n{method}"), "seq": 1, "updated": 2, "time": "2026-11-21T03:04:05Z",
        "method": method, "path": path, "stream": true, "state": "done", "status": 200,
        "calls": [], "results": 0, "dropped": 0, "retries": 0,
    });
    match serde_json::from_value(summary) {
        Ok(summary) => summary,
        Err(error) => panic!("{error}"),
    }
}

/// A shell calls curl and nothing else.
fn command(detail: &Detail, headers: &Map<String, Value>) {
    let command = export::curl::command(detail, BASE);
    let mut script = command.as_str();
    while let Some((_, rest)) = script
        .strip_prefix('#')
        .and_then(|comment| comment.split_once('\n'))
    {
        script = rest;
    }
    let (mut words, document, input) = read(script);
    assert_eq!(words.remove(0), "curl");
    let url = words.remove(0);
    assert_eq!(url, format!("{BASE}{}", detail.request.path), "{command}");
    // Brackets and braces would be many addresses to curl.
    let is_pattern = url.contains(['[', ']', '{', '}']);
    assert_eq!(words.iter().any(|word| word == "--globoff"), is_pattern);
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let Some((option, has_argument)) = OPTIONS.iter().find(|(name, _)| *name == word) else {
            panic!("{word:?} is no option: {command}");
        };
        let argument = has_argument.then(|| words.next().unwrap_or_default());
        match (*option, argument.as_deref()) {
            ("--request", method) => {
                assert_ne!(method, Some(""), "a request of no method: {command}");
                assert_eq!(method, Some(detail.request.method.as_str()));
            }
            ("--data-binary", from) => assert_eq!(from, Some("@-")),
            ("--header", Some(header)) => {
                let (name, value) = header.split_once(": ").unwrap_or((header, ""));
                let sent = headers.get(name).and_then(Value::as_str);
                let is_key = value.ends_with("$PROXY_API_KEY");
                assert!(is_key || sent == Some(value), "{header:?}: {command}");
            }
            _ => {}
        }
    }
    let body = detail.body(BodyKind::Request);
    let body = body.map(|body| body.text.as_str()).unwrap_or_default();
    assert_eq!(document.is_some(), !body.is_empty(), "{command}");
    let end = if body.is_empty() || body.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    assert_eq!(input, format!("{body}{end}"), "{command}");
}

/// What a shell reads of one command: its words, the word that ends its input, and that input.
/// Variables stay as they are. Only what a command needs is known; anything else is a finding.
fn read(script: &str) -> (Vec<String>, Option<String>, String) {
    let (mut words, mut word) = (Vec::new(), None::<String>);
    let mut rest = script.chars();
    let mut quote = None;
    loop {
        let Some(character) = rest.next() else {
            panic!("a command without an end: {script}");
        };
        let plain = match (quote, character) {
            (Some(open), character) if character == open => {
                quote = None;
                continue;
            }
            (Some('"'), '\\' | '`' | '(') => panic!("{character} in {script}"),
            (None, '\'' | '"') => {
                // It is a word, even if there is nothing in it.
                word.get_or_insert_default();
                quote = Some(character);
                continue;
            }
            (None, '\\') => match rest.next() {
                Some('\n') => continue,
                Some('\'') => '\'',
                other => panic!("{other:?} behind a backslash in {script}"),
            },
            (None, ' ' | '\n') => {
                words.extend(word.take());
                if character == '\n' {
                    break;
                }
                continue;
            }
            (None, character)
                if !(character.is_ascii_alphanumeric() || "-@<".contains(character)) =>
            {
                panic!("{character:?} outside of quotes in {script}");
            }
            (_, character) => character,
        };
        word.get_or_insert_default().push(plain);
    }
    let end = words
        .last()
        .and_then(|word| word.strip_prefix("<<"))
        .map(str::to_owned);
    let rest = rest.as_str();
    let Some(end) = end else {
        assert_eq!(rest, "", "more than one command: {script}");
        return (words, None, String::new());
    };
    words.pop();
    let mut input = String::new();
    let mut lines = rest.split_inclusive('\n');
    for line in lines.by_ref() {
        if line.strip_suffix('\n') == Some(&*end) {
            break;
        }
        input.push_str(line);
    }
    assert_eq!(lines.next(), None, "more than one command: {script}");
    (words, Some(end), input)
}

/// An archive is JSON, and has the body as it is kept.
fn archive(detail: &Detail) {
    let entry = json!(export::har::Entry::new(detail, BASE));
    let text = format!("{}{entry}{}", export::har::begin(), export::har::END);
    let Ok(archive) = serde_json::from_str::<Value>(&text) else {
        panic!("no JSON: {text}");
    };
    let request = &archive["log"]["entries"][0]["request"];
    let body = detail.body(BodyKind::Request);
    assert_eq!(
        request["postData"]["text"].as_str(),
        body.map(|body| body.text.as_str())
    );
    assert_eq!(request["method"], detail.request.method);
}
