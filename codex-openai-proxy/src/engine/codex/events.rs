//! The events of a thread, read as the steps of one reply. Pure: `pump` does the waiting.

use super::{errors, notes, tools::ClientTools};
use crate::{
    traffic::Event,
    turn::{FinishReason, TurnError, TurnEvent, Usage},
};
use codex_protocol::{
    models::{ContentItem, ResponseItem},
    protocol::{ErrorEvent, EventMsg, RateLimitSnapshot, StreamErrorEvent, TokenUsage},
};
use std::{sync::Arc, time::SystemTime};

/// Reads the events of one turn.
#[derive(Debug)]
pub struct EventReader {
    tools: Arc<ClientTools>,
    /// The assistant message that deltas belong to, and what of it was sent.
    message: Option<Message>,
    /// Whether text of the answer has come.
    spoke: bool,
    reasoning: Reasoning,
    /// The ids of the calls so far.
    calls: Vec<String>,
    usage: Option<Usage>,
    limits: Option<RateLimitSnapshot>,
    /// The model's reply has failed, and core has not said so yet.
    failed: bool,
    /// What the log is to hear.
    notes: Vec<Event>,
}

#[derive(Debug)]
struct Message {
    item_id: String,
    sent: String,
}

#[derive(Debug, Default)]
struct Reasoning {
    shown: bool,
    summarised: bool,
    /// Set when core repeats a model call whose reasoning, and nothing else, was already sent.
    muted: bool,
}

/// What an event means for the reply.
#[derive(Debug, PartialEq)]
pub enum Step {
    /// The reply goes on.
    Continue,
    /// The reply is over.
    End(End),
}

/// How a reply is over.
#[derive(Debug, PartialEq)]
pub struct End {
    /// The last thing that the client gets.
    pub outcome: Result<TurnEvent, TurnError>,
    /// Whether the thread's turn is over too, or must be interrupted.
    pub turn: TurnState,
}

/// Whether a thread's turn still runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TurnState {
    /// core has finished with it.
    Over,
    /// core still works on it, or waits for tools.
    Running,
}

impl EventReader {
    /// A reader for a turn that offers `tools`.
    pub fn new(tools: Arc<ClientTools>) -> Self {
        Self {
            tools,
            message: None,
            spoke: false,
            reasoning: Reasoning::default(),
            calls: Vec::new(),
            usage: None,
            limits: None,
            failed: false,
            notes: Vec::new(),
        }
    }

    /// What the log is to hear of the events so far, once.
    pub fn notes(&mut self) -> impl Iterator<Item = Event> {
        self.notes.drain(..)
    }

