//! The client's tools, as a thread offers them to the model. Nobody here runs them.

use crate::turn::{Tool, ToolChoice, TurnError};
use codex_extension_api::{
    ExtensionData, ToolCall as Invocation, ToolContributor, ToolExecutor, ToolExecutorFuture,
    ToolName, ToolSpec, parse_tool_input_schema_without_compaction,
};
use codex_tools::{ResponsesApiTool, ToolExposure};
use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
};

/// What one thread offers to the model: attached to the thread, read at each model call.
pub struct ClientTools {
    specs: Vec<ResponsesApiTool>,
    /// Wire name → the client's name, for those that differ.
    renamed: HashMap<String, String>,
}

impl ClientTools {
    /// Translates the tools of a request.
    ///
    /// # Errors
    ///
    /// [`TurnError::InvalidRequest`] for parameters that are no JSON Schema of an object.
    pub fn new(tools: Vec<Tool>, choice: &ToolChoice) -> Result<Self, TurnError> {
        let mut specs = Vec::with_capacity(tools.len());
        let mut renamed = HashMap::new();
        let mut names = WireNames::reserving(tools.iter().map(|tool| tool.name.as_str()));
        for (index, tool) in tools.into_iter().enumerate() {
            let offered = match choice {
                ToolChoice::Auto | ToolChoice::Required => true,
                ToolChoice::None => false,
                ToolChoice::Named(name) => *name == tool.name,
            };
            if !offered {
                continue;
            }
            let parameters =
                parse_tool_input_schema_without_compaction(&tool.parameters).map_err(|error| {
                    TurnError::invalid(
                        format!("tools[{index}].function.parameters"),
                        format!("Invalid schema for function '{}': {error}.", tool.name),
                    )
                })?;
            let name = names.assign(&tool.name);
            if name != tool.name {
                renamed.insert(name.clone(), tool.name);
            }
            specs.push(ResponsesApiTool {
                name,
                description: tool.description.unwrap_or_default(),
                strict: tool.strict,
                defer_loading: None,
                parameters,
                output_schema: None,
            });
        }
        Ok(Self { specs, renamed })
    }

    /// The client's name for a tool that the model called.
    pub fn client_name(&self, wire_name: String) -> String {
        self.renamed.get(&wire_name).cloned().unwrap_or(wire_name)
    }

    /// The name on the wire for a tool of the client, also for one that is no longer offered.
    pub fn wire_name(&self, client_name: &str) -> String {
        self.renamed
            .iter()
            .find(|(_, name)| **name == client_name)
            .map_or_else(|| accepted(client_name), |(wire_name, _)| wire_name.clone())
    }
}

impl fmt::Debug for ClientTools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.specs.iter().map(|spec| &spec.name))
            .finish()
    }
}

/// Hands each thread its own [`ClientTools`].
#[derive(Debug)]
pub struct Contributor;

impl ToolContributor for Contributor {
    fn tools(
        &self,
        _session: &ExtensionData,
        thread: &ExtensionData,
        _step: &ExtensionData,
    ) -> Vec<Arc<dyn ToolExecutor<Invocation>>> {
        let Some(tools) = thread.get::<Arc<ClientTools>>() else {
            return Vec::new();
        };
        tools
            .specs
            .iter()
            .map(|spec| Arc::new(ClientTool { spec: spec.clone() }) as Arc<dyn ToolExecutor<_>>)
            .collect()
    }
}

/// One tool of the client. Its result comes with a later request, if at all.
struct ClientTool {
    spec: ResponsesApiTool,
}

impl ToolExecutor<Invocation> for ClientTool {
    fn tool_name(&self) -> ToolName {
        ToolName::new(None, self.spec.name.clone())
    }

    fn spec(&self) -> ToolSpec {
        ToolSpec::Function(self.spec.clone())
    }

    /// Shown to the model as it is, and to nothing else of core's.
    fn exposure(&self) -> ToolExposure {
        ToolExposure::DirectModelOnly
    }

    fn supports_parallel_tool_calls(&self) -> bool {
        true
    }

    /// Waits until the turn is interrupted: the call has gone to the client, which answers with
    /// its next request.
    fn handle(&self, _invocation: Invocation) -> ToolExecutorFuture<'_> {
        Box::pin(std::future::pending())
    }
}

