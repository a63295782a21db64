//! The tools of a request and the choice among them.

use super::tool_names::{Flattener, ToolNames, is_default};
use crate::{
    turn::{Tool, ToolChoice, ToolKind, TurnError},
    wire::{
        invalid,
        tools::{self as wire, AllowedMode, ToolDefinition},
    },
};
use serde_json::{Map, Value, json};
use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

/// The tools of a request.
#[derive(Debug)]
pub(super) struct Offer {
    /// Those of `tools`, then those that items of the input hold. Names are flat.
    pub tools: Vec<Tool>,
    /// What the client calls those that stand in a namespace.
    pub names: ToolNames,
}

/// Reads the tools: those of `tools`, and those that items of the input hold. Of the latter, tools
/// that are on offer already are left out: a tool that is found twice is the same tool.
///
/// What a namespace says of itself is told with the first of its tools.
pub(super) fn offer(
    definitions: Vec<ToolDefinition>,
    held: Vec<ToolDefinition>,
) -> Result<Offer, TurnError> {
    let plain = definitions.iter().chain(&held).filter_map(plain_name);
    let mut reader = OfferReader {
        flattener: Flattener::new(plain.map(str::to_owned).collect()),
        plain: HashSet::new(),
        tools: Vec::with_capacity(definitions.len()),
    };
    for definition in definitions {
        reader.read(definition, None, |_, _, _| true)?;
    }
    for definition in held {
        reader.read(definition, None, OfferReader::is_new)?;
    }
    Ok(Offer {
        tools: reader.tools,
        names: reader.flattener.into_names(),
    })
}

/// An offer of which a part has been read.
struct OfferReader {
    flattener: Flattener,
    /// The names of the tools that go by their own.
    plain: HashSet<String>,
    tools: Vec<Tool>,
}

/// Whether a tool of that namespace and name is to be offered.
type Wanted = fn(&OfferReader, Option<&str>, &str) -> bool;

