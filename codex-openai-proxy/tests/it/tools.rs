//! The tool loop: calls go to the client, the turn waits, and the results go on with that turn.

mod parked;
mod results;

use crate::{
    harness::{
        codex::forward,
        run,
        talk::{Talk, calls, result, said},
    },
    upstream::{CACHED, INPUT, Reply, Upstream},
};
use serde_json::{Value, json};

/// A reply that thinks and then calls `look` that many times.
fn looking(count: usize) -> Reply {
    let reply = Reply::stream().thought("sealed-1");
    (0..count)
        .fold(reply, |reply, at| {
            reply.call(&format!("call_{at}"), "look", &format!("{{\"at\":{at}}}"))
        })
        .completed()
}

/// The input after `Look.` and the calls of [`looking`] were answered with `result N`.
fn looked(count: usize) -> Vec<String> {
    let mut lines = vec!["user: Look.".to_owned(), "reasoning: sealed-1".to_owned()];
    lines.extend((0..count).map(|at| format!("call call_{at} look {{\"at\":{at}}}")));
    lines.extend((0..count).map(|at| format!("output call_{at}: result {at}")));
    lines
}

/// A chat that asks for [`looking`].
fn look() -> Talk {
    Talk::about("Look.").offering(&["look"])
}

#[test]
fn results_go_on_with_the_turn_that_waits_for_them() {
    run(async {
        for count in [1, 2, 5] {
            let upstream = Upstream::start().await;
            let proxy = forward(&upstream).await;
            upstream.reply(looking(count));
            let seen = Reply::stream().thought("sealed-2").message(&["Seen."]);
            upstream.reply(seen.completed());
            upstream.reply(Reply::text(&["Bye."]));

            let mut talk = look();
            let reply = talk.send(&proxy).await;
            assert_eq!(calls(&reply).len(), count);
            for (at, (id, name, arguments)) in calls(&reply).into_iter().enumerate() {
                assert_eq!(id, format!("call_{at}"));
                assert_eq!(name, "look");
                assert_eq!(arguments, format!("{{\"at\":{at}}}"));
            }
            let conversation = talk.conversation().to_owned();
            for at in 0..count {
                talk.result(&format!("call_{at}"), format!("result {at}"));
            }
            let reply = talk.send(&proxy).await;
            assert_eq!(said(&reply), "Seen.");
            assert_eq!(reply["choices"][0]["finish_reason"], "stop");
            let usage = &reply["usage"];
            assert_eq!(usage["prompt_tokens"], INPUT, "of this model call alone");
            assert_eq!(usage["prompt_tokens_details"]["cached_tokens"], CACHED);
            assert_eq!(talk.conversation(), conversation);
            talk.say("Thanks.");
            assert_eq!(said(&talk.send(&proxy).await), "Bye.");
            assert_eq!(talk.conversation(), conversation);

            let requests = upstream.requests();
            assert_eq!(requests.len(), 3, "one model call for each reply");
            assert_eq!(requests[0].lines(), ["user: Look."]);
            let mut lines = looked(count);
            assert_eq!(requests[1].lines(), lines);
            lines.extend(
                ["reasoning: sealed-2", "assistant: Seen.", "user: Thanks."].map(str::to_owned),
            );
            assert_eq!(requests[2].lines(), lines);
            assert_eq!(requests[0].cache_key(), requests[1].cache_key());
            assert_eq!(requests[0].cache_key(), requests[2].cache_key());
            assert_eq!(requests[0].turn(), requests[1].turn());
            assert_ne!(requests[0].turn(), requests[2].turn());
            proxy.stop().await;
        }
    });
}

#[test]
fn streamed_calls_are_numbered_and_whole_in_their_first_fragment() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        upstream.reply(looking(5));
        upstream.reply(Reply::text(&["Seen."]));
        let mut talk = look();
        let mut stream = proxy.stream(&talk.whole()).await;
        let header = stream.headers()["x-conversation-id"].clone();
        let mut fragments = Vec::new();
        let mut finish_reasons = Vec::new();
        while let Some(frame) = stream.next().await {
            if let crate::harness::chat::Frame::Chunk(chunk) = frame {
                assert_eq!(chunk["conversation_id"], header.to_str().unwrap());
                let choice = &chunk["choices"][0];
                let calls = choice["delta"]["tool_calls"].as_array();
                fragments.extend(calls.into_iter().flatten().cloned());
                finish_reasons.extend(choice["finish_reason"].as_str().map(str::to_owned));
            }
        }
        assert_eq!(finish_reasons, ["tool_calls"]);
        let firsts: Vec<&Value> = fragments
            .iter()
            .filter(|fragment| !fragment["id"].is_null())
            .collect();
        assert_eq!(firsts.len(), 5, "{fragments:?}");
        for (at, fragment) in firsts.into_iter().enumerate() {
            assert_eq!(fragment["index"], at);
            assert_eq!(fragment["id"], format!("call_{at}"));
            assert_eq!(fragment["type"], "function");
            assert_eq!(fragment["function"]["name"], "look");
        }

        talk.messages().clear();
        for at in 0..5 {
            talk.result(&format!("call_{at}"), format!("result {at}"));
        }
        let stream = proxy.stream(&talk.whole()).await;
        assert_eq!(stream.headers()["x-conversation-id"], header);
        let said = stream.said().await;
        said.ended_with("stop");
        assert_eq!(said.text, "Seen.");
        assert!(said.conversations.contains(header.to_str().unwrap()));
        assert_eq!(said.conversations.len(), 1);
        assert_eq!(upstream.last_request().lines(), looked(5));
        proxy.stop().await;
    });
}

