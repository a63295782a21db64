//! A request as a command that repeats it.

use crate::traffic::{
    BodyKind, Detail,
    redact::{Form, MASK},
};
use serde_json::{Map, Value};
use std::fmt::Write as _;

/// Headers that hold the proxy's key. The command has a variable in its place.
const KEYS: [&str; 3] = ["authorization", "x-api-key", "api-key"];

/// Headers that curl makes itself, or that belong to the one connection or to the way here.
const LEFT_OUT: [&str; 19] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "proxy-connection",
    "upgrade",
    "te",
    "trailer",
    "expect",
    "accept-encoding",
    "http2-settings",
    "forwarded",
    "via",
    "x-real-ip",
    "true-client-ip",
    "cdn-loop",
    "priority",
    "x-request-id",
];

/// What the names of other such headers begin with.
const LEFT_OUT_PREFIXES: [&str; 3] = ["cf-", "x-forwarded-", "sec-"];

/// A command for a POSIX shell that sends the request again, to `base` (such as
/// `http://127.0.0.1:11435`, without a slash at its end). Where the request showed a key, the command
/// takes it from `$PROXY_API_KEY`. Comments say what of the request is not in it.
#[must_use]
pub fn command(detail: &Detail, base: &str) -> String {
    let request = &detail.request;
    let headers = detail.body(BodyKind::Headers);
    let body = detail.body(BodyKind::Request);
    let body = body.filter(|body| !body.text.is_empty());
    let mut comments = vec![format!("Request {} again.", request.id)];
    let url = format!("{base}{}", request.path);
    let mut arguments = vec![quoted(&url)];
    // To curl they are patterns, and a path that a stranger made up could be a thousand requests.
    if url.contains(['[', ']', '{', '}']) {
        arguments.push("--globoff".to_owned());
    }
    match (request.method.as_str(), body) {
        ("HEAD", _) => arguments.push("--head".to_owned()),
        ("GET", None) | ("POST", Some(_)) => {}
        ("", _) => comments.push("Its method and path were not kept.".to_owned()),
        (method, _) => arguments.push(format!("--request {}", quoted(method))),
    }
    if request.stream == Some(true) {
        arguments.push("--no-buffer".to_owned());
    }
    let mut masked = Vec::new();
    let object =
        headers.and_then(|kept| serde_json::from_str::<Map<String, Value>>(&kept.text).ok());
    for (name, value) in object.iter().flatten() {
        let value = value.as_str().unwrap_or_default();
        match header(name, value) {
            Header::Argument(argument) => arguments.push(argument),
            Header::Masked => masked.push(name.as_str()),
            Header::LeftOut => {}
        }
    }
    if !masked.is_empty() {
        comments.push(format!(
            "Left out, because they are masked: {}.",
            masked.join(", ")
        ));
    }
    if object.is_none() {
        comments.push("Its headers were not kept.".to_owned());
    }
    let Some(body) = body else {
        if request.method == "POST" {
            comments.push("Its body was not kept.".to_owned());
        }
        return assemble(&comments, &arguments);
    };
    if body.truncated {
        comments.push(format!(
            "Its body is cut: this is the beginning of {} bytes.",
            body.size
        ));
    }
    if body.form == Form::Redacted.as_str() {
        comments.push(
            "Its body is redacted: secrets are masked, and images replaced by their digests."
                .to_owned(),
        );
    }
    let end = delimiter(&body.text);
    arguments.push(format!("--data-binary @- <<'{end}'"));
    let mut command = assemble(&comments, &arguments);
    command.push_str(&body.text);
    if !body.text.ends_with('\n') {
        command.push('\n');
    }
    command.push_str(&end);
    command.push('\n');
    command
}

/// What becomes of a header.
enum Header {
    Argument(String),
    /// Its value is not known.
    Masked,
    LeftOut,
}

fn header(name: &str, value: &str) -> Header {
    let is_left_out = LEFT_OUT.contains(&name)
        || LEFT_OUT_PREFIXES
            .iter()
            .any(|prefix| name.starts_with(prefix));
    if is_left_out {
        Header::LeftOut
    } else if name == "authorization" {
        Header::Argument("--header \"authorization: Bearer $PROXY_API_KEY\"".to_owned())
    } else if KEYS.contains(&name) {
        Header::Argument(format!("--header \"{name}: $PROXY_API_KEY\""))
    } else if value.contains(MASK) {
        Header::Masked
    } else {
        Header::Argument(format!("--header {}", quoted(&format!("{name}: {value}"))))
    }
}

fn assemble(comments: &[String], arguments: &[String]) -> String {
    let mut command = String::new();
    for comment in comments {
        // A comment ends with its line, whatever an id holds.
        let comment = comment.replace(char::is_control, " ");
        let _ = writeln!(command, "# {comment}");
    }
    let _ = writeln!(command, "curl {}", arguments.join(" \\\n  "));
    command
}

/// Text as one word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A word that is no line of the text.
fn delimiter(text: &str) -> String {
    let mut word = "EOF".to_owned();
    while text.lines().any(|line| line == word) {
        word.push('_');
    }
    word
}