    /// Reads one event: appends what the client gets to see of it, and says whether the reply goes
    /// on. `now` is for reset times.
    ///
    /// Every event is named, so that a new version of core with new events does not compile until
    /// somebody has thought about them.
    #[expect(clippy::too_many_lines, reason = "one arm for each event")]
    pub fn on_event(&mut self, event: EventMsg, now: SystemTime, out: &mut Vec<TurnEvent>) -> Step {
        match event {
            EventMsg::AgentMessageContentDelta(event) => {
                self.on_text(event.item_id, event.delta, out);
            }
            EventMsg::ReasoningContentDelta(event) => {
                self.reasoning.summarised = true;
                self.on_reasoning(event.delta, out);
            }
            // A provider that sends summaries sends raw thought beside them at most.
            EventMsg::ReasoningRawContentDelta(event) if !self.reasoning.summarised => {
                self.on_reasoning(event.delta, out);
            }
            EventMsg::AgentReasoningSectionBreak(_)
                if self.reasoning.shown && !self.reasoning.muted =>
            {
                out.push(TurnEvent::ReasoningBreak);
            }
            EventMsg::RawResponseItem(event) => return self.on_item(&event.item, out),
            EventMsg::RawResponseCompleted(event) => return self.on_completed(event.token_usage),
            EventMsg::TokenCount(event) => {
                if event.rate_limits.is_some() && event.rate_limits != self.limits {
                    self.limits = event.rate_limits;
                    let limits = self.limits.as_ref();
                    self.notes.extend(limits.and_then(notes::rate_limits));
                }
            }
            EventMsg::TurnComplete(event) => return self.on_turn_complete(event.error, now),
            EventMsg::TurnAborted(event) => {
                let detail = format!("core aborted the turn: {:?}", event.reason);
                return end(Err(TurnError::internal(detail)), TurnState::Over);
            }
            EventMsg::Error(event) => {
                let outcome = match incomplete(&event.message) {
                    Some(reason) => Ok(self.finished(reason)),
                    None => Err(self.failure(event, now)),
                };
                return end(outcome, TurnState::Running);
            }
            EventMsg::StreamError(event) => return self.on_stream_error(event),
            EventMsg::Warning(event) | EventMsg::GuardianWarning(event) => {
                self.warn("codex_warning", &event.message);
            }
            EventMsg::ModelReroute(event) => {
                let way = format!("{} to {}", event.from_model, event.to_model);
                self.warn("model_rerouted", &way);
            }
            EventMsg::DeprecationNotice(event) => {
                self.warn("codex_deprecation", &event.summary);
            }
            // Said again elsewhere: items come raw, text and reasoning as deltas.
            EventMsg::ReasoningRawContentDelta(_)
            | EventMsg::AgentReasoningSectionBreak(_)
            | EventMsg::AgentMessage(_)
            | EventMsg::UserMessage(_)
            | EventMsg::AgentReasoning(_)
            | EventMsg::AgentReasoningRawContent(_)
            | EventMsg::ItemStarted(_)
            | EventMsg::ItemCompleted(_)
            | EventMsg::TurnStarted(_)
            | EventMsg::ThreadSettingsApplied(_)
            | EventMsg::SessionConfigured(_)
            | EventMsg::ShutdownComplete
            | EventMsg::ModelVerification(_)
            | EventMsg::TurnModerationMetadata(_)
            | EventMsg::SafetyBuffering(_)
            | EventMsg::ThreadRolledBack(_)
            | EventMsg::ThreadGoalUpdated(_)
            | EventMsg::EnvironmentConnected(_)
            | EventMsg::EnvironmentDisconnected(_)
            | EventMsg::McpStartupUpdate(_)
            | EventMsg::McpStartupComplete(_)
            | EventMsg::TurnDiff(_)
            | EventMsg::PlanDelta(_)
            | EventMsg::RealtimeConversationStarted(_)
            | EventMsg::RealtimeConversationRealtime(_)
            | EventMsg::RealtimeConversationClosed(_)
            | EventMsg::RealtimeConversationSdp(_)
            | EventMsg::RealtimeConversationListVoicesResponse(_) => {}
            // Things that core does by itself. None of them can happen to a thread without
            // environments, tools, hooks and compaction; if one does, the turn must not go on.
            event @ (EventMsg::ContextCompacted(_)
            | EventMsg::McpToolCallBegin(_)
            | EventMsg::McpToolCallEnd(_)
            | EventMsg::WebSearchBegin(_)
            | EventMsg::WebSearchEnd(_)
            | EventMsg::ImageGenerationBegin(_)
            | EventMsg::ImageGenerationEnd(_)
            | EventMsg::ExecCommandBegin(_)
            | EventMsg::ExecCommandOutputDelta(_)
            | EventMsg::TerminalInteraction(_)
            | EventMsg::ExecCommandEnd(_)
            | EventMsg::ViewImageToolCall(_)
            | EventMsg::ExecApprovalRequest(_)
            | EventMsg::RequestPermissions(_)
            | EventMsg::RequestUserInput(_)
            | EventMsg::DynamicToolCallRequest(_)
            | EventMsg::DynamicToolCallResponse(_)
            | EventMsg::ElicitationRequest(_)
            | EventMsg::ApplyPatchApprovalRequest(_)
            | EventMsg::GuardianAssessment(_)
            | EventMsg::PatchApplyBegin(_)
            | EventMsg::PatchApplyUpdated(_)
            | EventMsg::PatchApplyEnd(_)
            | EventMsg::PlanUpdate(_)
            | EventMsg::EnteredReviewMode(_)
            | EventMsg::ExitedReviewMode(_)
            | EventMsg::HookStarted(_)
            | EventMsg::HookCompleted(_)
            | EventMsg::CollabAgentSpawnBegin(_)
            | EventMsg::CollabAgentSpawnEnd(_)
            | EventMsg::CollabAgentInteractionBegin(_)
            | EventMsg::CollabAgentInteractionEnd(_)
            | EventMsg::CollabWaitingBegin(_)
            | EventMsg::CollabWaitingEnd(_)
            | EventMsg::CollabCloseBegin(_)
            | EventMsg::CollabCloseEnd(_)
            | EventMsg::CollabResumeBegin(_)
            | EventMsg::CollabResumeEnd(_)
            | EventMsg::SubAgentActivity(_)) => {
                let detail = format!("core acted on its own: {event}");
                return end(Err(TurnError::internal(detail)), TurnState::Running);
            }
        }
        Step::Continue
    }

