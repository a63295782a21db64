//! One request as a thread: how it starts, and the turn that is submitted to it.

use super::{convert, schema, tools::ClientTools};
use crate::turn::{Item, OutputFormat, Role, TurnError, TurnRequest};
use codex_core::{StartThreadOptions, config::Config};
use codex_extension_api::ExtensionDataInit;
use codex_protocol::{
    protocol::{
        AskForApproval, InitialHistory, Op, RolloutItem, SandboxPolicy, ThreadSettingsOverrides,
    },
    user_input::UserInput,
};
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};

/// What starts a thread and its first turn.
pub struct Plan {
    /// How the thread starts.
    pub options: StartThreadOptions,
    /// The turn.
    pub op: Op,
    /// The tools that the thread offers.
    pub tools: Arc<ClientTools>,
}

/// Lays out a new thread for `request`. `base` is the configuration of every thread.
///
/// # Errors
///
/// [`TurnError::InvalidRequest`] for tools that core cannot offer.
pub fn plan(
    request: TurnRequest,
    base: &Config,
    default_instructions: &str,
) -> Result<Plan, TurnError> {
    let TurnRequest {
        model,
        instructions,
        items,
        tools,
        tool_choice,
        reasoning,
        verbosity,
        output,
        service_tier,
    } = request;
    let tools = Arc::new(ClientTools::new(tools, &tool_choice)?);
    let (history, input) = split(items, &tools);
    let mut instructions = instructions.unwrap_or_default();
    if instructions.is_empty() {
        // The backend refuses a request without any.
        default_instructions.clone_into(&mut instructions);
    }
    let schema = output_schema(output, &mut instructions);

    let mut config = base.clone();
    config.base_instructions = Some(instructions);
    config.model = Some(model.clone());
    if let Some(verbosity) = verbosity {
        config.model_verbosity = Some(convert::verbosity_to_core(verbosity));
    }
    let effort = reasoning.effort.map(convert::effort_to_core);
    let op = Op::UserInput {
        items: input,
        final_output_json_schema: schema,
        responsesapi_client_metadata: None,
        additional_context: BTreeMap::default(),
        thread_settings: ThreadSettingsOverrides {
            approval_policy: Some(AskForApproval::Never),
            sandbox_policy: Some(SandboxPolicy::ReadOnly {
                network_access: false,
            }),
            model: Some(model),
            effort: effort.map(Some),
            summary: reasoning.summary.map(convert::summary_to_core),
            service_tier: service_tier.map(Some),
            ..Default::default()
        },
    };
    let mut thread_extension_init = ExtensionDataInit::new();
    thread_extension_init.insert(Arc::clone(&tools));
    let options = StartThreadOptions {
        config,
        allow_provider_model_fallback: false,
        initial_history: if history.is_empty() {
            InitialHistory::New
        } else {
            InitialHistory::Forked(history)
        },
        history_mode: None,
        session_source: None,
        thread_source: None,
        dynamic_tools: Vec::new(),
        metrics_service_name: None,
        parent_trace: None,
        // Nothing that could be run, read or written.
        environments: Vec::new(),
        thread_extension_init,
        supports_openai_form_elicitation: false,
    };
    Ok(Plan { options, op, tools })
}

/// The last message as the turn's input, if the user said it, and all before it as history.
fn split(mut items: Vec<Item>, tools: &ClientTools) -> (Vec<RolloutItem>, Vec<UserInput>) {
    let last = items.pop_if(|item| {
        matches!(
            item,
            Item::Message {
                role: Role::User,
                ..
            }
        )
    });
    let input = match last {
        Some(Item::Message { content, .. }) => convert::user_input(content),
        _ => Vec::new(),
    };
    let history = items
        .into_iter()
        .map(|item| convert::response_item(item, |name| tools.wire_name(&name)))
        .map(RolloutItem::ResponseItem)
        .collect();
    (history, input)
}

/// The schema that core can send. It sends schemas as strict ones only; a shape that a strict
/// schema cannot express is asked for in the instructions instead.
fn output_schema(output: OutputFormat, instructions: &mut String) -> Option<Value> {
    match output {
        OutputFormat::Text => None,
        OutputFormat::JsonSchema { schema, strict } if strict || schema::is_strict(&schema) => {
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
