//! Streams and whole replies, passing.

use super::*;
use crate::{
    turn::{FinishReason, ToolCall, ToolKind, Usage},
    wire::sse::Decoder,
};
use proptest::{collection::vec, prelude::*, sample::Index};
use serde_json::{Value, json};

mod late;
mod responses;

/// What the client calls its model.
const SENT: &str = "mine/\"best\"";

/// What became of a stream.
#[derive(Debug, Default, PartialEq)]
struct Relayed {
    /// The client's.
    out: String,
    said: Vec<TurnEvent>,
    error: Option<String>,
    /// The response, whole, as the provider ended it.
    object: Option<String>,
}

fn head() -> ReplyHead {
    ReplyHead {
        id: "seed".to_owned(),
        created: 7,
        model: SENT.to_owned(),
        conversation: None,
    }
}

/// Relays a stream that comes in pieces and ends cleanly.
fn relay_pieces<'a>(shape: Shape, pieces: impl IntoIterator<Item = &'a [u8]>) -> Relayed {
    let mut relay = StreamRelay::new(shape, head()).keeping_object();
    let mut decoder = Decoder::new(1 << 20);
    let (mut out, mut said, mut error) = (Vec::new(), Vec::new(), None);
    let mut events = Vec::new();
    for piece in pieces {
        decoder.feed(piece, &mut events).unwrap();
        for event in events.drain(..) {
            let read = relay.on_event(&event, &mut out, &mut said);
            error = error.or(read.err());
        }
    }
    error = error.or(relay.finish(&mut out, &mut said).err());
    if let Some(error) = &error {
        let body = ErrorBody::new("rate_limit_error", error.to_string()).with_code(Some("broken"));
        relay.on_error(&body, &mut out);
    }
    assert!(relay.has_ended());
    let object = relay.take_object();
    Relayed {
        out: String::from_utf8(out).unwrap(),
        said,
        error: error.map(|error| error.to_string()),
        object: object.map(|object| String::from_utf8(object.to_vec()).unwrap()),
    }
}

fn relay(shape: Shape, stream: &str) -> Relayed {
    relay_pieces(shape, [stream.as_bytes()])
}

fn finished(reason: FinishReason, usage: Option<Usage>) -> TurnEvent {
    TurnEvent::Finished { reason, usage }
}

fn text(text: &str) -> TurnEvent {
    TurnEvent::Text(text.to_owned())
}

/// Reads a reply in one piece, as the client gets it.
fn whole(shape: Shape, body: &'static str) -> (String, Option<TurnError>, Vec<TurnEvent>) {
    let mut said = Vec::new();
    let body = Bytes::from_static(body.as_bytes());
    let whole = Whole::read(&body, shape, &head(), &mut said).unwrap();
    let body = String::from_utf8(whole.body.to_vec()).unwrap();
    (body, whole.failure, said)
}

#[test]
fn chunks_go_on_byte_for_byte_with_the_clients_name_for_the_model() {
    let stream = concat!(
        ": comment\n\n",
        r#"data: {"id":"c1", "model" : "llama3","choices":[{"index":0,"delta":{"role":"assistant","content":"Grüß "},"x_new":1.0}]}"#,
        "\n\n",
        r#"data: {"model":null,"choices":[{"index":0,"delta":{"content":"\u4f60\u597d"},"finish_reason":"stop"}],"model2":"llama3"}"#,
        "\n\n",
        r#"data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2},"model":"llama3"}"#,
        "\n\ndata: [DONE]\n\n",
    );
    let relayed = relay(Shape::Chat, stream);
    assert_eq!(
        relayed.out,
        concat!(
            r#"data: {"id":"c1", "model" : "mine/\"best\"","choices":[{"index":0,"delta":{"role":"assistant","content":"Grüß "},"x_new":1.0}]}"#,
            "\n\n",
            r#"data: {"model":"mine/\"best\"","choices":[{"index":0,"delta":{"content":"\u4f60\u597d"},"finish_reason":"stop"}],"model2":"llama3"}"#,
            "\n\n",
            r#"data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2},"model":"mine/\"best\""}"#,
            "\n\ndata: [DONE]\n\n",
        )
    );
    let usage = Usage {
        input: 5,
        output: 2,
        ..Usage::default()
    };
    assert_eq!(
        relayed.said,
        [
            text("Grüß "),
            text("你好"),
            finished(FinishReason::Stop, Some(usage))
        ]
    );
    assert_eq!(relayed.error, None);
}

