//! Keys and logins, looked for in everything that a proxy writes, answers or keeps.
#![cfg(unix)]

use crate::{
    harness::{
        Client, Homes,
        codex::{Setup, TOKEN, ask},
        process::{Program, command, log},
        run,
        running::{End, Running},
    },
    provider::{Provider, Script, chat, responses},
    upstream::{Reply, Upstream},
};
use codex_openai_proxy::config::keys;
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

// Ours: of the file, and of the environment.
const HOUSE: &str = "house-4f5e6d7c8b9a0f1e";
const FIRST: &str = "first-0a9b8c7d6e5f4a3b";
const SECOND: &str = "second-1b2c3d4e5f6a7b8c";
// What providers are told.
const NEAR: &str = "near-93fe20aa61bc4d7e";
const HEADER: &str = "tenant-77ab01c4d5e6f708";
const QUERY: &str = "code-2f3e4d5c6b7a8990";
const CODEX: &str = "codex-5c6d7e8f90a1b2c3";
// Of the login.
const REFRESH: &str = "refresh-secret";
// What strangers bring.
const WRONG: &str = "wrong-6e5d4c3b2a190807";
const COOKIE: &str = "cookie-8a7b6c5d4e3f2011";
const IN_QUERY: &str = "query-e1f2a3b4c5d60718";

const SECRETS: [&str; 12] = [
    HOUSE, FIRST, SECOND, NEAR, HEADER, QUERY, CODEX, TOKEN, REFRESH, WRONG, COOKIE, IN_QUERY,
];

/// What was found, place by place.
#[derive(Default)]
struct Search {
    secrets: Vec<String>,
    found: Vec<String>,
}

impl Search {
    fn new() -> Self {
        Self {
            secrets: SECRETS.map(str::to_owned).into(),
            found: Vec::new(),
        }
    }

    /// Looks for the secrets in all that a place tells.
    fn look(&mut self, place: &str, all: &str) {
        for secret in &self.secrets {
            if let Some(at) = all.find(secret.as_str()) {
                let from = all.floor_char_boundary(at.saturating_sub(150));
                let to = all.floor_char_boundary(at + 150);
                let around = &all[from..to];
                self.found
                    .push(format!("{place} tells {secret}: …{around}…"));
            }
        }
    }

    /// Sends a request, and looks through the whole reply.
    async fn ask(&mut self, client: &Client, method: Method, path: &str, body: &Value) -> String {
        let mut request = client.request(method, path);
        if !body.is_null() {
            request = request.json(body);
        }
        self.send(path, request).await
    }

    /// The same for a request with more in it.
    async fn send(&mut self, what: &str, request: reqwest::RequestBuilder) -> String {
        let response = request.send().await.unwrap();
        let head = format!("{} {:?}", response.status().as_u16(), response.headers());
        let said = format!("{head} {}", response.text().await.unwrap());
        self.look(what, &said);
        said
    }
}

/// Everything below a folder, the folder first.
fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    found.push(folder.to_owned());
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// A proxy before Codex, which is logged in, and two providers, one of which cannot be reached.
fn write(upstream: &Upstream, near: &Provider) -> Homes {
    let mut setup = Setup::new(upstream).logged_in();
    let key = format!("experimental_bearer_token = \"{CODEX}\"\n");
    setup.provider.push_str(&key);
    let (_, homes) = setup.write();
    let rest = format!(
        "wire_api = \"chat\"\napi_key_env = \"NEAR_KEY\"\nretries = 0\nmodels = [\"llama\"]\n\
         [upstreams.headers]\nx-tenant-token = \"{HEADER}\"\n[upstreams.query]\ncode = \"{QUERY}\"\n"
    );
    let house = keys::line("house", HOUSE).unwrap();
    let near = near.base_url();
    let file = format!(
        "[auth.keys]\n{house}\n\
         [[upstreams]]\nname = \"near\"\nbase_url = \"{near}\"\n{rest}\
         [[upstreams]]\nname = \"dead\"\nbase_url = \"http://127.0.0.1:9/v1\"\n{rest}"
    );
    fs::create_dir_all(homes.state()).unwrap();
    fs::write(homes.state().join("config.toml"), file).unwrap();
    homes
}

