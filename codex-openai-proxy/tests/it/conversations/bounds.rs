//! How long conversations stay at hand, and how many: whoever comes back later notices nothing.

use super::{counting, straight};
use crate::harness::{
    codex::{Setup, shrunk_to},
    run,
    talk::{Talk, said},
};
use std::time::Duration;

/// How long putting threads away may take.
const SOON: Duration = Duration::from_secs(10);

#[test]
fn an_idle_conversation_comes_back_as_it_was() {
    run(async {
        for whole in [false, true] {
            let upstream = counting().await;
            let mut setup = Setup::new(&upstream);
            setup.config.conversations.idle = Duration::from_millis(200);
            let (proxy, engine) = setup.start_with_engine().await;
            let mut talk = Talk::new().with("conversation_id", "chat-1");
            let questions = ["One.", "Two.", "Three."];
            for (number, question) in questions.into_iter().enumerate() {
                talk.say(question);
                if whole {
                    talk.send(&proxy).await;
                } else {
                    talk.send_news(&proxy).await;
                }
                assert_eq!(talk.conversation(), "chat-1");
                let request = upstream.last_request();
                assert_eq!(request.lines(), straight(&questions[..=number]));
                assert_eq!(request.cache_key(), upstream.requests()[0].cache_key());
                shrunk_to(&engine, 0, SOON).await;
            }
            proxy.stop().await;
        }
    });
}

#[test]
fn an_idle_conversation_without_a_name_comes_back_from_its_clients_history() {
    run(async {
        let upstream = counting().await;
        let mut setup = Setup::new(&upstream);
        setup.config.conversations.idle = Duration::from_millis(200);
        let (proxy, engine) = setup.start_with_engine().await;
        let mut talk = Talk::about("One.");
        talk.send(&proxy).await;
        shrunk_to(&engine, 0, SOON).await;
        talk.say("Two.");
        assert_eq!(said(&talk.send(&proxy).await), "Answer 2.");
        assert_eq!(
            upstream.last_request().spoken_lines(),
            ["user: One.", "assistant: Answer 1.", "user: Two."]
        );
        proxy.stop().await;
    });
}

#[test]
fn an_edit_of_a_conversation_that_was_put_away_takes_the_old_text_back() {
    run(async {
        let upstream = counting().await;
        let mut setup = Setup::new(&upstream);
        setup.config.conversations.idle = Duration::from_millis(200);
        let (proxy, engine) = setup.start_with_engine().await;
        let mut talk = Talk::new().with("conversation_id", "chat-1");
        for question in ["One.", "Two."] {
            talk.say(question);
            talk.send(&proxy).await;
        }
        shrunk_to(&engine, 0, SOON).await;
        talk.messages()[2]["content"] = "Edited.".into();
        talk.say("Three.");
        talk.send(&proxy).await;
        let lines = [
            "user: One.",
            "reasoning: sealed-1",
            "assistant: Answer 1.",
            "user: Edited.",
            "assistant: Answer 2.",
            "user: Three.",
        ];
        assert_eq!(upstream.last_request().lines(), lines);
        // Nor does it come back from disk.
        shrunk_to(&engine, 0, SOON).await;
        talk.say("Four.");
        talk.send_news(&proxy).await;
        let request = upstream.last_request();
        assert_eq!(request.lines()[..6], lines);
        assert_eq!(request.lines().len(), 9);
        assert_eq!(request.cache_key(), upstream.requests()[0].cache_key());
        proxy.stop().await;
    });
}

#[test]
fn the_conversation_that_was_used_least_recently_makes_room() {
    run(async {
        let upstream = counting().await;
        let mut setup = Setup::new(&upstream);
        setup.config.conversations.max_live = 3;
        let (proxy, engine) = setup.start_with_engine().await;
        let mut talks = Vec::new();
        for number in 0..6 {
            let mut talk = Talk::about(&format!("Chat {number}."));
            if number % 2 == 0 {
                talk = talk.with("conversation_id", format!("chat-{number}"));
            }
            talk.send(&proxy).await;
            shrunk_to(&engine, 3, SOON).await;
            talks.push(talk);
        }
        let first_keys: Vec<String> = upstream
            .requests()
            .iter()
            .map(|request| request.cache_key().to_owned())
            .collect();
        for (number, talk) in talks.iter_mut().enumerate() {
            talk.say("Again.");
            talk.send(&proxy).await;
            shrunk_to(&engine, 3, SOON).await;
            let request = upstream.last_request();
            assert_eq!(
                request.spoken_lines(),
                [
                    format!("user: Chat {number}."),
                    format!("assistant: Answer {}.", number + 1),
                    "user: Again.".to_owned(),
                ]
            );
            if number % 2 == 0 {
                assert_eq!(request.cache_key(), first_keys[number]);
                assert_eq!(request.lines().len(), 4, "with its reasoning");
            }
        }
        // The one that was used last is still at hand, without a name too.
        let last = talks.last_mut().unwrap();
        last.say("Once more.");
        last.send(&proxy).await;
        let requests = upstream.requests();
        assert_eq!(requests[12].cache_key(), requests[11].cache_key());
        assert!(requests[12].lines().len() > requests[12].spoken_lines().len());
        proxy.stop().await;
    });
}
