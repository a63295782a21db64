//! Responses that are called off.

use super::{SOON, ask, endless, endless_after, follow, held_back, path};
use crate::{
    harness::{
        Client,
        chat::Answer,
        codex::{Setup, forward},
        responses::said,
        run,
    },
    upstream::{Gate, Outcome, Reply, Upstream},
};
use reqwest::Method;
use serde_json::Value;
use std::time::Instant;

async fn cancel(client: &Client, response: &Value) -> Answer {
    let path = format!("{}/cancel", path(response));
    Answer::read(client.request(Method::POST, &path).send().await.unwrap()).await
}

#[test]
fn a_stream_ends_when_it_is_cancelled() {
    run(async {
        let upstream = Upstream::start().await;
        // If core took the end for a break it would call again.
        let proxy = Setup::new(&upstream).retries(3).start().await;
        upstream.reply(endless());
        let mut stream = proxy.respond_stream(&ask("Tell me.")).await;
        let created = stream.until("response.created").await["response"].clone();
        assert_eq!(stream.next_text().await, "Once");

        let begun = Instant::now();
        // The stream is read meanwhile, as clients do.
        let reading = tokio::spawn(async move {
            let failed = stream.until("response.failed").await;
            assert_eq!(stream.next().await, None);
            failed
        });
        let cancelled = cancel(&proxy, &created).await.ok();
        let failed = reading.await.unwrap();
        assert_eq!(upstream.outcome(0).await, Outcome::Dropped);
        assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());

        assert_eq!(cancelled["id"], created["id"]);
        assert_eq!(cancelled["status"], "cancelled");
        assert_eq!(cancelled["output"][0]["status"], "incomplete");
        assert!(said(&cancelled).starts_with("Once"), "{cancelled}");
        assert_eq!(failed["response"], cancelled);
        assert_eq!(proxy.get(&path(&created)).await.ok(), cancelled);
        // Once more does no harm.
        assert_eq!(cancel(&proxy, &created).await.ok(), cancelled);
        tokio::time::sleep(SOON / 3).await;
        assert_eq!(upstream.requests().len(), 1);
        proxy.stop().await;
    });
}

#[test]
fn a_silent_stream_ends_when_it_is_cancelled() {
    run(async {
        let upstream = Upstream::start().await;
        let mut setup = Setup::new(&upstream);
        setup.config.limits.first_event = SOON / 10;
        let proxy = setup.start().await;
        let gate = Gate::default();
        let silent = Reply::stream().begin_message().delta("Once").wait(&gate);
        upstream.reply(endless_after(silent));
        let mut stream = proxy.respond_stream(&ask("Tell me.")).await;
        let created = stream.until("response.created").await["response"].clone();
        let begun = Instant::now();
        // Nobody reads it: what has been said suffices.
        let cancelled = cancel(&proxy, &created).await.ok();
        assert_eq!(cancelled["status"], "cancelled");
        assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
        let failed = stream.until("response.failed").await;
        assert_eq!(failed["response"], cancelled);
        // core looks at its end of the connection when something comes in.
        gate.open();
        assert_eq!(upstream.outcome(0).await, Outcome::Dropped);
        proxy.stop().await;
    });
}

#[test]
fn a_cancelled_response_can_be_followed() {
    is_followed(ask("Tell me."));
}

#[test]
fn a_cancelled_response_of_a_named_conversation_can_be_followed() {
    let mut body = ask("Tell me.");
    body["conversation"] = "chat-1".into();
    is_followed(body);
}

/// Asserts that what was said up to the end of a cancelled response is heard after it. `body` asks for
/// that response.
fn is_followed(body: Value) {
    run(async move {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        let never = Gate::default();
        upstream.reply(held_back(&never));
        upstream.reply(Reply::text(&["Hello."]));
        let mut stream = proxy.respond_stream(&body).await;
        let created = stream.until("response.created").await["response"].clone();
        assert_eq!(stream.next_text().await, "Once");
        cancel(&proxy, &created).await.ok();
        stream.until("response.failed").await;
        proxy.respond(&follow(&created, "Hi.")).await.ok();
        assert_eq!(
            upstream.last_request().lines(),
            ["user: Tell me.", "assistant: Once", "user: Hi."]
        );
        proxy.stop().await;
    });
}

#[test]
fn what_has_ended_or_never_was_cannot_be_cancelled() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        upstream.reply(Reply::text(&["Yes."]));
        let response = proxy.respond(&ask("Hi.")).await.ok();
        let answer = cancel(&proxy, &response).await;
        answer.error(400);
        assert_eq!(answer.message(), "Cannot cancel a completed response.");
        let stranger = serde_json::json!({ "id": "resp_of_somebody" });
        cancel(&proxy, &stranger).await.error(404);
        assert_eq!(proxy.get(&path(&response)).await.ok(), response);
        proxy.stop().await;
    });
}
