//! Payloads as servers write them.

use super::*;
use crate::wire::upstream::Piece;

fn parse(data: &str) -> Chunk<'_> {
    Chunk::parse(data).unwrap()
}

/// The one message of a chunk.
fn message(data: &str) -> Message<'_> {
    let mut choices = parse(data).choices.get().unwrap().0;
    assert_eq!(choices.len(), 1);
    choices.remove(0).delta.get().unwrap()
}

fn pieces(data: &str) -> Vec<Piece<'_>> {
    let content = message(data).content.get().unwrap();
    content.pieces().collect()
}

#[test]
fn the_place_of_the_model_is_known_whatever_stands_there() {
    for (data, model) in [
        (r#"{"model": "llama3" ,"choices":[]}"#, "\"llama3\""),
        (r#"{"model":null}"#, "null"),
        (r#"{"model":["a", 1]}"#, r#"["a", 1]"#),
    ] {
        let raw = parse(data).model.unwrap().get();
        assert_eq!(raw, model);
        let at = raw.as_ptr() as usize - data.as_ptr() as usize;
        assert_eq!(&data[at..at + raw.len()], model);
    }
    assert!(parse("{}").model.is_none());
}

#[test]
fn text_is_borrowed_where_it_has_no_escapes() {
    let data = r#"{"choices":[{"delta":{"content":"你好","reasoning":"a\nb"}}]}"#;
    let message = message(data);
    assert!(matches!(
        message.content,
        Field::Is(Content::Text(Cow::Borrowed("你好")))
    ));
    let reasoning = message.reasoning.get().unwrap();
    assert_eq!(reasoning, Content::Text("a\nb".into()));
}

#[test]
fn members_of_wrong_types_cost_nothing_but_themselves() {
    let data = r#"{
        "model": 7, "usage": "many", "object": 3, "unknown": {"a": [1.5, true, -1]},
        "choices": [
            "what", null,
            {"index": -1, "finish_reason": {"a": 1}, "delta": {
                "content": "text", "refusal": [], "reasoning": 1, "tool_calls": [
                    7, {"index": "0", "id": 5, "function": {"name": "f", "arguments": 1.5}}
                ]
            }}
        ]
    }"#;
    let chunk = parse(data);
    assert!(chunk.usage.is_wrong() && chunk.object.is_wrong());
    let choices = chunk.choices.get().unwrap().0;
    assert_eq!(choices.len(), 1);
    let choice = &choices[0];
    assert!(choice.index.is_wrong() && choice.finish_reason.is_wrong());
    let message = choice.delta.as_ref().get().unwrap();
    assert_eq!(message.content, Field::Is(Content::Text("text".into())));
    assert!(message.refusal.is_wrong() && message.reasoning.is_wrong());
    let calls = &message.tool_calls.as_ref().get().unwrap().0;
    assert_eq!(calls.len(), 1);
    assert!(calls[0].index.is_wrong() && calls[0].id.is_wrong());
    let function = calls[0].function.as_ref().get().unwrap();
    assert_eq!(function.name.as_deref(), Some("f"));
    assert!(function.arguments.is_wrong());
}

#[test]
fn content_may_be_parts() {
    let data = r#"{"choices":[{"delta":{"content":[
        {"type":"thinking","thinking":[{"type":"text","text":"why"}]},
        {"type":"thinking","thinking":"so"},
        {"type":"text","text":"because"}, "plain", {"type":"reference","ids":[1]}
    ]}}]}"#;
    assert_eq!(
        pieces(data),
        [
            Piece::Thinking("why".into()),
            Piece::Thinking("so".into()),
            Piece::Text("because".into()),
            Piece::Text("plain".into()),
        ]
    );
    let data = r#"{"choices":[{"delta":{"content":{"type":"text","text":"one"}}}]}"#;
    assert_eq!(pieces(data), [Piece::Text("one".into())]);
}

#[test]
fn arguments_may_be_json_and_counts_fractions() {
    let data = r#"{"choices":[{"delta":{"tool_calls":
        {"index": 2.0, "function": {"arguments": {"b": 1, "a": ["x"]}}}
    }}]}"#;
    let calls = message(data).tool_calls.get().unwrap().0;
    assert_eq!(calls[0].index, Field::Is(Count(2)));
    let function = calls[0].function.as_ref().get().unwrap();
    let arguments = Arguments(r#"{"b":1,"a":["x"]}"#.into());
    assert_eq!(function.arguments, Field::Is(arguments));
    for wrong in ["1.5", "-1", "1e99", "true"] {
        let data = format!(r#"{{"choices":[{{"index":{wrong}}}]}}"#);
        let choices = parse(&data).choices.get().unwrap().0;
        assert!(choices[0].index.is_wrong(), "{wrong}");
    }
}

#[test]
fn errors_are_found_in_every_form() {
    let failure = |data| {
        let failure = Chunk::parse(data).unwrap().take_failure()?;
        let message = failure.message.as_deref().map(str::to_owned);
        Some((message.unwrap_or_default(), failure.code.get()))
    };
    assert_eq!(
        failure(r#"{"error":{"message":"no","type":"x","code":429}}"#),
        Some(("no".to_owned(), Some(Code::Status(429))))
    );
    assert_eq!(
        failure(r#"{"object":"error","message":"bad","code":"c"}"#),
        Some(("bad".to_owned(), Some(Code::Word("c".into()))))
    );
    let plain = Some(("broken".to_owned(), None));
    assert_eq!(failure(r#"{"error":"broken"}"#), plain);
    assert_eq!(failure(r#"{"error":true}"#), Some((String::new(), None)));
    let coded = failure(r#"{"error":{"code":500},"choices":[]}"#);
    assert_eq!(coded, Some((String::new(), Some(Code::Status(500)))));
    for nothing in [
        "null",
        "{}",
        "\"\"",
        "false",
        "0",
        r#"{"message":"","code":0}"#,
    ] {
        let data = format!(r#"{{"error":{nothing},"choices":[]}}"#);
        let failure = Chunk::parse(&data).unwrap().take_failure();
        assert!(failure.is_none(), "{nothing}");
    }
}

#[test]
fn what_is_no_object_is_no_chunk() {
    for data in [
        "",
        "text",
        "\"text\"",
        "1",
        "null",
        "[]",
        r#"[{"error":"no"}]"#,
        "{\"choices\":[",
        "{} {}",
    ] {
        assert!(Chunk::parse(data).is_err(), "{data}");
        assert!(Chunk::parse_body(data.as_bytes()).is_err(), "{data}");
    }
}
