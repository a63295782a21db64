//! What a response repeats of its request.

use crate::wire::{object::Object, responses::reply::Repeated};
use serde::Serialize;
use serde_json::{
    Map, Value, json,
    value::{RawValue, to_raw_value},
};
use std::borrow::Cow;

/// The type of a choice among some of the tools.
const ALLOWED: &str = "allowed_tools";

/// The members of a response that repeat its request, in OpenAI's words: what the client sent, or
/// the default where it sent nothing.
///
/// A reply tells them three times, and they may be long (instructions, tools): they are put into
/// JSON once.
#[derive(Debug, Clone)]
pub struct Echo {
    members: Repeated,
}

/// A tool, in the flat form of Responses.
#[derive(Serialize)]
#[serde(untagged)]
enum ToolEcho<'a> {
    Function {
        #[serde(rename = "type")]
        kind: &'static str,
        name: &'a Value,
        #[serde(skip_serializing_if = "Option::is_none")]
        description: Option<&'a Value>,
        parameters: Schema<'a>,
        strict: bool,
    },
    Custom {
        #[serde(rename = "type")]
        kind: &'static str,
        #[serde(flatten)]
        definition: &'a Map<String, Value>,
    },
    Namespace {
        #[serde(rename = "type")]
        kind: &'static str,
        name: &'a Value,
        description: &'a str,
        tools: Vec<ToolEcho<'a>>,
    },
    AsSent(&'a Value),
}

#[derive(Serialize)]
#[serde(untagged)]
enum Schema<'a> {
    Sent(&'a Value),
    Any(Value),
}

impl Echo {
    /// The echo of a request body, of either shape, from which nothing has been taken yet. Values
    /// of a wrong type are repeated too: whoever reads the request refuses them.
    #[must_use]
    pub fn of(body: &Object) -> Self {
        let sent = |name| body.get(name);
        let or_null = |name| raw(&sent(name));
        let or = |name, default: Value| sent(name).map_or_else(|| raw(&default), raw);
        let members = vec![
            ("instructions", or_null("instructions")),
            ("max_output_tokens", or_null("max_output_tokens")),
            ("max_tool_calls", or_null("max_tool_calls")),
            ("metadata", raw(&metadata(sent("metadata")))),
            (
                "parallel_tool_calls",
                or("parallel_tool_calls", json!(true)),
            ),
            ("previous_response_id", or_null("previous_response_id")),
            ("prompt_cache_key", or_null("prompt_cache_key")),
            ("reasoning", reasoning(body)),
            ("safety_identifier", or_null("safety_identifier")),
            ("service_tier", or("service_tier", json!("auto"))),
            ("temperature", or("temperature", json!(1.0))),
            ("text", text(sent("text"))),
            ("tool_choice", tool_choice(sent("tool_choice"))),
            ("tools", tools(sent("tools"))),
            ("top_logprobs", or("top_logprobs", json!(0))),
            ("top_p", or("top_p", json!(1.0))),
            ("truncation", or("truncation", json!("disabled"))),
            ("user", or_null("user")),
        ];
        Self { members }
    }

    /// The members.
    pub(super) fn members(&self) -> &Repeated {
        &self.members
    }
}

/// What stands in the body is JSON, and so is what is made of it here: that never fails.
fn raw<T: Serialize + ?Sized>(value: &T) -> Box<RawValue> {
    let json = to_raw_value(value);
    debug_assert!(json.is_ok(), "a member that is not JSON: {json:?}");
    json.unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// The two settings that mean something here, whichever API's fields they were sent in.
fn reasoning(body: &Object) -> Box<RawValue> {
    let nested = |name| body.get("reasoning").and_then(|sent| member(sent, name));
    let effort = body.get("reasoning_effort").or_else(|| nested("effort"));
    // Our own word for the absence of a summary, which the API has no word for.
    let summary = nested("summary").filter(|summary| *summary != "none");
    raw(&json!({"effort": effort, "summary": summary}))
}

fn text(sent: Option<&Value>) -> Box<RawValue> {
    #[derive(Serialize)]
    struct Text<'a> {
        format: &'a Value,
        #[serde(skip_serializing_if = "Option::is_none")]
        verbosity: Option<&'a Value>,
    }

    let member = |name| sent.and_then(|sent| member(sent, name));
    raw(&Text {
        format: member("format").unwrap_or(&json!({"type": "text"})),
        verbosity: member("verbosity"),
    })
}