    /// The model's reply has failed; `breaks` tells why this is known before core says it. After a
    /// tool call core will not say it, because it waits for the tool first.
    pub fn on_reply_failed(&mut self) -> Step {
        self.failed = true;
        if self.calls.is_empty() {
            return Step::Continue;
        }
        broken_after_call()
    }

    /// What came of a message that was never finished.
    pub fn unfinished(&self) -> Option<&str> {
        let message = self.message.as_ref();
        message.map(|message| message.sent.as_str())
    }

    fn on_text(&mut self, item_id: String, delta: String, out: &mut Vec<TurnEvent>) {
        if delta.is_empty() {
            return;
        }
        let begins = self
            .message
            .as_ref()
            .is_none_or(|message| message.item_id != item_id);
        if begins {
            // The one before, where core did not tell that it was whole.
            if self.message.is_some() {
                out.push(TurnEvent::MessageEnd);
            }
            self.message = Some(Message {
                item_id,
                sent: String::new(),
            });
        }
        self.spoke = true;
        if let Some(message) = &mut self.message {
            message.sent.push_str(&delta);
        }
        out.push(TurnEvent::Text(delta));
    }

    fn on_reasoning(&mut self, text: String, out: &mut Vec<TurnEvent>) {
        if text.is_empty() || self.reasoning.muted {
            return;
        }
        self.reasoning.shown = true;
        out.push(TurnEvent::Reasoning(text));
    }

    /// Reads one finished item. The caller may have a use for it, so that it is only looked at.
    pub fn on_item(&mut self, item: &ResponseItem, out: &mut Vec<TurnEvent>) -> Step {
        match item {
            ResponseItem::Message {
                id, role, content, ..
            } if role == "assistant" => {
                let item_id = id.as_ref().map(|id| id.as_str().to_owned());
                self.on_message(item_id.unwrap_or_default(), content, out);
            }
            // A tool that was never offered. core tells the model so, and the model goes on.
            ResponseItem::FunctionCall { name, .. } if !self.tools.offers(name) => {
                self.warn("unknown_tool_called", name);
            }
            ResponseItem::FunctionCall {
                name,
                arguments,
                call_id,
                ..
            } => {
                if self.failed {
                    return broken_after_call();
                }
                if self.calls.contains(call_id) {
                    let error = errors::broken_stream("two tool calls have the same id");
                    return end(Err(error), TurnState::Running);
                }
                self.calls.push(call_id.clone());
                let call = self
                    .tools
                    .client_call(call_id.clone(), name.clone(), arguments.clone());
                out.push(TurnEvent::ToolCall(call));
            }
            ResponseItem::Reasoning {
                summary,
                encrypted_content,
                ..
            } => {
                self.notes.push(Event::ReasoningDetected {
                    summary_count: summary.len(),
                });
                self.reasoning.summarised = false;
                out.push(TurnEvent::ReasoningEnd {
                    sealed: encrypted_content.clone(),
                });
            }
            // Our own input, which core records and repeats, and what it tells the model itself.
            ResponseItem::Message { .. }
            | ResponseItem::FunctionCallOutput { .. }
            | ResponseItem::AdditionalTools { .. } => {}
            // Nothing of this kind is offered to the model.
            ResponseItem::AgentMessage { .. }
            | ResponseItem::LocalShellCall { .. }
            | ResponseItem::ToolSearchCall { .. }
            | ResponseItem::CustomToolCall { .. }
            | ResponseItem::CustomToolCallOutput { .. }
            | ResponseItem::ToolSearchOutput { .. }
            | ResponseItem::WebSearchCall { .. }
            | ResponseItem::ImageGenerationCall { .. }
            | ResponseItem::Compaction { .. }
            | ResponseItem::CompactionTrigger { .. }
            | ResponseItem::ContextCompaction { .. }
            | ResponseItem::Other => self.warn("unexpected_item", "nothing like it was offered"),
        }
        Step::Continue
    }