/// A command that sees all keys.
fn with_keys(arguments: &[&str], homes: &Homes) -> Command {
    let mut command = command(arguments, homes);
    command
        .env("PROXY_API_KEY", format!("{FIRST},{SECOND}"))
        .env("NEAR_KEY", NEAR);
    command
}

fn hello() -> Script {
    Script {
        text: &["Hello."],
        ..Script::default()
    }
}

/// Logs in to the page, and gives the cookie, which is a secret too.
async fn log_in(search: &mut Search, client: &Client) -> String {
    let request = client.request(Method::POST, "/logs/login");
    let response = request.json(&json!({ "key": FIRST })).send().await.unwrap();
    assert!(response.status().is_success(), "{}", response.status());
    let cookie = response.headers()["set-cookie"].to_str().unwrap();
    let pair = cookie.split(';').next().unwrap().to_owned();
    let value = pair.split_once('=').unwrap().1.to_owned();
    assert!(value.len() > 20, "{value}");
    search.secrets.push(value);
    pair
}

/// All that clients of every kind ask for, well and badly.
async fn exchange(search: &mut Search, client: &Client, upstream: &Upstream, near: &Provider) {
    let stranger = Client::new(client.address());
    upstream.otherwise(|_| Reply::text(&["Hello."]));
    near.says(hello());
    let bodies = [
        ("/v1/chat/completions", ask("Hi")),
        (
            "/v1/responses",
            json!({ "model": "gpt-5.2", "input": "Hi" }),
        ),
        ("/v1/chat/completions", chat("near/llama", "Hi")),
        ("/v1/responses", responses("near/llama", "Hi")),
    ];
    for (path, body) in &bodies {
        for (name, value) in [
            ("authorization", format!("Bearer {HOUSE}")),
            ("x-api-key", FIRST.to_owned()),
            ("api-key", SECOND.to_owned()),
        ] {
            let path = format!("{path}?api_key={IN_QUERY}");
            let request = stranger.request(Method::POST, &path).header(name, value);
            let request = request.header("cookie", format!("sid={COOKIE}"));
            let said = search.send(&path, request.json(body)).await;
            assert!(said.starts_with("200"), "{said}");
        }
        for (name, value) in [
            ("authorization", format!("Bearer {WRONG}")),
            ("x-api-key", WRONG.to_owned()),
        ] {
            let request = stranger.request(Method::POST, path).header(name, value);
            let said = search.send(path, request.json(body)).await;
            assert!(said.starts_with("401"), "{said}");
        }
    }
    for body in [chat("dead/llama", "Hi"), json!({ "model": 7 })] {
        search
            .ask(client, Method::POST, "/v1/chat/completions", &body)
            .await;
    }
    // Upstreams that refuse a key and repeat it.
    let refused = |what: &str| {
        let message = format!("Incorrect API key provided: {what}.");
        Reply::error(401, "invalid_request_error", "invalid_api_key", &message)
    };
    upstream.otherwise(move |_| refused(CODEX));
    near.otherwise(move |_| refused(NEAR));
    for (path, body) in &bodies {
        for stream in [false, true] {
            let mut body = body.clone();
            body["stream"] = stream.into();
            let said = search.ask(client, Method::POST, path, &body).await;
            assert!(said.starts_with("502"), "{path} {body}: {said}");
        }
    }
}

/// All that can be looked at.
async fn looked_at(search: &mut Search, client: &Client, cookie: &str) {
    let none = Value::Null;
    let mut paths: Vec<String> = [
        "/v1/models",
        "/health",
        "/health/live",
        "/health/ready",
        "/metrics",
        "/openapi.json",
        "/logs",
        "/logs/api/requests?limit=1000",
        "/logs/api/records?limit=1000",
        "/logs/api/export?format=jsonl",
        "/logs/api/export?format=har",
    ]
    .map(str::to_owned)
    .into();
    for request in client.summaries("").await {
        let id = request["id"].as_str().unwrap();
        paths.push(format!("/logs/api/requests/{id}"));
        paths.push(format!("/logs/api/requests/{id}/curl"));
    }
    assert!(paths.len() > 50, "{paths:?}");
    for path in &paths {
        let said = search.ask(client, Method::GET, path, &none).await;
        assert!(said.starts_with("200"), "{path}: {said}");
        let stranger = Client::new(client.address()).with_key(WRONG);
        search.ask(&stranger, Method::GET, path, &none).await;
    }
    let request = Client::new(client.address()).request(Method::GET, "/logs/api/records");
    let said = search.send("with a cookie", request.header("cookie", cookie));
    assert!(said.await.starts_with("200"));
}

