//! What becomes of conversations, as the log tells it.

use crate::{
    harness::{
        Client, Proxy,
        codex::{Setup, forward},
        logs::{kinds, only, text, told},
        run,
        talk::{Talk, said},
    },
    upstream::{Gate, Reply, Seen, Upstream},
};
use serde_json::{Value, json};
use std::time::Duration;

/// An upstream that always says yes.
async fn yes() -> Upstream {
    let upstream = Upstream::start().await;
    upstream.otherwise(|_| Reply::text(&["Yes."]));
    upstream
}

/// A proxy that puts idle conversations away at once.
async fn forgetful(upstream: &Upstream) -> Proxy {
    let mut setup = Setup::new(upstream);
    setup.config.conversations.idle = Duration::from_millis(200);
    setup.start().await
}

/// A chat that has asked that many times.
async fn begun(client: &Client, mut talk: Talk, questions: usize) -> Talk {
    for number in 0..questions {
        talk.say(&format!("Question {number}."));
        talk.send(client).await;
    }
    talk
}

fn named() -> Talk {
    Talk::new().with("conversation_id", "chat-1")
}

/// What a record says of the thread that was made anew, and what the request says of it in short.
async fn rebuilt(client: &Client) -> Value {
    let records = client.records("type=rebuilt").await;
    let record = only(&records, "rebuilt");
    let mut told = told(record, &[]);
    let detail = client.detail(text(&record["request"])).await;
    assert_eq!(detail.request["origin"], "rebuilt");
    assert_eq!(told["thread"].take(), detail.request["thread"]);
    let told = json!({ "reason": told["reason"], "kept": told["kept"], "of": told["of"] });
    assert_eq!(detail.request["rebuilt"], told);
    // A thread of its own follows.
    assert!(kinds(&detail.records).contains(&"thread_started"));
    told
}

#[test]
fn an_edit_tells_how_much_stayed() {
    run(async {
        let upstream = yes().await;
        let proxy = forward(&upstream).await;
        let mut talk = begun(&proxy, named(), 3).await;
        talk.messages()[2]["content"] = "Edited.".into();
        talk.messages().truncate(3);
        talk.send(&proxy).await;
        // A question and its answer, of three each.
        assert_eq!(
            rebuilt(&proxy).await,
            json!({ "reason": "edited", "kept": 2, "of": 6 })
        );
        proxy.stop().await;
    });
}

#[test]
fn other_instructions_are_a_reason_of_their_own() {
    run(async {
        let upstream = yes().await;
        let proxy = forward(&upstream).await;
        let mut talk = named();
        let system = json!({ "role": "system", "content": "Be brief." });
        talk.messages().push(system);
        let mut talk = begun(&proxy, talk, 2).await;
        talk.messages()[0]["content"] = "Be verbose.".into();
        talk.say("Well?");
        talk.send(&proxy).await;
        assert_eq!(
            rebuilt(&proxy).await,
            json!({ "reason": "settings", "kept": 4, "of": 4 })
        );
        proxy.stop().await;
    });
}

#[test]
fn more_than_a_thread_takes_at_once_is_a_reason_of_its_own() {
    run(async {
        let upstream = yes().await;
        let proxy = forward(&upstream).await;
        let mut talk = begun(&proxy, named(), 1).await;
        talk.say("And then?").say("Tell me.");
        talk.send(&proxy).await;
        assert_eq!(
            rebuilt(&proxy).await,
            json!({ "reason": "input", "kept": 2, "of": 2 })
        );
        proxy.stop().await;
    });
}

#[test]
fn an_idle_conversation_expires_and_is_restored() {
    run(async {
        let upstream = yes().await;
        let proxy = forgetful(&upstream).await;
        let mut talk = begun(&proxy, named(), 2).await;
        let records = proxy.records_with("conversation=chat-1", "expired").await;
        let expired = only(&records, "expired");
        assert_eq!(told(expired, &[]), json!({ "reason": "idle" }));
        assert!(expired["request"].is_null(), "no request is the cause");
        talk.say("Again.");
        assert_eq!(said(&talk.send_news(&proxy).await), "Yes.");
        assert_eq!(
            rebuilt(&proxy).await,
            json!({ "reason": "restored", "kept": 4, "of": 4 })
        );
        proxy.stop().await;
    });
}

/// Whether it has a name or not, and with the same key of the upstream's cache.
#[test]
fn a_conversation_goes_on_when_its_thread_was_ended() {
    run(async {
        for talk in [named(), Talk::new()] {
            let upstream = yes().await;
            let mut setup = Setup::new(&upstream);
            setup.config.conversations.thread = Duration::from_millis(50);
            let proxy = setup.start().await;
            let mut talk = begun(&proxy, talk, 2).await;
            tokio::time::sleep(Duration::from_millis(400)).await;
            talk.say("Again.");
            talk.send(&proxy).await;
            assert_eq!(
                rebuilt(&proxy).await,
                json!({ "reason": "restored", "kept": 4, "of": 4 })
            );
            let expired = proxy.records("type=expired").await;
            assert_eq!(expired, Vec::<Value>::new(), "it is still at hand");
            let seen = upstream.requests();
            let keys: Vec<&str> = seen.iter().map(Seen::cache_key).collect();
            assert_eq!(keys, [keys[0]; 3]);
            proxy.stop().await;
        }
    });
}

