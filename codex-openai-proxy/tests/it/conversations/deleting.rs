//! Conversations that their clients do away with.

use super::counting;
use crate::{
    harness::{codex::forward, run, talk::Talk},
    upstream::{Gate, Reply},
};
use serde_json::json;

#[test]
fn a_deleted_conversation_is_forgotten() {
    run(async {
        let upstream = counting().await;
        let proxy = forward(&upstream).await;
        for path in ["/v1/conversations", "/conversations"] {
            let mut talk = Talk::about("Secret.").with("conversation_id", "chat-1");
            talk.send(&proxy).await;
            let deleted = proxy.delete(&format!("{path}/chat-1")).await.ok();
            let expected = json!({
                "id": "chat-1", "object": "conversation.deleted", "deleted": true,
            });
            assert_eq!(deleted, expected);
            let again = proxy.delete(&format!("{path}/chat-1")).await;
            assert_eq!(again.error(404).1, Some("conversation_not_found"));

            let key = upstream.last_request().cache_key().to_owned();
            talk.say("Hi.");
            talk.send_news(&proxy).await;
            let request = upstream.last_request();
            assert_eq!(request.lines(), ["user: Hi."]);
            request.knows_nothing_of("Secret.");
            assert_ne!(request.cache_key(), key);
            proxy.delete("/v1/conversations/chat-1").await.ok();
        }
        // One that the proxy named itself.
        let mut talk = Talk::about("Secret.");
        talk.send(&proxy).await;
        let path = format!("/v1/conversations/{}", talk.conversation());
        proxy.delete(&path).await.ok();
        talk.say("Hi.");
        let answer = proxy.chat(&talk.named_news()).await;
        assert_eq!(answer.error(404).1, Some("conversation_not_found"));
        proxy.stop().await;
    });
}

#[test]
fn any_name_can_be_deleted() {
    run(async {
        let upstream = counting().await;
        let proxy = forward(&upstream).await;
        for (name, path) in [
            ("a/b", "a%2Fb"),
            ("../x", "..%2Fx"),
            ("50%&?#+", "50%25%26%3F%23%2B"),
            ("plain+plus", "plain+plus"),
        ] {
            let mut talk = Talk::about("Secret.").with("conversation_id", name);
            talk.send(&proxy).await;
            assert_eq!(talk.conversation(), name);
            let deleted = proxy.delete(&format!("/v1/conversations/{path}")).await;
            assert_eq!(deleted.ok()["id"], name);
            talk.say("Hi.");
            talk.send_news(&proxy).await;
            assert_eq!(upstream.last_request().lines(), ["user: Hi."], "{name}");
        }
        proxy.stop().await;
    });
}

#[test]
fn deleting_ends_the_turn_that_runs() {
    run(async {
        let upstream = counting().await;
        let proxy = forward(&upstream).await;
        let gate = Gate::default();
        upstream.reply(
            Reply::stream()
                .begin_message()
                .delta("Once")
                .wait(&gate)
                .delta(" upon")
                .end_message()
                .completed(),
        );
        let talk = Talk::about("Tell me.").with("conversation_id", "chat-1");
        let mut stream = proxy.stream(&talk.whole()).await;
        assert_eq!(stream.next_text().await, "Once");
        proxy.delete("/v1/conversations/chat-1").await.ok();
        gate.open();
        stream.said().await.failed();
        let mut talk = Talk::about("Hi.").with("conversation_id", "chat-1");
        talk.send(&proxy).await;
        assert_eq!(upstream.last_request().lines(), ["user: Hi."]);
        proxy.stop().await;
    });
}