async fn told_nowhere(format: &'static str) {
    let mut search = Search::new();
    let (upstream, near) = (Upstream::start().await, Provider::chat().await);
    let homes = write(&upstream, &near);
    let mut serve = with_keys(&["serve"], &homes);
    serve.env("LOG_FORMAT", format).env("RUST_LOG", "debug");
    let mut running = Running::start_as(serve, &homes).await;
    running.client = running.client.with_key(HOUSE).without_keeping_replies();
    let client = &running.client;
    let cookie = log_in(&mut search, client).await;
    exchange(&mut search, client, &upstream, &near).await;
    looked_at(&mut search, client, &cookie).await;
    running.end(End::Asked, &homes).await;

    let lines = log(&homes);
    assert!(lines.contains("incoming_request") && lines.contains("Incorrect API key"));
    search.look("standard error", &lines);
    let mut files = Vec::new();
    walk(&homes.state(), &mut files);
    files.retain(|path| path.is_file() && !path.ends_with("state/config.toml"));
    for name in ["logs.sqlite3", "conversations.sqlite3", "session.key"] {
        let is_there = files.iter().any(|path| path.ends_with(name));
        assert!(is_there, "{name}: {files:?}");
    }
    for path in files {
        let bytes = fs::read(&path).unwrap();
        let name = path.display().to_string();
        search.look(&name, &String::from_utf8_lossy(&bytes));
    }
    for arguments in [
        &["config", "show"] as &[_],
        &["config", "show", "--json"],
        &["config", "check"],
        &["status"],
        &["models"],
    ] {
        let output = with_keys(arguments, &homes).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", log(&homes));
        let said = String::from_utf8(output.stdout).unwrap() + &log(&homes);
        search.look(&arguments.join(" "), &said);
    }
    assert!(search.found.is_empty(), "{:#?}", search.found);

    // They were told to those whom they are for, and those of ours to nobody.
    let asked = near.asked();
    let bearer = format!("Bearer {NEAR}");
    assert!(!asked.is_empty() && !upstream.asked().is_empty());
    for seen in &asked {
        assert_eq!(seen.header("authorization"), Some(&*bearer));
        assert_eq!(seen.header("x-tenant-token"), Some(HEADER));
    }
    for seen in asked.iter().chain(&upstream.asked()) {
        for ours in [HOUSE, FIRST, SECOND, TOKEN, REFRESH, COOKIE] {
            seen.knows_nothing_of(ours);
        }
    }
}

#[test]
fn what_opens_the_door_is_told_nowhere_where_the_log_is_text() {
    run(told_nowhere("pretty"));
}

#[test]
fn what_opens_the_door_is_told_nowhere_where_the_log_is_json() {
    run(told_nowhere("json"));
}

#[test]
fn a_mistake_is_told_without_the_secret_in_it() {
    let secret = "sk-0123456789abcdefMistake";
    let provider = |keys: &str| format!("[[upstreams]]\nname = \"near\"\n{keys}\n");
    let url = "base_url = \"http://127.0.0.1:9/v1\"\n";
    let files = [
        format!("[auth.keys]\nhouse = \"{secret}\"\n"),
        format!("[auth]\nkey = \"{secret}\"\n"),
        format!("[auth.keys]\nhouse = {{ env = \"{secret}\" }}\n"),
        provider(&format!(
            "base_url = \"http://user:{secret}@127.0.0.1:9/v1\""
        )),
        provider(&format!(
            "base_url = \"http://127.0.0.1:9/v1?key={secret}\""
        )),
        provider(&format!("base_url = \"http://127.0.0.1:9:9/{secret}\"")),
        provider(&format!("{url}api_key = \"{secret}\"")),
        provider(&format!("{url}api_key_env = \"{secret}\"")),
        provider(&format!(
            "{url}[upstreams.headers]\nx-key = \"{secret}\\n\""
        )),
        provider(&format!("{url}[upstreams.headers]\nx-key = \"{secret}")),
    ];
    for file in files {
        let homes = Homes::new();
        fs::create_dir_all(homes.state()).unwrap();
        fs::write(homes.state().join("config.toml"), &file).unwrap();
        for arguments in [
            &["config", "check"] as &[_],
            &["config", "show"],
            &["serve"],
        ] {
            let output = command(arguments, &homes).output().unwrap();
            assert_eq!(output.status.code(), Some(2), "{arguments:?} {file}");
            let said = String::from_utf8(output.stdout).unwrap() + &log(&homes);
            assert!(
                said.contains("config.toml:"),
                "{arguments:?} {file}: {said}"
            );
            assert!(!said.contains(secret), "{arguments:?}: {said}");
        }
    }
}

