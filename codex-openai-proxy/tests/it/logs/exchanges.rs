//! One request and its reply, as the log tells them.

use crate::{
    harness::{
        chat::{Answer, ChatStream},
        codex::{ask, forward},
        logs::{Detail, in_order, kinds, text, told},
        run,
        talk::tool,
    },
    upstream::{CACHED, INPUT, OUTPUT, REASONING, Reply, Upstream},
};
use serde_json::{Value, json};

/// A request with something of everything, as Cursor names models.
fn body(stream: bool) -> Value {
    json!({
        "model": "hgih-2.5-tpg",
        "messages": [
            { "role": "system", "content": "Be brief." },
            { "role": "user", "content": "How tall is it?" },
        ],
        "tools": [tool("look"), tool("measure")],
        "stream": stream,
        "temperature": 0.5,
        "user": "somebody",
    })
}

/// A reply with thoughts and words.
fn reply() -> Reply {
    Reply::stream()
        .reasoning(&["Let me ", "think."])
        .message(&["Very ", "tall."])
        .completed()
}

/// What the log tells of [`body`], which was answered by [`reply`] in that conversation.
#[track_caller]
fn check(detail: &Detail, upstream: &Upstream, conversation: &str, stream: bool) {
    let sent = body(stream);
    let records = &detail.records;
    let mut all = kinds(records);
    all.sort_unstable();
    assert_eq!(
        all,
        [
            "codex_forward",
            "cursor_response",
            "first_token",
            "incoming_request",
            "reasoning_detected",
            "thread_started",
        ],
        "{records:#?}"
    );
    in_order(
        records,
        &[
            "incoming_request",
            "thread_started",
            "codex_forward",
            "first_token",
            "cursor_response",
        ],
    );
    in_order(records, &["reasoning_detected", "cursor_response"]);

    let incoming = told(detail.record("incoming_request"), &["read_ms"]);
    assert_eq!(
        incoming,
        json!({
            "method": "POST",
            "path": "/v1/chat/completions",
            "route": "chat_completions",
            "client_id": "client-1",
            "peer": "127.0.0.1",
            "user_agent": "tester/1.0",
            "bytes": sent.to_string().len(),
            "model": "hgih-2.5-tpg",
            "stream": stream,
            "messages": 2,
            "tools": 2,
            "dropped": ["temperature", "user"],
            "preview": "How tall is it?",
        })
    );
    let mut forward = told(detail.record("codex_forward"), &[]);
    let thread = forward["thread"].take();
    assert_eq!(text(&thread).len(), 36, "{thread}");
    let turn = upstream.only_request().turn().to_owned();
    assert_eq!(
        forward,
        json!({
            "mapped_model": "gpt-5.2", "effort": "high", "provider": "fake",
            "thread": null, "turn": turn,
        })
    );
    let started = told(detail.record("thread_started"), &["start_ms"]);
    assert_eq!(started, json!({ "thread": thread, "items": 0 }));
    let first = told(detail.record("first_token"), &["after_ms"]);
    assert_eq!(first, json!({ "kind": "reasoning" }));
    let reasoning = told(detail.record("reasoning_detected"), &[]);
    assert_eq!(reasoning, json!({ "summary_count": 1 }));
    let usage = json!({
        "input": INPUT, "cached": CACHED, "output": OUTPUT, "reasoning": REASONING,
    });
    let end = detail.ended_with("cursor_response");
    assert!(end["first_token_ms"].as_f64() <= end["duration_ms"].as_f64());
    assert_eq!(
        told(end, &["first_token_ms", "duration_ms"]),
        json!({ "status": 200, "finish_reason": "stop", "usage": usage, "cached_share": 0.64 })
    );

    check_row(detail, conversation, stream);
    check_envelopes(records, conversation);
    check_bodies(detail, &sent, conversation);
}

/// The same in short.
#[track_caller]
fn check_row(detail: &Detail, conversation: &str, stream: bool) {
    let records = &detail.records;
    let mut row = detail.request.clone();
    let fields = row.as_object_mut().expect("a row");
    let mut take = |name: &str| fields.shift_remove(name).expect(name);
    let end = detail.record("cursor_response");
    let (first, last) = (&records[0], &records[records.len() - 1]);
    assert_eq!(take("seq"), first["seq"]);
    assert_eq!(take("updated"), last["seq"]);
    assert_eq!(take("time"), first["time"]);
    assert_eq!(take("id"), first["request"]);
    assert_eq!(take("first_token_ms"), end["first_token_ms"]);
    assert_eq!(take("duration_ms"), end["duration_ms"]);
    assert_eq!(
        row,
        json!({
            "client_id": "client-1",
            "method": "POST",
            "path": "/v1/chat/completions",
            "model": "hgih-2.5-tpg",
            "mapped_model": "gpt-5.2",
            "effort": "high",
            "provider": "fake",
            "conversation": conversation,
            "thread": detail.record("codex_forward")["thread"],
            "stream": stream,
            "messages": 2,
            "tools": 2,
            "preview": "How tall is it?",
            "state": "done",
            "status": 200,
            "finish_reason": "stop",
            "usage": end["usage"],
            "calls": [],
            "results": 0,
            "reasoning": 1,
            "dropped": 2,
            "origin": "new",
            "retries": 0,
        })
    );
}

