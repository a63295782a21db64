//! A reply as a response: streamed, in one piece, or as far as it has come.

use super::{
    echo::Echo,
    items::Call,
    output::{Frames, Output},
};
use crate::{
    translate::{ToolNames, chat::ReasoningStyle},
    turn::{ConversationId, FinishReason, ToolKind, TurnEvent, Usage},
    wire::{
        error::ErrorBody,
        responses::{
            events::ReplyEvent,
            reply::{
                IncompleteReason, InputTokensDetails, ItemStatus, OutputTokensDetails,
                ResponseFailure, ResponseObject, ResponseStatus, ResponseUsage,
            },
        },
    },
};

/// What a response says from its beginning to its end.
#[derive(Debug, Clone)]
pub struct ResponseHead {
    /// `resp_…`, unique: the ids of its items are made from it.
    pub id: String,
    /// When the reply began, in seconds since 1970.
    pub created_at: u64,
    /// The model's name as the client sent it.
    pub model: String,
    /// The conversation, where the client named one.
    pub conversation: Option<ConversationId>,
    /// Whether the response will be kept, to be asked for and gone on from.
    pub store: bool,
    /// What is repeated of the request.
    pub echo: Echo,
}

/// What the client wants of the reply.
#[derive(Debug, Clone)]
pub struct WriterOptions {
    /// Whether reasoning is shown: as a summary, unless it is [`ReasoningStyle::Off`].
    pub reasoning: ReasoningStyle,
    /// Whether it gets reasoning that the upstream has sealed for its own use, which it asks for
    /// with `reasoning.encrypted_content` in `include`.
    pub include_encrypted: bool,
    /// What it calls the tools whose names the engine knows otherwise.
    pub tool_names: ToolNames,
}

/// Gathers the events of a turn into one response, and writes them as a stream of frames where the
/// client wants one.
///
/// The first event brings `response.created` and `response.in_progress`; [`TurnEvent::Finished`]
/// brings the end of what is open, and the response as a whole. Whatever comes after an end is
/// ignored.
#[derive(Debug)]
pub struct ResponseWriter {
    reply: Reply,
    options: WriterOptions,
    /// The number of the next event.
    sequence: u64,
}

/// The response so far.
#[derive(Debug)]
struct Reply {
    head: ResponseHead,
    output: Output,
    phase: Phase,
    usage: Option<Usage>,
}

#[derive(Debug)]
enum Phase {
    Waiting,
    Running,
    Completed,
    Incomplete(IncompleteReason),
    Failed { code: &'static str, message: String },
    Cancelled,
}

/// What a response that was called off tells as its error.
const CANCELLED: ResponseFailure<'_> = ResponseFailure {
    code: "server_error",
    message: "The response was cancelled.",
};

impl ResponseWriter {
    /// A reply that has not begun.
    #[must_use]
    pub fn new(head: ResponseHead, options: WriterOptions) -> Self {
        Self {
            reply: Reply {
                output: Output::new(&head.id),
                head,
                phase: Phase::Waiting,
                usage: None,
            },
            options,
            sequence: 0,
        }
    }

    /// Appends the frames that `event` causes.
    pub fn on_event(&mut self, event: TurnEvent, out: &mut Vec<u8>) {
        self.take(event, Some(out));
    }

    /// Takes an event of a reply that is not streamed.
    pub fn fold(&mut self, event: TurnEvent) {
        self.take(event, None);
    }

    /// Appends the one frame that ends a stream which failed, after those that begin it where
    /// nothing has. Items that are open stay so in the stream: to close them would pass them off
    /// as whole to clients that do not look at their status.
    pub fn on_error(&mut self, error: &ErrorBody, out: &mut Vec<u8>) {
        self.break_off(Phase::failed(error), Some(out));
    }

    /// Ends a reply that is not streamed, and failed.
    pub fn fail(&mut self, error: &ErrorBody) {
        self.break_off(Phase::failed(error), None);
    }

    /// Appends the one frame that ends a stream which the client called off. There is no event of
    /// that name: it is `response.failed`, whose response says `cancelled`.
    pub fn on_cancelled(&mut self, out: &mut Vec<u8>) {
        self.break_off(Phase::Cancelled, Some(out));
    }

