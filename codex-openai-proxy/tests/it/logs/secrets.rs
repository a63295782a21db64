//! Secrets that pass through: none is left anywhere that the log reaches.
#![cfg(unix)]

use crate::{
    harness::{
        Client, Homes,
        chat::Answer,
        codex::{Setup, ask},
        logs::text,
        process::{command, log},
        run,
        running::{End, Running},
        viewer::{Viewer, Way},
    },
    upstream::{Reply, Upstream},
};
use reqwest::Method;
use serde_json::{Value, json};
use std::{fmt::Write, fs, path::Path};

/// The proxy's own.
const KEY: &str = "house-key-4f5e6d7c8b9a";

// Each stands in one place of the exchange alone.
const API_KEY_HEADER: &str = "header-key-1a2b3c4d";
const COOKIE: &str = "cookie-5e6f7a8b9c0d";
const USER_AGENT: &str = "sk-UserAgent0123456789abcdef";
const REQUEST_ID: &str = "sk-RequestId0123456789abcdef";
const QUERY: &str = "QueryKey0123456789";
const SYSTEM: &str = "hunter2-of-the-system";
const MESSAGE: &str = "sk-proj-Message0123456789abcdef";
const PREVIEW: &str = "ghp_Preview0123456789abcdefghij";
const URL: &str = "UrlPassword15";
const PEM: &str = "MIIEpAIBAAKCAQEA7bPemLineOfAKey";
const IMAGE: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC";
const METADATA: &str = "metadata-auth-9f8e7d";
const OLD_CALL: &str = "JsonInJson0815";
const OLD_RESULT: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJyZXN1bHQifQ.c2lnbmF0dXJl";
const DESCRIPTION: &str = "AKIA0123456789ABCDEF";
const THOUGHT: &str = "sk-Thought0123456789abcdef";
const REPLY: &str = "xoxb-0123456789-reply";
const CALL: &str = "CallArgument0815";
const RESULT: &str = "glpat-Result0123456789abc";
const UPSTREAM_ERROR: &str = "sk-UpstreamError0123456789abc";
const STREAM_ERROR: &str = "sk-StreamError0123456789abcd";
const MODEL: &str = "sk-ModelName0123456789abcdef";
const DEPLOYMENT: &str = "sk-Deployment0123456789abcd";
const PATH: &str = "sk-UnknownPath0123456789abc";
const BROKEN: &str = "sk-BrokenJson0123456789abcd";
const WRONG_KEY: &str = "sk-WrongKey0123456789abcdef";
const LOGIN: &str = "sk-WrongLogin0123456789abcd";

const SECRETS: [&str; 28] = [
    KEY,
    API_KEY_HEADER,
    COOKIE,
    USER_AGENT,
    REQUEST_ID,
    QUERY,
    SYSTEM,
    MESSAGE,
    PREVIEW,
    URL,
    PEM,
    IMAGE,
    METADATA,
    OLD_CALL,
    OLD_RESULT,
    DESCRIPTION,
    THOUGHT,
    REPLY,
    CALL,
    RESULT,
    UPSTREAM_ERROR,
    STREAM_ERROR,
    MODEL,
    DEPLOYMENT,
    PATH,
    BROKEN,
    WRONG_KEY,
    LOGIN,
];

/// What stands beside secrets, and is to stay legible.
const ORDINARY: [&str; 6] = [
    "Ordinary question",
    "Ordinary system",
    "Ordinary answer",
    "Ordinary thought",
    "Ordinary result",
    "Ordinary trouble",
];

