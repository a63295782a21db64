//! What can be taken out of the log, and used elsewhere.

use crate::{
    harness::{
        Client, Proxy,
        codex::{Setup, ask},
        logs::text,
        run,
    },
    upstream::{Reply, Upstream},
};
use codex_openai_proxy::config::ApiKey;
use serde_json::Value;
use std::process::Command;

const KEY: &str = "sk-mine-0123456789abcdef";

/// What shells and JSON have signs for.
const SIGNS: &str = "It's \"50%\" of $HOME, `date` and $(date) \\ \\n !\nEOF\n\t'' → ü \u{1F426}";

/// A proxy with a key and three requests: one with signs, a streamed one, and one that failed.
async fn busy() -> (Upstream, Proxy, Client) {
    let upstream = Upstream::start().await;
    let mut setup = Setup::new(&upstream);
    setup.config.api_keys = ApiKey::new("test", KEY).into_iter().collect();
    let proxy = setup.start().await;
    let client = Client::new(proxy.address()).with_key(KEY);
    upstream.reply(Reply::text(&["One."]));
    client.chat(&ask(SIGNS)).await.ok();
    upstream.reply(Reply::text(&["Two."]));
    let stream = client.stream(&ask("Stream.")).await;
    stream.said().await.ended_with("stop");
    upstream.reply(Reply::error(500, "server_error", "server_error", "Oops."));
    client.chat(&ask("Fail.")).await.error(502);
    client.settled(3).await;
    (upstream, proxy, client)
}

#[test]
fn a_request_as_curl_asks_the_same_again() {
    run(async {
        let (upstream, proxy, client) = busy().await;
        let rows = client.settled(3).await;
        for (row, said) in rows[..2].iter().zip([SIGNS, "Stream."]) {
            let path = format!("/logs/api/requests/{}/curl", text(&row["id"]));
            let script = client.log_text(&path).await;
            assert!(!script.contains(KEY), "{script}");
            assert!(script.contains("$PROXY_API_KEY"), "{script}");
            let mut bash = Command::new("bash");
            bash.args(["-euc", &script]).env("PROXY_API_KEY", KEY);
            upstream.reply(Reply::text(&["Again."]));
            let output = tokio::task::spawn_blocking(move || bash.output());
            let output = output.await.unwrap().expect("bash");
            let answer = String::from_utf8(output.stdout).unwrap();
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{script}\n{errors}");
            assert!(answer.contains("Again."), "{script}\n{answer}");
            assert_eq!(answer.contains("[DONE]"), row["stream"] == true);
            assert_eq!(upstream.last_request().last_text(), said);
        }
        // The same request, but for what curl says of itself.
        let rows = client.settled(5).await;
        let (original, again) = (&rows[0], &rows[3]);
        assert_eq!(again["status"], 200);
        for name in ["method", "path", "model", "messages", "stream", "preview"] {
            assert_eq!(again[name], original[name], "{name}");
        }
        proxy.stop().await;
    });
}

#[test]
fn records_are_exported_as_lines() {
    run(async {
        let (_upstream, proxy, client) = busy().await;
        for filter in ["", "&type=incoming_request", "&q=stream"] {
            let answer = client
                .get(&format!("/logs/api/export?format=jsonl{filter}"))
                .await;
            assert_eq!(answer.status, 200);
            let kind = answer.header("content-type").unwrap();
            assert!(kind.starts_with("application/x-ndjson"), "{kind}");
            let saved = answer.header("content-disposition").unwrap();
            assert!(saved.starts_with("attachment"), "{saved}");
            let lines = client
                .log_text(&format!("/logs/api/export?format=jsonl{filter}"))
                .await;
            assert!(lines.ends_with('\n'));
            let mut records: Vec<Value> = lines
                .lines()
                .map(|line| serde_json::from_str(line).expect("JSON in each line"))
                .collect();
            records.sort_by_key(|record| record["seq"].as_u64());
            let path = filter.trim_start_matches('&');
            assert_eq!(records, client.records(path).await, "{filter}");
            assert!(!records.is_empty());
        }
        proxy.stop().await;
    });
}

/// The value of a header in a HAR.
fn header<'a>(headers: &'a Value, name: &str) -> Option<&'a str> {
    let mut headers = headers.as_array().expect("headers").iter();
    let found = headers.find(|header| text(&header["name"]).eq_ignore_ascii_case(name));
    found.map(|header| text(&header["value"]))
}

#[test]
fn requests_are_exported_as_har() {
    run(async {
        let (_upstream, proxy, client) = busy().await;
        let answer = client.get("/logs/api/export?format=har").await;
        let kind = answer.header("content-type").unwrap();
        assert!(kind.starts_with("application/json"), "{kind}");
        assert!(answer.header("content-disposition").is_some());
        let har = answer.ok();
        let log = &har["log"];
        assert_eq!(log["version"], "1.2");
        assert!(log["creator"]["name"].is_string() && log["creator"]["version"].is_string());
        let mut entries = log["entries"].as_array().expect("entries").clone();
        entries.sort_by_key(|entry| text(&entry["startedDateTime"]).to_owned());
        assert_eq!(entries.len(), 3);
        let rows = client.settled(3).await;
        for (entry, row) in entries.iter().zip(&rows) {
            let (request, response) = (&entry["request"], &entry["response"]);
            assert!(entry["time"].as_f64() > Some(0.0));
            assert!(entry["cache"].is_object());
            for name in ["send", "wait", "receive"] {
                assert!(entry["timings"][name].is_number(), "{name}: {entry}");
            }
            assert_eq!(request["method"], "POST");
            let url = format!("http://{}/v1/chat/completions", client.address());
            assert_eq!(request["url"], url);
            for list in ["cookies", "headers", "queryString"] {
                assert!(request[list].is_array(), "{list}: {request}");
            }
            for list in ["cookies", "headers"] {
                assert!(response[list].is_array(), "{list}: {response}");
            }
            for message in [request, response] {
                assert!(text(&message["httpVersion"]).starts_with("HTTP/"));
                assert!(message["headersSize"].is_i64() && message["bodySize"].is_i64());
            }
            let shown = header(&request["headers"], "authorization");
            assert_eq!(shown, Some("Bearer [redacted]"));
            assert_eq!(request["postData"]["mimeType"], "application/json");
            let body: Value = serde_json::from_str(text(&request["postData"]["text"])).unwrap();
            assert_eq!(body["model"], "gpt-5.2");
            assert_eq!(response["status"], row["status"]);
            assert!(response["statusText"].is_string() && response["redirectURL"].is_string());
            assert!(response["content"]["size"].is_i64());
            assert!(response["content"]["mimeType"].is_string());
        }
        let said = text(&entries[0]["response"]["content"]["text"]);
        assert!(said.contains("One."), "{said}");
        // A filter holds here too.
        let failed = client.get("/logs/api/export?format=har&q=Oops").await.ok();
        assert!(failed["log"]["entries"].as_array().unwrap().len() <= 1);
        proxy.stop().await;
    });
}