#[test]
fn a_turn_that_waits_in_vain_expires_as_parked() {
    run(async {
        let upstream = Upstream::start().await;
        let mut setup = Setup::new(&upstream);
        setup.config.conversations.parked = Duration::from_millis(300);
        let proxy = setup.start().await;
        upstream.reply(Reply::stream().call("call_1", "look", "{}").completed());
        let mut talk = Talk::about("Look.").offering(&["look"]);
        talk.send(&proxy).await;
        let query = format!("conversation={}", talk.conversation());
        let records = proxy.records_with(&query, "expired").await;
        assert_eq!(
            told(only(&records, "expired"), &[]),
            json!({ "reason": "parked" })
        );
        proxy.stop().await;
    });
}

#[test]
fn who_makes_room_for_others_expires_as_one_too_many() {
    run(async {
        let upstream = yes().await;
        let mut setup = Setup::new(&upstream);
        setup.config.conversations.max_live = 1;
        let proxy = setup.start().await;
        let first = begun(&proxy, named(), 1).await;
        begun(&proxy, Talk::new(), 1).await;
        let records = proxy.records_with("type=expired", "expired").await;
        let expired = only(&records, "expired");
        assert_eq!(told(expired, &[]), json!({ "reason": "too_many" }));
        assert_eq!(expired["conversation"], first.conversation());
        proxy.stop().await;
    });
}

#[test]
fn another_ending_is_told_to_be_a_fork() {
    run(async {
        let upstream = yes().await;
        let proxy = forward(&upstream).await;
        let talk = begun(&proxy, named(), 1).await;
        let gate = Gate::default();
        let held = Reply::stream().begin_message().delta("We").wait(&gate);
        upstream.reply(held.delta("ll.").end_message().completed());
        let mut left = talk.clone();
        left.say("Two.");
        let mut stream = proxy.stream(&left.whole()).await;
        assert_eq!(stream.next_text().await, "We");
        let mut right = talk.clone();
        right.say("Another two.");
        right.send(&proxy).await;
        gate.open();
        stream.said().await.ended_with("stop");

        let records = proxy.records("type=forked").await;
        let forked = only(&records, "forked");
        assert_eq!(told(forked, &[]), json!({ "from": "chat-1" }));
        assert_eq!(forked["conversation"], right.conversation());
        let detail = proxy.detail(text(&forked["request"])).await;
        assert_eq!(detail.request["conversation"], right.conversation());
        assert_eq!(detail.request["preview"], "Another two.");
        proxy.stop().await;
    });
}

#[test]
fn a_deleted_conversation_is_told_to_be_gone() {
    run(async {
        let upstream = yes().await;
        let proxy = forward(&upstream).await;
        begun(&proxy, named(), 1).await;
        proxy.delete("/v1/conversations/chat-1").await.ok();
        let records = proxy.records("conversation=chat-1").await;
        only(&records, "conversation_deleted");
        let deleted = &proxy.settled(2).await[1];
        assert_eq!(deleted["method"], "DELETE");
        assert_eq!(deleted["path"], "/v1/conversations/chat-1");
        let detail = proxy.detail(text(&deleted["id"])).await;
        detail.ended_with("cursor_response");
        assert_eq!(detail.records[0]["route"], "delete_conversation");
        detail.record("conversation_deleted");
        assert_eq!(detail.request["conversation"], "chat-1");

        proxy.delete("/v1/conversations/chat-1").await.error(404);
        proxy.settled(3).await;
        let records = proxy.records("type=conversation_deleted").await;
        assert_eq!(
            records.len(),
            1,
            "there was nothing to delete: {records:#?}"
        );
        proxy.stop().await;
    });
}

#[test]
fn the_turns_of_one_conversation_are_found_by_its_name() {
    run(async {
        let upstream = yes().await;
        let proxy = forward(&upstream).await;
        let talk = begun(&proxy, named(), 3).await;
        let other = begun(&proxy, Talk::new(), 2).await;
        for (talk, count) in [(&talk, 3), (&other, 2)] {
            let query = format!("conversation={}", talk.conversation());
            let rows = proxy.summaries(&query).await;
            assert_eq!(rows.len(), count);
            let origins: Vec<_> = rows.iter().map(|row| text(&row["origin"])).collect();
            assert_eq!(origins[0], "new");
            assert!(origins[1..].iter().all(|origin| *origin == "continued"));
            let records = proxy.records(&query).await;
            let kinds = kinds(&records);
            for kind in ["incoming_request", "cursor_response"] {
                let found = kinds.iter().filter(|one| **one == kind).count();
                assert_eq!(found, count, "{kind}: {kinds:?}");
            }
            let ids: Vec<_> = rows.iter().map(|row| &row["id"]).collect();
            for record in &records {
                assert!(ids.contains(&&record["request"]), "{record}");
            }
        }
        proxy.stop().await;
    });
}
