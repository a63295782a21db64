//! Responses that follow others by `previous_response_id`.

use super::{ask, follow, function, output, path, with};
use crate::{
    harness::{codex::forward, responses::said, run},
    upstream::{Reply, Upstream},
};
use serde_json::json;

#[test]
fn a_chain_is_one_thread() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        for number in 1..=3 {
            let sealed = format!("sealed-{number}");
            let answer = format!("Answer {number}.");
            let reply = Reply::stream().thought(&sealed).message(&[&answer]);
            upstream.reply(reply.completed());
        }
        let first = proxy.respond(&ask("One?")).await.ok();
        let second = proxy.respond(&follow(&first, "Two?")).await.ok();
        let third = proxy.respond(&follow(&second, "Three?")).await.ok();
        assert_eq!(said(&third), "Answer 3.");
        assert_eq!(third["previous_response_id"], second["id"]);
        let request = upstream.last_request();
        assert_eq!(
            request.lines(),
            [
                "user: One?",
                "reasoning: sealed-1",
                "assistant: Answer 1.",
                "user: Two?",
                "reasoning: sealed-2",
                "assistant: Answer 2.",
                "user: Three?",
            ]
        );
        for earlier in upstream.requests() {
            assert_eq!(earlier.cache_key(), request.cache_key());
        }
        proxy.stop().await;
    });
}

#[test]
fn instructions_are_not_carried_over() {
    run(async {
        let upstream = Upstream::start().await;
        upstream.otherwise(|_| Reply::text(&["Yes."]));
        let proxy = forward(&upstream).await;
        let body = with(ask("One?"), json!({ "instructions": "Be brief." }));
        let first = proxy.respond(&body).await.ok();
        let body = with(
            follow(&first, "Two?"),
            json!({ "instructions": "Be verbose." }),
        );
        let second = proxy.respond(&body).await.ok();
        let request = upstream.last_request();
        assert_eq!(request.body["instructions"], "Be verbose.");
        request.knows_nothing_of("Be brief.");
        proxy.respond(&follow(&second, "Three?")).await.ok();
        let request = upstream.last_request();
        request.knows_nothing_of("Be verbose.");
        assert_eq!(
            request.lines(),
            [
                "user: One?",
                "assistant: Yes.",
                "user: Two?",
                "assistant: Yes.",
                "user: Three?",
            ]
        );
        proxy.stop().await;
    });
}

#[test]
fn branches_of_one_response_know_nothing_of_each_other() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        upstream.otherwise(|seen| {
            let answer = format!("To {}", seen.last_text());
            Reply::text(&[&answer])
        });
        let trunk = proxy.respond(&ask("Trunk.")).await.ok();
        let mut left = proxy.respond(&follow(&trunk, "Left 1.")).await.ok();
        let mut right = proxy.respond(&follow(&trunk, "Right 1.")).await.ok();
        assert_eq!(
            upstream.last_request().lines(),
            ["user: Trunk.", "assistant: To Trunk.", "user: Right 1."]
        );
        // And each goes on, in turns.
        let trunk = ["user: Trunk.", "assistant: To Trunk."];
        let mut lines = [
            ("Left", trunk.map(str::to_owned).to_vec()),
            ("Right", trunk.map(str::to_owned).to_vec()),
        ];
        for number in 2..=3 {
            for (branch, (side, lines)) in [&mut left, &mut right].into_iter().zip(&mut lines) {
                let before = number - 1;
                lines.push(format!("user: {side} {before}."));
                lines.push(format!("assistant: To {side} {before}."));
                let question = format!("{side} {number}.");
                *branch = proxy.respond(&follow(branch, question)).await.ok();
                let mut asked = lines.clone();
                asked.push(format!("user: {side} {number}."));
                assert_eq!(upstream.last_request().lines(), asked);
            }
        }
        proxy.stop().await;
    });
}