fn tool_choice(sent: Option<&Value>) -> Box<RawValue> {
    let Some(sent) = sent else {
        return raw("auto");
    };
    if let Some(allowed) = member(sent, ALLOWED) {
        let mode = member(allowed, "mode");
        let tools = member(allowed, "tools").and_then(Value::as_array);
        let tools: Vec<_> = tools.into_iter().flatten().map(tool_name).collect();
        return raw(&json!({"type": ALLOWED, "mode": mode, "tools": tools}));
    }
    raw(&tool_name(sent))
}

/// A tool that a choice names, in the flat form.
fn tool_name(sent: &Value) -> Cow<'_, Value> {
    let named = ["function", "custom"].into_iter().find_map(|kind| {
        let name = member(member(sent, kind)?, "name")?;
        Some(json!({"type": kind, "name": name}))
    });
    named.map_or(Cow::Borrowed(sent), Cow::Owned)
}

fn tools(sent: Option<&Value>) -> Box<RawValue> {
    match sent {
        None => raw(&[(); 0]),
        Some(Value::Array(tools)) => raw(&tools.iter().map(tool).collect::<Vec<_>>()),
        Some(other) => raw(other),
    }
}

/// A tool as OpenAI repeats it: flat, and complete.
fn tool(sent: &Value) -> ToolEcho<'_> {
    match (member(sent, "type").and_then(Value::as_str), sent) {
        (Some("function") | None, Value::Object(_)) => {
            let definition = member(sent, "function").unwrap_or(sent);
            let schema = member(definition, "parameters").or_else(|| {
                // The name that other APIs have for it; the request reader takes it too.
                member(definition, "input_schema")
            });
            let Some(name) = member(definition, "name") else {
                return ToolEcho::AsSent(sent);
            };
            ToolEcho::Function {
                kind: "function",
                name,
                description: member(definition, "description"),
                parameters: schema.map_or_else(
                    || Schema::Any(json!({"type": "object", "properties": {}})),
                    Schema::Sent,
                ),
                strict: member(definition, "strict") == Some(&Value::Bool(true)),
            }
        }
        (Some("custom"), _) => match member(sent, "custom") {
            Some(Value::Object(definition)) => ToolEcho::Custom {
                kind: "custom",
                definition,
            },
            _ => ToolEcho::AsSent(sent),
        },
        (Some("namespace"), _) => match (member(sent, "name"), member(sent, "tools")) {
            (Some(name), Some(Value::Array(tools))) => ToolEcho::Namespace {
                kind: "namespace",
                name,
                // Some clients leave it out, which the API does not.
                description: member(sent, "description")
                    .and_then(Value::as_str)
                    .unwrap_or_default(),
                tools: tools.iter().map(tool).collect(),
            },
            _ => ToolEcho::AsSent(sent),
        },
        _ => ToolEcho::AsSent(sent),
    }
}

/// A member of an object; `null` counts as absent.
fn member<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    object.get(name).filter(|value| !value.is_null())
}

/// The client's own texts.
fn metadata(said: Option<&Value>) -> Value {
    let texts = said.and_then(Value::as_object).into_iter().flatten();
    let texts = texts.filter(|(_, value)| value.is_string());
    Value::Object(
        texts
            .map(|(name, text)| (name.clone(), text.clone()))
            .collect(),
    )
}

#[cfg(test)]
mod tests;
