//! Records of bounded size and without secrets, whatever clients and upstreams say.
//!
//! In two steps. Where a record is published it is only cut, to twice the length that stays: that is
//! quick, and bounds what waits. The recorder takes the secrets out, and then what is too long.

use super::{Event, Record};
use crate::{traffic::redact, turn::ConversationId};
use std::borrow::Cow;

/// The longest name or id that is kept, in characters.
const NAME: usize = 256;

/// The longest path or the like.
const LINE: usize = 512;

/// How much of the user's last message is kept.
pub const PREVIEW: usize = 200;

/// The longest message.
const MESSAGE: usize = 4096;

/// The longest list.
const LIST: usize = 64;

/// What stays of a text that was cut and may end in the middle of a secret.
const REMNANT: usize = 16;

impl Record {
    /// Cuts what is much too long.
    pub(in crate::traffic) fn cut(&mut self) {
        each_list(&mut self.event, &mut |list, _| {
            if list.len() > LIST {
                let more = list.len() - LIST;
                list.truncate(LIST);
                list.push(format!("… and {more} more"));
            }
        });
        each_text(&mut self.event, &mut |text, limit| {
            if let Some((end, _)) = text.char_indices().nth(2 * limit) {
                text.truncate(end);
            }
        });
    }

    /// Takes secrets out, and what is too long.
    pub(in crate::traffic) fn clean(&mut self) {
        each_text(&mut self.event, &mut |text, limit| clean(text, limit));
        if let Some(id) = &self.conversation
            && let Some(id) = clean_id(id)
        {
            self.conversation = Some(id);
        }
        if let Event::Forked { from } = &mut self.event
            && let Some(id) = clean_id(from)
        {
            *from = id;
        }
    }
}

fn clean(text: &mut String, limit: usize) {
    let was_cut = text.chars().nth(2 * limit - 1).is_some();
    if let Cow::Owned(redacted) = redact::text(text) {
        *text = redacted;
    }
    let mut cut = false;
    if was_cut {
        // The last word may be the beginning of a secret that is known by its end.
        let end = text.rfind(char::is_whitespace).unwrap_or_else(|| {
            let begin = text.char_indices().nth(REMNANT);
            begin.map_or(text.len(), |(end, _)| end)
        });
        text.truncate(end);
        cut = true;
    }
    if let Some((end, _)) = text.char_indices().nth(limit) {
        text.truncate(end);
        cut = true;
    }
    if cut {
        text.push('…');
    }
}

/// The name of a conversation without what is secret in it, where there is such a thing.
fn clean_id(id: &ConversationId) -> Option<ConversationId> {
    match redact::text(id.as_str()) {
        Cow::Borrowed(_) => None,
        Cow::Owned(redacted) => ConversationId::new(&redacted),
    }
}

/// Every text of an event that somebody else has written, with how much of it is kept.
fn each_text(event: &mut Event, f: &mut dyn FnMut(&mut String, usize)) {
    match event {
        Event::IncomingRequest(incoming) => {
            f(&mut incoming.method, NAME);
            f(&mut incoming.path, LINE);
            some(&mut incoming.client_id, NAME, f);
            some(&mut incoming.peer, NAME, f);
            some(&mut incoming.user_agent, LINE, f);
            if let Some(asks) = &mut incoming.asks {
                f(&mut asks.model, NAME);
                some(&mut asks.preview, PREVIEW, f);
            }
        }
        Event::CodexForward {
            mapped_model,
            effort,
            provider,
            thread,
            turn,
        } => {
            f(mapped_model, NAME);
            some(effort, NAME, f);
            f(provider, NAME);
            f(thread, NAME);
            some(turn, NAME, f);
        }
        Event::UpstreamForward {
            mapped_model,
            provider,
            ..
        } => {
            f(mapped_model, NAME);
            f(provider, NAME);
        }
        Event::ThreadStarted { thread, .. } | Event::Rebuilt { thread, .. } => f(thread, NAME),
        Event::Resumed { thread, turn, .. } | Event::Parked { thread, turn, .. } => {
            f(thread, NAME);
            some(turn, NAME, f);
        }
        Event::ToolCallForwarded { name, call_id, .. } => {
            f(name, NAME);
            f(call_id, NAME);
        }
        Event::ToolResultReceived { call_id, name, .. } => {
            f(call_id, NAME);
            some(name, NAME, f);
        }
        Event::RequestFailed(failed) => {
            f(&mut failed.error_type, NAME);
            some(&mut failed.code, NAME, f);
            some(&mut failed.param, NAME, f);
            f(&mut failed.message, MESSAGE);
        }
        Event::StreamCodexError { message, .. } => f(message, MESSAGE),
        Event::RateLimits { limit, plan, .. } => {
            some(limit, NAME, f);
            some(plan, NAME, f);
        }
        Event::Warning { detail, .. } => f(detail, MESSAGE),
        Event::FirstToken { .. }
        | Event::ReasoningDetected { .. }
        | Event::CursorResponse(_)
        | Event::ClientDisconnected { .. }
        | Event::Expired { .. }
        | Event::Forked { .. }
        | Event::ConversationDeleted
        | Event::ConfigReloaded { .. }
        | Event::ConfigNotReloaded { .. } => {}
    }
    each_list(event, &mut |list, limit| {
        for text in list {
            f(text, limit);
        }
    });
}

