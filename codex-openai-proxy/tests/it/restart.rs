//! Chats that outlive the process, however it ends.
#![cfg(unix)]

mod disk;

use crate::{
    harness::{
        codex::Setup,
        run,
        running::{ENDS, End, Running},
        talk::{Talk, said},
    },
    upstream::{Gate, Reply, Upstream},
};

#[test]
fn a_named_chat_goes_on_in_the_next_process() {
    run(async {
        for end in ENDS {
            let upstream = Upstream::start().await;
            let (_, homes) = Setup::new(&upstream).write();
            let mut running = Running::start(&homes).await;
            let mut talk = Talk::about("Look.")
                .with("conversation_id", "chat-1")
                .offering(&["look"]);
            upstream.reply(
                Reply::stream()
                    .thought("sealed-1")
                    .call("call_1", "look", "{\"at\":1}")
                    .completed(),
            );
            upstream.reply(
                Reply::stream()
                    .thought("sealed-2")
                    .message(&["A bird."])
                    .completed(),
            );
            upstream.reply(
                Reply::stream()
                    .thought("sealed-3")
                    .message(&["A cat."])
                    .completed(),
            );
            upstream.reply(Reply::text(&["Bye."]));
            talk.send(&running.client).await;
            talk.result("call_1", "wings");
            talk.send_news(&running.client).await;

            running = running.again(end, &homes).await;
            talk.say("And there?");
            assert_eq!(said(&talk.send_news(&running.client).await), "A cat.");
            let mut lines = [
                "user: Look.",
                "reasoning: sealed-1",
                "call call_1 look {\"at\":1}",
                "output call_1: wings",
                "reasoning: sealed-2",
                "assistant: A bird.",
                "user: And there?",
            ]
            .map(str::to_owned)
            .to_vec();
            assert_eq!(upstream.last_request().lines(), lines, "{end:?}");

            running = running.again(end, &homes).await;
            talk.say("Thanks.");
            assert_eq!(said(&talk.send(&running.client).await), "Bye.");
            lines.extend(
                ["reasoning: sealed-3", "assistant: A cat.", "user: Thanks."].map(str::to_owned),
            );
            assert_eq!(upstream.last_request().lines(), lines, "{end:?}");
            let requests = upstream.requests();
            assert_eq!(requests.len(), 4);
            for request in &requests {
                assert_eq!(request.cache_key(), requests[0].cache_key());
            }
            running.end(End::Asked, &homes).await;
        }
    });
}

#[test]
fn a_call_can_be_answered_in_the_next_process() {
    run(async {
        for end in ENDS {
            for (name, whole) in [
                (Some("chat-1"), false),
                (Some("chat-1"), true),
                (None, true),
            ] {
                let upstream = Upstream::start().await;
                let (_, homes) = Setup::new(&upstream).write();
                let mut running = Running::start(&homes).await;
                let mut talk = Talk::about("Look.").offering(&["look"]);
                if let Some(name) = name {
                    talk = talk.with("conversation_id", name);
                }
                upstream.reply(
                    Reply::stream()
                        .thought("sealed-1")
                        .call("call_1", "look", "{}")
                        .call("call_2", "look", "{}")
                        .completed(),
                );
                upstream.reply(Reply::text(&["A bird."]));
                talk.send(&running.client).await;
                running = running.again(end, &homes).await;
                talk.result("call_2", "feathers");
                talk.result("call_1", "wings");
                let reply = if whole {
                    talk.send(&running.client).await
                } else {
                    talk.send_news(&running.client).await
                };
                assert_eq!(said(&reply), "A bird.");
                let requests = upstream.requests();
                assert_eq!(
                    requests[1].spoken_lines(),
                    [
                        "user: Look.",
                        "call call_1 look {}",
                        "call call_2 look {}",
                        "output call_1: wings",
                        "output call_2: feathers",
                    ],
                    "{end:?} {name:?} {whole}"
                );
                if name.is_some() {
                    assert_eq!(requests[1].lines()[1], "reasoning: sealed-1");
                    assert_eq!(requests[0].cache_key(), requests[1].cache_key());
                }
                running.end(End::Asked, &homes).await;
            }
        }
    });
}

