//! Which conversation a request belongs to, and what of it goes upstream.

mod bounds;
mod calls;
mod deleting;
mod edits;
mod endings;
mod kept;
mod naming;
mod shapes;
mod writers;

use crate::{
    harness::{
        codex::forward,
        run,
        talk::{Talk, said},
    },
    upstream::{CACHED, Gate, Reply, Upstream},
};
use serde_json::{Value, json};

/// An upstream whose answers are numbered: `Answer 1.`, with a seal of the same number.
async fn counting() -> Upstream {
    let upstream = Upstream::start().await;
    upstream.otherwise(numbered());
    upstream
}

fn numbered() -> impl Fn(&crate::upstream::Seen) -> Reply + Send + Sync + 'static {
    let count = std::sync::atomic::AtomicUsize::new(1);
    move |_| {
        let number = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Reply::stream()
            .thought(&format!("sealed-{number}"))
            .message(&["Answer ", &format!("{number}.")])
            .completed()
    }
}

/// The input of the last request of a chat that asked `One.`, `Two.` and so on of [`counting`].
fn straight(questions: &[&str]) -> Vec<String> {
    let mut lines = Vec::new();
    for (before, question) in questions.iter().enumerate() {
        if before > 0 {
            lines.push(format!("reasoning: sealed-{before}"));
            lines.push(format!("assistant: Answer {before}."));
        }
        lines.push(format!("user: {question}"));
    }
    lines
}

#[test]
fn the_name_that_comes_back_is_all_that_a_client_has_to_keep() {
    run(async {
        let upstream = counting().await;
        let proxy = forward(&upstream).await;
        let mut talk = Talk::about("One.");
        talk.send(&proxy).await;
        let name = talk.conversation().to_owned();
        let digits = name.strip_prefix("conv_").expect("a made-up name");
        assert_eq!(digits.len(), 32, "{name}");

        talk.say("Two.");
        let reply = talk.send_news(&proxy).await;
        let cached = &reply["usage"]["prompt_tokens_details"]["cached_tokens"];
        assert_eq!(*cached, CACHED);
        assert_eq!(talk.conversation(), name);
        talk.say("Three.");
        let stream = proxy.stream(&talk.named_news()).await;
        assert_eq!(stream.headers()["x-conversation-id"], name.as_str());
        let said = stream.said().await;
        said.ended_with("stop");
        assert_eq!(said.conversations.into_iter().collect::<Vec<_>>(), [name]);

        let requests = upstream.requests();
        assert_eq!(requests[2].lines(), straight(&["One.", "Two.", "Three."]));
        for request in &requests {
            assert_eq!(request.cache_key(), requests[0].cache_key());
        }
        proxy.stop().await;
    });
}

#[test]
fn a_whole_history_needs_no_name() {
    run(async {
        let upstream = counting().await;
        let proxy = forward(&upstream).await;
        let (mut talk, mut other) = (Talk::about("One."), Talk::about("One."));
        talk.send(&proxy).await;
        let name = talk.conversation().to_owned();
        // Its answer has another number, so this is another chat from here on.
        other.send(&proxy).await;
        for question in ["Two.", "Three."] {
            talk.say(question);
            talk.send(&proxy).await;
            assert_eq!(talk.conversation(), name);
        }
        assert_ne!(other.conversation(), name);
        let requests = upstream.requests();
        assert_eq!(
            requests[3].lines(),
            [
                "user: One.",
                "reasoning: sealed-1",
                "assistant: Answer 1.",
                "user: Two.",
                "reasoning: sealed-3",
                "assistant: Answer 3.",
                "user: Three."
            ]
        );
        assert_eq!(requests[0].cache_key(), requests[3].cache_key());
        assert_ne!(requests[0].cache_key(), requests[1].cache_key());
        proxy.stop().await;
    });
}

#[test]
fn the_next_request_may_come_with_the_end_of_the_last_reply() {
    run(async {
        let upstream = counting().await;
        let proxy = forward(&upstream).await;
        let mut talk = Talk::about("One.");
        talk.send(&proxy).await;
        let name = talk.conversation().to_owned();
        for number in 2..30 {
            talk.say("Another.");
            let mut stream = proxy.stream(&talk.whole()).await;
            assert_eq!(
                stream.headers()["x-conversation-id"],
                name.as_str(),
                "question {number}"
            );
            // No later than this can a client know the answer.
            while stream.next_finish_reason().await.is_none() {}
            let answer = format!("Answer {number}.");
            talk.messages()
                .push(json!({ "role": "assistant", "content": answer }));
        }
        let keys: Vec<_> = upstream.requests();
        let key = keys[0].cache_key();
        assert!(keys.iter().all(|request| request.cache_key() == key));
        proxy.stop().await;
    });
}