#[test]
fn branches_can_be_asked_for_at_the_same_time() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        upstream.otherwise(|seen| {
            let answer = format!("To {}", seen.last_text());
            Reply::text(&[&answer])
        });
        let trunk = proxy.respond(&ask("Trunk.")).await.ok();
        let bodies = ["Left.", "Middle.", "Right."].map(|side| follow(&trunk, side));
        let answers = futures_util::future::join_all(bodies.iter().map(|body| proxy.respond(body)));
        let answers = answers.await;
        for (answer, side) in answers.into_iter().zip(["Left.", "Middle.", "Right."]) {
            assert_eq!(said(&answer.ok()), format!("To {side}"));
        }
        for request in &upstream.requests()[1..] {
            let question = format!("user: {}", request.last_text());
            assert_eq!(
                request.lines(),
                ["user: Trunk.", "assistant: To Trunk.", &question]
            );
        }
        proxy.stop().await;
    });
}

#[test]
fn one_call_can_be_answered_in_two_ways() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        let calling = Reply::stream().call("call_1", "files__read", "{}");
        upstream.reply(calling.completed());
        upstream.otherwise(|_| Reply::text(&["Seen."]));
        let tools = json!({ "tools": [{
            "type": "namespace",
            "name": "files",
            "description": "Files.",
            "tools": [function("read")],
        }] });
        let first = proxy.respond(&with(ask("Read."), tools.clone())).await.ok();
        for answer in ["a bird", "a cat", "a dog"] {
            let result = json!([output("call_1", answer)]);
            let body = with(follow(&first, result), tools.clone());
            let second = proxy.respond(&body).await.ok();
            let mut lines = vec![
                "user: Read.".to_owned(),
                "call call_1 files__read {}".to_owned(),
                format!("output call_1: {answer}"),
            ];
            assert_eq!(upstream.last_request().lines(), lines);
            let body = with(follow(&second, "Thanks."), tools.clone());
            proxy.respond(&body).await.ok();
            lines.extend(["assistant: Seen.", "user: Thanks."].map(str::to_owned));
            assert_eq!(upstream.last_request().lines(), lines);
        }
        proxy.stop().await;
    });
}

#[test]
fn what_followed_without_being_stored_is_not_part_of_the_chain() {
    run(async {
        let upstream = Upstream::start().await;
        upstream.otherwise(|seen| {
            let answer = format!("To {}", seen.last_text());
            Reply::text(&[&answer])
        });
        let proxy = forward(&upstream).await;
        let first = proxy.respond(&ask("One?")).await.ok();
        let body = with(follow(&first, "Two?"), json!({ "store": false }));
        let unstored = proxy.respond(&body).await.ok();
        assert_eq!(
            upstream.last_request().lines(),
            ["user: One?", "assistant: To One?", "user: Two?"]
        );
        let answer = proxy.respond(&follow(&unstored, "Three?")).await;
        assert_eq!(answer.error(400).1, Some("previous_response_not_found"));
        proxy.respond(&follow(&first, "Another two?")).await.ok();
        assert_eq!(
            upstream.last_request().lines(),
            ["user: One?", "assistant: To One?", "user: Another two?"]
        );
        proxy.stop().await;
    });
}

#[test]
fn what_failed_can_be_asked_again_of_the_same_response() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        upstream.reply(Reply::text(&["Yes."]));
        let first = proxy.respond(&ask("One?")).await.ok();
        let broken = Reply::stream().begin_message().delta("Once").break_off();
        upstream.reply(broken);
        let body = follow(&first, "Two?");
        let heard = proxy.respond_stream(&body).await.heard().await;
        heard.ended_with("failed");
        upstream.reply(Reply::error(500, "server_error", "oops", "Oops."));
        proxy.respond(&body).await.error(502);
        upstream.reply(Reply::text(&["Yes."]));
        assert_eq!(said(&proxy.respond(&body).await.ok()), "Yes.");
        assert_eq!(
            upstream.last_request().lines(),
            ["user: One?", "assistant: Yes.", "user: Two?"]
        );
        proxy.stop().await;
    });
}