#[test]
fn a_chunk_without_a_model_gets_one() {
    let relayed = relay(
        Shape::Chat,
        "data: {\"choices\":[]}\n\ndata: {\"ping\":1}\n\ndata: [DONE]\n\n",
    );
    assert_eq!(
        relayed.out,
        concat!(
            r#"data: {"model":"mine/\"best\"","choices":[]}"#,
            "\n\ndata: {\"ping\":1}\n\ndata: [DONE]\n\n"
        )
    );
}

#[test]
fn what_cannot_be_read_goes_on_with_every_model_renamed() {
    let relayed = relay(
        Shape::Chat,
        concat!(
            "data: {\"model\":\"a\",\"choices\":[],\"model\":\"b\"}\n\n",
            "data: not JSON\n\n",
            "data: [\"a\"]\n\n",
            "data: [DONE]\n\n",
        ),
    );
    assert_eq!(
        relayed.out,
        concat!(
            r#"data: {"model":"mine/\"best\"","choices":[],"model":"mine/\"best\""}"#,
            "\n\ndata: not JSON\n\ndata: [\"a\"]\n\ndata: [DONE]\n\n"
        )
    );
}

#[test]
fn names_and_lines_of_an_event_are_kept() {
    let relayed = relay(
        Shape::Chat,
        "event: chunk\ndata: {\"choices\":[],\ndata:  \"model\":\ndata: \"m\"}\n\ndata: [DONE]\n\n",
    );
    assert_eq!(
        relayed.out,
        "event: chunk\ndata: {\"choices\":[],\ndata:  \"model\":\ndata: \"mine/\\\"best\\\"\"}\n\n\
         data: [DONE]\n\n"
    );
}

#[test]
fn calls_are_told_whole() {
    let chunk = |call: Value| {
        let choice = json!({"index": 0, "delta": {"tool_calls": [call]}});
        format!("data: {}\n\n", json!({"choices": [choice]}))
    };
    let stream = [
        chunk(json!({"index": 0, "id": "a", "function": {"name": "ls", "arguments": ""}})),
        chunk(json!({"index": 1, "id": "b", "function": {"name": "cat", "arguments": "{\"f\""}})),
        chunk(json!({"index": 0, "function": {"arguments": "{}"}})),
        chunk(json!({"index": 1, "function": {"arguments": ":1}"}})),
        "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\n".to_owned(),
        "data: [DONE]\n\n".to_owned(),
    ];
    let relayed = relay(Shape::Chat, &stream.concat());
    let calls = relayed.said.into_iter().filter_map(|event| match event {
        TurnEvent::ToolCall(call) => Some(call),
        _ => None,
    });
    let call = |id: &str, name: &str, arguments: &str| ToolCall {
        id: id.to_owned(),
        name: name.to_owned(),
        kind: ToolKind::Function,
        arguments: arguments.to_owned(),
    };
    let expected = [call("a", "ls", "{}"), call("b", "cat", "{\"f\":1}")];
    assert_eq!(calls.collect::<Vec<_>>(), expected);
}

#[test]
fn a_chat_stream_that_forgets_its_end_gets_it() {
    let stream =
        "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"length\"}]}\n\n";
    let relayed = relay(Shape::Chat, stream);
    assert!(
        relayed.out.ends_with("}\n\ndata: [DONE]\n\n"),
        "{}",
        relayed.out
    );
    assert_eq!(
        relayed.said,
        [text("a"), finished(FinishReason::Length, None)]
    );
}

#[test]
fn a_chat_stream_that_breaks_off_says_so() {
    for stream in [
        "",
        "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n",
    ] {
        let relayed = relay(Shape::Chat, stream);
        let (_, error) = relayed.out.rsplit_once("data: ").unwrap();
        let error: Value = serde_json::from_str(error).unwrap();
        assert_eq!(error["error"]["code"], "broken");
        let told = error["error"]["message"].as_str();
        assert_eq!(told, relayed.error.as_deref());
        assert!(
            !relayed
                .said
                .iter()
                .any(|event| matches!(event, TurnEvent::Finished { .. }))
        );
    }
}

#[test]
fn nothing_comes_after_an_error_of_a_chat_stream() {
    let relayed = relay(
        Shape::Chat,
        concat!(
            "data: {\"error\":{\"message\":\"too hot\",\"code\":503}}\n\n",
            "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\n",
            "data: [DONE]\n\n",
        ),
    );
    assert_eq!(
        relayed.out,
        "data: {\"error\":{\"message\":\"too hot\",\"code\":503}}\n\n"
    );
    assert_eq!(relayed.error.as_deref(), Some("too hot"));
    assert_eq!(relayed.said, []);
}

