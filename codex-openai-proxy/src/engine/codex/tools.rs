//! The client's tools, as a thread offers them to the model. Nobody here runs them.
//!
//! core asks for a thread's tools at each model call and gets those of the request that is being
//! answered. When the model calls one, core waits for its result; the call goes to the client, and
//! the result comes with the client's next request.

mod names;
mod results;

pub use results::Results;

use super::schema_notes;
use crate::turn::{Tool, ToolCall, ToolChoice, ToolKind, TurnError};
use codex_extension_api::{
    ExtensionData, ToolCall as Invocation, ToolContributor, ToolExecutor, ToolExecutorFuture,
    ToolName, ToolSpec, parse_tool_input_schema_without_compaction,
};
use codex_tools::{ResponsesApiTool, ToolExposure};
use names::{WireNames, accepted};
use std::{
    borrow::Cow,
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

/// The tools of one request, with their names on the wire.
#[derive(Default)]
pub struct ClientTools {
    offered: Vec<Arc<ResponsesApiTool>>,
    /// Every tool of the request by its name on the wire, offered or not.
    known: HashMap<String, Known>,
}

/// What the client calls a tool.
struct Known {
    name: String,
    kind: ToolKind,
}

impl ClientTools {
    /// Translates the tools of a request.
    ///
    /// # Errors
    ///
    /// [`TurnError::InvalidRequest`] for parameters that are no JSON Schema of an object.
    pub fn new(tools: Vec<Tool>, choice: &ToolChoice) -> Result<Self, TurnError> {
        let mut offered = Vec::with_capacity(tools.len());
        let mut known = HashMap::with_capacity(tools.len());
        let mut names = WireNames::reserving(tools.iter().map(|tool| tool.name.as_str()));
        for (index, mut tool) in tools.into_iter().enumerate() {
            let name = names.assign(&tool.name);
            let is_offered = match choice {
                ToolChoice::Auto | ToolChoice::Required => true,
                ToolChoice::None => false,
                ToolChoice::Named(name) => *name == tool.name,
            };
            if is_offered {
                schema_notes::annotate(&mut tool.parameters);
                let parameters = parse_tool_input_schema_without_compaction(&tool.parameters)
                    .map_err(|error| {
                        TurnError::invalid(
                            format!("tools[{index}].function.parameters"),
                            format!("Invalid schema for function '{}': {error}.", tool.name),
                        )
                    })?;
                let description = tool.function_description().map(Cow::into_owned);
                offered.push(Arc::new(ResponsesApiTool {
                    name: name.clone(),
                    description: description.unwrap_or_default(),
                    strict: tool.strict,
                    defer_loading: None,
                    parameters,
                    output_schema: None,
                }));
            }
            let client = Known {
                name: tool.name,
                kind: tool.kind,
            };
            known.insert(name, client);
        }
        Ok(Self { offered, known })
    }

    /// Whether the model was offered any tool.
    pub fn any_offered(&self) -> bool {
        !self.offered.is_empty()
    }

    /// Whether the model was offered a tool of that name. core answers calls to others by itself.
    pub fn offers(&self, wire_name: &str) -> bool {
        self.offered.iter().any(|tool| tool.name == wire_name)
    }

    /// A call by the model, as the client is told of it.
    pub fn client_call(&self, id: String, wire_name: String, arguments: String) -> ToolCall {
        let Some(Known { name, kind }) = self.known.get(&wire_name) else {
            return ToolCall {
                id,
                name: wire_name,
                kind: ToolKind::Function,
                arguments,
            };
        };
        let arguments = match kind {
            ToolKind::Function => arguments,
            ToolKind::Custom => Tool::unwrap_input(arguments).unwrap_or_else(|as_it_is| as_it_is),
        };
        ToolCall {
            id,
            name: name.clone(),
            kind: *kind,
            arguments,
        }
    }

    /// Name and arguments on the wire of a call in the client's history, also of a tool that is no
    /// longer offered.
    pub fn wire_call(&self, call: ToolCall) -> (String, String) {
        let name = self
            .known
            .iter()
            .find(|(_, known)| known.name == call.name)
            .map_or_else(|| accepted(&call.name), |(wire_name, _)| wire_name.clone());
        let arguments = match call.kind {
            ToolKind::Function => call.arguments,
            ToolKind::Custom => Tool::wrap_input(&call.arguments),
        };
        (name, arguments)
    }
}

impl fmt::Debug for ClientTools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.offered.iter().map(|tool| &tool.name))
            .finish()
    }
}

/// What a thread offers now, and the calls that wait for their results: attached to the thread.
#[derive(Debug, Default)]
pub struct ThreadTools {
    offered: Mutex<Arc<ClientTools>>,
    /// The results of the client.
    pub results: Results,
}

impl ThreadTools {
    /// Offers `tools` from the next model call on.
    pub fn offer(&self, tools: Arc<ClientTools>) {
        *self.offered.lock().unwrap_or_else(PoisonError::into_inner) = tools;
    }

    fn offered(&self) -> Arc<ClientTools> {
        Arc::clone(&self.offered.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Hands each thread its own tools.
#[derive(Debug)]
pub struct Contributor;

impl ToolContributor for Contributor {
    fn tools(
        &self,
        _session: &ExtensionData,
        thread: &ExtensionData,
        _step: &ExtensionData,
    ) -> Vec<Arc<dyn ToolExecutor<Invocation>>> {
        let Some(tools) = thread.get::<Arc<ThreadTools>>() else {
            return Vec::new();
        };
        let executor = |spec: &Arc<ResponsesApiTool>| {
            Arc::new(ClientTool {
                spec: Arc::clone(spec),
                tools: Arc::clone(&tools),
            }) as Arc<dyn ToolExecutor<_>>
        };
        tools.offered().offered.iter().map(executor).collect()
    }
}

/// One tool of the client. Its result comes with a later request, if at all.
struct ClientTool {
    spec: Arc<ResponsesApiTool>,
    tools: Arc<ThreadTools>,
}

impl ToolExecutor<Invocation> for ClientTool {
    fn tool_name(&self) -> ToolName {
        ToolName::new(None, self.spec.name.clone())
    }

    fn spec(&self) -> ToolSpec {
        ToolSpec::Function(ResponsesApiTool::clone(&self.spec))
    }

    /// Shown to the model as it is, and to nothing else of core's.
    fn exposure(&self) -> ToolExposure {
        ToolExposure::DirectModelOnly
    }

    fn supports_parallel_tool_calls(&self) -> bool {
        true
    }

    /// Waits for the client's next request, or until the turn is interrupted.
    fn handle(&self, invocation: Invocation) -> ToolExecutorFuture<'_> {
        // Nothing else of the invocation is kept while the client works: it holds a copy of the
        // whole history.
        let call_id = invocation.call_id;
        Box::pin(self.tools.results.wait_for(call_id))
    }
}

#[cfg(test)]
#[path = "tools/tests.rs"]
mod tests;
