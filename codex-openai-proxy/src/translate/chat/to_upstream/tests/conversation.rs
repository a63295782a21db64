//! What was said, as messages.

use super::*;

#[test]
fn what_leads_is_one_system_message_and_later_ones_are_said_by_the_user() {
    let mut turn = turn(vec![
        says(Role::Developer, "Be brief."),
        user("hi"),
        says(Role::Developer, "Now be long."),
        user("go"),
    ]);
    turn.instructions = Some("You are a poet.".to_owned());
    assert_eq!(
        body(&turn)["messages"],
        json!([
            {"role": "system", "content": "You are a poet.\n\nBe brief."},
            {"role": "user", "content": "hi\n\nNow be long.\n\ngo"}
        ])
    );
}

#[test]
fn somebody_speaks_even_where_only_the_developer_does() {
    let mut turn = turn(vec![
        says(Role::Developer, "Be brief."),
        says(Role::Developer, "Say hi."),
    ]);
    assert_eq!(
        body(&turn)["messages"],
        json!([
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Say hi."}
        ])
    );
    turn.items.remove(0);
    assert_eq!(
        body(&turn)["messages"],
        json!([{"role": "user", "content": "Say hi."}])
    );
}

#[test]
fn messages_of_the_user_that_follow_each_other_are_one() {
    let picture = |url| Item::Message {
        role: Role::User,
        content: vec![image(url, None), text("Look.")],
    };
    assert_eq!(
        sent(vec![
            user("one"),
            user("two"),
            picture("data:a"),
            user("three")
        ]),
        json!([{"role": "user", "content": [
            {"type": "text", "text": "one\n\ntwo"},
            {"type": "image_url", "image_url": {"url": "data:a"}},
            {"type": "text", "text": "Look."},
            {"type": "text", "text": "three"}
        ]}])
    );
}

#[test]
fn what_was_one_text_stays_one() {
    let pieces = || vec![text("half a wo"), text("rd")];
    let messages = sent(vec![
        user("go"),
        Item::Message {
            role: Role::Assistant,
            content: pieces(),
        },
        call("a"),
        result("a", pieces()),
    ]);
    assert_eq!(messages[1]["content"], "half a word");
    assert_eq!(messages[2]["content"], "half a word");
}

#[test]
fn reasoning_goes_back_where_it_is_wanted() {
    let items = || {
        vec![
            user("go"),
            thinks("I look."),
            says(Role::Assistant, "Looking."),
            call("a"),
            thinks("And there."),
            call("b"),
            answer("a"),
            answer("b"),
            call("c"),
            answer("c"),
            thinks("I know."),
            says(Role::Assistant, "Found."),
            user("thanks"),
            says(Role::Assistant, "Fine."),
            thinks("Lost."),
        ]
    };
    assert_eq!(
        sent_with_reasoning(items()),
        json!([
            {"role": "user", "content": "go"},
            {"role": "assistant", "content": "Looking.",
             "reasoning_content": "I look.\n\nAnd there.",
             "tool_calls": [sent_call("a"), sent_call("b")]},
            sent_answer("a"),
            sent_answer("b"),
            {"role": "assistant", "content": null, "reasoning_content": "",
             "tool_calls": [sent_call("c")]},
            sent_answer("c"),
            {"role": "assistant", "content": "Found.", "reasoning_content": "I know."},
            {"role": "user", "content": "thanks"},
            {"role": "assistant", "content": "Fine.", "reasoning_content": "Lost."}
        ])
    );
    let elsewhere = sent(items()).to_string();
    assert!(!elsewhere.contains("reasoning"), "{elsewhere}");
}

#[test]
fn reasoning_without_an_answer_is_no_message() {
    assert_eq!(
        sent_with_reasoning(vec![user("one"), thinks("why"), user("two")]),
        json!([{"role": "user", "content": "one\n\ntwo"}])
    );
}

#[test]
fn what_the_assistant_does_at_a_stretch_is_one_message() {
    assert_eq!(
        sent(vec![
            user("go"),
            says(Role::Assistant, "Looking."),
            call("a"),
            says(Role::Assistant, "And there."),
            call("b"),
            answer("b"),
            answer("a"),
            call("c"),
            answer("c"),
            says(Role::Assistant, "Found."),
        ]),
        json!([
            {"role": "user", "content": "go"},
            {"role": "assistant", "content": "Looking.\n\nAnd there.",
             "tool_calls": [sent_call("a"), sent_call("b")]},
            sent_answer("b"),
            sent_answer("a"),
            {"role": "assistant", "content": null, "tool_calls": [sent_call("c")]},
            sent_answer("c"),
            {"role": "assistant", "content": "Found."}
        ])
    );
}

#[test]
fn nothing_stands_between_calls_and_their_results() {
    assert_eq!(
        sent(vec![
            call("a"),
            call("b"),
            user("wait"),
            says(Role::Assistant, "Yes?"),
            answer("a"),
            call("c"),
            answer("b"),
            says(Role::Developer, "Hurry."),
            answer("c"),
            user("done?"),
        ]),
        json!([
            {"role": "assistant", "content": null,
             "tool_calls": [sent_call("a"), sent_call("b")]},
            sent_answer("a"),
            sent_answer("b"),
            {"role": "user", "content": "wait"},
            {"role": "assistant", "content": "Yes?", "tool_calls": [sent_call("c")]},
            sent_answer("c"),
            {"role": "user", "content": "Hurry.\n\ndone?"}
        ])
    );
}