impl OfferReader {
    /// Reads a tool, or those of a namespace, as far as `wanted` says so of the namespace and the
    /// name.
    fn read(
        &mut self,
        definition: ToolDefinition,
        namespace: Option<&str>,
        wanted: Wanted,
    ) -> Result<(), TurnError> {
        match definition {
            ToolDefinition::Function {
                name,
                description,
                parameters,
                strict,
                param,
            } => {
                let tool = Tool {
                    name,
                    description,
                    grammar: None,
                    parameters: object_schema(parameters.unwrap_or_default(), param)?,
                    strict,
                    kind: ToolKind::Function,
                };
                self.take(tool, namespace, wanted);
            }
            ToolDefinition::Custom {
                name,
                description,
                grammar,
            } => {
                let tool = Tool {
                    name,
                    description,
                    grammar,
                    parameters: text_schema(),
                    strict: false,
                    kind: ToolKind::Custom,
                };
                self.take(tool, namespace, wanted);
            }
            ToolDefinition::Namespace {
                name,
                description,
                tools,
            } => {
                let first = self.tools.len();
                for tool in tools {
                    self.read(tool, Some(&name), wanted)?;
                }
                if let Some(tool) = self.tools.get_mut(first) {
                    tool.description = joined(description, tool.description.take());
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, mut tool: Tool, namespace: Option<&str>, wanted: Wanted) {
        if !wanted(self, namespace, &tool.name) {
            return;
        }
        if let Some(namespace) = namespace {
            tool.name = self.flattener.assign(namespace.to_owned(), tool.name);
        }
        if self.flattener.names().get(&tool.name).is_none() {
            self.plain.insert(tool.name.clone());
        }
        self.tools.push(tool);
    }

    /// Whether no such tool is on offer.
    fn is_new(&self, namespace: Option<&str>, name: &str) -> bool {
        let names = self.flattener.names();
        let is_plain = namespace.is_none_or(is_default) && self.plain.contains(name);
        !is_plain && namespace.is_none_or(|of| names.offered(of, name).is_none())
    }
}

impl Offer {
    /// The name under which a tool is on offer. Models, and clients that repeat their calls, leave
    /// namespaces out: a name that is not on offer is that of the one tool which has it in its
    /// namespace.
    pub(super) fn resolve<'a>(&'a self, name: &'a str) -> &'a str {
        self.names.of_bare(name).unwrap_or(name)
    }
}

/// Finds the tools that choices name.
struct Choices<'a> {
    offer: &'a Offer,
    /// The tools by their names.
    names: HashSet<&'a str>,
    /// The first tool of each name that stands in some namespace.
    inner: HashMap<&'a str, &'a str>,
}

impl<'a> Choices<'a> {
    /// Among the tools of this offer.
    fn new(offer: &'a Offer) -> Self {
        let mut inner = HashMap::new();
        for Tool { name, .. } in &offer.tools {
            if let Some((_, own)) = offer.names.get(name) {
                inner.entry(own).or_insert(name.as_str());
            }
        }
        let names = offer.tools.iter().map(|tool| tool.name.as_str()).collect();
        Self {
            offer,
            names,
            inner,
        }
    }

    /// The name of the tool on offer that a choice names.
    fn find(&self, choice: &wire::ToolName) -> Option<&'a str> {
        let wire::ToolName {
            namespace, name, ..
        } = choice;
        let flat = match namespace {
            Some(namespace) => Cow::Owned(self.offer.names.flat(namespace, name)),
            None => Cow::Borrowed(self.offer.resolve(name)),
        };
        let exact = self.names.get(&*flat).copied();
        // Most APIs have no field for the namespace of the tool that is chosen.
        exact.or_else(|| match namespace {
            Some(_) => None,
            None => self.inner.get(name.as_str()).copied(),
        })
    }
}

/// Reads the choice. It must be one that the tools on offer allow; where it allows some of them,
/// they are the offer.
pub(super) fn tool_choice(
    choice: Option<wire::ToolChoice>,
    offer: &mut Offer,
) -> Result<ToolChoice, TurnError> {
    match choice {
        None | Some(wire::ToolChoice::Auto) => Ok(ToolChoice::Auto),
        Some(wire::ToolChoice::None) => Ok(ToolChoice::None),
        Some(wire::ToolChoice::Required) => required(offer),
        Some(wire::ToolChoice::Named(choice)) => match Choices::new(offer).find(&choice) {
            Some(name) => Ok(ToolChoice::Named(name.to_owned())),
            None => Err(not_offered(choice)),
        },
        Some(wire::ToolChoice::Allowed { mode, tools }) => {
            let mut allowed = HashSet::new();
            let choices = Choices::new(offer);
            for choice in tools {
                match choices.find(&choice) {
                    Some(name) => allowed.insert(name.to_owned()),
                    None => return Err(not_offered(choice)),
                };
            }
            offer.tools.retain(|tool| allowed.contains(&tool.name));
            match mode {
                AllowedMode::Auto => Ok(ToolChoice::Auto),
                AllowedMode::Required => required(offer),
            }
        }
    }
}

fn required(offer: &Offer) -> Result<ToolChoice, TurnError> {
    if offer.tools.is_empty() {
        return Err(invalid::value(
            "tool_choice".to_owned(),
            "a tool call is required, but 'tools' offers none that can be called.",
        ));
    }
    Ok(ToolChoice::Required)
}

fn not_offered(choice: wire::ToolName) -> TurnError {
    invalid::value(choice.param, "no tool of that name is among the 'tools'.")
}

/// The name of a tool that stands in no namespace.
fn plain_name(definition: &ToolDefinition) -> Option<&str> {
    match definition {
        ToolDefinition::Function { name, .. } | ToolDefinition::Custom { name, .. } => Some(name),
        ToolDefinition::Namespace { .. } => None,
    }
}

/// Two descriptions, one after the other.
fn joined(first: Option<String>, second: Option<String>) -> Option<String> {
    match (first.filter(|text| !text.is_empty()), second) {
        (Some(first), Some(second)) if !second.is_empty() => Some(format!("{first}\n\n{second}")),
        (first, second) => first.or(second),
    }
}

/// The schema of a custom tool's arguments, for engines that know functions only.
fn text_schema() -> Value {
    json!({
        "type": "object",
        "properties": { Tool::INPUT: { "type": "string" } },
        "required": [Tool::INPUT],
        "additionalProperties": false,
    })
}

/// Completes the schema of a function's arguments: an object, and one that names its properties,
/// is all that backends take.
fn object_schema(mut schema: Map<String, Value>, param: String) -> Result<Value, TurnError> {
    match schema.get("type") {
        None | Some(Value::Null) => {
            schema.insert("type".to_owned(), "object".into());
        }
        Some(Value::String(kind)) if kind != "object" => {
            return Err(invalid::value(
                param,
                "the schema of a function's parameters must have the type 'object'.",
            ));
        }
        Some(_) => {}
    }
    schema
        .entry("properties")
        .or_insert_with(|| Value::Object(Map::new()));
    Ok(Value::Object(schema))
}
