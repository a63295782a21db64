//! Streams of Responses, passing.

use super::*;

/// A stream of Responses with these events.
fn responses(events: &[Value]) -> String {
    let frame = |event: &Value| {
        let kind = event["type"].as_str().unwrap();
        format!("event: {kind}\ndata: {event}\n\n")
    };
    events.iter().map(frame).collect()
}

fn event(kind: &str, number: u64, more: Value) -> Value {
    let mut event = json!({"type": kind, "sequence_number": number});
    let Value::Object(more) = more else {
        panic!("{more}")
    };
    event.as_object_mut().unwrap().extend(more);
    event
}

fn of_model(model: &str) -> Value {
    json!({"response": {"id": "r", "model": model, "output": [{"model": "kept"}]}})
}

#[test]
fn responses_go_on_with_the_clients_name_for_the_model() {
    let events = |model| {
        responses(&[
            event("response.created", 0, of_model(model)),
            event(
                "response.output_text.delta",
                1,
                json!({"delta": "a", "model": "kept"}),
            ),
            event("response.x_new", 2, json!({"x": [1.5, null]})),
            event("response.completed", 3, of_model(model)),
        ])
    };
    let stream = events("llama3") + "data: [DONE]\n\n";
    let relayed = relay(Shape::Responses, &stream);
    assert_eq!(relayed.out, events(SENT));
    assert_eq!(relayed.error, None);
    assert_eq!(
        relayed.said.last(),
        Some(&finished(FinishReason::Stop, None))
    );
}

#[test]
fn a_response_without_a_model_gets_one_and_what_cannot_be_read_every_one() {
    let relayed = relay(
        Shape::Responses,
        concat!(
            "data: {\"type\":\"response.created\",\"response\":{}}\n\n",
            "data: {\"type\":\"a\",\"type\":\"b\",\"response\":{\"model\":1,\"model\":2}}\n\n",
            "data: ?\n\n",
            "data: {\"type\":\"response.completed\",\"response\":{\"status\":\"completed\"}}\n\n",
        ),
    );
    let name = r#""model":"mine/\"best\"""#;
    assert_eq!(
        relayed.out,
        format!(
            "data: {{\"type\":\"response.created\",\"response\":{{{name}}}}}\n\n\
             data: {{\"type\":\"a\",\"type\":\"b\",\"response\":{{{name},{name}}}}}\n\n\
             data: ?\n\n\
             data: {{\"type\":\"response.completed\",\"response\":{{{name},\"status\":\"completed\"}}}}\n\n"
        )
    );
}

/// The events of a stream of Responses, each of which names its type twice.
pub(super) fn events_of(stream: &str) -> Vec<Value> {
    let frames = stream.split_terminator("\n\n");
    let read = |frame: &str| {
        let (kind, data) = frame.split_once("\ndata: ").unwrap();
        let data: Value = serde_json::from_str(data).unwrap();
        assert_eq!(kind, format!("event: {}", data["type"].as_str().unwrap()));
        data
    };
    frames.map(read).collect()
}

#[test]
fn a_response_that_breaks_off_fails_as_the_one_that_it_was() {
    let created = json!({"response": {
        "id": "resp_theirs", "model": "m", "status": "in_progress", "error": null,
        "instructions": "Be brief.", "temperature": 0.5,
    }});
    let stream = responses(&[
        event("response.created", 0, created),
        event("response.output_text.delta", 7, json!({"delta": "a"})),
    ]);
    let relayed = relay(Shape::Responses, &stream);
    let events = events_of(&relayed.out);
    assert_eq!(events.len(), 3, "{events:#?}");
    let expected = json!({
        "type": "response.failed",
        "sequence_number": 8,
        "response": {
            "id": "resp_theirs", "model": SENT, "status": "failed",
            "error": {"code": "rate_limit_exceeded", "message": relayed.error.unwrap()},
            "instructions": "Be brief.", "temperature": 0.5,
        },
    });
    assert_eq!(events[2], expected);
    // What the log has is what was said.
    assert_eq!(relayed.object, None);
}

