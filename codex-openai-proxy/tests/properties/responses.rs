//! Properties of replies of Responses, over turns that no engine should come up with.

use super::{response_client::Client, style, usage};
use codex_openai_proxy::{
    translate::{
        ToolNames,
        chat::ReasoningStyle,
        responses::{Echo, ResponseHead, ResponseWriter, WriterOptions},
    },
    turn::{FinishReason, ToolCall, ToolKind, TurnEvent, Usage},
    wire::{error::ErrorBody, object::Object},
};
use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::json;
use std::collections::HashSet;

/// How a turn ends.
#[derive(Debug, Clone)]
enum End {
    Finished(FinishReason, Option<Usage>),
    Failed,
    Cancelled,
}

fn kind() -> impl Strategy<Value = ToolKind> {
    select(vec![ToolKind::Function, ToolKind::Custom])
}

/// Few enough that they meet.
fn call_id() -> impl Strategy<Value = String> {
    select(vec!["a", "b", "c"]).prop_map(str::to_owned)
}

/// Anything, in any order: fragments of calls that never began, ends of what is not open.
fn any_event() -> impl Strategy<Value = TurnEvent> {
    let text = || "[a-z\"\\\\é\n]{0,6}";
    prop_oneof![
        4 => text().prop_map(TurnEvent::Text),
        1 => Just(TurnEvent::MessageEnd),
        4 => text().prop_map(TurnEvent::Reasoning),
        1 => Just(TurnEvent::ReasoningBreak),
        2 => option::of(text().prop_map(String::from))
            .prop_map(|sealed| TurnEvent::ReasoningEnd { sealed }),
        2 => (0..3_usize, call_id(), kind()).prop_map(|(index, id, kind)| {
            TurnEvent::ToolCallBegun { index, id, name: "f".to_owned(), kind }
        }),
        3 => (0..3_usize, text()).prop_map(|(index, arguments)| {
            TurnEvent::ToolCallDelta { index, arguments }
        }),
        2 => (call_id(), kind(), text()).prop_map(|(id, kind, arguments)| {
            TurnEvent::ToolCall(ToolCall { id, name: "f".to_owned(), kind, arguments })
        }),
    ]
}

fn end() -> impl Strategy<Value = End> {
    let reason = select(vec![
        FinishReason::Stop,
        FinishReason::ToolCalls,
        FinishReason::Length,
        FinishReason::ContentFilter,
    ]);
    prop_oneof![
        4 => (reason, usage()).prop_map(|(reason, usage)| End::Finished(reason, usage)),
        1 => Just(End::Failed),
        1 => Just(End::Cancelled),
    ]
}

/// Calls whose fragments alternate, and what each is as a whole.
fn alternating_calls() -> impl Strategy<Value = (Vec<TurnEvent>, Vec<ToolCall>)> {
    let call = (kind(), vec("[a-z{}\"é]{1,4}", 1..6));
    vec(call, 1..6)
        .prop_flat_map(|calls| {
            let turns: Vec<usize> = calls
                .iter()
                .enumerate()
                .flat_map(|(at, (_, fragments))| vec![at; fragments.len()])
                .collect();
            (Just(calls), Just(turns).prop_shuffle())
        })
        .prop_map(|(calls, turns)| {
            let wholes: Vec<ToolCall> = calls
                .iter()
                .enumerate()
                .map(|(at, (kind, fragments))| ToolCall {
                    id: format!("call_{at}"),
                    name: format!("tool_{at}"),
                    kind: *kind,
                    arguments: fragments.concat(),
                })
                .collect();
            let begun = wholes.iter().enumerate().map(|(index, call)| {
                let ToolCall { id, name, kind, .. } = call.clone();
                TurnEvent::ToolCallBegun {
                    index,
                    id,
                    name,
                    kind,
                }
            });
            let mut fragments: Vec<_> = calls.into_iter().map(|(_, all)| all.into_iter()).collect();
            let deltas = turns.into_iter().map(|index| TurnEvent::ToolCallDelta {
                index,
                arguments: fragments[index].next().unwrap(),
            });
            let ends = wholes.iter().cloned().map(TurnEvent::ToolCall);
            (begun.chain(deltas).chain(ends).collect(), wholes)
        })
}

