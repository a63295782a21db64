//! A request in short: what its records add up to.

use super::record::{
    CursorResponse, Event, IncomingRequest, RebuildReason, Record, RequestFailed, Timestamp,
    Tokens, as_millis,
};
use chrono::DateTime;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

#[cfg(test)]
mod tests;

/// One row of the list of requests. What is not known is left out of its JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Our id of the request.
    pub id: String,
    /// The client's own, if it gave it one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The number of its first record.
    pub seq: u64,
    /// The number of its last record.
    pub updated: u64,
    /// When it came in.
    #[serde(deserialize_with = "timestamp")]
    pub time: Timestamp,
    /// The HTTP method; empty where the record that tells it was dropped.
    pub method: String,
    /// The path, without its query; empty where the record that tells it was dropped.
    pub path: String,
    /// The model's name as the client sent it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The model's name upstream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mapped_model: Option<String>,
    /// How hard to think.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effort: Option<String>,
    /// The model provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The conversation that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
    /// codex-core's id of the thread that answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
    /// Whether the reply was wanted as a stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<bool>,
    /// How many messages it held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages: Option<usize>,
    /// How many tools it offered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<usize>,
    /// How the user's last message begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preview: Option<String>,
    /// How it ended, if it did.
    pub state: State,
    /// The HTTP status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why the model stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<String>,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    /// When the first token went out, in milliseconds since the request came in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_token_ms: Option<f64>,
    /// When it ended, in milliseconds since it came in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<f64>,
    /// The tokens that it took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Tokens>,
    /// The tools whose calls went out, one name for each call.
    pub calls: Vec<String>,
    /// How many results of tool calls it brought.
    pub results: usize,
    /// How many parts of reasoning were seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<usize>,
    /// How many of its fields had no effect.
    pub dropped: usize,
    /// How it found its thread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// What became of the thread before, where the conversation went on in a new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rebuilt: Option<Rebuilt>,
    /// How often codex-core repeated a failed model call.
    pub retries: usize,
}

/// How a request ended, if it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is being answered.
    Running,
    /// Well.
    Done,
    /// With an error.
    Failed,
    /// Its client left before that.
    Left,
    /// The process ended before that.
    Lost,
}

/// An error as the client was told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// OpenAI's `type`.
    #[serde(rename = "type")]
    pub kind: String,
    /// OpenAI's `code`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The sentence.
    pub message: String,
}

/// How a request found its thread. The later ones say more, and win.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The conversation's thread was idle.
    Continued,
    /// A thread was started.
    New,
    /// The thread's turn had waited for tool results.
    Resumed,
    /// The conversation went on in a new thread.
    Rebuilt,
}

/// How much of a conversation went on in a new thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rebuilt {
    /// Why.
    pub reason: RebuildReason,
    /// The blocks that stayed.
    pub kept: usize,
    /// The blocks that there were.
    pub of: usize,
}

impl Summary {
    /// What is known of a request by its first record. None for records without a request.
    #[must_use]
    pub fn of(record: &Record) -> Option<Self> {
        let mut summary = Self {
            id: record.request.as_deref()?.to_owned(),
            client_id: None,
            seq: record.seq,
            updated: record.seq,
            time: record.time,
            method: String::new(),
            path: String::new(),
            model: None,
            mapped_model: None,
            effort: None,
            provider: None,
            conversation: None,
            thread: None,
            stream: None,
            messages: None,
            tools: None,
            preview: None,
            state: State::Running,
            status: None,
            finish_reason: None,
            error: None,
            first_token_ms: None,
            duration_ms: None,
            usage: None,
            calls: Vec::new(),
            results: 0,
            reasoning: None,
            dropped: 0,
            origin: None,
            rebuilt: None,
            retries: 0,
        };
        summary.on_record(record);
        Some(summary)
    }