    /// Ends a reply that is not streamed, and was called off.
    pub fn cancel(&mut self) {
        self.break_off(Phase::Cancelled, None);
    }

    /// Appends a sign of life: the beginning, or `response.in_progress` once more. Nothing after the
    /// end.
    pub fn on_silence(&mut self, out: &mut Vec<u8>) {
        let mut frames = Frames {
            sequence: &mut self.sequence,
            out: Some(out),
        };
        if matches!(self.reply.phase, Phase::Waiting) {
            self.reply.begin(&mut frames);
        } else if matches!(self.reply.phase, Phase::Running) {
            frames.send(&ReplyEvent::InProgress {
                response: self.reply.as_wire(),
            });
        }
    }

    /// Whether any event has come.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        !matches!(self.reply.phase, Phase::Waiting)
    }

    /// Whether the reply has ended, well or not.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        !matches!(self.reply.phase, Phase::Waiting | Phase::Running)
    }

    /// The response as it stands.
    #[must_use]
    pub fn response(&self) -> ResponseObject<'_> {
        self.reply.as_wire()
    }

    fn take(&mut self, event: TurnEvent, out: Option<&mut Vec<u8>>) {
        if self.has_ended() {
            return;
        }
        let mut frames = Frames {
            sequence: &mut self.sequence,
            out,
        };
        self.reply.begin(&mut frames);
        let options = &self.options;
        let output = &mut self.reply.output;
        match event {
            TurnEvent::Text(text) | TurnEvent::Reasoning(text) if text.is_empty() => {}
            TurnEvent::Text(text) => output.text(text, &mut frames),
            TurnEvent::MessageEnd => output.end_message(&mut frames),
            TurnEvent::Reasoning(text) => {
                if options.reasoning != ReasoningStyle::Off {
                    output.reasoning(text, &mut frames);
                }
            }
            TurnEvent::ReasoningBreak => output.break_reasoning(&mut frames),
            TurnEvent::ReasoningEnd { sealed } => {
                let sealed = sealed.filter(|_| options.include_encrypted);
                output.end_reasoning(sealed, &mut frames);
            }
            TurnEvent::ToolCallBegun { id, name, kind, .. } => {
                output.begin_call(options.call(kind, id, name), &mut frames);
            }
            TurnEvent::ToolCallDelta { arguments, .. } if arguments.is_empty() => {}
            TurnEvent::ToolCallDelta { index, arguments } => {
                output.arguments(index, arguments, &mut frames);
            }
            TurnEvent::ToolCall(call) => {
                output.call(
                    call,
                    |kind, id, name| options.call(kind, id, name),
                    &mut frames,
                );
            }
            TurnEvent::Finished { reason, usage } => self.reply.finish(reason, usage, &mut frames),
        }
    }

    fn break_off(&mut self, end: Phase, out: Option<&mut Vec<u8>>) {
        if self.has_ended() {
            return;
        }
        let mut frames = Frames {
            sequence: &mut self.sequence,
            out,
        };
        self.reply.begin(&mut frames);
        self.reply.phase = end;
        frames.send(&ReplyEvent::Failed {
            response: self.reply.as_wire(),
        });
    }
}

impl WriterOptions {
    /// A call of which nothing but the name is known, by the name that the client has for it.
    fn call(&self, kind: ToolKind, id: String, name: String) -> Call {
        let names = &self.tool_names;
        let bare = || names.get(names.of_bare(&name)?);
        let (namespace, name) = match names.get(&name).or_else(bare) {
            Some((namespace, name)) => (Some(namespace.to_owned()), name.to_owned()),
            None => (None, name),
        };
        Call {
            kind,
            id,
            name,
            namespace,
            arguments: String::new(),
        }
    }
}

impl Reply {
    fn begin(&mut self, frames: &mut Frames<'_>) {
        if matches!(self.phase, Phase::Waiting) {
            self.phase = Phase::Running;
            let response = self.as_wire();
            frames.send(&ReplyEvent::Created {
                response: response.clone(),
            });
            frames.send(&ReplyEvent::InProgress { response });
        }
    }