/// Names that core registers for itself, offered or not.
const CORE_NAMES: [&str; 12] = [
    "apply_patch",
    "exec",
    "exec_command",
    "list_mcp_resource_templates",
    "list_mcp_resources",
    "read_mcp_resource",
    "request_user_input",
    "shell_command",
    "update_plan",
    "view_image",
    "wait",
    "write_stdin",
];

/// The longest name that the backend takes.
const LONGEST_NAME: usize = 64;

/// Gives each tool of a request a name that the backend and core accept and no other tool has: the
/// client's own wherever that is possible.
struct WireNames {
    /// The client's names that can stay and were not given out yet.
    reserved: HashSet<String>,
    given: HashSet<String>,
}

impl WireNames {
    fn reserving<'a>(client_names: impl Iterator<Item = &'a str>) -> Self {
        Self {
            reserved: client_names
                .filter(|name| accepted(name) == **name)
                .map(str::to_owned)
                .collect(),
            given: HashSet::new(),
        }
    }

    fn assign(&mut self, client_name: &str) -> String {
        let stem = accepted(client_name);
        let mut name = stem.clone();
        if !self.reserved.remove(client_name) {
            let mut number = 2;
            while self.reserved.contains(&name) || self.given.contains(&name) {
                let suffix = format!("_{number}");
                let length = stem.len().min(LONGEST_NAME - suffix.len());
                name = format!("{}{suffix}", &stem[..length]);
                number += 1;
            }
        }
        self.given.insert(name.clone());
        name
    }
}

/// `name` with what the backend and core do not accept replaced. Plain ASCII, never too long.
fn accepted(name: &str) -> String {
    let mut accepted: String = name
        .chars()
        .map(|letter| match letter {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '-' => letter,
            _ => '_',
        })
        .collect();
    if CORE_NAMES.contains(&accepted.as_str()) {
        accepted.insert_str(0, "client_");
    }
    accepted.truncate(LONGEST_NAME);
    accepted
}

#[cfg(test)]
mod tests {
    use super::{ClientTools, LONGEST_NAME};
    use crate::turn::{Tool, ToolChoice};
    use serde_json::json;

    fn tool(name: &str) -> Tool {
        Tool {
            name: name.into(),
            description: None,
            parameters: json!({"type": "object", "properties": {}}),
            strict: false,
        }
    }

    fn wire_names(names: &[&str], choice: &ToolChoice) -> (ClientTools, Vec<String>) {
        let tools = names.iter().map(|name| tool(name)).collect();
        let tools = ClientTools::new(tools, choice).unwrap();
        let names = tools.specs.iter().map(|spec| spec.name.clone()).collect();
        (tools, names)
    }

    #[test]
    fn usual_names_stay() {
        let (_, names) = wire_names(&["read_file", "Grep-2"], &ToolChoice::Auto);
        assert_eq!(names, ["read_file", "Grep-2"]);
    }

    #[test]
    fn names_that_cannot_be_sent_are_mapped_and_mapped_back() {
        let long = "x".repeat(80);
        let sent = ["update_plan", "a.b", "a_b", &long];
        let (tools, names) = wire_names(&sent, &ToolChoice::Auto);
        assert_eq!(names[..3], ["client_update_plan", "a_b_2", "a_b"]);
        assert_eq!(names[3].len(), LONGEST_NAME);
        for (name, client_name) in names.into_iter().zip(sent) {
            assert_eq!(tools.client_name(name.clone()), client_name);
            assert_eq!(tools.wire_name(client_name), name);
        }
    }

    #[test]
    fn the_choice_limits_what_is_offered() {
        let offered = |choice| wire_names(&["a", "b"], &choice).1;
        assert_eq!(offered(ToolChoice::Required), ["a", "b"]);
        assert_eq!(offered(ToolChoice::Named("b".into())), ["b"]);
        assert!(offered(ToolChoice::None).is_empty());
    }

    #[test]
    fn parameters_that_are_no_schema_are_refused_by_name() {
        let mut broken = tool("broken");
        broken.parameters = json!({"type": "null"});
        let error = ClientTools::new(vec![broken], &ToolChoice::Auto).unwrap_err();
        assert!(error.to_string().contains("broken"), "{error}");
    }
}
