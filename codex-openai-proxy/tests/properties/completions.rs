//! Properties of what is sent to providers that speak Chat Completions, and read from them.

use codex_openai_proxy::{
    translate::chat::{CompletionReader, Dialect, to_upstream},
    turn::{
        FinishReason, Item, OutputFormat, Part, Reasoning, Role, Sampling, Tool, ToolCall,
        ToolChoice, ToolKind, TurnEvent, TurnRequest,
    },
};
use proptest::{collection::vec, prelude::*, sample::Index};
use serde_json::{Value, json};

/// The names of the offered tools, some of which begin with others.
const NAMES: [&str; 4] = ["read", "read_all", "patch", "weather"];

/// A call, and the places at which a provider cuts its arguments.
#[derive(Debug, Clone)]
struct Planned {
    name: &'static str,
    arguments: String,
    cuts: Vec<Index>,
    repeats_name: bool,
}

fn planned() -> impl Strategy<Value = Planned> {
    let arguments = ("[a-z]{1,3}", "[a-zé\"\\\\\n字🎉]{0,12}")
        .prop_map(|(key, value)| json!({ key: value, "n": [1, {}] }).to_string());
    (
        0..NAMES.len(),
        arguments,
        vec(any::<Index>(), 0..5),
        any::<bool>(),
    )
        .prop_map(|(name, arguments, cuts, repeats_name)| Planned {
            name: NAMES[name],
            arguments,
            cuts,
            repeats_name,
        })
}

impl Planned {
    /// Its fragments, as the call at `index`.
    fn fragments(&self, index: usize) -> Vec<Value> {
        let boundaries: Vec<usize> = (0..=self.arguments.len())
            .filter(|at| self.arguments.is_char_boundary(*at))
            .collect();
        let mut cuts: Vec<usize> = self.cuts.iter().map(|cut| *cut.get(&boundaries)).collect();
        cuts.push(self.arguments.len());
        cuts.sort_unstable();
        let head = json!({
            "index": index, "id": format!("call_{index}"), "type": "function",
            "function": {"name": self.name, "arguments": ""}
        });
        let mut fragments = vec![head];
        let mut from = 0;
        for to in cuts {
            let mut function = json!({"arguments": self.arguments[from..to]});
            if self.repeats_name {
                function["name"] = self.name.into();
            }
            fragments.push(json!({"index": index, "function": function}));
            from = to;
        }
        fragments
    }
}

/// Everybody's fragments in one order, which keeps that of each.
fn interleaved(calls: &[Planned], order: &[Index]) -> Vec<Value> {
    let mut queues: Vec<Vec<Value>> = calls
        .iter()
        .enumerate()
        .map(|(index, call)| call.fragments(index))
        .collect();
    let mut order = order.iter().cycle();
    let mut fragments = Vec::new();
    while queues.iter().any(|queue| !queue.is_empty()) {
        let open: Vec<usize> = (0..queues.len())
            .filter(|at| !queues[*at].is_empty())
            .collect();
        let next = *order.next().unwrap().get(&open);
        fragments.push(queues[next].remove(0));
    }
    fragments
}

fn tools() -> Vec<Tool> {
    let tool = |name: &str| Tool {
        name: name.to_owned(),
        description: None,
        grammar: None,
        parameters: json!({"type": "object", "properties": {}}),
        strict: false,
        kind: ToolKind::Function,
    };
    NAMES.map(tool).into()
}

fn read(payloads: &[Value]) -> Vec<TurnEvent> {
    let mut reader = CompletionReader::new(&tools(), "seed");
    let mut events = Vec::new();
    for payload in payloads {
        reader.on_data(&payload.to_string(), &mut events).unwrap();
    }
    reader.on_data("[DONE]", &mut events).unwrap();
    reader.finish(&mut events).unwrap();
    events
}

fn chunk(delta: &Value) -> Value {
    json!({"choices": [{"index": 0, "delta": delta, "finish_reason": null}]})
}

/// Steps of a conversation: 0 calls, 1 answers one of the open calls, others say something.
fn items(steps: &[(usize, Index)]) -> Vec<Item> {
    let text = |text: String| vec![Part::Text(text)];
    let (mut items, mut open) = (Vec::new(), Vec::new());
    for (at, (step, which)) in steps.iter().enumerate() {
        let role = [Role::User, Role::Assistant, Role::Developer];
        items.push(match step {
            0 => {
                open.push(format!("call_{at}"));
                Item::ToolCall(ToolCall {
                    id: format!("call_{at}"),
                    name: "read".to_owned(),
                    kind: ToolKind::Function,
                    arguments: ["{}", "", "{\"cut", "[]"][at % 4].to_owned(),
                })
            }
            1 if !open.is_empty() => Item::ToolResult {
                call_id: open.remove(which.index(open.len())),
                output: text(format!("<{at}>")),
                param: String::new(),
            },
            5 => Item::Reasoning(format!("<{at}>")),
            step => Item::Message {
                role: role[step % 3],
                content: text(format!("<{at}>")),
            },
        });
    }
    items.extend(open.into_iter().map(|call_id| Item::ToolResult {
        call_id,
        output: text("<late>".to_owned()),
        param: String::new(),
    }));
    items
}

