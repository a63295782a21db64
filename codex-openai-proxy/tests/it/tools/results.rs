//! What clients send as results, and how it arrives at the upstream.

use super::{look, looked, looking};
use crate::{
    harness::{
        codex::forward,
        run,
        talk::{Talk, result, said},
    },
    upstream::{Reply, Upstream},
};
use serde_json::{Value, json};

const IMAGE: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC";

#[test]
fn results_in_another_order_arrive_in_that_of_the_calls() {
    run(async {
        for whole in [true, false] {
            let upstream = Upstream::start().await;
            let proxy = forward(&upstream).await;
            upstream.reply(looking(5));
            upstream.reply(Reply::text(&["Seen."]));
            upstream.reply(Reply::text(&["Bye."]));
            let mut talk = look();
            talk.send(&proxy).await;
            for at in [3, 0, 4, 2, 1] {
                talk.result(&format!("call_{at}"), format!("result {at}"));
            }
            if whole {
                talk.send(&proxy).await;
            } else {
                talk.send_news(&proxy).await;
            }
            assert_eq!(upstream.last_request().lines(), looked(5));
            // The client's own order is no edit of the chat.
            talk.say("Thanks.");
            talk.send(&proxy).await;
            let mut lines = looked(5);
            lines.extend(["assistant: Seen.", "user: Thanks."].map(str::to_owned));
            assert_eq!(upstream.last_request().lines(), lines);
            proxy.stop().await;
        }
    });
}

#[test]
fn calls_without_their_results_are_named_and_go_on_waiting() {
    run(async {
        for named in [false, true] {
            let upstream = Upstream::start().await;
            let proxy = forward(&upstream).await;
            upstream.reply(looking(3));
            upstream.reply(Reply::text(&["Seen."]));
            let mut talk = look();
            if named {
                talk = talk.with("conversation_id", "chat-1");
            }
            talk.send(&proxy).await;

            let mut partial = talk.clone();
            partial.result("call_1", "result 1");
            let mut refused = vec![
                (partial.whole(), "call_0, call_2"),
                (partial.news(), "call_0, call_2"),
            ];
            if named {
                let mut changed_the_subject = talk.clone();
                changed_the_subject.say("Something else.");
                refused.push((changed_the_subject.news(), "call_0, call_1, call_2"));
            }
            for (body, missing) in refused {
                let answer = proxy.chat(&body).await;
                assert_eq!(answer.error(400).0, "invalid_request_error");
                assert_eq!(
                    answer.message(),
                    format!(
                        "An assistant message with 'tool_calls' must be followed by tool messages \
                         responding to each 'tool_call_id'. The following tool_call_ids did not \
                         have response messages: {missing}"
                    )
                );
                let param = answer.body["error"]["param"].as_str().unwrap_or_default();
                assert!(param.starts_with("messages"), "{param}");
            }
            assert_eq!(upstream.requests().len(), 1);

            for at in 0..3 {
                talk.result(&format!("call_{at}"), format!("result {at}"));
            }
            let answer = proxy.chat(&talk.news()).await;
            assert_eq!(said(&talk.hear(answer)), "Seen.");
            let requests = upstream.requests();
            assert_eq!(requests[1].lines(), looked(3));
            assert_eq!(requests[0].turn(), requests[1].turn());
            proxy.stop().await;
        }
    });
}

#[test]
fn results_that_answer_nothing_are_refused() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        upstream.reply(looking(1));
        upstream.reply(Reply::text(&["Seen."]));
        let stray = |at: usize| {
            let message = "Invalid parameter: messages with role 'tool' must be a response to a \
                           preceeding message with 'tool_calls'.";
            (message, format!("messages[{at}].tool_call_id"))
        };
        let check = async |body: &Value, at: usize| {
            let answer = proxy.chat(body).await;
            assert_eq!(answer.error(400).0, "invalid_request_error");
            let (message, param) = stray(at);
            assert_eq!(answer.message(), message);
            assert_eq!(answer.body["error"]["param"], param);
        };
        // Before there is any chat,
        let mut alone = Talk::new();
        alone.result("call_0", "result 0");
        check(&alone.whole(), 0).await;
        // beside a result that is waited for,
        let mut talk = look();
        talk.send(&proxy).await;
        let mut too_many = talk.clone();
        too_many.result("call_0", "result 0");
        too_many.result("call_9", "result 9");
        check(&too_many.named_news(), 1).await;
        check(&too_many.whole(), 3).await;
        assert_eq!(upstream.requests().len(), 1);
        // and when the answer was given already.
        talk.result("call_0", "result 0");
        talk.send(&proxy).await;
        check(&alone.whole(), 0).await;
        assert_eq!(upstream.requests().len(), 2);
        proxy.stop().await;
    });
}