fn some(text: &mut Option<String>, limit: usize, f: &mut dyn FnMut(&mut String, usize)) {
    if let Some(text) = text {
        f(text, limit);
    }
}

/// Every list of an event, with how much of each text in it is kept.
fn each_list(event: &mut Event, f: &mut dyn FnMut(&mut Vec<String>, usize)) {
    match event {
        Event::IncomingRequest(incoming) => {
            if let Some(asks) = &mut incoming.asks {
                f(&mut asks.dropped, NAME);
            }
        }
        Event::Parked { calls, .. } => f(calls, NAME),
        Event::ConfigReloaded { changes: said } | Event::ConfigNotReloaded { mistakes: said } => {
            f(said, MESSAGE);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traffic::record::{Asks, IncomingRequest, Timestamp};

    const KEY: &str = "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789";

    fn cleaned(event: Event) -> serde_json::Value {
        let mut record = Record {
            seq: 1,
            time: Timestamp(0),
            request: None,
            conversation: ConversationId::new(&format!("chat-{KEY}")),
            trace: None,
            event,
        };
        record.cut();
        record.clean();
        serde_json::to_value(record).unwrap()
    }

    fn incoming(text: &str) -> Event {
        Event::IncomingRequest(Box::new(IncomingRequest {
            method: "POST".into(),
            path: text.into(),
            client_id: Some(text.into()),
            user_agent: Some(text.into()),
            asks: Some(Asks {
                model: text.into(),
                dropped: vec![text.into(); 100],
                preview: Some(text.into()),
                ..Asks::default()
            }),
            ..IncomingRequest::default()
        }))
    }

    #[test]
    fn secrets_are_in_no_field() {
        let text = format!("see {KEY}");
        let call = Event::ToolCallForwarded {
            name: text.clone(),
            call_id: text.clone(),
            kind: "function",
            bytes: 1,
        };
        let parked = Event::Parked {
            thread: text.clone(),
            turn: Some(text.clone()),
            calls: vec![text.clone()],
        };
        for event in [incoming(&text), call, parked] {
            let shown = cleaned(event).to_string();
            assert!(!shown.contains("abcdefgh"), "{shown}");
            assert!(shown.contains("see "), "{shown}");
        }
    }

    #[test]
    fn no_record_is_long() {
        let shown = cleaned(incoming(&"long ".repeat(1_000_000))).to_string();
        assert!(shown.len() < 40_000, "{}", shown.len());
        let warning = Event::Warning {
            what: "x",
            detail: "é".repeat(100_000),
        };
        assert!(cleaned(warning).to_string().len() < 3 * MESSAGE);
        let dropped = &cleaned(incoming("a"))["dropped"];
        assert_eq!(dropped.as_array().unwrap().len(), LIST + 1);
        assert_eq!(dropped[LIST], "… and 36 more");
    }

    #[test]
    fn a_secret_that_is_cut_apart_does_not_show_its_half() {
        // Known as a token by the two dots, the second of which is cut away.
        let token = format!(
            "eyJhbGciOiJIUzI1NiJ9.eyJ{}.c2lnbmF0dXJl",
            "YWJj".repeat(400)
        );
        for before in [0, 10, 150, 190] {
            let text = format!("{}{token}", "a ".repeat(before / 2));
            let shown = cleaned(incoming(&text))["preview"].to_string();
            assert!(!shown.contains("YWJjYWJj"), "{shown}");
        }
    }

    #[test]
    fn what_is_short_and_plain_stays() {
        let record = cleaned(incoming("gpt-5.2"));
        assert_eq!(record["model"], "gpt-5.2");
        assert_eq!(record["preview"], "gpt-5.2");
        assert_eq!(record["conversation"], "chat-[redacted]");
    }
}
