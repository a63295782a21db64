//! How replies end: with a reason, too early, and with an error.

use super::*;

#[test]
fn usage_is_told_wherever_it_came() {
    let usage = json!({
        "prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 2}
    });
    let expected = Some((
        FinishReason::Stop,
        Some(Usage {
            input: 10,
            cached: 4,
            output: 5,
            reasoning: 2,
        }),
    ));
    let mut with_finish = finish("stop");
    with_finish["usage"] = usage.clone();
    let mut in_choice = finish("stop");
    in_choice["choices"][0]["usage"] = usage.clone();
    let mut before = text("x");
    before["usage"] = usage.clone();
    let last = json!({"choices": [], "usage": usage});
    for stream in [
        vec![finish("stop"), last.clone(), "[DONE]".into()],
        vec![finish("stop"), last],
        vec![with_finish, "[DONE]".into()],
        vec![in_choice],
        vec![before, finish("stop"), "[DONE]".into()],
    ] {
        assert_eq!(Heard::of(&events(&stream)).end, expected, "{stream:?}");
    }
    let deepseek = json!({"choices": [], "usage": {
        "prompt_tokens": 9, "completion_tokens": 1, "prompt_cache_hit_tokens": 8
    }});
    let (_, usage) = Heard::of(&events(&[finish("stop"), deepseek])).end.unwrap();
    assert_eq!(usage.unwrap().cached, 8);
}

#[test]
fn finish_reasons_agree_with_what_was_said() {
    for (word, expected) in [
        ("stop", FinishReason::Stop),
        ("tool_calls", FinishReason::Stop),
        ("eos", FinishReason::Stop),
        ("length", FinishReason::Length),
        ("content_filter", FinishReason::ContentFilter),
    ] {
        let heard = Heard::of(&events(&[text("x"), finish(word)]));
        assert_eq!(heard.reason(), expected, "{word}");
    }
    // An empty reason is none: the reply goes on.
    let heard = Heard::of(&events(&[finish(""), text("x"), finish("length")]));
    assert_eq!((&*heard.text, heard.reason()), ("x", FinishReason::Length));
    // The provider says no reason, and ends well.
    let called = [fragment(0, "a", "weather", "{}"), "[DONE]".into()];
    let heard = Heard::of(&events(&called));
    assert_eq!(heard.reason(), FinishReason::ToolCalls);
    assert_eq!(heard.calls.len(), 1);
}

#[test]
fn finish_reasons_have_many_words() {
    let read = |word: &str| {
        let (mut reader, mut events) = (reader(), Vec::new());
        reader.on_data(&finish(word).to_string(), &mut events)?;
        reader.finish(&mut events)?;
        Ok((Heard::of(&events).reason(), reader.notes()))
    };
    for (word, expected) in [
        ("max_tokens", FinishReason::Length),
        ("MAX_TOKENS", FinishReason::Length),
        ("model_length", FinishReason::Length),
        ("SAFETY", FinishReason::ContentFilter),
        (
            "content_filter: PROHIBITED_CONTENT",
            FinishReason::ContentFilter,
        ),
        ("sensitive", FinishReason::ContentFilter),
        ("STOP", FinishReason::Stop),
        ("end_turn", FinishReason::Stop),
    ] {
        assert_eq!(read(word), Ok((expected, Vec::new())), "{word}");
    }
    for word in [
        "abort",
        "network_error",
        "MALFORMED_FUNCTION_CALL",
        "function_call_filter: MALFORMED_FUNCTION_CALL",
    ] {
        let error = read(word).unwrap_err();
        assert!(matches!(error, TurnError::Upstream { .. }), "{error:?}");
        assert!(error.to_string().contains(word), "{error}");
    }
    let note = Note {
        what: "unknown_finish_reason",
        detail: "because".to_owned(),
    };
    assert_eq!(read("because"), Ok((FinishReason::Stop, vec![note])));
}

#[test]
fn a_reason_with_each_chunk_ends_nothing() {
    let piece = |text: &str, output: u64| {
        let mut chunk = finish("stop");
        chunk["choices"][0]["delta"]["content"] = text.into();
        chunk["usage"] = json!({"prompt_tokens": 1, "completion_tokens": output});
        chunk
    };
    let mut late = fragment(0, "a", "weather", "{}");
    late["choices"][0]["finish_reason"] = "length".into();
    let heard = Heard::of(&events(&[
        piece("Hel", 1),
        piece("lo", 2),
        late,
        DONE.into(),
    ]));
    assert_eq!(heard.text, "Hello");
    assert_eq!(heard.calls, [call("a", "weather", "{}")]);
    let (reason, usage) = heard.end.unwrap();
    assert_eq!(reason, FinishReason::Length);
    assert_eq!(usage.unwrap().output, 2);
}

#[test]
fn calls_that_were_cut_off_stay_unfinished() {
    for reason in ["length", "content_filter"] {
        let (mut reader, mut events) = (reader(), Vec::new());
        for payload in [
            fragment(0, "a", "weather", "{\"a\":1}"),
            fragment(1, "b", "read", "{\"x"),
            fragment(2, "c", "patch", "{\"input\": \"*** Beg"),
            fragment(3, "d", "read_all", ""),
            delta(&json!({"tool_calls": [{
                "index": 4, "id": "e", "custom": {"name": "patch", "input": "*** Beg"}
            }]})),
            finish(reason),
        ] {
            reader.on_data(&payload.to_string(), &mut events).unwrap();
        }
        reader.finish(&mut events).unwrap();
        let heard = Heard::of(&events);
        assert_eq!(heard.calls, [call("a", "weather", "{\"a\":1}")]);
        assert_eq!(heard.reason().as_str(), reason);
        // What was told of them stands.
        assert_eq!(streamed(&events)[1].2, "{\"x");
        let notes = reader.notes();
        assert!(
            notes.iter().all(|note| note.what == "call_cut_off"),
            "{notes:?}"
        );
        assert_eq!(notes.len(), 3, "{notes:?}");
    }
}

#[test]
fn errors_that_say_nothing_are_none() {
    for nothing in [
        json!({}),
        json!(""),
        json!(false),
        json!(0),
        json!({"message": ""}),
    ] {
        let mut payload = text("x");
        payload["error"] = nothing.clone();
        payload["choices"][0]["error"] = nothing;
        let heard = Heard::of(&events(&[payload, finish("stop")]));
        assert_eq!(heard.text, "x");
    }
}