/// What every record has, in the order in which things happened.
#[track_caller]
fn check_envelopes(records: &[Value], conversation: &str) {
    for pair in records.windows(2) {
        assert!(pair[0]["seq"].as_u64() < pair[1]["seq"].as_u64());
        assert_eq!(pair[0]["request"], pair[1]["request"]);
    }
    for record in records {
        // `2026-11-21T03:04:05.123456Z`
        let time = text(&record["time"]);
        assert!(time.len() == 27 && time.ends_with('Z'), "{time}");
        // Only the reply gives the conversation a name.
        if record["type"] != "incoming_request" {
            assert_eq!(record["conversation"], conversation, "{record}");
        }
    }
}

/// What came in and went out.
#[track_caller]
fn check_bodies(detail: &Detail, sent: &Value, conversation: &str) {
    let mut kept: Vec<&str> = detail
        .bodies
        .iter()
        .map(|body| text(&body["kind"]))
        .collect();
    kept.sort_unstable();
    assert_eq!(kept, ["headers", "reply", "request"]);
    assert_eq!(detail.json("request"), *sent);
    let request = detail.body("request").unwrap();
    assert_eq!(request["media_type"], "application/json");
    assert_eq!(request["size"], sent.to_string().len());
    assert_eq!(request["form"], "redacted");
    assert_eq!(request["truncated"], false);
    let headers = detail.json("headers");
    assert_eq!(headers["user-agent"], "tester/1.0");
    assert_eq!(headers["content-type"], "application/json");

    let reply = detail.json("reply");
    assert_eq!(reply["object"], "chat.completion");
    assert_eq!(reply["model"], "hgih-2.5-tpg");
    assert_eq!(reply["conversation_id"], conversation);
    let choice = &reply["choices"][0];
    assert_eq!(choice["finish_reason"], "stop");
    assert_eq!(choice["message"]["content"], "Very tall.");
    assert_eq!(choice["message"]["reasoning_content"], "Let me think.");
    assert_eq!(reply["usage"]["prompt_tokens"], INPUT);
}

#[test]
fn a_streamed_exchange_is_told_from_its_beginning_to_its_end() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        upstream.reply(reply());
        let request = proxy.chat_as("client-1", &body(true));
        let request = request.header("user-agent", "tester/1.0");
        let stream = ChatStream::open(request.send().await.unwrap());
        let conversation = stream.headers()["x-conversation-id"].to_str().unwrap();
        let conversation = conversation.to_owned();
        let said = stream.said().await;
        said.ended_with("stop");

        let detail = proxy.detail("client-1").await;
        check(&detail, &upstream, &conversation, true);
        assert!(said.ids.contains(text(&detail.json("reply")["id"])));
        proxy.stop().await;
    });
}

#[test]
fn an_exchange_in_one_piece_is_told_the_same_way() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        upstream.reply(reply());
        let request = proxy.chat_as("client-1", &body(false));
        let request = request.header("user-agent", "tester/1.0");
        let answer = Answer::read(request.send().await.unwrap()).await;
        assert_eq!(answer.header("x-request-id"), Some("client-1"));
        let answer = answer.ok();
        let detail = proxy.detail("client-1").await;
        check(&detail, &upstream, text(&answer["conversation_id"]), false);
        assert_eq!(detail.json("reply")["id"], answer["id"]);
        proxy.stop().await;
    });
}

#[test]
fn a_request_is_found_by_its_clients_id_and_by_ours() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        upstream.otherwise(|_| Reply::text(&["Hello"]));
        // Without an id of the client's, the reply tells ours.
        let answer = proxy.chat(&ask("One.")).await;
        let ours = answer.header("x-request-id").expect("an id").to_owned();
        answer.ok();
        let detail = proxy.detail(&ours).await;
        assert_eq!(detail.request["id"], ours);
        assert_eq!(detail.request["preview"], "One.");
        assert_eq!(detail.request.get("client_id"), None);

        // A client may use an id twice: then it means the last.
        for question in ["Two.", "Three."] {
            let request = proxy.chat_as("again", &ask(question));
            Answer::read(request.send().await.unwrap()).await.ok();
        }
        let by_theirs = proxy.detail("again").await;
        assert_eq!(by_theirs.request["preview"], "Three.");
        assert_eq!(by_theirs.request["client_id"], "again");
        let by_ours = proxy.detail(text(&by_theirs.request["id"])).await;
        assert_eq!(by_ours.request, by_theirs.request);
        assert_eq!(by_ours.records, by_theirs.records);

        let unknown = proxy.get("/logs/api/requests/nobody").await;
        assert_eq!(unknown.error(404).1, Some("log_request_not_found"));
        proxy.stop().await;
    });
}

#[test]
fn a_models_list_and_a_refused_name_are_told_too() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        proxy.get("/v1/models").await.ok();
        proxy.get("/models/gpt-5.2").await.ok();
        proxy.get("/v1/models/nothing").await.error(404);
        let rows = proxy.settled(3).await;
        let mut seen = Vec::new();
        for row in &rows {
            let detail = proxy.detail(text(&row["id"])).await;
            let route = detail.record("incoming_request")["route"].clone();
            seen.push((text(&route).to_owned(), row["status"].as_u64().unwrap()));
            assert_eq!(detail.records.len(), 2, "{:#?}", detail.records);
        }
        let expected = [("models", 200), ("model", 200), ("model", 404)];
        assert_eq!(
            seen,
            expected.map(|(route, status)| (route.to_owned(), status))
        );
        assert_eq!(rows[2]["error"]["code"], "model_not_found");
        assert_eq!(rows[0]["method"], "GET");
        assert_eq!(rows[0]["path"], "/v1/models");
        proxy.stop().await;
    });
}
