//! Keys of providers are told to nobody but them.

use crate::{
    harness::{
        Client, Homes,
        process::{Program, command, log},
        run,
    },
    provider::{Provider, Setup, chat, responses},
    upstream::{Reply, Upstream},
};
use hyper::StatusCode;
use reqwest::Method;
use serde_json::Value;
use std::{fs, path::Path};

const KEY: &str = "sk-near-4f1d6a9c0b7e4d2f8a35c6e19b70d842";
const HEADER: &str = "header-secret-77ab01c4d5";
const QUERY: &str = "query-secret-93fe20aa61";

/// A provider that gets all three, and one that cannot be reached with them.
fn setup(provider: &Provider) -> Setup {
    let secrets = format!(
        "api_key_env = \"NEAR_KEY\"\nretries = 1\n\
         [upstreams.headers]\nx-tenant = \"{HEADER}\"\n\
         [upstreams.query]\napi-version = \"2024-10-21\"\ncode = \"{QUERY}\"\n"
    );
    Setup::new().provider("near", provider, &secrets).at(
        "dead",
        "chat",
        "http://127.0.0.1:9/v1",
        &secrets,
    )
}

/// The program with these settings, which tells as much as it can.
async fn start(setup: &Setup) -> (Program, Client) {
    setup.write();
    let mut command = command(&["serve"], &setup.homes);
    command.env("NEAR_KEY", KEY).env("RUST_LOG", "debug");
    let mut program = Program::start(command);
    let client = program.client(&setup.homes).await.without_keeping_replies();
    (program, client)
}

/// Sends a request, and gives all of the reply.
async fn whole(client: &Client, method: Method, path: &str, body: Option<&Value>) -> String {
    let mut request = client.request(method, path);
    if let Some(body) = body {
        request = request.json(body);
    }
    let response = request.send().await.unwrap();
    let head = format!("{} {:?}", response.status(), response.headers());
    format!("{head} {}", response.text().await.unwrap())
}

#[track_caller]
fn tells_nothing(what: &str, text: &str) {
    for secret in [KEY, HEADER, QUERY] {
        assert!(!text.contains(secret), "{what} tells {secret}: {text}");
    }
}

/// Every file below `folder`, with its name.
fn files(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
}

/// What any of a proxy's own words and files hold.
async fn nothing_is_told(client: &Client, homes: &Homes) {
    for path in [
        "/logs/api/requests?limit=1000",
        "/logs/api/records?limit=1000",
        "/v1/models",
        "/health",
    ] {
        let said = whole(client, Method::GET, path, None).await;
        assert!(said.starts_with("200"), "{path}: {said}");
        tells_nothing(path, &said);
    }
    for request in client.summaries("").await {
        let path = format!("/logs/api/requests/{}", request["id"].as_str().unwrap());
        tells_nothing(&path, &whole(client, Method::GET, &path, None).await);
    }
    tells_nothing("standard error", &log(homes));
}

#[test]
fn the_keys_go_to_the_provider_and_nowhere_else() {
    run(async {
        let provider = Provider::chat().await;
        let setup = setup(&provider);
        let (program, client) = start(&setup).await;
        provider.otherwise(|_| crate::provider::ChatReply::text(&["Hello"]).into());
        let bodies = [
            ("/v1/chat/completions", chat("near/llama3", "Hi")),
            ("/v1/responses", responses("near/llama3", "Hi")),
            ("/v1/chat/completions", chat("dead/llama3", "Hi")),
            ("/v1/responses", responses("dead/llama3", "Hi")),
        ];
        for (path, mut body) in bodies.clone() {
            for stream in [true, false] {
                body["stream"] = stream.into();
                tells_nothing(path, &whole(&client, Method::POST, path, Some(&body)).await);
            }
        }
        let upstream: &Upstream = &provider;
        for seen in upstream.asked() {
            assert_eq!(
                seen.header("authorization"),
                Some(&*format!("Bearer {KEY}"))
            );
            assert_eq!(seen.header("x-tenant"), Some(HEADER));
            assert_eq!(seen.query, format!("api-version=2024-10-21&code={QUERY}"));
        }

        for reply in [
            Reply::error(500, "server_error", "broken", "it broke"),
            Reply::new(StatusCode::FOUND, "text/plain").header("location", "http://127.0.0.1:9/"),
            Reply::new(StatusCode::BAD_GATEWAY, "text/html").raw("<html></html>"),
            Reply::new(StatusCode::OK, "text/event-stream").raw("data: no json\n\n"),
        ] {
            provider.otherwise(move |_| reply.clone());
            for (path, body) in &bodies[..2] {
                tells_nothing(path, &whole(&client, Method::POST, path, Some(body)).await);
            }
        }
        nothing_is_told(&client, &setup.homes).await;
        program.terminate();
        assert_eq!(program.ended().await.code(), Some(0));
        let mut found = Vec::new();
        files(&setup.homes.state(), &mut found);
        assert!(found.len() > 1, "{found:?}");
        for (name, bytes) in found {
            if !name.ends_with("config.toml") {
                tells_nothing(&name, &String::from_utf8_lossy(&bytes));
            }
        }
    });
}