/// The permissions of a file or folder.
fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn what_is_kept_is_for_its_user_alone() {
    run(async {
        let upstream = Upstream::start().await;
        let (_, homes) = Setup::new(&upstream).logged_in().write();
        let state = homes.state();
        assert!(!state.exists(), "the program has to make it");
        // As it mostly is: others may read what is made, unless the program minds.
        let serve = command(&["serve"], &homes);
        let mut open = Command::new("sh");
        open.args(["-c", "umask 022; exec \"$0\" serve"])
            .arg(serve.get_program())
            .env_clear()
            .envs(
                serve
                    .get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            )
            .current_dir(homes.path(""))
            .stdin(Stdio::null())
            .stderr(fs::File::create(homes.path("log")).unwrap());
        let running = Running::start_as(open, &homes).await;
        upstream.otherwise(|_| Reply::text(&["Hello."]));
        let mut named = ask("Hi");
        named["conversation_id"] = "holidays".into();
        running.client.chat(&named).await.ok();
        let response = json!({ "model": "gpt-5.2", "input": "Hi" });
        running.client.respond(&response).await.ok();
        running.client.settled(2).await;

        let private = |when: &str| {
            let mut found = Vec::new();
            walk(&state, &mut found);
            assert!(found.len() > 5, "{found:?}");
            for path in &found {
                let mode = mode(path);
                if path.is_dir() {
                    // codex-core makes its own as it likes, under one that is closed.
                    let is_inside =
                        path.starts_with(state.join("codex")) && *path != state.join("codex");
                    assert!(
                        is_inside || mode == 0o700,
                        "{when}: {} {mode:o}",
                        path.display()
                    );
                } else if !path.starts_with(state.join("codex")) {
                    assert_eq!(mode, 0o600, "{when}: {} {mode:o}", path.display());
                }
            }
        };
        private("while it runs");
        running.end(End::Asked, &homes).await;
        private("afterwards");
    });
}

/// An address that nobody should ask, and whether somebody has.
fn trap() -> (String, std::net::TcpListener) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    (
        format!("http://{}", listener.local_addr().unwrap()),
        listener,
    )
}

#[test]
fn a_variable_that_leads_the_login_elsewhere_counts_for_nothing() {
    run(async {
        let upstream = Upstream::start().await;
        let mut setup = Setup::new(&upstream).logged_in();
        setup.provider.push_str("requires_openai_auth = true\n");
        let (_, homes) = setup.write();
        let traces = homes.path("traces");
        fs::create_dir(&traces).unwrap();
        let (url, listener) = trap();
        let mut serve = command(&["serve"], &homes);
        serve
            .env("CODEX_ACCESS_TOKEN", TOKEN)
            .env("CODEX_REFRESH_TOKEN_URL_OVERRIDE", &url)
            .env("CODEX_REVOKE_TOKEN_URL_OVERRIDE", &url)
            .env("CODEX_AUTHAPI_BASE_URL", &url)
            .env("CODEX_ROLLOUT_TRACE_ROOT", &traces);
        let mut program = Program::start(serve);
        let client = program.client(&homes).await;
        upstream.otherwise(|_| Reply::text(&["Hello."]));
        client.chat(&ask("Hi")).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        for seen in upstream.requests() {
            seen.knows_nothing_of(TOKEN);
        }
        program.terminate();
        program.ended().await;
        assert!(listener.accept().is_err(), "{}", log(&homes));
        assert_eq!(fs::read_dir(&traces).unwrap().count(), 0);
    });
}