fn messages(items: Vec<Item>, reasoning_history: bool) -> Vec<Value> {
    let turn = TurnRequest {
        conversation: None,
        model: "m".to_owned(),
        instructions: None,
        items,
        tools: Vec::new(),
        tool_choice: ToolChoice::Auto,
        parallel_tool_calls: true,
        reasoning: Reasoning::default(),
        verbosity: None,
        output: OutputFormat::Text,
        service_tier: None,
        sampling: Sampling::default(),
        lasting: false,
        cache_key: None,
        trace: None,
    };
    let dialect = Dialect {
        reasoning_history,
        ..Dialect::default()
    };
    let written = to_upstream(&turn, "m", &dialect).unwrap();
    let mut body: Value = serde_json::from_slice(&written.body).unwrap();
    serde_json::from_value(body["messages"].take()).unwrap()
}

proptest! {
    /// However calls, results and talk are mixed, the messages are in the order that servers demand,
    /// and nothing is lost.
    #[test]
    fn messages_are_in_the_order_that_servers_demand(
        steps in vec((0..6_usize, any::<Index>()), 1..24),
        reasoning in any::<bool>(),
    ) {
        let items = items(&steps);
        let messages = messages(items.clone(), reasoning);
        let mut expected: Vec<&str> = Vec::new();
        for (at, message) in messages.iter().enumerate() {
            let role = message["role"].as_str().unwrap();
            if role == "tool" {
                let id = message["tool_call_id"].as_str().unwrap();
                let found = expected.iter().position(|call| *call == id);
                prop_assert!(found.is_some(), "{messages:#?}");
                expected.remove(found.unwrap());
                continue;
            }
            prop_assert!(expected.is_empty(), "{messages:#?}");
            prop_assert!(role != "system" || at == 0, "{messages:#?}");
            let is_repeated = at > 0 && messages[at - 1]["role"] == role;
            prop_assert!(!is_repeated, "{messages:#?}");
            for call in message["tool_calls"].as_array().into_iter().flatten() {
                expected.push(call["id"].as_str().unwrap());
                let arguments = call["function"]["arguments"].as_str().unwrap();
                let arguments: Value = serde_json::from_str(arguments).unwrap();
                prop_assert!(arguments.is_object());
                prop_assert_eq!(message.get("reasoning_content").is_some(), reasoning);
            }
        }
        prop_assert!(expected.is_empty(), "{messages:#?}");
        let sent = Value::from(messages).to_string();
        for (at, item) in items.iter().enumerate() {
            let said = match item {
                Item::Message { .. } => format!("<{at}>"),
                Item::ToolCall(call) => format!("\"{}\"", call.id),
                Item::ToolResult { call_id, .. } => format!("\"{call_id}\""),
                Item::Reasoning(_) => continue,
            };
            prop_assert!(sent.contains(&said), "{said} in {sent}");
        }
    }

    /// However fragments are cut, mixed and packed, the calls are the same, fragment by fragment and
    /// as a whole.
    #[test]
    fn calls_are_the_same_however_their_fragments_come(
        calls in vec(planned(), 1..6),
        order in vec(any::<Index>(), 1..40),
        packed in 1..4_usize,
    ) {
        let fragments = interleaved(&calls, &order);
        let mut payloads: Vec<Value> = fragments
            .chunks(packed)
            .map(|fragments| chunk(&json!({ "tool_calls": fragments })))
            .collect();
        payloads.push(json!({"choices": [{"delta": {}, "finish_reason": "tool_calls"}]}));
        let events = read(&payloads);

        let mut begun: Vec<(String, String, String)> = Vec::new();
        let mut whole: Vec<ToolCall> = Vec::new();
        for event in &events {
            match event {
                TurnEvent::ToolCallBegun { index, id, name, .. } => {
                    prop_assert_eq!(*index, begun.len());
                    begun.push((id.clone(), name.clone(), String::new()));
                }
                TurnEvent::ToolCallDelta { index, arguments } => {
                    begun[*index].2.push_str(arguments);
                }
                TurnEvent::ToolCall(call) => whole.push(call.clone()),
                TurnEvent::Finished { reason, .. } => {
                    prop_assert_eq!(*reason, FinishReason::ToolCalls);
                }
                other => prop_assert!(false, "{other:?}"),
            }
        }
        prop_assert_eq!(whole.len(), calls.len());
        prop_assert_eq!(begun.len(), calls.len());
        for (index, planned) in calls.iter().enumerate() {
            let id = format!("call_{index}");
            let call = whole.iter().find(|call| call.id == id).unwrap();
            prop_assert_eq!(&call.name, planned.name);
            prop_assert_eq!(&call.arguments, &planned.arguments);
            let expected = (id, planned.name.to_owned(), planned.arguments.clone());
            prop_assert!(begun.contains(&expected));
        }
    }

    /// Text and reasoning add up to what was sent, wherever it was cut, and all ends once.
    #[test]
    fn text_and_reasoning_add_up(
        thought in option_of("[a-z<>/字\n]{0,20}"),
        answer in "[a-z<>/é ]{0,20}",
        cuts in vec(any::<Index>(), 0..8),
    ) {
        prop_assume!(thought.as_ref().is_none_or(|thought| !thought.contains("</think>")));
        prop_assume!(!answer.trim_start().starts_with("<think>"));
        prop_assume!(!answer.trim_start().starts_with("</think>"));
        let whole = match &thought {
            Some(thought) => format!("<think>{thought}</think>\n\n{answer}"),
            None => answer.clone(),
        };
        let boundaries: Vec<usize> = (0..=whole.len())
            .filter(|at| whole.is_char_boundary(*at))
            .collect();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| *cut.get(&boundaries)).collect();
        cuts.push(whole.len());
        cuts.sort_unstable();
        let mut payloads = Vec::new();
        let mut from = 0;
        for to in cuts {
            payloads.push(chunk(&json!({ "content": whole[from..to] })));
            from = to;
        }
        let events = read(&payloads);

        let (mut text, mut reasoning) = (String::new(), String::new());
        for event in &events[..events.len() - 1] {
            match event {
                TurnEvent::Text(more) => text.push_str(more),
                TurnEvent::Reasoning(more) => {
                    prop_assert!(text.is_empty(), "reasoning after the answer");
                    reasoning.push_str(more);
                }
                TurnEvent::ReasoningEnd { sealed: None } => {}
                other => prop_assert!(false, "{other:?}"),
            }
        }
        prop_assert_eq!(reasoning, thought.clone().unwrap_or_default());
        // White space after reasoning belongs to neither, and alone it is no answer.
        let expected = match answer.trim_start() {
            "" => "",
            answer if thought.is_some() => answer,
            _ => &*answer,
        };
        prop_assert_eq!(text, expected);
        let is_end = matches!(events.last(), Some(TurnEvent::Finished { .. }));
        prop_assert!(is_end);
    }

    /// No payload brings the reader down, and whatever comes, nothing follows an end.
    #[test]
    fn any_json_is_read_without_a_panic(payloads in vec(payload(), 0..12)) {
        let mut reader = CompletionReader::new(&tools(), "seed");
        let (mut events, mut failed) = (Vec::new(), false);
        for payload in payloads {
            let before = events.len();
            let ended = failed || matches!(events.last(), Some(TurnEvent::Finished { .. }));
            failed |= reader.on_data(&payload.to_string(), &mut events).is_err();
            prop_assert!(!ended || events.len() == before);
        }
        failed |= reader.finish(&mut events).is_err();
        let ends = events.iter().filter(|event| matches!(event, TurnEvent::Finished { .. }));
        prop_assert_eq!(ends.count(), usize::from(!failed));
    }
}

fn option_of(pattern: &'static str) -> impl Strategy<Value = Option<String>> {
    proptest::option::of(pattern)
}

/// Payloads that look like chunks, with members of any type in them.
fn payload() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "(stop|length|<think>|</think>|read|\\{\\}|a)".prop_map(Value::from),
    ];
    let member = "(choices|delta|message|content|tool_calls|function|name|arguments|index|id|\
                  finish_reason|usage|error|reasoning|custom|input|function_call|prompt_tokens)";
    let any_json = leaf.prop_recursive(6, 48, 6, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(member, inner, 0..6)
                .prop_map(|members| members.into_iter().collect::<Value>()),
        ]
    });
    (any_json.clone(), any_json, any::<bool>()).prop_map(|(delta, end, wrap)| {
        if wrap {
            json!({"choices": [{"delta": delta, "finish_reason": end}]})
        } else {
            delta
        }
    })
}