/// A request with secrets wherever a client can put one.
fn full_of_secrets() -> Value {
    let pem = format!("-----BEGIN RSA PRIVATE KEY-----\n{PEM}\n-----END RSA PRIVATE KEY-----");
    json!({
        "model": "gpt-5.2",
        "messages": [
            { "role": "system", "content": format!("Ordinary system. DB_PASSWORD={SYSTEM}") },
            { "role": "user", "content": format!("My key is {MESSAGE}, and\n{pem}\nso there.") },
            { "role": "assistant", "content": null, "tool_calls": [
                { "id": "call_0", "type": "function", "function": {
                    "name": "look", "arguments": format!("{{\"password\":\"{OLD_CALL}\",\"at\":1}}"),
                } },
            ] },
            { "role": "tool", "tool_call_id": "call_0", "content": format!("found {OLD_RESULT} there") },
            { "role": "user", "content": [
                { "type": "text", "text": format!("Ordinary question with {PREVIEW} and https://me:{URL}@host.example/") },
                { "type": "image_url", "image_url": { "url": format!("data:image/png;base64,{IMAGE}") } },
            ] },
        ],
        "tools": [{ "type": "function", "function": {
            "name": "look",
            "description": format!("Looks with {DESCRIPTION}."),
            "parameters": { "type": "object", "properties": { "at": { "type": "integer" } } },
        } }],
        "metadata": { "auth": METADATA },
    })
}

async fn post(client: &Client, path: &str, body: &Value) -> Answer {
    let request = client.request(Method::POST, path).json(body);
    Answer::read(request.send().await.unwrap()).await
}

/// Everything that a client and its upstream can say. Gives the number of requests.
async fn exchange(client: &Client, upstream: &Upstream) -> usize {
    upstream.reply(
        Reply::stream()
            .reasoning(&["Ordinary thought of ", THOUGHT])
            .message(&["Ordinary answer: ", REPLY])
            .call("call_1", "look", &format!("{{\"api_key\":\"{CALL}\"}}"))
            .completed(),
    );
    let mut talk = full_of_secrets();
    let path = format!("/v1/chat/completions?api_key={QUERY}");
    let request = client
        .request(Method::POST, &path)
        .header("api-key", API_KEY_HEADER)
        .header("cookie", format!("sid={COOKIE}; theme=dark"))
        .header("user-agent", format!("tool/1.0 ({USER_AGENT})"))
        .header("x-request-id", REQUEST_ID);
    let reply = Answer::read(request.json(&talk).send().await.unwrap())
        .await
        .ok();
    let messages = talk["messages"].as_array_mut().unwrap();
    messages.push(reply["choices"][0]["message"].clone());
    let result = format!("Ordinary result: {RESULT}");
    messages.push(json!({ "role": "tool", "tool_call_id": "call_1", "content": result }));
    upstream.reply(Reply::text(&["Done."]));
    client.stream(&talk).await.said().await.ended_with("stop");

    let trouble = |secret: &str| format!("Ordinary trouble with the key {secret}.");
    upstream.reply(Reply::error(
        400,
        "invalid_request_error",
        "invalid_value",
        &trouble(UPSTREAM_ERROR),
    ));
    client.chat(&ask("Fail.")).await.error(400);
    let begun = Reply::stream().begin_message().delta("Half");
    upstream.reply(begun.failed("server_error", &trouble(STREAM_ERROR)));
    client.stream(&ask("Fail.")).await.said().await.failed();

    upstream.otherwise(|_| Reply::text(&["Hello."]));
    let mut other = ask("Hi.");
    other["model"] = MODEL.into();
    // Again with its own id, because the log has more lines of this one.
    let request = client.chat_as(REQUEST_ID, &other);
    Answer::read(request.send().await.unwrap()).await.ok();
    let path = format!("/openai/deployments/{DEPLOYMENT}/chat/completions");
    let unnamed = json!({ "messages": [{ "role": "user", "content": "Hi." }] });
    post(client, &path, &unnamed).await.ok();
    client.get(&format!("/v1/{PATH}")).await.error(404);
    let request = client.request(Method::POST, "/v1/chat/completions");
    let request = request.body(format!("{{ \"model\": \"gpt-5.2\", \"user\": \"{BROKEN}\""));
    Answer::read(request.send().await.unwrap()).await.error(400);
    let stranger = Client::new(client.address()).with_key(WRONG_KEY);
    stranger.chat(&ask("Hi.")).await.error(401);
    post(&stranger, "/logs/login", &json!({ "key": LOGIN }))
        .await
        .error(401);
    10
}

