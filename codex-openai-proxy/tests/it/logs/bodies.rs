//! Which bodies are kept, how, and for whose eyes.

use crate::{
    harness::{Client, Proxy, chat::ChatStream, codex::Setup, run},
    upstream::{Reply, Upstream},
};
use codex_openai_proxy::config::{ApiKey, KeptBodies};
use reqwest::Method;
use serde_json::json;
use std::{fs, path::PathBuf};

const KEY: &str = "sk-mine-0123456789abcdef";

/// In a message, where only full bodies have it.
const SECRET: &str = "ghp_0123456789abcdefghij0123456789abcdef";

/// A request as no serializer would write it.
const ODD: &str = "{ \"model\":\"gpt-5.2\",\"stream\" : true,\n\t\"messages\":[{\"role\":\"user\",\
    \"content\":\"Ordinary words \\u00fc, then ghp_0123456789abcdefghij0123456789abcdef.\"}] } ";

async fn proxy(upstream: &Upstream, bodies: KeptBodies) -> (Proxy, Client, PathBuf) {
    let mut setup = Setup::new(upstream);
    setup.config.api_keys = ApiKey::new("test", KEY).into_iter().collect();
    setup.config.logs.bodies = bodies;
    let state = setup.homes.state();
    let proxy = setup.start().await;
    let client = Client::new(proxy.address()).with_key(KEY);
    (proxy, client, state)
}

/// Sends [`ODD`]; gives every byte of the stream that came back.
async fn exchange(upstream: &Upstream, client: &Client) -> String {
    upstream.reply(
        Reply::stream()
            .message(&["Your words: ", SECRET, "."])
            .completed(),
    );
    let request = client.request(Method::POST, "/v1/chat/completions");
    let request = request.header("x-api-key", "another-key-0815").body(ODD);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    let mut stream = ChatStream::open(response);
    let mut received = Vec::new();
    while stream.next().await.is_some() {
        received = stream.received().to_vec();
    }
    String::from_utf8(received).unwrap()
}

#[test]
fn redacted_bodies_keep_what_is_said_and_no_secret() {
    run(async {
        let upstream = Upstream::start().await;
        let (proxy, client, _) = proxy(&upstream, KeptBodies::Redacted).await;
        exchange(&upstream, &client).await;
        let detail = client.only_request().await;
        let request = detail.text("request");
        assert!(request.contains("Ordinary words ü, then "), "{request}");
        assert!(!request.contains(SECRET));
        let reply = detail.json("reply");
        let content = &reply["choices"][0]["message"]["content"];
        assert_eq!(*content, "Your words: [redacted].");
        assert!(
            detail.body("stream").is_none(),
            "a secret may be cut in two"
        );
        proxy.stop().await;
    });
}

#[test]
fn full_bodies_are_kept_byte_for_byte_and_keys_are_not() {
    run(async {
        let upstream = Upstream::start().await;
        let (proxy, client, _) = proxy(&upstream, KeptBodies::Full).await;
        let received = exchange(&upstream, &client).await;
        let detail = client.only_request().await;
        assert_eq!(detail.text("request"), ODD);
        assert_eq!(detail.body("request").unwrap()["form"], "full");
        assert_eq!(detail.text("stream"), received);
        let stream = detail.body("stream").unwrap();
        assert_eq!(stream["media_type"], "text/event-stream");
        assert_eq!(stream["size"], received.len());
        let reply = detail.json("reply");
        let content = format!("Your words: {SECRET}.");
        assert_eq!(reply["choices"][0]["message"]["content"], content);

        let headers = detail.json("headers");
        assert_eq!(headers["authorization"], "Bearer [redacted]");
        assert_eq!(headers["x-api-key"], "[redacted]");
        let everything = format!("{detail:?}");
        for key in [KEY, "another-key-0815"] {
            assert!(!everything.contains(key), "{key}");
        }
        // Nor are they in what is always redacted.
        let incoming = detail.record("incoming_request");
        assert!(!incoming.to_string().contains(SECRET), "{incoming}");
        proxy.stop().await;
    });
}

#[test]
fn without_bodies_nothing_of_what_was_said_is_kept() {
    run(async {
        let upstream = Upstream::start().await;
        let (proxy, client, state) = proxy(&upstream, KeptBodies::Off).await;
        exchange(&upstream, &client).await;
        let detail = client.only_request().await;
        assert!(detail.bodies.is_empty(), "{:#?}", detail.bodies);
        let incoming = detail.record("incoming_request");
        assert_eq!(incoming.get("preview"), None);
        assert_eq!(incoming["messages"], 1);
        assert_eq!(detail.request.get("preview"), None);
        let everything = format!("{detail:?}");
        assert!(!everything.contains("rdinary words"), "{everything}");
        proxy.stop().await;
        for file in fs::read_dir(&state).into_iter().flatten() {
            let bytes = fs::read(file.unwrap().path()).unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes);
            assert!(!text.contains("rdinary words") && !text.contains("Your words"));
        }
    });
}

#[test]
fn what_a_failed_request_sent_is_kept_as_it_came() {
    run(async {
        let upstream = Upstream::start().await;
        let (proxy, client, _) = proxy(&upstream, KeptBodies::Redacted).await;
        let request = client.request(Method::POST, "/v1/chat/completions");
        let body = "{ \"model\": \"gpt-5.2\", broken";
        let answer = request.body(body).send().await.unwrap();
        assert_eq!(answer.status(), 400);
        let detail = client.only_request().await;
        assert_eq!(detail.text("request"), body);
        assert!(detail.body("reply").is_none());
        proxy.stop().await;
    });
}

#[test]
fn a_picture_is_kept_as_its_size_and_digest() {
    run(async {
        const PIXEL: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC";
        let upstream = Upstream::start().await;
        let (proxy, client, _) = proxy(&upstream, KeptBodies::Redacted).await;
        upstream.reply(Reply::text(&["A dot."]));
        let url = format!("data:image/png;base64,{PIXEL}");
        let body = json!({ "model": "gpt-5.2", "messages": [{ "role": "user", "content": [
            { "type": "text", "text": "What is it?" },
            { "type": "image_url", "image_url": { "url": url } },
        ] }] });
        client.chat(&body).await.ok();
        let detail = client.only_request().await;
        let shown = &detail.json("request")["messages"][0]["content"][1]["image_url"]["url"];
        let shown = shown.as_str().unwrap();
        let digest = shown
            .strip_prefix("[image/png, 69 bytes, blake3:")
            .expect(shown);
        assert_eq!(digest.trim_end_matches(']').len(), 16, "{shown}");
        assert!(!format!("{detail:?}").contains(&PIXEL[..40]));
        assert_eq!(detail.request["preview"], "What is it?");
        proxy.stop().await;
    });
}

#[cfg(unix)]
#[test]
fn only_its_user_may_read_the_log() {
    use std::os::unix::fs::PermissionsExt;
    run(async {
        let upstream = Upstream::start().await;
        let (proxy, client, state) = proxy(&upstream, KeptBodies::Redacted).await;
        exchange(&upstream, &client).await;
        client.only_request().await;
        let mode = |path: &PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&state), 0o700);
        let mut found = 0;
        for file in fs::read_dir(&state).unwrap() {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if name.starts_with("logs.sqlite3") {
                found += 1;
                assert_eq!(mode(&path), 0o600, "{name}");
            }
        }
        assert!(found >= 1, "there is a log");
        proxy.stop().await;
    });
}
