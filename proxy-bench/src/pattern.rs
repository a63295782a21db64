//! What a reply is made of, and how client and upstream agree on it through whatever lies between.
//!
//! A prompt ends with an order such as `<<stream=17 deltas=64 gap=20>>`. The upstream finds the last
//! one in a request's bytes, whatever the protocol. Each delta of its reply is a mark such as
//! `17.3.81234567;`: the stream, the delta's number and when it was sent, so that the client
//! sees what is missing, what belongs to another stream, and how long a chunk was under way.

use crate::clock;
use memchr::memmem;
use std::{fmt::Write, time::Duration};

/// What the upstream is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// Which stream this is, in every mark of the reply.
    pub stream: u64,
    /// How many deltas the reply has. With none, its text is an [`crate::account::Account`] of the
    /// request's body, in one delta.
    pub deltas: u32,
    /// Between two deltas. The first comes at once, so that no timer is part of the time to it.
    pub gap: Duration,
    /// How many function calls come before the text: the reply to the request without their results.
    pub calls: u32,
    /// How the reply goes wrong.
    pub fault: Option<Fault>,
}

/// How an upstream fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The connection is reset in the middle of the reply.
    Reset,
    /// Half a frame, then an orderly end.
    Half,
    /// Nothing more comes, and the connection stays.
    Stall,
    /// 429 with Retry-After.
    RateLimit,
    /// 500.
    Server,
}

/// A delta as the client got it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Of [`Order::stream`].
    pub stream: u64,
    /// Its number in the reply, from 0.
    pub index: u32,
    /// When the upstream sent it, by [`clock::now`].
    pub sent: u64,
}

impl Fault {
    const NAMES: [(Self, &str); 5] = [
        (Self::Reset, "reset"),
        (Self::Half, "half"),
        (Self::Stall, "stall"),
        (Self::RateLimit, "429"),
        (Self::Server, "500"),
    ];

    fn name(self) -> &'static str {
        Self::NAMES
            .iter()
            .find(|(fault, _)| *fault == self)
            .map_or("", |(_, name)| name)
    }
}

impl Order {
    /// The published pattern: 64 deltas, 20 ms apart.
    pub fn paced(stream: u64) -> Self {
        Self {
            stream,
            deltas: 64,
            gap: Duration::from_millis(20),
            calls: 0,
            fault: None,
        }
    }

    /// The last order in a request's body, with what comes behind it: results of calls, for instance.
    /// `None` where there is none.
    pub fn find_with_rest(body: &[u8]) -> Option<(Self, &[u8])> {
        let start = memmem::rfind(body, b"<<stream=")? + 2;
        let length = memmem::find(&body[start..], b">>")?;
        let text = std::str::from_utf8(&body[start..start + length]).ok()?;
        let mut order = Self {
            stream: 0,
            deltas: 0,
            gap: Duration::ZERO,
            calls: 0,
            fault: None,
        };
        for pair in text.split(' ') {
            let (key, value) = pair.split_once('=')?;
            match key {
                "stream" => order.stream = value.parse().ok()?,
                "deltas" => order.deltas = value.parse().ok()?,
                "gap" => order.gap = Duration::from_millis(value.parse().ok()?),
                "calls" => order.calls = value.parse().ok()?,
                "fault" => {
                    let named = Fault::NAMES.iter().find(|(_, name)| *name == value)?;
                    order.fault = Some(named.0);
                }
                _ => return None,
            }
        }
        Some((order, &body[start + length..]))
    }

    /// The order as it stands in a prompt.
    pub fn prompt(&self) -> String {
        let mut text = format!(
            "<<stream={} deltas={} gap={}",
            self.stream,
            self.deltas,
            self.gap.as_millis()
        );
        if self.calls > 0 {
            // Writing to a string does not fail.
            let _ = write!(text, " calls={}", self.calls);
        }
        if let Some(fault) = self.fault {
            let _ = write!(text, " fault={}", fault.name());
        }
        text + ">>"
    }
}

impl Mark {
    /// The mark of a delta that is sent now.
    pub fn now(stream: u64, index: u32) -> Self {
        Self {
            stream,
            index,
            sent: clock::now(),
        }
    }

    /// The delta's text.
    pub fn text(&self) -> String {
        format!("{}.{}.{};", self.stream, self.index, self.sent)
    }

    /// Reads a delta's text, without the semicolon at its end.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let mark = Self {
            stream: parts.next()?.parse().ok()?,
            index: parts.next()?.parse().ok()?,
            sent: parts.next()?.parse().ok()?,
        };
        parts.next().is_none().then_some(mark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_found_behind_others_in_any_body() {
        let mut order = Order::paced(17);
        order.calls = 2;
        order.fault = Some(Fault::RateLimit);
        let body = serde_json::json!({"input": [
            {"text": Order::paced(16).prompt()},
            {"text": format!("Say \"this\": {}", order.prompt())},
            {"output": "done"},
        ]});
        let body = body.to_string();
        let (found, rest) = Order::find_with_rest(body.as_bytes()).unwrap();
        assert_eq!(found, order);
        assert!(String::from_utf8_lossy(rest).contains("done"));
        assert_eq!(Order::find_with_rest(b"<<stream=x>>"), None);
        assert_eq!(Order::find_with_rest(b"{}"), None);
    }

    #[test]
    fn a_mark_is_read_as_it_was_written() {
        let mark = Mark::now(9, 63);
        assert_eq!(Mark::parse(mark.text().trim_end_matches(';')), Some(mark));
        assert_eq!(Mark::parse("9.63"), None);
        assert_eq!(Mark::parse("9.63.1.2"), None);
    }
}