fn writer(reasoning: ReasoningStyle, include_encrypted: bool) -> ResponseWriter {
    let body = Object::parse(br#"{"model":"m","input":"x"}"#).unwrap();
    let head = ResponseHead {
        id: "resp_0af".to_owned(),
        created_at: 1,
        model: "m".to_owned(),
        conversation: None,
        store: false,
        echo: Echo::of(&body),
    };
    let options = WriterOptions {
        reasoning,
        include_encrypted,
        tool_names: ToolNames::default(),
    };
    ResponseWriter::new(head, options)
}

/// The texts that `pick` takes out of the events.
fn texts(events: &[TurnEvent], pick: fn(&TurnEvent) -> Option<&String>) -> String {
    events.iter().filter_map(pick).cloned().collect()
}

proptest! {
    #[test]
    fn whatever_the_events_the_stream_keeps_to_the_grammar(
        events in vec(any_event(), 0..24),
        end in end(),
        style in style(),
        include_encrypted: bool,
    ) {
        let mut streamed = writer(style, include_encrypted);
        let mut whole = writer(style, include_encrypted);
        let mut stream = Vec::new();
        for event in &events {
            streamed.on_event(event.clone(), &mut stream);
            whole.fold(event.clone());
            prop_assert_eq!(&json!(whole.response()), &json!(streamed.response()));
            prop_assert!(!streamed.has_ended());
        }
        let error = ErrorBody::new("server_error", "boo");
        match end.clone() {
            End::Finished(reason, usage) => {
                streamed.on_event(TurnEvent::Finished { reason, usage }, &mut stream);
                whole.fold(TurnEvent::Finished { reason, usage });
            }
            End::Failed => {
                streamed.on_error(&error, &mut stream);
                whole.fail(&error);
            }
            End::Cancelled => {
                streamed.on_cancelled(&mut stream);
                whole.cancel();
            }
        }
        prop_assert!(streamed.has_ended());
        let length = stream.len();
        streamed.on_event(TurnEvent::Text("late".to_owned()), &mut stream);
        streamed.on_error(&error, &mut stream);
        streamed.on_cancelled(&mut stream);
        prop_assert_eq!(stream.len(), length, "nothing may follow the end");

        let client = Client::read(&stream);
        let (kind, response) = client.end.as_ref().expect("an end");
        prop_assert_eq!(response, &json!(whole.response()));
        let (event, status) = match end {
            End::Finished(FinishReason::Stop | FinishReason::ToolCalls, _) => ("completed", "completed"),
            End::Finished(..) => ("incomplete", "incomplete"),
            End::Failed => ("failed", "failed"),
            End::Cancelled => ("failed", "cancelled"),
        };
        prop_assert_eq!(kind, &format!("response.{event}"));
        prop_assert_eq!(&response["status"], status);

        // The output is the items that the client was told of. Nothing stays open but where the
        // reply broke off.
        let output = response["output"].as_array().unwrap();
        prop_assert_eq!(output.len(), client.items.len());
        for (told, heard) in output.iter().zip(&client.items) {
            if let Some(done) = &heard.done {
                prop_assert_eq!(told, done);
            } else {
                prop_assert_eq!(event, "failed");
                prop_assert_eq!(&told["status"], "incomplete");
            }
            prop_assert_eq!(&told["id"], &heard.item["id"]);
            let shown = heard.item["type"] != "reasoning"
                || !heard.deltas.is_empty()
                || (include_encrypted && told["encrypted_content"].is_string());
            prop_assert!(shown, "reasoning that tells nothing");
            prop_assert!(include_encrypted || told.get("encrypted_content").is_none());
        }
        if status == "completed" {
            prop_assert!(output.iter().any(|item| item["type"] != "reasoning"));
        }
        let ids: HashSet<&str> = output.iter().filter_map(|item| item["id"].as_str()).collect();
        prop_assert_eq!(ids.len(), output.len());

        let text = texts(&events, |event| match event {
            TurnEvent::Text(text) => Some(text),
            _ => None,
        });
        prop_assert_eq!(client.said("message"), text);
        let reasoning = texts(&events, |event| match event {
            TurnEvent::Reasoning(text) => Some(text),
            _ => None,
        });
        let shown = if style == ReasoningStyle::Off { String::new() } else { reasoning };
        prop_assert_eq!(client.said("reasoning"), shown);
    }

    #[test]
    fn calls_whose_fragments_alternate_arrive_whole(
        (events, wholes) in alternating_calls(),
        usage in usage(),
    ) {
        let mut writer = writer(ReasoningStyle::Content, false);
        let mut stream = Vec::new();
        let end = TurnEvent::Finished { reason: FinishReason::ToolCalls, usage };
        for event in events.into_iter().chain([end]) {
            writer.on_event(event, &mut stream);
        }
        let client = Client::read(&stream);
        prop_assert_eq!(client.items.len(), wholes.len());
        for (heard, call) in client.items.iter().zip(wholes) {
            let (kind, member) = match call.kind {
                ToolKind::Function => ("function_call", "arguments"),
                ToolKind::Custom => ("custom_tool_call", "input"),
            };
            let done = heard.done.as_ref().unwrap();
            prop_assert_eq!(&done["type"], kind);
            prop_assert_eq!(&done["call_id"], &call.id);
            prop_assert_eq!(&done["name"], &call.name);
            prop_assert_eq!(&done[member], &call.arguments);
            prop_assert_eq!(&done["status"], "completed");
            prop_assert_eq!(heard.deltas.concat(), call.arguments);
        }
    }

    #[test]
    fn every_request_can_be_repeated(members in super::any_json()) {
        let body = json!({
            "model": "m", "instructions": members, "tools": members, "tool_choice": members,
            "text": members, "reasoning": members, "metadata": members, "user": members,
        });
        let echo = Echo::of(&Object::parse(body.to_string().as_bytes()).unwrap());
        let head = ResponseHead {
            id: "resp_1".to_owned(),
            created_at: 1,
            model: "m".to_owned(),
            conversation: None,
            store: true,
            echo,
        };
        let options = WriterOptions {
            reasoning: ReasoningStyle::Off,
            include_encrypted: false,
            tool_names: ToolNames::default(),
        };
        let mut stream = Vec::new();
        let mut writer = ResponseWriter::new(head, options);
        let end = TurnEvent::Finished { reason: FinishReason::Stop, usage: None };
        writer.on_event(end, &mut stream);
        let (_, response) = Client::read(&stream).end.unwrap();
        for always in [
            "id", "object", "created_at", "error", "incomplete_details", "instructions", "model",
            "tools", "output", "parallel_tool_calls", "metadata", "tool_choice", "temperature",
            "top_p", "store", "background",
        ] {
            prop_assert!(response.get(always).is_some(), "{always} is missing");
        }
    }
}