#[test]
fn the_end_of_a_chat_stream_is_told_once_and_last() {
    let relayed = relay(
        Shape::Chat,
        concat!(
            "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\n",
            "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}\n\n",
            "data: {\"choices\":[],\"cost\":1}\n\n",
            "data: [DONE]\n\ndata: [DONE]\n\n",
        ),
    );
    assert_eq!(relayed.out.matches("[DONE]").count(), 1);
    assert!(relayed.out.contains("\"cost\":1"));
    let ends = relayed.said.iter();
    let ends = ends.filter(|event| matches!(event, TurnEvent::Finished { .. }));
    assert_eq!(ends.count(), 1);
}

#[test]
fn a_whole_completion_goes_on_with_the_clients_name_for_the_model() {
    let (body, failure, said) = whole(
        Shape::Chat,
        r#"{"id":"c", "model":"llama3","choices":[{"message":{"content":"hi"},"finish_reason":"stop"}],"new":1.0}"#,
    );
    assert_eq!(
        body,
        r#"{"id":"c", "model":"mine/\"best\"","choices":[{"message":{"content":"hi"},"finish_reason":"stop"}],"new":1.0}"#
    );
    assert_eq!(failure, None);
    assert_eq!(said, [text("hi"), finished(FinishReason::Stop, None)]);
}

#[test]
fn a_whole_response_goes_on_with_the_clients_name_for_the_model() {
    let (body, failure, said) = whole(
        Shape::Responses,
        r#"{"model":"llama3","status":"completed","output":[{"type":"message","model":"kept","content":[{"type":"output_text","text":"hi"}]}]}"#,
    );
    assert_eq!(
        body,
        r#"{"model":"mine/\"best\"","status":"completed","output":[{"type":"message","model":"kept","content":[{"type":"output_text","text":"hi"}]}]}"#
    );
    assert_eq!(failure, None);
    assert_eq!(said.last(), Some(&finished(FinishReason::Stop, None)));
}

#[test]
fn an_error_under_a_success_goes_on_as_it_is() {
    for shape in [Shape::Chat, Shape::Responses] {
        let (body, failure, said) = whole(shape, r#"{"error":{"message":"too hot"}}"#);
        assert_eq!(body, r#"{"error":{"message":"too hot"}}"#);
        assert_eq!(failure.unwrap().to_string(), "too hot");
        assert_eq!(said, []);
    }
}

#[test]
fn what_is_no_object_is_no_reply() {
    for body in [&b""[..], b"<html>", b"[]", b"{\"model\":\"\xff\"}"] {
        for shape in [Shape::Chat, Shape::Responses] {
            let body = Bytes::from_static(body);
            let read = Whole::read(&body, shape, &head(), &mut Vec::new());
            assert!(matches!(read, Err(TurnError::Upstream { .. })), "{read:?}");
        }
    }
}

/// A chunk in which any provider's extras may stand.
fn chunk() -> impl Strategy<Value = Value> {
    let extra = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        vec(any::<String>(), 0..3).prop_map(Value::from),
    ];
    (any::<String>(), "\\PC{0,12}", extra).prop_map(|(content, name, extra)| {
        let mut chunk = json!({
            "id": "c",
            "model": "llama3",
            "choices": [{"index": 0, "delta": {"content": content, "model": "kept"}}],
        });
        // Whatever the name, it is none that means something.
        chunk[format!("x_{name}")] = extra;
        chunk
    })
}

proptest! {
    #[test]
    fn only_the_models_name_changes_however_a_stream_is_split(
        chunks in vec(chunk(), 0..6),
        cuts in vec(any::<Index>(), 0..12),
    ) {
        let frame = |chunk: &Value| format!("data: {chunk}\n\n");
        let stream: String = chunks.iter().map(frame).collect();
        let stream = stream + "data: [DONE]\n\n";
        let renamed = chunks.iter().cloned().map(|mut chunk| {
            chunk["model"] = Value::from(SENT);
            frame(&chunk)
        });
        let renamed: String = renamed.collect::<String>() + "data: [DONE]\n\n";

        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let pieces = cuts.windows(2).map(|cut| &stream.as_bytes()[cut[0]..cut[1]]);
        let relayed = relay_pieces(Shape::Chat, pieces);
        prop_assert_eq!(&relayed.out, &renamed);
        prop_assert_eq!(relayed, relay(Shape::Chat, &stream));
    }
}