#[test]
fn results_find_their_turn_by_the_call_alone() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        // Two chats whose messages are the same: only the calls tell them apart.
        let mut talks = [look(), look()];
        for (talk, id) in talks.iter_mut().zip(["call_left", "call_right"]) {
            upstream.reply(Reply::stream().call(id, "look", "{}").completed());
            talk.send(&proxy).await;
        }
        assert_ne!(talks[0].conversation(), talks[1].conversation());
        for (talk, id) in talks.iter_mut().zip(["call_left", "call_right"]).rev() {
            let conversation = talk.conversation().to_owned();
            upstream.reply(Reply::text(&["Seen."]));
            let results = json!([result(id, "a bird")]);
            let body = Talk::new().with("messages", results).offering(&["look"]);
            let answer = proxy.chat(&body.whole()).await;
            assert_eq!(said(&talk.hear(answer)), "Seen.");
            assert_eq!(talk.conversation(), conversation);
            assert_eq!(
                upstream.last_request().lines(),
                [
                    "user: Look.".to_owned(),
                    format!("call {id} look {{}}"),
                    format!("output {id}: a bird"),
                ]
            );
        }
        let requests = upstream.requests();
        assert_eq!(requests[0].cache_key(), requests[3].cache_key());
        assert_eq!(requests[1].cache_key(), requests[2].cache_key());
        proxy.stop().await;
    });
}

#[test]
fn one_turn_can_call_again_and_again() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        for round in 1..=3 {
            upstream.reply(
                Reply::stream()
                    .thought(&format!("sealed-{round}"))
                    .message(&[&format!("Round {round}.")])
                    .call(&format!("call_{round}"), "look", "{}")
                    .completed(),
            );
        }
        upstream.reply(Reply::text(&["Done."]));
        let mut talk = look();
        let mut lines = vec!["user: Look.".to_owned()];
        for round in 1..=3 {
            let reply = talk.send(&proxy).await;
            assert_eq!(said(&reply), format!("Round {round}."));
            let id = format!("call_{round}");
            assert_eq!(calls(&reply), [(id.as_str(), "look", "{}")]);
            talk.result(&id, "nothing");
            lines.extend([
                format!("reasoning: sealed-{round}"),
                format!("assistant: Round {round}."),
                format!("call {id} look {{}}"),
                format!("output {id}: nothing"),
            ]);
        }
        assert_eq!(said(&talk.send(&proxy).await), "Done.");
        assert_eq!(upstream.last_request().lines(), lines);
        let requests = upstream.requests();
        assert_eq!(requests.len(), 4);
        assert!(
            requests
                .iter()
                .all(|request| request.turn() == requests[0].turn())
        );
        proxy.stop().await;
    });
}

#[test]
fn tools_of_the_next_request_are_on_offer_at_once() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        upstream.reply(looking(1));
        upstream.reply(Reply::stream().call("call_b", "listen", "{}").completed());
        upstream.otherwise(|_| Reply::text(&["Done."]));
        let mut talk = look();
        talk.send(&proxy).await;
        // In the middle of a turn,
        talk = talk.offering(&["listen", "look"]);
        talk.result("call_0", "nothing");
        let reply = talk.send(&proxy).await;
        assert_eq!(calls(&reply), [("call_b", "listen", "{}")]);
        talk = talk.offering(&["smell"]);
        talk.result("call_b", "nothing");
        talk.send(&proxy).await;
        // with the next one, and never again.
        talk = talk.offering(&["touch", "taste"]);
        talk.say("Go on.");
        talk.send(&proxy).await;
        talk.body.as_object_mut().unwrap().remove("tools");
        talk.say("Go on.");
        talk.send(&proxy).await;

        let requests = upstream.requests();
        let offered: Vec<_> = requests.iter().map(|seen| seen.tool_names()).collect();
        let expected: [&[&str]; 5] = [
            &["look"],
            &["listen", "look"],
            &["smell"],
            &["touch", "taste"],
            &[],
        ];
        assert_eq!(offered, expected);
        assert_eq!(requests[0].turn(), requests[2].turn());
        assert_eq!(requests[0].cache_key(), requests[4].cache_key());
        proxy.stop().await;
    });
}

#[test]
fn the_choice_decides_what_is_on_offer() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        upstream.otherwise(|_| Reply::text(&["Done."]));
        let mut talk = Talk::about("Go.").offering(&["look", "listen"]);
        for (choice, offered) in [
            (json!("auto"), &["look", "listen"][..]),
            (json!("none"), &[]),
            (
                json!({ "type": "function", "function": { "name": "listen" } }),
                &["listen"],
            ),
            (json!("required"), &["look", "listen"]),
        ] {
            talk = talk.with("tool_choice", choice);
            talk.send(&proxy).await;
            assert_eq!(upstream.last_request().tool_names(), offered);
            talk.say("Again.");
        }
        proxy.stop().await;
    });
}
