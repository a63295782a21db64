//! Histories that differ from what the conversation holds: the client's word counts, and not a
//! word of the old text goes upstream.

use super::{counting, straight};
use crate::{
    harness::{
        codex::forward,
        run,
        talk::{Talk, said},
    },
    upstream::{Reply, Upstream},
};
use serde_json::json;

/// A chat of three questions and answers. Every message has a word of its own.
async fn three(client: &crate::harness::Client, mut talk: Talk) -> Talk {
    for question in ["Uno.", "Due.", "Tre."] {
        talk.say(question);
        talk.send(client).await;
    }
    talk
}

fn by_cursor() -> Talk {
    Talk::new().with("metadata", json!({ "cursorConversationId": "chat-1" }))
}

fn by_name() -> Talk {
    Talk::new().with("conversation_id", "chat-1")
}

/// The input that [`three`] leads to, one entry a message.
fn messages() -> [Vec<String>; 6] {
    [
        vec!["user: Uno."],
        vec!["reasoning: sealed-1", "assistant: Answer 1."],
        vec!["user: Due."],
        vec!["reasoning: sealed-2", "assistant: Answer 2."],
        vec!["user: Tre."],
        vec!["reasoning: sealed-3", "assistant: Answer 3."],
    ]
    .map(|lines| lines.into_iter().map(str::to_owned).collect())
}

#[test]
fn an_edit_at_any_place_takes_the_old_text_back() {
    run(async {
        for talk in [by_cursor(), by_name()] {
            for place in 0..6 {
                let upstream = counting().await;
                let proxy = forward(&upstream).await;
                let mut talk = three(&proxy, talk.clone()).await;
                let old = talk.messages()[place]["content"].clone();
                talk.messages()[place]["content"] = "Edited.".into();
                talk.say("Quattro.");
                talk.send(&proxy).await;
                assert_eq!(talk.conversation(), "chat-1");

                let mut expected = messages();
                let role = if place % 2 == 0 { "user" } else { "assistant" };
                expected[place] = vec![format!("{role}: Edited.")];
                // Thoughts that followed the old text go with it.
                for after in &mut expected[place..] {
                    after.retain(|line| !line.starts_with("reasoning: "));
                }
                let mut lines = expected.concat();
                lines.push("user: Quattro.".to_owned());
                let request = upstream.last_request();
                assert_eq!(request.lines(), lines, "edit of message {place}");
                request.knows_nothing_of(old.as_str().unwrap());
                assert_eq!(request.cache_key(), upstream.requests()[0].cache_key());

                // The edited chat is the chat from now on.
                talk.say("Cinque.");
                talk.send(&proxy).await;
                lines.extend(
                    [
                        "reasoning: sealed-4",
                        "assistant: Answer 4.",
                        "user: Cinque.",
                    ]
                    .map(str::to_owned),
                );
                let request = upstream.last_request();
                assert_eq!(request.lines(), lines, "edit of message {place}");
                assert_eq!(request.cache_key(), upstream.requests()[0].cache_key());
                proxy.stop().await;
            }
        }
    });
}

#[test]
fn what_follows_an_edited_question_is_gone() {
    run(async {
        for place in [0, 2, 4] {
            let upstream = counting().await;
            let proxy = forward(&upstream).await;
            let mut talk = three(&proxy, by_cursor()).await;
            let dropped: Vec<_> = talk.messages().drain(place..).collect();
            talk.say("Edited.");
            talk.send(&proxy).await;
            let mut lines = messages()[..place].concat();
            lines.push("user: Edited.".to_owned());
            let request = upstream.last_request();
            assert_eq!(request.lines(), lines);
            for message in dropped {
                request.knows_nothing_of(message["content"].as_str().unwrap());
            }
            assert_eq!(request.cache_key(), upstream.requests()[0].cache_key());
            assert_eq!(talk.conversation(), "chat-1");
            proxy.stop().await;
        }
    });
}