#[test]
fn a_message_beside_the_results_goes_with_them() {
    run(async {
        for whole in [true, false] {
            let upstream = Upstream::start().await;
            let proxy = forward(&upstream).await;
            upstream.reply(looking(2));
            upstream.otherwise(|_| Reply::text(&["Seen."]));
            let mut talk = look();
            talk.send(&proxy).await;
            talk.result("call_1", "result 1");
            talk.result("call_0", "result 0");
            talk.say("And hurry.");
            let reply = if whole {
                talk.send(&proxy).await
            } else {
                talk.send_news(&proxy).await
            };
            assert_eq!(said(&reply), "Seen.");
            let mut lines = looked(2);
            lines.push("user: And hurry.".to_owned());
            assert_eq!(upstream.requests().len(), 2, "in one model call");
            assert_eq!(upstream.last_request().lines(), lines);
            talk.say("Thanks.");
            talk.send(&proxy).await;
            lines.extend(["assistant: Seen.", "user: Thanks."].map(str::to_owned));
            assert_eq!(upstream.last_request().lines(), lines);
            proxy.stop().await;
        }
    });
}

#[test]
fn a_result_of_four_mebibytes_arrives_byte_for_byte() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        upstream.reply(looking(1));
        upstream.reply(Reply::text(&["Long."]));
        upstream.reply(Reply::text(&["Bye."]));
        let mut talk = look();
        talk.send(&proxy).await;
        let line = |number| format!("line {number}:\t\"é\" \\ <ünïcode> 🦀\r\n\u{1}");
        let long: String = (0..120_000).map(line).collect();
        assert!(long.len() >= 4 << 20);
        talk.result("call_0", long.as_str());
        talk.send(&proxy).await;
        talk.say("Thanks.");
        talk.send(&proxy).await;
        for request in &upstream.requests()[1..] {
            let output = &request.body["input"][3];
            assert_eq!(output["type"], "function_call_output");
            // Not assert_eq: nobody wants to read the difference.
            assert!(output["output"] == long.as_str());
        }
        proxy.stop().await;
    });
}

#[test]
fn parts_and_images_arrive_as_parts() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        upstream.reply(looking(1));
        upstream.reply(Reply::text(&["Red."]));
        upstream.reply(Reply::text(&["Bye."]));
        let mut talk = look();
        talk.send(&proxy).await;
        let content = json!([
            { "type": "text", "text": "One picture:" },
            { "type": "image_url", "image_url": { "url": IMAGE, "detail": "high" } },
            { "type": "text", "text": "" },
            { "type": "text", "text": "Nothing else." },
        ]);
        talk.result("call_0", content);
        talk.send(&proxy).await;
        talk.say("Thanks.");
        talk.send(&proxy).await;
        for request in &upstream.requests()[1..] {
            assert_eq!(
                request.lines()[3],
                format!("output call_0: One picture: | [{IMAGE}] | Nothing else.")
            );
        }
        proxy.stop().await;
    });
}

#[test]
fn an_empty_result_is_a_result() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        for (number, content) in [
            json!(""),
            json!([]),
            json!([{ "type": "text", "text": "" }]),
        ]
        .into_iter()
        .enumerate()
        {
            let id = format!("call_{number}");
            upstream.reply(Reply::stream().call(&id, "look", "{}").completed());
            upstream.reply(Reply::text(&["Nothing there."]));
            let mut talk = look();
            talk.send(&proxy).await;
            let body = Talk::new()
                .with("messages", json!([result(&id, content)]))
                .offering(&["look"]);
            let answer = proxy.chat(&body.whole()).await;
            assert_eq!(said(&talk.hear(answer)), "Nothing there.");
            assert_eq!(
                upstream.last_request().lines(),
                [
                    "user: Look.".to_owned(),
                    format!("call {id} look {{}}"),
                    format!("output {id}: "),
                ]
            );
        }
        proxy.stop().await;
    });
}
