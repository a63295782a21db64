//! What browsers are told about pages of other origins.

use super::*;
use crate::{config::CorsOrigins, http::routes::TABLE};

const OURS: &str = "https://chat.example.com";

fn one_origin(config: &mut Config) {
    key(config);
    config.cors = CorsOrigins::These(vec![OURS.to_owned(), "http://localhost:3000".to_owned()]);
}

async fn allowed(door: &Door, method: &str, origin: &str) -> Option<String> {
    let head = format!(
        "{method} /v1/models HTTP/1.1\r\nhost: x\r\nx-api-key: secret\r\norigin: {origin}\r\n\
         access-control-request-method: GET\r\n\r\n"
    );
    let answer = door.ask(FOREIGN, &head).await;
    assert_eq!(answer.status, 200, "{method} {origin}");
    let allowed = answer.header("access-control-allow-origin");
    allowed.map(str::to_owned)
}

#[tokio::test]
async fn pages_of_the_origins_that_are_listed_may_read_and_no_others() {
    let door = Door::open(one_origin).await;
    for method in ["GET", "OPTIONS"] {
        for origin in [OURS, "http://localhost:3000"] {
            let allowed = allowed(&door, method, origin).await;
            assert_eq!(allowed.as_deref(), Some(origin), "{method}");
        }
        for origin in [
            "https://evil.example",
            "https://chat.example.com.evil.example",
            "https://evil-chat.example.com",
            "https://chat.example.com:8443",
            "http://chat.example.com",
            "http://localhost:3001",
            "null",
            "*",
        ] {
            assert_eq!(
                allowed(&door, method, origin).await,
                None,
                "{method} {origin}"
            );
        }
    }
}

#[tokio::test]
async fn unless_they_are_listed_pages_of_all_origins_may_read() {
    let door = Door::open(key).await;
    for origin in [OURS, "https://other.example", "null"] {
        assert_eq!(allowed(&door, "GET", origin).await.as_deref(), Some("*"));
    }
}

#[tokio::test]
async fn a_change_of_the_list_counts_for_the_next_request() {
    let door = Door::open(key).await;
    assert_eq!(allowed(&door, "GET", "null").await.as_deref(), Some("*"));
    let state = door.current.load_full();
    let mut config = state.config.clone();
    one_origin(&mut config);
    let next = state.reconfigured(config, state.upstreams.clone());
    door.current.store(Arc::new(next));
    assert_eq!(allowed(&door, "GET", "null").await, None);
    assert_eq!(allowed(&door, "GET", OURS).await.as_deref(), Some(OURS));
}

#[tokio::test]
async fn every_reply_has_to_be_taken_for_what_it_is_called() {
    let door = Door::open(key).await;
    for (method, path, ..) in TABLE {
        let path = path.replace("{*id}", "x").replace("{id}", "x");
        for (method, headers) in [
            (method.as_str(), "x-api-key: secret\r\n"),
            (method.as_str(), ""),
            ("OPTIONS", "access-control-request-method: GET\r\n"),
        ] {
            let sent = format!(
                "{method} {path} HTTP/1.1\r\nhost: x\r\n{headers}content-length: 2\r\n\r\n{{}}"
            );
            let answer = door.ask(FOREIGN, &sent).await;
            let sniffing = answer.header("x-content-type-options");
            assert_eq!(sniffing, Some("nosniff"), "{method} {path}");
            let policy = answer.header("cross-origin-resource-policy");
            let is_log = path.starts_with("/logs");
            assert_eq!(policy, is_log.then_some("same-origin"), "{method} {path}");
        }
    }
}
