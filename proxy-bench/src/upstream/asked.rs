//! What a request asks for, read from its bytes without parsing them.

use crate::{
    account::Account,
    client::{Api, TOOL},
    pattern::{Mark, Order},
};
use memchr::memmem;
use std::time::Duration;

/// The only delta of a reply that nobody ordered.
const FIXED: &str = "Ready.";

/// What a request asks for.
#[derive(Debug)]
pub(super) struct Asked {
    /// The order as it stands; `None` where the reply is [`FIXED`].
    pub ordered: Option<Order>,
    /// How the reply goes: as ordered, but without deltas where it calls functions.
    pub order: Order,
    /// The calls that the reply consists of, if any.
    pub calls: Vec<Call>,
    /// The only delta of a reply that has no marks.
    text: Option<String>,
    /// Whether the client wants a stream.
    pub is_streamed: bool,
    /// Whether a Chat stream ends with a chunk of usage.
    pub has_usage: bool,
}

/// A function call of a reply.
#[derive(Debug)]
pub(super) struct Call {
    /// The name under which the client brings the result.
    pub id: String,
    /// The function.
    pub name: &'static str,
    /// A JSON object that tells the stream and the call's number in it, escaped as part of a string.
    pub arguments: String,
}

/// The text of a reply, which is written delta by delta.
#[derive(Debug)]
pub(super) struct Words {
    /// The stream whose marks they are.
    stream: u64,
    /// What there is in place of marks.
    fixed: Option<String>,
    count: u32,
    text: String,
}

impl Asked {
    /// Reads a request's body. One that continues another on the same WebSocket may hold no more
    /// than what is new: `before` is the order of that other.
    pub fn read(api: Api, body: &[u8], before: Option<Order>, serial: u64) -> Self {
        let found = Order::find_with_rest(body).or(before.map(|order| (order, body)));
        let mut asked = Self {
            ordered: found.map(|(order, _)| order),
            order: Order {
                stream: 0,
                deltas: 1,
                gap: Duration::ZERO,
                calls: 0,
                fault: None,
            },
            calls: Vec::new(),
            text: found.is_none().then(|| FIXED.to_owned()),
            is_streamed: says(body, "stream", "true"),
            has_usage: says(body, "include_usage", "true"),
        };
        if let Some((order, rest)) = found {
            asked.order = order;
            let result: &[u8] = match api {
                Api::Chat => b"\"tool_call_id\"",
                Api::Responses => b"\"function_call_output\"",
            };
            if order.calls > 0 && memmem::find(rest, result).is_none() {
                asked.order.deltas = 0;
                asked.calls = calls(&order, serial);
            } else if order.deltas == 0 {
                asked.order.deltas = 1;
                asked.text = Some(Account::of(body).to_string());
            }
        }
        asked
    }

    /// The reply's text, none of which is written yet.
    pub fn words(&self) -> Words {
        Words {
            stream: self.order.stream,
            fixed: self.text.clone(),
            count: 0,
            text: String::new(),
        }
    }
}

impl Words {
    /// The next delta, with the time of now. It needs no escapes in JSON.
    pub fn next(&mut self) -> &str {
        let from = self.text.len();
        match &self.fixed {
            Some(text) => self.text.push_str(text),
            None => self
                .text
                .push_str(&Mark::now(self.stream, self.count).text()),
        }
        self.count += 1;
        &self.text[from..]
    }

    /// All deltas so far.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How many they are.
    pub fn count(&self) -> u32 {
        self.count
    }
}

/// Whether a member of a body has that value, with or without a space before it.
pub(super) fn says(body: &[u8], name: &str, value: &str) -> bool {
    // Quotes within strings are escaped, so that no text looks like a member's name.
    let name = format!("\"{name}\"");
    memmem::find_iter(body, name.as_bytes()).any(|at| {
        let behind = body[at + name.len()..].trim_ascii_start();
        behind
            .strip_prefix(b":")
            .is_some_and(|rest| rest.trim_ascii_start().starts_with(value.as_bytes()))
    })
}

fn calls(order: &Order, serial: u64) -> Vec<Call> {
    let stream = order.stream;
    (0..order.calls)
        .map(|index| Call {
            id: format!("call_{stream}_{serial}_{index}"),
            name: TOOL,
            arguments: format!(r#"{{\"stream\":{stream},\"call\":{index}}}"#),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_seen_however_it_is_spaced_but_not_in_a_text() {
        for body in [r#"{"stream":true}"#, r#"{"a":"stream","stream" : true}"#] {
            assert!(says(body.as_bytes(), "stream", "true"), "{body}");
        }
        for body in [
            r#"{"stream":false}"#,
            r#"{"text":"\"stream\":true"}"#,
            r#"{"upstream":true}"#,
            "",
        ] {
            assert!(!says(body.as_bytes(), "stream", "true"), "{body}");
        }
    }

    #[test]
    fn calls_are_made_until_a_result_stands_behind_the_order() {
        let mut order = Order::paced(5);
        order.calls = 2;
        let earlier = r#"{"type":"function_call_output"}"#;
        let body = format!(r#"{{"input":[{earlier},"{}"]}}"#, order.prompt());
        let asked = Asked::read(Api::Responses, body.as_bytes(), None, 3);
        assert_eq!(asked.order.deltas, 0);
        let ids: Vec<_> = asked.calls.iter().map(|call| call.id.as_str()).collect();
        assert_eq!(ids, ["call_5_3_0", "call_5_3_1"]);

        let asked = Asked::read(Api::Responses, earlier.as_bytes(), Some(order), 4);
        assert_eq!(
            asked.order.deltas, 64,
            "the order stood in a request before"
        );
        assert!(asked.calls.is_empty());
    }

    #[test]
    fn an_order_without_deltas_is_answered_with_an_account_unless_it_calls() {
        let mut order = Order::paced(2);
        order.deltas = 0;
        let body = format!("{} {}", Order::paced(1).prompt(), order.prompt());
        let asked = Asked::read(Api::Chat, body.as_bytes(), None, 0);
        assert_eq!(asked.order.deltas, 1);
        assert_eq!(asked.words().next(), "[1=0]");
        order.calls = 1;
        let asked = Asked::read(Api::Chat, order.prompt().as_bytes(), None, 0);
        assert_eq!((asked.order.deltas, asked.calls.len()), (0, 1));
    }
}