    fn finish(&mut self, reason: FinishReason, usage: Option<Usage>, frames: &mut Frames<'_>) {
        let incomplete = match reason {
            FinishReason::Stop | FinishReason::ToolCalls => None,
            FinishReason::Length => Some(IncompleteReason::MaxOutputTokens),
            FinishReason::ContentFilter => Some(IncompleteReason::ContentFilter),
        };
        self.usage = usage;
        if let Some(incomplete) = incomplete {
            self.output.finish(ItemStatus::Incomplete, frames);
            self.phase = Phase::Incomplete(incomplete);
            frames.send(&ReplyEvent::Incomplete {
                response: self.as_wire(),
            });
        } else {
            self.output.finish(ItemStatus::Completed, frames);
            if !self.output.says_something() {
                self.output.empty_message(frames);
            }
            self.phase = Phase::Completed;
            frames.send(&ReplyEvent::Completed {
                response: self.as_wire(),
            });
        }
    }

    fn as_wire(&self) -> ResponseObject<'_> {
        let head = &self.head;
        let (status, incomplete, error) = match &self.phase {
            Phase::Waiting | Phase::Running => (ResponseStatus::InProgress, None, None),
            Phase::Completed => (ResponseStatus::Completed, None, None),
            Phase::Incomplete(reason) => (ResponseStatus::Incomplete, Some(*reason), None),
            Phase::Failed { code, message } => {
                let failure = ResponseFailure { code, message };
                (ResponseStatus::Failed, None, Some(failure))
            }
            Phase::Cancelled => (ResponseStatus::Cancelled, None, Some(CANCELLED)),
        };
        let open = match self.phase {
            Phase::Waiting | Phase::Running => ItemStatus::InProgress,
            _ => ItemStatus::Incomplete,
        };
        ResponseObject {
            id: &head.id,
            created_at: head.created_at,
            status,
            error,
            incomplete,
            model: &head.model,
            conversation: head.conversation.as_ref().map(ConversationId::as_str),
            store: head.store,
            repeated: head.echo.members(),
            output: self.output.as_wire(open),
            usage: self.usage.map(response_usage),
        }
    }
}

impl Phase {
    fn failed(error: &ErrorBody) -> Self {
        let error = &error.error;
        Self::Failed {
            code: failure_code(&error.kind, error.code.as_deref()),
            message: error.message.clone(),
        }
    }
}

/// The word that a response has for an error. OpenAI sends more of them than its schema lists, and
/// the Codex CLI goes by them: it asks again after `rate_limit_exceeded` and `server_error`, and
/// gives up after all others. So `invalid_prompt`, whose message it shows, stands for whatever
/// another try cannot cure.
fn failure_code(kind: &str, code: Option<&str>) -> &'static str {
    match (kind, code) {
        (_, Some("context_length_exceeded")) => "context_length_exceeded",
        ("insufficient_quota", _) | (_, Some("insufficient_quota" | "usage_limit_reached")) => {
            "insufficient_quota"
        }
        ("rate_limit_error", _) | (_, Some("rate_limit_exceeded")) => "rate_limit_exceeded",
        (_, Some("server_is_overloaded")) => "server_is_overloaded",
        (_, Some("conversation_busy")) => "server_error",
        (
            "invalid_request_error"
            | "authentication_error"
            | "permission_error"
            | "not_found_error",
            _,
        )
        | (
            _,
            Some(
                "invalid_prompt"
                | "invalid_api_key"
                | "model_not_found"
                | "not_logged_in"
                | "upstream_auth_error",
            ),
        ) => "invalid_prompt",
        _ => "server_error",
    }
}

/// Token counts as the API has them.
fn response_usage(usage: Usage) -> ResponseUsage {
    ResponseUsage {
        input_tokens: usage.input,
        input_tokens_details: InputTokensDetails {
            cached_tokens: usage.cached,
            ..InputTokensDetails::default()
        },
        output_tokens: usage.output,
        output_tokens_details: OutputTokensDetails {
            reasoning_tokens: usage.reasoning,
        },
        total_tokens: usage.total(),
    }
}

#[cfg(test)]
mod tests;