#[test]
fn an_answer_can_be_asked_for_again() {
    run(async {
        for named in [Talk::new(), by_cursor(), by_name()] {
            let upstream = counting().await;
            let proxy = forward(&upstream).await;
            let mut talk = named;
            talk.say("One.");
            talk.send(&proxy).await;
            let name = talk.conversation().to_owned();
            talk.say("Two.");
            assert_eq!(said(&talk.send(&proxy).await), "Answer 2.");
            talk.messages().pop();
            assert_eq!(said(&talk.send(&proxy).await), "Answer 3.");
            let requests = upstream.requests();
            assert_eq!(requests[2].spoken_lines(), requests[1].spoken_lines());
            if !name.starts_with("conv_") {
                assert_eq!(talk.conversation(), name);
                assert_eq!(requests[2].lines(), requests[1].lines());
                assert_eq!(requests[2].cache_key(), requests[0].cache_key());
            }
            // The answer that the client kept is the one that counts.
            talk.say("Three.");
            talk.send(&proxy).await;
            let request = upstream.last_request();
            assert_eq!(request.spoken_lines()[3], "assistant: Answer 3.");
            request.knows_nothing_of("Answer 2.");
            request.knows_nothing_of("sealed-2");
            proxy.stop().await;
        }
    });
}

#[test]
fn an_edit_without_a_name_is_another_chat_and_the_first_goes_on() {
    run(async {
        let upstream = counting().await;
        let proxy = forward(&upstream).await;
        let mut talk = three(&proxy, Talk::new()).await;
        let key = upstream.requests()[0].cache_key().to_owned();
        let mut fork = talk.clone();
        fork.messages()[2]["content"] = "Edited.".into();
        fork.say("Quattro.");
        fork.send(&proxy).await;
        assert_ne!(fork.conversation(), talk.conversation());
        let request = upstream.last_request();
        request.knows_nothing_of("Due.");
        assert_ne!(request.cache_key(), key);

        let name = talk.conversation().to_owned();
        talk.say("Quattro.");
        talk.send(&proxy).await;
        assert_eq!(talk.conversation(), name);
        let request = upstream.last_request();
        let straight = straight(&["Uno.", "Due.", "Tre.", "Quattro."]);
        assert_eq!(request.lines(), straight);
        assert_eq!(request.cache_key(), key);
        proxy.stop().await;
    });
}

#[test]
fn calls_and_results_can_be_edited_too() {
    run(async {
        for (place, edited) in [
            (2, vec!["output call_1: new"]),
            (
                1,
                vec!["call call_1 look {\"new\":1}", "output call_1: rainy"],
            ),
        ] {
            let upstream = Upstream::start().await;
            let proxy = forward(&upstream).await;
            upstream.reply(
                Reply::stream()
                    .thought("sealed-1")
                    .call("call_1", "look", "{\"old\":1}")
                    .completed(),
            );
            upstream.otherwise(|_| Reply::text(&["Take a coat."]));
            let mut talk = by_name().offering(&["look"]);
            talk.say("Look.");
            talk.send(&proxy).await;
            talk.result("call_1", "rainy");
            talk.send(&proxy).await;
            if place == 2 {
                talk.messages()[2]["content"] = "new".into();
            } else {
                talk.messages()[1]["tool_calls"][0]["function"]["arguments"] = "{\"new\":1}".into();
            }
            talk.say("Thanks.");
            talk.send(&proxy).await;
            let mut lines = vec![
                "user: Look.",
                "reasoning: sealed-1",
                "call call_1 look {\"old\":1}",
            ];
            lines.truncate(place + 1);
            if place == 1 {
                lines.truncate(1);
            }
            lines.extend(edited);
            lines.extend(["assistant: Take a coat.", "user: Thanks."]);
            let request = upstream.last_request();
            assert_eq!(request.lines(), lines);
            request.knows_nothing_of(if place == 2 { "rainy" } else { "old" });
            proxy.stop().await;
        }
    });
}
