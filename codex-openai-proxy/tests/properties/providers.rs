//! Properties of what is read from providers that speak Responses.

use codex_openai_proxy::{
    translate::responses::ResponseReader,
    turn::{FinishReason, ToolCall, ToolKind, TurnEvent},
};
use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::{Value, json};

/// Something that the model says, and how much of it the provider tells before the last event.
#[derive(Debug, Clone)]
struct Planned {
    said: Said,
    telling: Telling,
}

/// Texts and arguments are in the pieces in which they are streamed.
#[derive(Debug, Clone)]
enum Said {
    Message(Vec<Vec<String>>),
    Thought(Vec<Vec<String>>, Option<String>),
    Call(ToolKind, Vec<String>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Telling {
    /// All of the events.
    Everything,
    /// The pieces, and no event that repeats them.
    Pieces,
    /// No pieces, but each text when it ends.
    Texts,
    /// The item when it ends.
    Items,
}

fn said() -> impl Strategy<Value = Said> {
    let pieces = || vec("[a-z\"\\\\é\n字]{1,5}", 1..4);
    prop_oneof![
        vec(pieces(), 1..3).prop_map(Said::Message),
        (vec(pieces(), 0..3), option::of("[a-z]{3}"))
            .prop_map(|(parts, sealed)| Said::Thought(parts, sealed)),
        pieces().prop_map(|pieces| Said::Call(ToolKind::Custom, pieces)),
        pieces().prop_map(|pieces| {
            let arguments = json!({"a": pieces.concat()}).to_string();
            let (start, end) = arguments.split_at(4);
            Said::Call(ToolKind::Function, vec![start.to_owned(), end.to_owned()])
        }),
    ]
}

fn reply() -> impl Strategy<Value = Vec<Planned>> {
    let telling = select(vec![
        Telling::Everything,
        Telling::Pieces,
        Telling::Texts,
        Telling::Items,
    ]);
    let planned = (said(), telling).prop_map(|(said, telling)| Planned { said, telling });
    vec(planned, 0..6)
}

impl Planned {
    /// The item when it has ended, the `at`th of the output.
    fn item(&self, at: usize) -> Value {
        let parts = |kind: &str, parts: &[Vec<String>]| -> Value {
            parts
                .iter()
                .map(|pieces| json!({"type": kind, "text": pieces.concat()}))
                .collect()
        };
        match &self.said {
            Said::Message(texts) => json!({
                "type": "message", "id": format!("msg_{at}"), "content": parts("output_text", texts),
            }),
            Said::Thought(texts, sealed) => json!({
                "type": "reasoning", "id": format!("rs_{at}"),
                "summary": parts("summary_text", texts), "encrypted_content": sealed,
            }),
            Said::Call(ToolKind::Function, pieces) => json!({
                "type": "function_call", "call_id": format!("call_{at}"), "name": "f",
                "arguments": pieces.concat(),
            }),
            Said::Call(ToolKind::Custom, pieces) => json!({
                "type": "custom_tool_call", "call_id": format!("call_{at}"), "name": "c",
                "input": pieces.concat(),
            }),
        }
    }

    /// The item when it begins.
    fn beginning(&self, at: usize) -> Value {
        let mut item = self.item(at);
        let fields = item.as_object_mut().unwrap();
        fields.retain(|name, _| ["type", "id", "call_id", "name"].contains(&name.as_str()));
        item
    }

    /// The events of the item but for its beginning.
    fn events(&self, at: usize) -> Vec<Value> {
        // The types of its pieces, its parts, what counts them and what repeats them.
        let (kind, parts, counter, whole): (_, &[_], _, _) = match &self.said {
            Said::Message(texts) => ("output_text", texts, "content_index", "text"),
            Said::Thought(texts, _) => ("reasoning_summary_text", texts, "summary_index", "text"),
            Said::Call(ToolKind::Function, pieces) => {
                let parts = std::slice::from_ref(pieces);
                ("function_call_arguments", parts, "none", "arguments")
            }
            Said::Call(ToolKind::Custom, pieces) => {
                let parts = std::slice::from_ref(pieces);
                ("custom_tool_call_input", parts, "none", "input")
            }
        };
        let mut events = Vec::new();
        for (part, pieces) in parts.iter().enumerate() {
            let mut event = |end: &str, member: &str, text: &str| {
                let kind = format!("response.{kind}.{end}");
                let event = json!({"type": kind, "output_index": at, counter: part, member: text});
                events.push(event);
            };
            if matches!(self.telling, Telling::Everything | Telling::Pieces) {
                for piece in pieces {
                    event("delta", "delta", piece);
                }
            }
            if matches!(self.telling, Telling::Everything | Telling::Texts) {
                event("done", whole, &pieces.concat());
            }
        }
        if self.telling != Telling::Pieces {
            let item = self.item(at);
            let kind = "response.output_item.done";
            events.push(json!({"type": kind, "output_index": at, "item": item}));
        }
        events
    }

    fn is_call(&self) -> bool {
        matches!(self.said, Said::Call(..))
    }
}

/// The events of a reply. Those of neighbouring calls alternate.
fn stream(reply: &[Planned]) -> Vec<Value> {
    let mut events = Vec::new();
    let mut at = 0;
    for run in reply.chunk_by(|one, next| one.is_call() && next.is_call()) {
        let mut waiting = Vec::new();
        for planned in run {
            let item = planned.beginning(at);
            let kind = "response.output_item.added";
            events.push(json!({"type": kind, "output_index": at, "item": item}));
            waiting.push(planned.events(at).into_iter());
            at += 1;
        }
        loop {
            let turn: Vec<Value> = waiting.iter_mut().filter_map(Iterator::next).collect();
            if turn.is_empty() {
                break;
            }
            events.extend(turn);
        }
    }
    let items = reply.iter().enumerate();
    let output: Value = items.map(|(at, planned)| planned.item(at)).collect();
    let response = json!({"status": "completed", "output": output});
    events.push(json!({"type": "response.completed", "response": response}));
    events
}

/// What was told, put together again.
#[derive(Debug, Default, PartialEq, Eq)]
struct Heard {
    text: String,
    /// The parts of each item of reasoning that said something.
    thoughts: Vec<Vec<String>>,
    sealed: Vec<String>,
    calls: Vec<ToolCall>,
    ends: Vec<FinishReason>,
}

impl Heard {
    fn of(events: Vec<TurnEvent>) -> Self {
        let mut heard = Self::default();
        let mut parts = vec![String::new()];
        let mut pieces: Vec<(String, String)> = Vec::new();
        for event in events {
            match event {
                TurnEvent::Text(text) => heard.text.push_str(&text),
                TurnEvent::MessageEnd => {}
                TurnEvent::Reasoning(text) => parts.last_mut().unwrap().push_str(&text),
                TurnEvent::ReasoningBreak => parts.push(String::new()),
                TurnEvent::ReasoningEnd { sealed } => {
                    heard.sealed.extend(sealed);
                    let parts = std::mem::replace(&mut parts, vec![String::new()]);
                    if parts != [""] {
                        heard.thoughts.push(parts);
                    }
                }
                TurnEvent::ToolCallBegun { index, id, .. } => {
                    assert_eq!(index, pieces.len());
                    pieces.push((id, String::new()));
                }
                TurnEvent::ToolCallDelta { index, arguments } => {
                    pieces[index].1.push_str(&arguments);
                }
                TurnEvent::ToolCall(call) => heard.calls.push(call),
                TurnEvent::Finished { reason, .. } => heard.ends.push(reason),
            }
        }
        for (id, arguments) in pieces {
            match heard.calls.iter().find(|call| call.id == id) {
                Some(whole) => {
                    assert_eq!(whole.arguments, arguments, "what was told of {id} before");
                }
                None => assert_eq!(heard.ends, [FinishReason::Length], "{id} was begun"),
            }
        }
        heard.calls.sort_by(|one, other| one.id.cmp(&other.id));
        heard
    }

    /// What there is to hear.
    fn plan(reply: &[Planned]) -> Self {
        let mut heard = Self::default();
        for (at, planned) in reply.iter().enumerate() {
            match &planned.said {
                Said::Message(parts) => heard.text.push_str(&parts.concat().concat()),
                Said::Thought(parts, sealed) => {
                    if !parts.is_empty() {
                        let parts = parts.iter().map(|pieces| pieces.concat());
                        heard.thoughts.push(parts.collect());
                    }
                    heard.sealed.extend(sealed.clone());
                }
                Said::Call(kind, pieces) => heard.calls.push(ToolCall {
                    id: format!("call_{at}"),
                    name: if *kind == ToolKind::Custom { "c" } else { "f" }.to_owned(),
                    kind: *kind,
                    arguments: pieces.concat(),
                }),
            }
        }
        heard.ends.push(if heard.calls.is_empty() {
            FinishReason::Stop
        } else {
            FinishReason::ToolCalls
        });
        heard
    }
}

/// Types of events, most of which have a meaning.
const TYPES: [&str; 13] = [
    "response.created",
    "response.output_item.added",
    "response.output_item.done",
    "response.output_text.delta",
    "response.output_text.done",
    "response.reasoning_summary_text.delta",
    "response.reasoning_text.done",
    "response.function_call_arguments.delta",
    "response.custom_tool_call_input.delta",
    "response.completed",
    "response.incomplete",
    "response.failed",
    "error",
];

/// Some item, which says `text`.
fn some_item(at: u64, text: &str) -> Value {
    let call_id = at.to_string();
    match text.len() {
        0 => json!({"type": "message", "content": text}),
        1 => json!({"type": "reasoning", "summary": [{"text": text}]}),
        2 => json!({"type": "function_call", "call_id": call_id, "name": "f", "arguments": text}),
        _ => json!({"type": "custom_tool_call", "call_id": call_id, "name": "c", "input": text}),
    }
}

proptest! {
    #[test]
    fn however_much_a_provider_repeats_all_of_it_is_told_once(reply in reply()) {
        let mut reader = ResponseReader::new(&[], "seed");
        let mut told = Vec::new();
        for event in stream(&reply) {
            prop_assert_eq!(reader.on_data(&event.to_string(), &mut told), Ok(()));
        }
        prop_assert_eq!(reader.finish(&mut told), Ok(()));
        prop_assert_eq!(reader.notes(), vec![]);
        let mut plan = Heard::plan(&reply);
        let mut heard = Heard::of(told);
        // Where reasoning has no event for its end, the next item ends it, and what is sealed in it
        // comes later.
        plan.sealed.sort();
        heard.sealed.sort();
        prop_assert_eq!(heard, plan);
    }

    #[test]
    fn a_reply_in_one_piece_says_what_its_stream_says(reply in reply()) {
        let last = stream(&reply).pop().unwrap();
        let mut reader = ResponseReader::new(&[], "seed");
        let mut told = Vec::new();
        let body = last["response"].to_string();
        prop_assert_eq!(reader.on_whole(body.as_bytes(), &mut told), Ok(()));
        prop_assert_eq!(Heard::of(told), Heard::plan(&reply));
    }

    #[test]
    fn whatever_comes_a_reply_ends_once(
        events in vec((select(TYPES.to_vec()), 0..3_u64, "[a-z{}]{0,3}"), 0..24)
    ) {
        let mut reader = ResponseReader::new(&[], "seed");
        let mut told = Vec::new();
        let mut errors = 0;
        for (kind, at, text) in events {
            let item = some_item(at, &text);
            let event = json!({
                "type": kind, "output_index": at, "delta": text, "text": text, "item": item,
                "response": {"output": [item]}, "message": text,
            });
            errors += usize::from(reader.on_data(&event.to_string(), &mut told).is_err());
        }
        errors += usize::from(reader.finish(&mut told).is_err());
        let is_end = |event: &&TurnEvent| matches!(event, TurnEvent::Finished { .. });
        let ends = told.iter().filter(is_end).count();
        prop_assert_eq!(ends + errors, 1, "{:?}", told);
        if ends == 1 {
            prop_assert!(told.last().as_ref().is_some_and(is_end), "{:?}", told);
            // Panics where a call is not what was told of it before.
            Heard::of(told);
        }
    }
}