#[test]
fn a_response_that_never_began_begins_and_fails() {
    let relayed = relay(Shape::Responses, "");
    let events = events_of(&relayed.out);
    let kinds: Vec<_> = events.iter().map(|event| &event["type"]).collect();
    assert_eq!(
        kinds,
        [
            "response.created",
            "response.in_progress",
            "response.failed"
        ]
    );
    for (number, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], number);
        assert_eq!(event["response"]["model"], SENT);
        assert_eq!(event["response"]["created_at"], 7);
    }
    assert_eq!(events[2]["response"]["status"], "failed");
    let message = events[2]["response"]["error"]["message"].as_str();
    assert_eq!(message, relayed.error.as_deref());
}

#[test]
fn a_response_that_was_never_told_fails_with_the_next_number() {
    let delta = event("response.output_text.delta", 4, json!({"delta": "a"}));
    let relayed = relay(Shape::Responses, &responses(&[delta]));
    let events = events_of(&relayed.out);
    assert_eq!(events.len(), 2);
    assert_eq!(events[1]["type"], "response.failed");
    assert_eq!(events[1]["sequence_number"], 5);
    assert_eq!(events[1]["response"]["object"], "response");
}

#[test]
fn the_response_that_failed_takes_the_place_of_an_error() {
    let created = event("response.created", 0, of_model(SENT));
    let error = event(
        "error",
        1,
        json!({"message": "too hot", "code": "server_error"}),
    );
    let failed = event(
        "response.failed",
        2,
        json!({"response": {"model": SENT, "error": {"message": "too hot"}}}),
    );
    let delta = event("response.output_text.delta", 3, json!({"delta": "a"}));
    let completed = event("response.completed", 4, of_model("m"));

    // The provider's own, where it comes.
    let stream = responses(&[created.clone(), error.clone(), failed.clone()]);
    let relayed = relay(Shape::Responses, &stream);
    assert_eq!(relayed.out, responses(&[created.clone(), failed.clone()]));
    assert_eq!(relayed.error.as_deref(), Some("too hot"));

    // Else ours, with the error's number.
    let stream = responses(&[created.clone(), error, delta.clone(), completed.clone()]);
    let relayed = relay(Shape::Responses, &stream);
    let events = events_of(&relayed.out);
    assert_eq!(events.len(), 2, "{events:#?}");
    assert_eq!(events[0], created);
    assert_eq!(events[1]["type"], "response.failed");
    assert_eq!(events[1]["sequence_number"], 1);
    assert_eq!(events[1]["response"]["id"], "r");
    assert_eq!(events[1]["response"]["error"]["message"], "too hot");
    assert_eq!(relayed.said, []);

    let stream = responses(&[failed.clone(), completed, delta]);
    let relayed = relay(Shape::Responses, &stream);
    assert_eq!(relayed.out, responses(&[failed]));
    assert_eq!(relayed.error.as_deref(), Some("too hot"));
}

#[test]
fn the_log_gets_the_response_as_the_client_does() {
    for end in [
        "response.completed",
        "response.incomplete",
        "response.failed",
    ] {
        let stream = format!(
            "data: {{ \"type\":\"{end}\" , \"response\" : {{ \"model\":\"m\", \"output\":[] }} ,\"x\":{{}} }}\n\n"
        );
        let relayed = relay(Shape::Responses, &stream);
        let expected = r#"{ "model":"mine/\"best\"", "output":[] }"#;
        assert_eq!(relayed.object.as_deref(), Some(expected), "{end}");
        assert!(relayed.out.contains(expected), "{}", relayed.out);
    }
    let stream = "data: {\"type\":\"response.completed\",\"response\":{\"output\":[]}}\n\n";
    let relayed = relay(Shape::Responses, stream);
    let expected = r#"{"model":"mine/\"best\"","output":[]}"#;
    assert_eq!(relayed.object.as_deref(), Some(expected));
}
