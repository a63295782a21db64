//! Tests of the translation of tools.

use super::{ClientTools, names::LONGEST_NAME};
use crate::turn::{Tool, ToolCall, ToolChoice, ToolKind};
use serde_json::json;

fn tool(name: &str) -> Tool {
    Tool {
        name: name.into(),
        description: None,
        parameters: json!({"type": "object", "properties": {}}),
        strict: false,
        grammar: None,
        kind: ToolKind::Function,
    }
}

fn wire_names(names: &[&str], choice: &ToolChoice) -> (ClientTools, Vec<String>) {
    let tools = names.iter().map(|name| tool(name)).collect();
    let tools = ClientTools::new(tools, choice).unwrap();
    let names = tools.offered.iter().map(|tool| tool.name.clone()).collect();
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
        let call = tools.client_call("1".into(), name.clone(), "{}".into());
        assert_eq!(call.name, client_name);
        assert_eq!(tools.wire_call(call), (name, "{}".to_owned()));
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

#[test]
fn a_custom_tool_takes_free_text_in_a_function_of_one_string() {
    let mut patch = tool("ApplyPatch");
    patch.kind = ToolKind::Custom;
    let tools = ClientTools::new(vec![patch], &ToolChoice::Auto).unwrap();
    let wire = r#"{"input":"*** Begin\n\"x\""}"#;
    let call = tools.client_call("1".into(), "ApplyPatch".into(), wire.into());
    assert_eq!(call.arguments, "*** Begin\n\"x\"");
    assert_eq!(tools.wire_call(call).1, wire);
    // A model that keeps to no form is passed on as it is.
    for other in ["free", "[1]", r#"{"input":1}"#, r#"{"text":"x"}"#] {
        let call = tools.client_call("1".into(), "ApplyPatch".into(), other.into());
        assert_eq!(call.arguments, other);
    }
}

#[test]
fn a_tool_that_is_not_offered_is_still_known_by_its_name() {
    let tools = ClientTools::new(vec![tool("wait")], &ToolChoice::None).unwrap();
    assert!(!tools.offers("client_wait"));
    let call = ToolCall {
        id: "1".into(),
        name: "wait".into(),
        kind: ToolKind::Function,
        arguments: "{}".into(),
    };
    assert_eq!(tools.wire_call(call).0, "client_wait");
}
