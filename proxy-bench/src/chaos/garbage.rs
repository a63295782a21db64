//! What clients send that is no request.

use super::plan::Garbage;
use crate::client::{Api, Target};
use rand::{RngExt, rngs::StdRng};
use serde_json::{Value, json};

/// How deep lists are nested: deeper than any reader should follow.
const DEPTH: usize = 20_000;
/// How long a string is that should have been a name.
const HUGE: usize = 300_000;

/// The bytes: a body of JSON, or so it says; or what is written to a bare connection.
pub fn bytes(kind: Garbage, target: &Target, dice: &mut StdRng) -> Vec<u8> {
    match kind {
        Garbage::NoHttp => {
            let mut bytes = vec![0; dice.random_range(16..4_096)];
            dice.fill(bytes.as_mut_slice());
            // Without an end of a line, a server waits for one.
            bytes.extend_from_slice(b"\r\n\r\n");
            bytes
        }
        Garbage::Truncated => {
            let whole = request(target, &json!("Hello.")).to_string();
            let length = dice.random_range(1..whole.len());
            whole.as_bytes()[..length].to_vec()
        }
        Garbage::WrongTypes => {
            let wrong = [
                json!(7),
                json!({"a": [null]}),
                json!(true),
                json!([[7], "x"]),
            ];
            let wrong = &wrong[dice.random_range(0..wrong.len())];
            request(target, wrong).to_string().into_bytes()
        }
        Garbage::Deep => {
            let (open, close) = ("[".repeat(DEPTH), "]".repeat(DEPTH));
            let field = messages(target.api);
            format!(r#"{{"model":"{}","{field}":{open}{close}}}"#, target.model).into_bytes()
        }
        Garbage::Huge => {
            let mut request = request(target, &json!("Hello."));
            let length = dice.random_range(HUGE..2 * HUGE);
            request["conversation_id"] = json!("x".repeat(length));
            request.to_string().into_bytes()
        }
    }
}

/// A request with one message, if `content` is a text.
fn request(target: &Target, content: &Value) -> Value {
    let messages = messages(target.api);
    json!({
        "model": target.model,
        messages: [{"role": "user", "content": content}],
        "stream": true,
    })
}

fn messages(api: Api) -> &'static str {
    match api {
        Api::Chat => "messages",
        Api::Responses => "input",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::dice;

    #[test]
    fn nothing_of_it_could_be_answered() {
        let mut target = Target {
            address: ([127, 0, 0, 1], 1).into(),
            prefix: String::new(),
            api: Api::Chat,
            model: "model".to_owned(),
            key: None,
        };
        for step in 0..50 {
            let mut dice = dice(1, 1, step);
            target.api = [Api::Chat, Api::Responses][usize::from(step % 2 == 0)];
            let read = |kind, dice: &mut _| {
                serde_json::from_slice::<Value>(&bytes(kind, &target, dice)).ok()
            };
            assert_eq!(read(Garbage::NoHttp, &mut dice), None);
            assert_eq!(read(Garbage::Truncated, &mut dice), None);
            assert_eq!(read(Garbage::Deep, &mut dice), None);
            let wrong = read(Garbage::WrongTypes, &mut dice).unwrap();
            assert!(!wrong[messages(target.api)][0]["content"].is_string());
            let huge = read(Garbage::Huge, &mut dice).unwrap();
            assert!(huge["conversation_id"].as_str().unwrap().len() > 256);
        }
    }
}