#[test]
fn a_key_that_a_provider_repeats_is_not_handed_on() {
    run(async {
        let provider = Provider::chat().await;
        let setup = setup(&provider);
        let (_program, client) = start(&setup).await;
        provider.otherwise(|_| {
            let message = format!("Incorrect API key provided: {KEY}.");
            Reply::error(401, "invalid_request_error", "invalid_api_key", &message)
        });
        for (path, body) in [
            ("/v1/chat/completions", chat("near/llama3", "Hi")),
            ("/v1/responses", responses("near/llama3", "Hi")),
        ] {
            let said = whole(&client, Method::POST, path, Some(&body)).await;
            assert!(said.starts_with("502"), "{said}");
            tells_nothing(path, &said);
        }
        nothing_is_told(&client, &setup.homes).await;
    });
}

#[test]
fn a_key_is_found_in_any_bytes_and_other_values_stay() {
    run(async {
        let provider = Provider::chat().await;
        let setup = setup(&provider);
        let (_program, client) = start(&setup).await;
        for (path, body) in [
            ("/v1/chat/completions", chat("near/llama3", "Hi")),
            ("/v1/responses", responses("near/llama3", "Hi")),
        ] {
            provider.otherwise(|_| {
                let mut bytes = b"{\"error\":\"bad \xe9 key ".to_vec();
                bytes.extend_from_slice(KEY.as_bytes());
                Reply::new(StatusCode::BAD_REQUEST, "application/json").raw(bytes)
            });
            let said = whole(&client, Method::POST, path, Some(&body)).await;
            assert!(said.starts_with("400"), "{said}");
            tells_nothing(path, &said);

            let message = "the api-version 2024-10-21 is too old";
            provider
                .otherwise(|_| Reply::error(400, "invalid_request_error", "bad_version", message));
            let said = whole(&client, Method::POST, path, Some(&body)).await;
            assert!(said.contains(message), "{said}");
        }
        nothing_is_told(&client, &setup.homes).await;
    });
}

#[test]
fn keys_are_sent_in_the_header_that_the_provider_reads() {
    run(async {
        for (name, value) in [
            ("authorization", format!("Bearer {KEY}")),
            ("api-key", KEY.to_owned()),
            ("x-api-key", KEY.to_owned()),
        ] {
            let provider = Provider::chat().await;
            let keys = format!("api_key_env = \"NEAR_KEY\"\napi_key_header = \"{name}\"\n");
            let proxy = Setup::new()
                .provider("near", &provider, &keys)
                .env("NEAR_KEY", KEY)
                .start()
                .await;
            provider.otherwise(|_| crate::provider::ChatReply::text(&["Hello"]).into());
            let body = responses("near/llama3", "Hi");
            proxy.respond(&body).await.ok();
            let seen = provider.only_request();
            for other in ["authorization", "api-key", "x-api-key"] {
                let expected = (other == name).then_some(value.as_str());
                assert_eq!(seen.header(other), expected);
            }
            proxy.stop().await;
        }
    });
}