#[test]
fn nothing_is_lost_where_results_are_missing() {
    let messages = sent(vec![call("a"), user("one"), call("b"), user("two")]);
    assert_eq!(
        messages,
        json!([
            {"role": "assistant", "content": null, "tool_calls": [sent_call("a")]},
            {"role": "user", "content": "one"},
            {"role": "assistant", "content": null, "tool_calls": [sent_call("b")]},
            {"role": "user", "content": "two"}
        ])
    );
}

#[test]
fn images_of_the_user_are_parts() {
    let content = vec![
        text("What is it?"),
        image("data:image/png;base64,AA==", Some(ImageDetail::Original)),
        image("https://example.com/a.png", None),
    ];
    let role = Role::User;
    assert_eq!(
        sent(vec![Item::Message { role, content }]),
        json!([{"role": "user", "content": [
            {"type": "text", "text": "What is it?"},
            {"type": "image_url",
             "image_url": {"url": "data:image/png;base64,AA==", "detail": "high"}},
            {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
        ]}])
    );
}

#[test]
fn images_of_results_follow_all_results() {
    let picture = image("data:image/png;base64,AA==", None);
    let messages = sent(vec![
        call("a"),
        call("b"),
        result("a", vec![text("a picture"), picture]),
        answer("b"),
        user("and?"),
    ]);
    assert_eq!(
        messages[1],
        json!({"role": "tool", "tool_call_id": "a", "content":
            "a picture\n\n[The images of this result follow in the next user message.]"})
    );
    assert_eq!(messages[2], sent_answer("b"));
    assert_eq!(
        messages[3],
        json!({"role": "user", "content": [
            {"type": "text", "text": "The images of the result of the call a:"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
            {"type": "text", "text": "and?"}
        ]})
    );
    assert_eq!(messages.as_array().unwrap().len(), 4);
}

#[test]
fn calls_may_be_nested_without_end() {
    let calls = 20_000;
    let id = |nth: usize| format!("call_{nth}");
    let nested = (0..calls).flat_map(|nth| [call(&id(nth)), user("go on")]);
    let answers = (0..calls).rev().map(|nth| answer(&id(nth)));
    let items: Vec<Item> = nested.chain(answers).collect();
    let begun = std::time::Instant::now();
    let messages = sent(items);
    // Quadratic work on so many would take minutes.
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
    let messages = messages.as_array().unwrap();
    assert_eq!(messages.len(), 3 * calls);
    for (nth, step) in messages.chunks(3).enumerate() {
        assert_eq!(step[0]["tool_calls"][0]["id"], id(nth));
        assert_eq!(step[1]["tool_call_id"], id(nth));
        assert_eq!(step[2]["content"], "go on");
    }
}

#[test]
fn ids_that_come_again_find_their_own_results() {
    let answers = |id: &str, said: &str| result(id, vec![text(said)]);
    let messages = sent(vec![
        call("0"),
        answers("0", "one"),
        user("more"),
        call("0"),
        user("quick"),
        answers("0", "two"),
    ]);
    assert_eq!(messages[1]["content"], "one");
    assert_eq!(messages[4]["content"], "two");
    assert_eq!(messages[5]["content"], "quick");
}

#[test]
fn a_result_without_its_call_is_refused() {
    let orphan = Item::ToolResult {
        call_id: "b".to_owned(),
        output: vec![text("done")],
        param: "input[2].call_id".to_owned(),
    };
    let turn = turn(vec![call("a"), answer("a"), orphan]);
    let refused = to_upstream(&turn, "llama3", &Dialect::default());
    assert_eq!(
        refused,
        Err(TurnError::UnknownToolCall {
            call_id: "b".to_owned(),
            param: "input[2].call_id".to_owned()
        })
    );
}

#[test]
fn past_calls_carry_json_whatever_their_tool() {
    let called = |id: &str, kind, arguments: &str| {
        Item::ToolCall(ToolCall {
            id: id.to_owned(),
            name: "tool".to_owned(),
            kind,
            arguments: arguments.to_owned(),
        })
    };
    let messages = sent(vec![
        called("a", ToolKind::Custom, "*** \"Patch\"\n"),
        called("b", ToolKind::Function, " "),
        called("c", ToolKind::Function, "{\"x\": "),
        called("d", ToolKind::Function, "[1]"),
        answer("a"),
        answer("b"),
        answer("c"),
        answer("d"),
    ]);
    let calls = &messages[0]["tool_calls"];
    assert_eq!(
        calls[0]["function"]["arguments"],
        "{\"input\":\"*** \\\"Patch\\\"\\n\"}"
    );
    for (nth, arguments) in [
        (1, "{}"),
        (2, "{\"arguments\":\"{\\\"x\\\": \"}"),
        (3, "{\"arguments\":\"[1]\"}"),
    ] {
        assert_eq!(calls[nth]["function"]["arguments"], arguments);
    }
}