#[test]
fn a_request_that_is_refused_disturbs_nothing() {
    run(async {
        let upstream = counting().await;
        let proxy = forward(&upstream).await;
        let mut talk = Talk::about("One.");
        talk.send(&proxy).await;
        let name = talk.conversation().to_owned();
        for _ in 0..30 {
            let mut stray = talk.clone();
            stray.result("call_0", "nobody asked");
            proxy.chat(&stray.whole()).await.error(400);
            talk.say("Another.");
            talk.send(&proxy).await;
            assert_eq!(talk.conversation(), name);
        }
        proxy.stop().await;
    });
}

#[test]
fn a_chat_whose_first_reply_was_lost_keeps_its_cache_key() {
    run(async {
        let upstream = counting().await;
        let proxy = forward(&upstream).await;
        let never = Gate::default();
        upstream.reply(Reply::stream().begin_message().delta("Once").wait(&never));
        let mut talk = Talk::about("Tell me.").with("conversation_id", "chat-1");
        let mut stream = proxy.stream(&talk.whole()).await;
        assert_eq!(stream.next_text().await, "Once");
        drop(stream);
        // Time to forget everything about it.
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        talk.send(&proxy).await;
        let requests = upstream.requests();
        assert_eq!(requests[1].lines(), ["user: Tell me."]);
        assert_eq!(requests[0].cache_key(), requests[1].cache_key());
        proxy.stop().await;
    });
}

#[test]
fn thoughts_and_white_space_do_not_make_another_chat() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        let thoughtful = || {
            Reply::stream()
                .reasoning(&["Let me ", "think."])
                .message(&["First line, and it is long.\n\n", "  Second line.\n"])
                .completed()
        };
        let echoes: [fn(&str) -> Value; 6] = [
            |text| json!(text),
            |text| json!(text.split_once("</think>").unwrap().1),
            |text| json!(text.split_once("</think>").unwrap().1.trim()),
            |text| {
                let words: Vec<&str> = text.split_whitespace().collect();
                json!(words.join("\n"))
            },
            |text| json!([{ "type": "text", "text": text.trim() }]),
            |text| {
                let (first, second) = text.split_once("</think>").unwrap().1.split_at(14);
                json!([{ "type": "text", "text": first }, { "type": "text", "text": second }])
            },
        ];
        for echo in echoes {
            upstream.reply(thoughtful());
            upstream.reply(Reply::text(&["Bye."]));
            // Reversed names are Cursor's: reasoning is written into the text.
            let mut talk = Talk::about("Hi.").with("model", "2.5-tpg");
            let reply = talk.send(&proxy).await;
            let name = talk.conversation().to_owned();
            let text = said(&reply).to_owned();
            assert!(text.starts_with("<think>"), "{text}");
            talk.messages()[1] = json!({ "role": "assistant", "content": echo(&text) });
            talk.say("Thanks.");
            talk.send(&proxy).await;
            assert_eq!(talk.conversation(), name, "{}", echo(&text));
            assert_eq!(
                upstream.last_request().lines(),
                [
                    "user: Hi.",
                    "reasoning: sealed",
                    "assistant: First line, and it is long.\n\n  Second line.\n",
                    "user: Thanks."
                ],
                "what the model wrote, and not what the client made of it"
            );
        }
        proxy.stop().await;
    });
}

#[test]
fn a_chat_can_change_its_model_and_its_instructions() {
    run(async {
        let upstream = counting().await;
        let proxy = forward(&upstream).await;
        let mut talk = Talk::new();
        talk.messages()
            .push(json!({ "role": "system", "content": "Be brief." }));
        talk.say("One.");
        talk.send(&proxy).await;
        let name = talk.conversation().to_owned();
        talk = talk.with("model", "gpt-5.1-high");
        talk.messages()[0]["content"] = "Be verbose.".into();
        talk.say("Two.");
        let reply = talk.send(&proxy).await;
        assert_eq!(reply["model"], "gpt-5.1-high");
        assert_eq!(talk.conversation(), name);
        let requests = upstream.requests();
        assert_eq!(requests[0].body["instructions"], "Be brief.");
        assert_eq!(requests[1].body["instructions"], "Be verbose.");
        assert_eq!(requests[1].body["model"], "gpt-5.1");
        assert_eq!(requests[1].body["reasoning"]["effort"], "high");
        assert_eq!(requests[1].spoken_lines().len(), 3);
        assert_eq!(requests[0].cache_key(), requests[1].cache_key());
        proxy.stop().await;
    });
}