/// Everything that the log's API says.
async fn api(client: &Client, count: usize) -> String {
    let mut all = String::new();
    let rows = client.settled(count).await;
    for path in [
        "records?limit=1000",
        "requests?limit=1000",
        "export?format=jsonl",
        "export?format=har",
    ] {
        all += &client.log_text(&format!("/logs/api/{path}")).await;
    }
    for row in &rows {
        let path = format!("/logs/api/requests/{}", text(&row["id"]));
        all += &client.log_text(&path).await;
        all += &client.log_text(&format!("{path}/curl")).await;
    }
    all
}

/// Everything that is in the files of a folder.
fn files(folder: &Path) -> String {
    let mut all = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all += &files(&path);
        } else {
            let bytes = fs::read(&path).unwrap_or_default();
            write!(
                all,
                "{}: {}",
                path.display(),
                String::from_utf8_lossy(&bytes)
            )
            .unwrap();
        }
    }
    all
}

/// What was found out, place by place.
#[derive(Default)]
struct Search(Vec<String>);

impl Search {
    /// Looks for the secrets in all that a place tells.
    fn look(&mut self, place: &str, all: &str) {
        for secret in SECRETS {
            if let Some(at) = all.find(secret) {
                let from = all.floor_char_boundary(at.saturating_sub(150));
                let to = all.floor_char_boundary(at + 150);
                let around = &all[from..to];
                self.0.push(format!("{place} tells {secret}: …{around}…"));
            }
        }
    }
}

/// What goes through a program with that form of log, and what is left of it.
async fn check(format: &str) {
    let mut search = Search::default();
    let upstream = Upstream::start().await;
    let (_, homes): (_, Homes) = Setup::new(&upstream).write();
    let mut command = command(&["serve"], &homes);
    command.env("LOG_FORMAT", format).env("PROXY_API_KEY", KEY);
    let mut running = Running::start_as(command, &homes).await;
    running.client = running.client.with_key(KEY);
    let client = &running.client;
    let mut viewers = [
        Viewer::open(Way::Socket, client).await,
        Viewer::open(Way::Stream, client).await,
    ];
    let count = exchange(client, &upstream).await;
    let api = api(client, count).await;
    search.look("the API", &api);
    for words in ORDINARY {
        assert!(api.contains(words), "{words} stays");
    }
    assert!(api.contains("[image/png, 69 bytes, blake3:"));
    let records = client.records("").await;
    for viewer in &mut viewers {
        let all = |viewer: &Viewer| viewer.records.len() == records.len();
        viewer.until("every record", all).await;
        let seen = format!("{:?} {:?}", viewer.records, viewer.requests);
        search.look("a viewer's frames", &seen);
    }
    let state = homes.state();
    let on_disk = files(&state);
    assert!(
        on_disk.contains("logs.sqlite3: SQLite format 3"),
        "there is a log"
    );
    search.look("the disk", &on_disk);
    drop(viewers);
    running.end(End::Asked, &homes).await;
    search.look("the disk, at the end", &files(&state));
    let lines = log(&homes);
    assert!(lines.contains("incoming_request") && lines.contains("Ordinary trouble"));
    search.look("the log's lines", &lines);
    if format == "json" {
        let told: Vec<Value> = lines
            .lines()
            .map(|line| serde_json::from_str(line).expect(line))
            .filter(|line: &Value| line.get("seq").is_some())
            .collect();
        assert_eq!(told, records, "its lines are the records");
    }
    assert!(search.0.is_empty(), "{:#?}", search.0);
    // They were there to be told.
    let seen = upstream.requests();
    let sent = format!(
        "{:?}",
        seen.iter().map(|seen| &seen.body).collect::<Vec<_>>()
    );
    for secret in [MESSAGE, OLD_CALL, OLD_RESULT, RESULT, MODEL, DEPLOYMENT] {
        assert!(sent.contains(secret), "{secret}");
    }
}

#[test]
fn no_secret_is_left_where_the_log_is_text() {
    run(check("pretty"));
}

#[test]
fn no_secret_is_left_where_the_log_is_json() {
    run(check("json"));
}
