//! What the log tells of a response.

use super::{ask, follow, function, held_back, output, path, with};
use crate::{
    harness::{
        codex::forward,
        logs::{kinds, text},
        run,
    },
    upstream::{CACHED, Gate, INPUT, OUTPUT, REASONING, Reply, Upstream},
};
use serde_json::json;

#[test]
fn a_response_is_told_from_its_request_to_its_end() {
    run(async {
        for stream in [false, true] {
            let upstream = Upstream::start().await;
            let proxy = forward(&upstream).await;
            let reply = Reply::stream()
                .reasoning(&["Hm."])
                .message(&["Very ", "tall."]);
            upstream.reply(reply.completed());
            let body = with(
                ask("How tall is it?"),
                json!({ "model": "2.5-tpg", "stream": stream, "tools": [function("look")] }),
            );
            let response = if stream {
                let heard = proxy.respond_stream(&body).await.heard().await;
                heard.ended_with("completed").clone()
            } else {
                proxy.respond(&body).await.ok()
            };

            let detail = proxy.only_request().await;
            let incoming = detail.record("incoming_request");
            assert_eq!(incoming["route"], "responses");
            assert_eq!(incoming["path"], "/v1/responses");
            assert_eq!(incoming["model"], "2.5-tpg");
            assert_eq!(incoming["stream"], stream);
            assert_eq!(incoming["messages"], 1);
            assert_eq!(incoming["tools"], 1);
            assert_eq!(incoming["preview"], "How tall is it?");
            let end = detail.ended_with("cursor_response");
            assert_eq!(end["status"], 200);
            assert_eq!(end["finish_reason"], "stop");
            assert_eq!(
                end["usage"],
                json!({
                    "input": INPUT, "cached": CACHED, "output": OUTPUT, "reasoning": REASONING,
                })
            );
            let all = kinds(&detail.records);
            for kind in ["codex_forward", "thread_started", "first_token"] {
                assert!(all.contains(&kind), "{all:?}");
            }
            assert_eq!(detail.json("request"), body);
            assert_eq!(detail.json("reply"), response);
            proxy.stop().await;
        }
    });
}

#[test]
fn calls_and_their_results_are_told() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        upstream.reply(
            Reply::stream()
                .call("call_1", "look", "{\"at\":1}")
                .completed(),
        );
        upstream.reply(Reply::text(&["Seen."]));
        let tools = json!({ "tools": [function("look")] });
        let first = proxy.respond(&with(ask("Look."), tools.clone())).await.ok();
        let body = with(follow(&first, json!([output("call_1", "a bird")])), tools);
        proxy.respond(&body).await.ok();

        let settled = proxy.settled(2).await;
        let calling = proxy.detail(text(&settled[0]["id"])).await;
        assert_eq!(calling.record("tool_call_forwarded")["name"], "look");
        assert_eq!(
            calling.ended_with("cursor_response")["finish_reason"],
            "tool_calls"
        );
        let answering = proxy.detail(text(&settled[1]["id"])).await;
        let results = answering.records.iter();
        let results = results.filter(|record| record["type"] == "tool_result_received");
        assert_eq!(results.count(), 1, "{:#?}", answering.records);
        assert_eq!(answering.request["origin"], "resumed");
        assert_eq!(settled[0]["conversation"], settled[1]["conversation"]);
        proxy.stop().await;
    });
}

#[test]
fn a_cancelled_response_and_one_whose_client_left_are_told_apart() {
    run(async {
        for cancelled in [true, false] {
            let upstream = Upstream::start().await;
            let proxy = forward(&upstream).await;
            let never = Gate::default();
            upstream.reply(held_back(&never));
            let mut stream = proxy.respond_stream(&ask("Tell me.")).await;
            let created = stream.until("response.created").await["response"].clone();
            assert_eq!(stream.next_text().await, "Once");
            if cancelled {
                let cancel = format!("{}/cancel", path(&created));
                let request = proxy.request(reqwest::Method::POST, &cancel);
                request.send().await.unwrap();
                stream.until("response.failed").await;
            }
            drop(stream);
            let settled = proxy.settled(if cancelled { 2 } else { 1 }).await;
            let detail = proxy.detail(text(&settled[0]["id"])).await;
            if cancelled {
                let end = detail.ended_with("cursor_response");
                assert_eq!(end["note"], "cancelled");
            } else {
                detail.ended_with("client_disconnected");
            }
            let reply = detail.json("reply");
            assert_eq!(reply["output"][0]["content"][0]["text"], "Once");
            let status = if cancelled {
                "cancelled"
            } else {
                "in_progress"
            };
            assert_eq!(reply["status"], status);
            proxy.stop().await;
        }
    });
}

#[test]
fn looking_at_a_response_is_told_too() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        upstream.reply(Reply::text(&["Yes."]));
        let response = proxy.respond(&ask("Hi.")).await.ok();
        proxy.get(&path(&response)).await.ok();
        let settled = proxy.settled(2).await;
        let looking = proxy.detail(text(&settled[1]["id"])).await;
        let incoming = looking.record("incoming_request");
        assert_eq!(incoming["route"], "stored_response");
        assert_eq!(settled[0]["conversation"], settled[1]["conversation"]);
        proxy.stop().await;
    });
}