#[test]
fn what_is_not_there_cannot_be_followed() {
    run(async {
        let upstream = Upstream::start().await;
        upstream.otherwise(|_| Reply::text(&["Yes."]));
        let proxy = forward(&upstream).await;
        let unstored = with(ask("Hi."), json!({ "store": false }));
        let unstored = proxy.respond(&unstored).await.ok();
        let deleted = proxy.respond(&ask("One?")).await.ok();
        let orphan = proxy.respond(&follow(&deleted, "Two?")).await.ok();
        proxy.delete(&path(&deleted)).await.ok();
        let asked = upstream.requests().len();
        let stranger = json!({ "id": "resp_of_somebody" });
        for gone in [&stranger, &unstored, &deleted, &orphan] {
            let answer = proxy.respond(&follow(gone, "Go on.")).await;
            let (kind, code) = answer.error(400);
            assert_eq!(kind, "invalid_request_error");
            assert_eq!(code, Some("previous_response_not_found"));
            assert_eq!(answer.body["error"]["param"], "previous_response_id");
        }
        assert_eq!(upstream.requests().len(), asked);
        proxy.stop().await;
    });
}

#[test]
fn a_response_that_was_cut_short_can_be_followed() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        let cut = Reply::stream().begin_message().delta("Once upon");
        upstream.reply(cut.incomplete("max_output_tokens"));
        upstream.reply(Reply::text(&[" a time."]));
        let first = proxy.respond(&ask("Tell me.")).await.ok();
        assert_eq!(first["status"], "incomplete");
        let second = proxy.respond(&follow(&first, "Go on.")).await.ok();
        assert_eq!(said(&second), " a time.");
        assert_eq!(
            upstream.last_request().lines(),
            ["user: Tell me.", "assistant: Once upon", "user: Go on."]
        );
        proxy.stop().await;
    });
}

#[cfg(unix)]
mod restarts {
    use super::*;
    use crate::harness::{
        codex::Setup,
        running::{ENDS, End, Running},
    };

    #[test]
    fn a_chain_goes_on_in_the_next_process() {
        run(async {
            for end in ENDS {
                let upstream = Upstream::start().await;
                let (_, homes) = Setup::new(&upstream).write();
                let mut running = Running::start(&homes).await;
                let tools = json!({ "tools": [function("look")] });
                let calling = Reply::stream().thought("sealed-1");
                upstream.reply(calling.call("call_1", "look", "{}").completed());
                let seen = Reply::stream().thought("sealed-2").message(&["A bird."]);
                upstream.reply(seen.completed());
                upstream.reply(Reply::text(&["Bye."]));

                let body = with(ask("Look."), tools.clone());
                let first = running.client.respond(&body).await.ok();
                running = running.again(end, &homes).await;
                let result = json!([output("call_1", "wings")]);
                let body = with(follow(&first, result), tools);
                let second = running.client.respond(&body).await.ok();
                assert_eq!(said(&second), "A bird.");
                running = running.again(end, &homes).await;
                assert_eq!(running.client.get(&path(&first)).await.ok(), first);
                let body = follow(&second, "Thanks.");
                let heard = running.client.respond_stream(&body).await.heard().await;
                assert_eq!(said(heard.ended_with("completed")), "Bye.");

                let requests = upstream.requests();
                assert_eq!(requests.len(), 3);
                assert_eq!(
                    requests[2].lines(),
                    [
                        "user: Look.",
                        "reasoning: sealed-1",
                        "call call_1 look {}",
                        "output call_1: wings",
                        "reasoning: sealed-2",
                        "assistant: A bird.",
                        "user: Thanks.",
                    ],
                    "{end:?}"
                );
                for request in &requests {
                    assert_eq!(request.cache_key(), requests[0].cache_key());
                }
                running.end(End::Asked, &homes).await;
            }
        });
    }
}