    /// Takes in what happened. The first end counts; what comes behind it still adds up.
    pub fn on_record(&mut self, record: &Record) {
        self.updated = self.updated.max(record.seq);
        if let Some(conversation) = &record.conversation {
            // It may move to another one before it is answered; it is told of by its last.
            replace(&mut self.conversation, conversation.as_str());
        }
        match &record.event {
            Event::IncomingRequest(incoming) => self.on_incoming(incoming),
            Event::CodexForward {
                mapped_model,
                effort,
                provider,
                thread,
                ..
            } => {
                replace(&mut self.mapped_model, mapped_model);
                if let Some(effort) = effort {
                    replace(&mut self.effort, effort);
                }
                replace(&mut self.provider, provider);
                replace(&mut self.thread, thread);
                self.came_by(Origin::Continued);
            }
            Event::UpstreamForward {
                mapped_model,
                provider,
                ..
            } => {
                replace(&mut self.mapped_model, mapped_model);
                replace(&mut self.provider, provider);
            }
            Event::ThreadStarted { thread, .. } => {
                replace(&mut self.thread, thread);
                self.came_by(Origin::New);
            }
            Event::Resumed { thread, .. } => {
                replace(&mut self.thread, thread);
                self.came_by(Origin::Resumed);
            }
            Event::Rebuilt {
                thread,
                reason,
                kept,
                of,
            } => {
                replace(&mut self.thread, thread);
                self.came_by(Origin::Rebuilt);
                self.rebuilt = Some(Rebuilt {
                    reason: *reason,
                    kept: *kept,
                    of: *of,
                });
            }
            Event::FirstToken { after, .. } => self.first_token_ms = Some(as_millis(*after)),
            Event::ReasoningDetected { summary_count } => {
                *self.reasoning.get_or_insert(0) += summary_count;
            }
            Event::ToolCallForwarded { name, .. } => self.calls.push(name.clone()),
            Event::ToolResultReceived { .. } => self.results += 1,
            Event::StreamCodexError { retrying, .. } => self.retries += usize::from(*retrying),
            Event::CursorResponse(response) => self.on_response(response),
            Event::RequestFailed(failed) => self.on_failed(failed),
            Event::ClientDisconnected {
                first_token,
                duration,
            } => {
                if self.end(State::Left) {
                    self.first_token_ms = first_token.map(as_millis).or(self.first_token_ms);
                    self.duration_ms = Some(as_millis(*duration));
                }
            }
            Event::Parked { thread, .. } => replace(&mut self.thread, thread),
            Event::RateLimits { .. }
            | Event::Expired { .. }
            | Event::Forked { .. }
            | Event::ConversationDeleted
            | Event::Warning { .. }
            | Event::ConfigReloaded { .. }
            | Event::ConfigNotReloaded { .. } => {}
        }
    }

    /// Whether nothing more but stragglers can be expected.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.state != State::Running
    }

    fn on_incoming(&mut self, incoming: &IncomingRequest) {
        self.client_id.clone_from(&incoming.client_id);
        self.method.clone_from(&incoming.method);
        self.path.clone_from(&incoming.path);
        if let Some(asks) = &incoming.asks {
            replace(&mut self.model, &asks.model);
            self.stream = Some(asks.stream);
            self.messages = Some(asks.messages);
            self.tools = Some(asks.tools);
            self.preview.clone_from(&asks.preview);
            self.dropped = asks.dropped.len();
        }
    }

    fn on_response(&mut self, response: &CursorResponse) {
        if !self.end(State::Done) {
            return;
        }
        self.status = Some(response.status);
        self.finish_reason = response.finish_reason.map(str::to_owned);
        self.usage = response.usage;
        self.first_token_ms = response.first_token.map(as_millis).or(self.first_token_ms);
        self.duration_ms = Some(as_millis(response.duration));
    }

    fn on_failed(&mut self, failed: &RequestFailed) {
        if !self.end(State::Failed) {
            return;
        }
        self.status = Some(failed.status);
        self.error = Some(Failure {
            kind: failed.error_type.clone(),
            code: failed.code.clone(),
            message: failed.message.clone(),
        });
        self.first_token_ms = failed.first_token.map(as_millis).or(self.first_token_ms);
        self.duration_ms = Some(as_millis(failed.duration));
    }

    /// Ends it, unless it has ended before.
    fn end(&mut self, state: State) -> bool {
        let first = !self.has_ended();
        if first {
            self.state = state;
        }
        first
    }

    fn came_by(&mut self, origin: Origin) {
        self.origin = self.origin.max(Some(origin));
    }
}

impl State {
    /// The word for it in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Left => "left",
            Self::Lost => "lost",
        }
    }
}

/// Puts `text` there, and copies it only where it is new.
fn replace(place: &mut Option<String>, text: &str) {
    if place.as_deref() != Some(text) {
        *place = Some(text.to_owned());
    }
}

fn timestamp<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(deserializer)?;
    let time = DateTime::parse_from_rfc3339(&text).map_err(D::Error::custom)?;
    Ok(Timestamp(
        u64::try_from(time.timestamp_micros()).unwrap_or(0),
    ))
}
