//! What of the log one asks for.

use crate::{
    harness::{
        Proxy,
        codex::{ask, forward},
        logs::{kinds, text},
        run,
        talk::Talk,
    },
    upstream::{Reply, Upstream},
};
use serde_json::{Value, json};

/// A log of five requests: three in chat-1, which call a tool once, one of another model that fails,
/// and one for the models.
async fn busy() -> (Upstream, Proxy) {
    let upstream = Upstream::start().await;
    let proxy = forward(&upstream).await;
    upstream.reply(
        Reply::stream()
            .call("call_1", "look_around", "{}")
            .completed(),
    );
    let mut talk = Talk::about("Zebras?").with("conversation_id", "chat-1");
    talk = talk.offering(&["look_around"]);
    talk.send(&proxy).await;
    upstream.otherwise(|_| Reply::text(&["Yes."]));
    talk.result("call_1", "wings");
    talk.send(&proxy).await;
    talk.say("Thanks.");
    talk.send(&proxy).await;
    upstream.reply(Reply::error(500, "server_error", "server_error", "Oops."));
    let mut other = ask("Hi.");
    other["model"] = "1.5-tpg".into();
    proxy.chat(&other).await.error(502);
    proxy.get("/v1/models").await.ok();
    proxy.settled(5).await;
    // The last that is told of the turn with a call.
    proxy.records_with("conversation=chat-1", "parked").await;
    (upstream, proxy)
}

async fn page(proxy: &Proxy, path: &str) -> Value {
    proxy.get(path).await.ok()
}

fn seq(item: &Value) -> u64 {
    item["seq"].as_u64().expect("a number")
}

#[test]
fn records_come_newest_first_and_in_pages() {
    run(async {
        let (_upstream, proxy) = busy().await;
        let all = proxy.records("").await;
        let mut found = Vec::new();
        let mut path = "/logs/api/records?limit=4".to_owned();
        loop {
            let page = page(&proxy, &path).await;
            let records = page["records"].as_array().unwrap();
            found.extend(records.iter().cloned());
            if page["more"] == false {
                break;
            }
            assert_eq!(records.len(), 4);
            path = format!("/logs/api/records?limit=4&before={}", seq(&records[3]));
        }
        found.reverse();
        assert_eq!(found, all);

        let middle = seq(&all[all.len() / 2]);
        let newer = proxy.records(&format!("after={middle}")).await;
        assert_eq!(newer, all[all.len() / 2 + 1..]);
        let between = format!("after={middle}&before={}", seq(&all[all.len() - 1]));
        assert_eq!(
            proxy.records(&between).await,
            all[all.len() / 2 + 1..all.len() - 1]
        );
        // Without a limit there is one.
        let page = page(&proxy, "/logs/api/records").await;
        assert_eq!(page["records"].as_array().unwrap().len(), all.len());
        proxy.stop().await;
    });
}

#[test]
fn records_are_found_by_what_they_say() {
    run(async {
        let (_upstream, proxy) = busy().await;
        let rows = proxy.settled(5).await;
        let first = text(&rows[0]["id"]);
        let of_first = proxy.records(&format!("request={first}")).await;
        assert_eq!(of_first, proxy.detail(first).await.records);
        let found = proxy
            .records("conversation=chat-1&type=cursor_response")
            .await;
        assert_eq!(found.len(), 3);
        let found = proxy
            .records("type=request_failed,tool_call_forwarded")
            .await;
        assert_eq!(kinds(&found), ["tool_call_forwarded", "request_failed"]);
        // What is known of its request counts too.
        let failed = text(&rows[3]["id"]);
        for query in [
            "status=error",
            "status=502",
            "model=1.5-tpg",
            "model=GPT-5.1",
        ] {
            let found = proxy.records(query).await;
            assert_eq!(found, proxy.detail(failed).await.records, "{query}");
        }
        for (q, kind) in [
            ("zebras", "incoming_request"),
            ("LOOK_AROUND", "tool_call_forwarded"),
            ("upstream_error", "request_failed"),
            ("1.5-tpg", "incoming_request"),
            ("gpt-5.1", "codex_forward"),
        ] {
            let found = proxy.records(&format!("q={q}")).await;
            assert!(kinds(&found).contains(&kind), "{q}: {found:#?}");
            assert!(found.len() < 20, "{q} is not everywhere");
        }
        assert!(proxy.records("q=nowhere-to-be-found").await.is_empty());
        assert!(
            proxy
                .records("q=%25&type=incoming_request")
                .await
                .is_empty()
        );
        assert!(
            proxy.records("conversation=chat").await.is_empty(),
            "a part is no name"
        );
        proxy.stop().await;
    });
}

#[test]
fn requests_are_found_by_what_became_of_them() {
    run(async {
        let (_upstream, proxy) = busy().await;
        let all = proxy.settled(5).await;
        for (query, expected) in [
            ("status=ok", &[0, 1, 2, 4][..]),
            ("status=error", &[3]),
            ("status=502", &[3]),
            ("status=200", &[0, 1, 2, 4]),
            ("status=404", &[]),
            ("status=running", &[]),
            ("status=left", &[]),
            ("status=lost", &[]),
            ("conversation=chat-1", &[0, 1, 2]),
            ("model=1.5-tpg", &[3]),
            ("model=GPT-5.1", &[3]),
            ("model=gpt-5.2", &[0, 1, 2]),
            ("model=gpt-5.2&status=error", &[]),
            ("q=zebras", &[0, 1]),
            ("q=look_around", &[0]),
            ("q=upstream_error", &[3]),
        ] {
            let found = proxy.summaries(query).await;
            let expected: Vec<Value> = expected.iter().map(|at| all[*at].clone()).collect();
            assert_eq!(found, expected, "{query}");
        }
        let before = format!("before={}", seq(&all[2]));
        assert_eq!(proxy.summaries(&before).await, all[..2]);
        let newest = page(&proxy, "/logs/api/requests?limit=2").await;
        assert_eq!(newest["more"], true);
        let newest = newest["requests"].as_array().unwrap();
        assert_eq!(*newest, [all[4].clone(), all[3].clone()]);
        proxy.stop().await;
    });
}

#[test]
fn what_makes_no_sense_is_refused_by_name() {
    run(async {
        let (_upstream, proxy) = busy().await;
        for (query, param) in [
            ("records?limit=0", "limit"),
            ("records?limit=1001", "limit"),
            ("records?limit=many", "limit"),
            ("records?before=x", "before"),
            ("records?after=-1", "after"),
            ("records?type=incoming_request,nonsense", "type"),
            ("records?what=1", "what"),
            ("records?status=purple", "status"),
            ("requests?status=purple", "status"),
            ("requests?status=99", "status"),
            ("requests?type=incoming_request", "type"),
            ("requests?limit=1&limit=2", "limit"),
            ("export?format=pdf", "format"),
        ] {
            let answer = proxy.get(&format!("/logs/api/{query}")).await;
            assert_eq!(answer.error(400).0, "invalid_request_error", "{query}");
            assert_eq!(answer.body["error"]["param"], param, "{query}");
        }
        let expected = json!({ "records": [], "more": false });
        assert_eq!(page(&proxy, "/logs/api/records?before=0").await, expected);
        proxy.stop().await;
    });
}
