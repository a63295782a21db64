//! What a request asks of its thread and its turn, in core's terms.

use super::{convert, schema, tools::ClientTools};
use crate::turn::{Effort, OutputFormat, ToolChoice, TurnError, TurnRequest, Verbosity};
use codex_core::config::Config;
use codex_protocol::{
    config_types::ReasoningSummary,
    openai_models::ReasoningEffort,
    protocol::{AskForApproval, Op, SandboxPolicy, ThreadSettingsOverrides},
    user_input::UserInput,
};
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};

/// A request without its items.
#[derive(Debug)]
pub struct Plan {
    /// What a thread cannot change while it lives.
    pub fixed: Fixed,
    /// What a turn cannot change while it runs.
    pub turn: TurnSettings,
    /// What can change at each model call.
    pub tools: Arc<ClientTools>,
}

/// What a thread cannot change while it lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixed {
    /// Its instructions.
    pub instructions: String,
    /// How wordy it is.
    pub verbosity: Option<Verbosity>,
}

/// What a turn cannot change while it runs.
#[derive(Debug, Clone, PartialEq)]
pub struct TurnSettings {
    /// The model.
    pub model: String,
    effort: Option<ReasoningEffort>,
    summary: Option<ReasoningSummary>,
    service_tier: Option<String>,
    schema: Option<Value>,
}

impl Plan {
    /// Reads a request. `instructions` are its own, or those that hold where it has none;
    /// `default_effort` is the one of our configuration, which goes before that of Codex's.
    ///
    /// # Errors
    ///
    /// [`TurnError::InvalidRequest`] for tools that core cannot offer.
    pub fn new(
        request: TurnRequest,
        mut instructions: String,
        config: &Config,
        default_effort: Option<Effort>,
    ) -> Result<Self, TurnError> {
        let TurnRequest {
            tools,
            tool_choice,
            parallel_tool_calls,
            reasoning,
            verbosity,
            output,
            service_tier,
            model,
            ..
        } = request;
        let tools = Arc::new(ClientTools::new(tools, &tool_choice)?);
        if tools.any_offered() {
            // The backend is always told `auto` and parallel; core has no setting for it.
            if tool_choice == ToolChoice::Required {
                instructions.push_str("\n\nAnswer with at least one tool call.");
            }
            if !parallel_tool_calls {
                instructions.push_str("\n\nCall one tool at a time, never several at once.");
            }
        }
        let schema = output_schema(output, &mut instructions);
        Ok(Self {
            fixed: Fixed {
                instructions,
                verbosity,
            },
            turn: TurnSettings {
                model,
                // What a request does not say is not what an earlier request of the thread said.
                effort: reasoning
                    .effort
                    .or(default_effort)
                    .map(convert::effort_to_core)
                    .or_else(|| config.model_reasoning_effort.clone()),
                summary: reasoning
                    .summary
                    .map(convert::summary_to_core)
                    .or(config.model_reasoning_summary),
                service_tier: service_tier.or_else(|| config.service_tier.clone()),
                schema,
            },
            tools,
        })
    }
}

impl TurnSettings {
    /// How hard to think, in the words of the wire.
    pub fn effort(&self) -> Option<String> {
        self.effort.as_ref().map(ToString::to_string)
    }

    /// A read-only turn that asks for nobody's approval.
    pub fn op(&self, input: Vec<UserInput>) -> Op {
        Op::UserInput {
            items: input,
            final_output_json_schema: self.schema.clone(),
            responsesapi_client_metadata: None,
            additional_context: BTreeMap::default(),
            thread_settings: ThreadSettingsOverrides {
                approval_policy: Some(AskForApproval::Never),
                sandbox_policy: Some(SandboxPolicy::ReadOnly {
                    network_access: false,
                }),
                model: Some(self.model.clone()),
                effort: Some(self.effort.clone()),
                summary: self.summary,
                service_tier: Some(self.service_tier.clone()),
                ..Default::default()
            },
        }
    }
}

/// The schema that core can send. It sends schemas as strict ones only; a shape that a strict
/// schema cannot express is asked for in the instructions instead.
fn output_schema(output: OutputFormat, instructions: &mut String) -> Option<Value> {
    match output {
        OutputFormat::Text => None,
        OutputFormat::JsonSchema { schema, strict, .. } if strict || schema::is_strict(&schema) => {
            Some(schema)
        }
        OutputFormat::JsonSchema { schema, .. } => {
            instructions.push_str(
                "\n\nAnswer with one JSON value that follows this JSON Schema, and nothing else:\n",
            );
            instructions.push_str(&schema.to_string());
            None
        }
        OutputFormat::JsonObject => {
            instructions.push_str("\n\nAnswer with one JSON object and nothing else.");
            None
        }
    }
}