#[test]
fn an_edit_in_the_next_process_takes_the_old_text_back() {
    run(async {
        let upstream = Upstream::start().await;
        let (_, homes) = Setup::new(&upstream).write();
        let mut running = Running::start(&homes).await;
        upstream.otherwise(|_| Reply::text(&["Yes."]));
        let mut talk = Talk::about("Old.").with("conversation_id", "chat-1");
        talk.send(&running.client).await;
        running = running.again(End::Killed, &homes).await;
        talk.messages()[0]["content"] = "New.".into();
        talk.say("Really?");
        talk.send(&running.client).await;
        let lines = ["user: New.", "assistant: Yes.", "user: Really?"];
        assert_eq!(upstream.last_request().lines(), lines);
        // It is the new text that is on disk now.
        running = running.again(End::Killed, &homes).await;
        talk.say("Well.");
        talk.send_news(&running.client).await;
        let request = upstream.last_request();
        assert_eq!(request.lines()[..3], lines);
        request.knows_nothing_of("Old.");
        assert_eq!(request.cache_key(), upstream.requests()[0].cache_key());
        running.end(End::Asked, &homes).await;
    });
}

#[test]
fn a_process_that_dies_in_a_reply_leaves_a_chat_that_goes_on() {
    run(async {
        let upstream = Upstream::start().await;
        let (_, homes) = Setup::new(&upstream).write();
        let mut running = Running::start(&homes).await;
        upstream.reply(
            Reply::stream()
                .thought("sealed-1")
                .message(&["Yes."])
                .completed(),
        );
        let mut talk = Talk::about("One.").with("conversation_id", "chat-1");
        talk.send(&running.client).await;
        let gate = Gate::default();
        upstream.reply(Reply::stream().begin_message().delta("Half").wait(&gate));
        talk.say("Two.");
        let mut stream = running.client.stream(&talk.whole()).await;
        assert_eq!(stream.next_text().await, "Half");
        running = running.again(End::Killed, &homes).await;

        upstream.otherwise(|_| Reply::text(&["No."]));
        assert_eq!(said(&talk.send(&running.client).await), "No.");
        let lines = [
            "user: One.",
            "reasoning: sealed-1",
            "assistant: Yes.",
            "user: Two.",
        ];
        let request = upstream.last_request();
        assert_eq!(request.lines(), lines);
        assert_eq!(request.cache_key(), upstream.requests()[0].cache_key());
        running.end(End::Asked, &homes).await;
    });
}

#[test]
fn a_process_that_dies_in_an_edit_leaves_the_chat_as_it_was() {
    run(async {
        let upstream = Upstream::start().await;
        let (_, homes) = Setup::new(&upstream).write();
        let mut running = Running::start(&homes).await;
        let mut talk = Talk::about("One.").with("conversation_id", "chat-1");
        for (seal, answer) in [("sealed-1", "Yes."), ("sealed-2", "No.")] {
            let reply = Reply::stream().thought(seal).message(&[answer]);
            upstream.reply(reply.completed());
            talk.send(&running.client).await;
            talk.say("Two.");
        }
        talk.messages().pop();
        let gate = Gate::default();
        upstream.reply(Reply::stream().begin_message().delta("Half").wait(&gate));
        let mut edit = talk.clone();
        edit.messages()[0]["content"] = "Edited.".into();
        edit.messages().truncate(1);
        edit.messages()
            .push(serde_json::json!({ "role": "assistant", "content": "Yes." }));
        edit.say("Three.");
        let mut stream = running.client.stream(&edit.whole()).await;
        assert_eq!(stream.next_text().await, "Half");
        let files = || std::fs::read_dir(homes.state().join("conversations")).unwrap();
        assert_eq!(files().count(), 2);
        running = running.again(End::Killed, &homes).await;
        assert_eq!(files().count(), 1, "what belongs to no chat is gone");

        upstream.otherwise(|_| Reply::text(&["Well."]));
        talk.say("Four.");
        talk.send_news(&running.client).await;
        let lines = [
            "user: One.",
            "reasoning: sealed-1",
            "assistant: Yes.",
            "user: Two.",
            "reasoning: sealed-2",
            "assistant: No.",
            "user: Four.",
        ];
        let request = upstream.last_request();
        assert_eq!(request.lines(), lines);
        assert_eq!(request.cache_key(), upstream.requests()[0].cache_key());
        running.end(End::Asked, &homes).await;
    });
}
