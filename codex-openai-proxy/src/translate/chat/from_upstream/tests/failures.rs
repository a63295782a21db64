//! Replies that are none, or only in part.

use super::*;

#[test]
fn a_stream_that_breaks_off_fails() {
    let (mut reader, mut events) = (reader(), Vec::new());
    for payload in [text("half"), fragment(0, "a", "weather", "{\"a\":")] {
        reader.on_data(&payload.to_string(), &mut events).unwrap();
    }
    let error = reader.finish(&mut events).unwrap_err();
    assert!(matches!(error, TurnError::Upstream { .. }), "{error:?}");
    let heard = Heard::of(&events);
    assert_eq!(heard.end, None);
    assert_eq!(heard.calls, [], "half a call is none");
}

#[test]
fn errors_in_the_stream_keep_their_message_and_nothing_follows_them() {
    let mut choice = finish("error");
    choice["choices"][0]["error"] = json!({"code": 502, "message": "gone"});
    for (payload, message) in [
        (
            json!({"error": {"message": "slow down", "type": "rate_limit_error", "code": 429}}),
            "slow down",
        ),
        (json!({"error": "plain"}), "plain"),
        (
            json!({"object": "error", "message": "vllm", "code": 400}),
            "vllm",
        ),
        (choice, "gone"),
    ] {
        let (mut reader, mut events) = (reader(), Vec::new());
        let data = text("half").to_string();
        reader.on_data(&data, &mut events).unwrap();
        let data = payload.to_string();
        let error = reader.on_data(&data, &mut events).unwrap_err();
        assert_eq!(error.to_string(), message);
        for late in [finish("stop").to_string(), DONE.to_owned()] {
            reader.on_data(&late, &mut events).unwrap();
        }
        reader.finish(&mut events).unwrap();
        assert_eq!(events, [TurnEvent::Text("half".to_owned())]);
    }
    let (mut reader, mut events) = (reader(), Vec::new());
    let data = finish("insufficient_system_resource").to_string();
    let error = reader.on_data(&data, &mut events).unwrap_err();
    assert!(matches!(error, TurnError::Overloaded { .. }), "{error:?}");
}

#[test]
fn data_that_is_no_chunk_fails_the_reply() {
    let (mut reader, mut events) = (reader(), Vec::new());
    reader.on_data("  ", &mut events).unwrap();
    let error = reader.on_data("<html>", &mut events).unwrap_err();
    assert!(matches!(error, TurnError::Upstream { .. }), "{error:?}");
    reader.on_data(DONE, &mut events).unwrap();
    assert_eq!(events, []);
}
