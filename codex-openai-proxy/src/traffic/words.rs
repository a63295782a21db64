//! The words that a search can find a record or a request by.

use super::{
    record::{Event, Record},
    summary::Summary,
};
use crate::turn::ConversationId;

/// What a search looks through for a record: its type, ids, names and messages, a line each.
pub(super) fn of_record(record: &Record) -> String {
    let mut words = Words(record.event.kind().to_owned());
    words.add_some(record.request.as_deref());
    words.add_some(record.conversation.as_ref().map(ConversationId::as_str));
    match &record.event {
        Event::IncomingRequest(incoming) => {
            words.add(&incoming.method);
            words.add(&incoming.path);
            words.add_some(incoming.client_id.as_deref());
            words.add_some(incoming.user_agent.as_deref());
            words.add_some(incoming.peer.as_deref());
            words.add_some(incoming.key.as_deref());
            if let Some(asks) = &incoming.asks {
                words.add(&asks.model);
                words.add_all(&asks.dropped);
                words.add_some(asks.preview.as_deref());
            }
        }
        Event::CodexForward {
            mapped_model,
            effort,
            provider,
            thread,
            turn,
        } => {
            words.add(mapped_model);
            words.add_some(effort.as_deref());
            words.add(provider);
            words.add(thread);
            words.add_some(turn.as_deref());
        }
        Event::UpstreamForward {
            mapped_model,
            provider,
            wire_api,
            ..
        } => {
            words.add(mapped_model);
            words.add(provider);
            words.add(wire_api);
        }
        Event::ThreadStarted { thread, .. } | Event::Rebuilt { thread, .. } => words.add(thread),
        Event::Resumed { thread, turn, .. } => {
            words.add(thread);
            words.add_some(turn.as_deref());
        }
        Event::ToolCallForwarded { name, call_id, .. } => {
            words.add(name);
            words.add(call_id);
        }
        Event::Parked {
            thread,
            turn,
            calls,
        } => {
            words.add(thread);
            words.add_some(turn.as_deref());
            words.add_all(calls);
        }
        Event::ToolResultReceived { call_id, name, .. } => {
            words.add(call_id);
            words.add_some(name.as_deref());
        }
        Event::CursorResponse(response) => {
            words.add_some(response.finish_reason);
            words.add_some(response.note);
        }
        Event::RequestFailed(failed) => {
            words.add(&failed.error_type);
            words.add_some(failed.code.as_deref());
            words.add_some(failed.param.as_deref());
            words.add(&failed.message);
        }
        Event::StreamCodexError { message, .. } => words.add(message),
        Event::RateLimits { limit, plan, .. } => {
            words.add_some(limit.as_deref());
            words.add_some(plan.as_deref());
        }
        Event::Forked { from } => words.add(from.as_str()),
        Event::Warning { what, detail } => {
            words.add(what);
            words.add(detail);
        }
        Event::ConfigReloaded { changes: said } | Event::ConfigNotReloaded { mistakes: said } => {
            words.add_all(said);
        }
        Event::FirstToken { .. }
        | Event::ReasoningDetected { .. }
        | Event::ClientDisconnected { .. }
        | Event::Expired { .. }
        | Event::ConversationDeleted => {}
    }
    words.0
}

/// What a search looks through for a request.
pub(super) fn of_summary(summary: &Summary) -> String {
    let mut words = Words(summary.id.clone());
    words.add(&summary.method);
    words.add(&summary.path);
    for word in [
        &summary.client_id,
        &summary.model,
        &summary.mapped_model,
        &summary.effort,
        &summary.provider,
        &summary.conversation,
        &summary.thread,
        &summary.preview,
        &summary.finish_reason,
    ] {
        words.add_some(word.as_deref());
    }
    if let Some(error) = &summary.error {
        words.add(&error.kind);
        words.add_some(error.code.as_deref());
        words.add(&error.message);
    }
    words.add_all(&summary.calls);
    words.0
}

/// Words, a line each, so that no search finds what two of them make up together.
struct Words(String);

impl Words {
    fn add(&mut self, word: &str) {
        self.0.push('\n');
        self.0.push_str(word);
    }

    fn add_some(&mut self, word: Option<&str>) {
        if let Some(word) = word {
            self.add(word);
        }
    }

    fn add_all(&mut self, words: &[String]) {
        for word in words {
            self.add(word);
        }
    }
}