    /// A finished message. Its text came as deltas, unless the upstream sent none; then it comes
    /// now. core also holds back a citation tag in deltas, and what it held back at the end.
    fn on_message(&mut self, item_id: String, content: &[ContentItem], out: &mut Vec<TurnEvent>) {
        let whole: String = content
            .iter()
            .filter_map(|part| match part {
                ContentItem::OutputText { text } | ContentItem::InputText { text } => {
                    Some(text.as_str())
                }
                ContentItem::InputImage { .. } | ContentItem::InputAudio { .. } => None,
            })
            .collect();
        let sent = self
            .message
            .as_ref()
            .filter(|message| message.item_id == item_id)
            .map_or("", |message| message.sent.as_str());
        if let Some(rest) = whole.strip_prefix(sent) {
            let rest = rest.to_owned();
            self.on_text(item_id, rest, out);
        } else {
            let detail = "what was sent of it stays";
            self.warn("message_differs_from_its_deltas", detail);
        }
        if self.message.take().is_some() {
            out.push(TurnEvent::MessageEnd);
        }
    }

    fn on_completed(&mut self, usage: Option<TokenUsage>) -> Step {
        if let Some(usage) = usage {
            self.usage
                .get_or_insert_with(Usage::default)
                .add(token_usage(&usage));
        }
        if self.calls.is_empty() {
            return Step::Continue;
        }
        end(
            Ok(self.finished(FinishReason::ToolCalls)),
            TurnState::Running,
        )
    }

    fn on_turn_complete(&mut self, error: Option<ErrorEvent>, now: SystemTime) -> Step {
        let outcome = match error {
            Some(error) => Err(self.failure(error, now)),
            None => Ok(self.finished(FinishReason::Stop)),
        };
        end(outcome, TurnState::Over)
    }

    /// core is about to repeat the model call. That is welcome as long as the client has seen
    /// nothing of the first attempt.
    fn on_stream_error(&mut self, event: StreamErrorEvent) -> Step {
        let details = event.additional_details.unwrap_or(event.message);
        self.failed = false;
        if let Some(reason) = incomplete(&details) {
            return end(Ok(self.finished(reason)), TurnState::Running);
        }
        let retrying = !self.spoke && self.calls.is_empty();
        self.notes.push(notes::stream_error(&details, retrying));
        if !retrying {
            return end(Err(errors::broken_stream(&details)), TurnState::Running);
        }
        self.reasoning.muted = self.reasoning.shown;
        Step::Continue
    }

    fn failure(&mut self, event: ErrorEvent, now: SystemTime) -> TurnError {
        self.notes.push(notes::stream_error(&event.message, false));
        errors::turn_error(event, self.limits.as_ref(), now)
    }

    fn warn(&mut self, what: &'static str, detail: &str) {
        self.notes.push(notes::warning(what, detail));
    }

    fn finished(&self, reason: FinishReason) -> TurnEvent {
        TurnEvent::Finished {
            reason,
            usage: self.usage,
        }
    }
}

fn end(outcome: Result<TurnEvent, TurnError>, turn: TurnState) -> Step {
    Step::End(End { outcome, turn })
}

fn broken_after_call() -> Step {
    let error = errors::broken_stream("the connection closed after a tool call");
    end(Err(error), TurnState::Running)
}

/// `response.incomplete` reaches us as a stream error with this text: the reply is as long as it
/// may be, and repeating it would give the same.
fn incomplete(details: &str) -> Option<FinishReason> {
    let (_, reason) = details.split_once("Incomplete response returned, reason: ")?;
    match reason {
        "max_output_tokens" => Some(FinishReason::Length),
        "content_filter" => Some(FinishReason::ContentFilter),
        _ => None,
    }
}

fn token_usage(usage: &TokenUsage) -> Usage {
    let count = |tokens: i64| u64::try_from(tokens).unwrap_or(0);
    Usage {
        input: count(usage.input_tokens),
        cached: count(usage.cached_input_tokens),
        output: count(usage.output_tokens),
        reasoning: count(usage.reasoning_output_tokens),
    }
}

#[cfg(test)]
#[path = "events_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "events_notes_tests.rs"]
mod notes_tests;
