//! The program's commands, with the real engine.

use crate::{
    harness::{
        Client,
        chat::{Answer, ChatStream},
        codex::{Setup, TOKEN, ask},
        process::{Program, command, log},
        run,
    },
    upstream::{Gate, Reply, Upstream},
};
use reqwest::Method;
use serde_json::{Value, json};
use std::{fs, time::Duration};
use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};

/// The body that a curl command sends.
fn body_of(curl: &str) -> Value {
    let (_, body) = curl.split_once("-d '").expect("a body");
    let (body, _) = body.split_once('\'').expect("the body's end");
    serde_json::from_str(body).expect("JSON")
}

/// Sends `body` as curl would: with the content type of a form.
async fn as_curl(client: &Client, body: &Value) -> reqwest::Response {
    let request = client
        .request(Method::POST, "/v1/chat/completions")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body.to_string());
    request.send().await.unwrap()
}

#[test]
fn the_demo_answers_both_of_its_curl_commands_and_calls_a_tool() {
    run(async {
        let homes = crate::harness::Homes::new();
        let mut program = Program::start(command(&["demo"], &homes));
        let client = program.client(&homes).await;
        let whole = program.line().await.expect("a curl command");
        let streamed = program.line().await.expect("another");
        let url = format!("http://{}/v1/chat/completions", client.address());
        assert!(
            whole.starts_with("curl ") && whole.contains(&url),
            "{whole}"
        );
        assert!(
            streamed.starts_with("curl -N ") && streamed.contains(&url),
            "{streamed}"
        );

        let body = Answer::read(as_curl(&client, &body_of(&whole)).await)
            .await
            .ok();
        let message = &body["choices"][0]["message"];
        let text = message["content"].as_str().unwrap();
        assert!(text.contains("Hello"), "{text}");
        assert!(!message["reasoning_content"].as_str().unwrap().is_empty());
        assert!(body["usage"]["total_tokens"].as_u64() > Some(0), "{body}");

        let stream = ChatStream::open(as_curl(&client, &body_of(&streamed)).await);
        let said = stream.said().await;
        said.ended_with("stop");
        assert_eq!(said.text, text);
        assert!(said.deltas.len() > 5, "{:?}", said.deltas);

        let mut asked = ask("Call get_weather for Paris");
        asked["model"] = "demo".into();
        asked["tools"] = json!([{ "type": "function", "function": {
            "name": "get_weather",
            "parameters": {
                "type": "object",
                "properties": { "city": { "type": "string" } },
                "required": ["city"],
            },
        } }]);
        let said = client.stream(&asked).await.said().await;
        said.ended_with("tool_calls");
        let [(id, name, arguments)] = said.calls.as_slice() else {
            panic!("one call: {:?}", said.calls);
        };
        assert_eq!(name, "get_weather");
        assert_eq!(arguments, r#"{"city":"Paris"}"#);

        let messages = asked["messages"].as_array_mut().unwrap();
        messages.push(json!({ "role": "assistant", "tool_calls": [{
            "id": id, "type": "function", "function": { "name": name, "arguments": arguments },
        }] }));
        messages.push(json!({ "role": "tool", "tool_call_id": id, "content": "22 °C" }));
        let said = client.stream(&asked).await.said().await;
        said.ended_with("stop");
        assert!(said.text.contains("22 °C"), "{}", said.text);

        let list = client.get("/v1/models").await.ok();
        let ids = list["data"].as_array().unwrap().iter();
        assert!(ids.clone().any(|model| model["id"] == "demo"), "{list}");
    });
}

#[cfg(unix)]
#[test]
fn a_signal_lets_running_replies_finish() {
    run(async {
        let upstream = Upstream::start().await;
        let (_, homes) = Setup::new(&upstream).write();
        let mut program = Program::start(command(&["serve"], &homes));
        let client = program.client(&homes).await;
        let gate = Gate::default();
        upstream.reply(
            Reply::stream()
                .begin_message()
                .delta("Hel")
                .wait(&gate)
                .delta("lo")
                .end_message()
                .completed(),
        );
        let mut stream = client.stream(&ask("Hi")).await;
        assert_eq!(stream.next_text().await, "Hel");
        program.terminate();
        let address = client.address();
        while TcpStream::connect(address).await.is_ok() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        gate.open();
        let said = stream.said().await;
        said.ended_with("stop");
        assert_eq!(said.text, "lo");
        assert_eq!(program.ended().await.code(), Some(0), "{}", log(&homes));
    });
}

#[test]
fn files_of_the_folder_it_was_started_in_stay_there() {
    run(async {
        const MARK: &str = "MARK-OF-A-FILE";
        let upstream = Upstream::start().await;
        let (_, homes) = Setup::new(&upstream).user_file("AGENTS.md", MARK).write();
        let project = homes.path("project");
        fs::create_dir_all(project.join(".git")).unwrap();
        fs::create_dir_all(project.join(".codex/skills/mine")).unwrap();
        let skill = format!("---\nname: mine\ndescription: {MARK}\n---\n{MARK}\n");
        for (path, text) in [
            ("AGENTS.md", MARK),
            (".codex/AGENTS.md", MARK),
            (".codex/skills/mine/SKILL.md", &skill),
            (".codex/config.toml", "model = \"MARK-OF-A-FILE\"\n"),
        ] {
            fs::write(project.join(path), text).unwrap();
        }
        let mut command = command(&["serve"], &homes);
        command.current_dir(&project);
        let mut program = Program::start(command);
        let client = program.client(&homes).await;
        upstream.reply(Reply::text(&["Hello"]));
        client.chat(&ask("Hi")).await.ok();
        let seen = upstream.only_request();
        let whole = format!("{:?} {}", seen.headers, seen.body);
        assert!(!whole.contains(MARK), "{whole}");
        let path = project.to_string_lossy().into_owned();
        assert!(!whole.contains(&path), "{whole}");
    });
}

#[test]
fn status_and_models_tell_what_there_is_and_no_secrets() {
    run(async {
        let upstream = Upstream::start().await;
        let (_, homes) = Setup::new(&upstream)
            .user_config("model = \"house-model\"")
            .logged_in()
            .write();
        let output = |arguments: &[&str]| {
            let output = command(arguments, &homes).output().unwrap();
            assert!(output.status.success(), "{}", log(&homes));
            String::from_utf8(output.stdout).unwrap() + &log(&homes)
        };
        let status = output(&["status"]);
        for part in ["ChatGPT", "plus", "fake", "house-model", "127.0.0.1"] {
            assert!(status.contains(part), "{part}: {status}");
        }
        let models = output(&["models"]);
        for part in ["house-model", "ledom-esuoh", "gpt-5.2"] {
            assert!(models.contains(part), "{part}: {models}");
        }
        for secret in [TOKEN, "refresh-secret"] {
            assert!(!status.contains(secret) && !models.contains(secret));
        }
        assert_eq!(upstream.connections(), 0);
    });
}

#[test]
fn without_a_login_it_serves_and_says_so() {
    run(async {
        let homes = crate::harness::Homes::new();
        let mut program = Program::start(command(&["serve"], &homes));
        let client = program.client(&homes).await;
        client.chat(&ask("Hi")).await.error(401);
        let told = log(&homes);
        assert!(told.contains("codex-openai-proxy login"), "{told}");
    });
}

#[test]
fn a_login_that_is_made_later_is_found_without_a_request() {
    run(async {
        let homes = crate::harness::Homes::new();
        // As in a new volume.
        fs::remove_dir(homes.codex()).unwrap();
        let mut program = Program::start(command(&["serve"], &homes));
        let client = program.client(&homes).await;
        assert_eq!(client.get("/health/ready").await.status, 503);
        fs::create_dir(homes.codex()).unwrap();
        let login = json!({"OPENAI_API_KEY": "sk-later-0123456789"});
        fs::write(homes.codex().join("auth.json"), login.to_string()).unwrap();
        let is_ready = async {
            while client.get("/health/ready").await.status != 200 {
                sleep(Duration::from_millis(100)).await;
            }
        };
        timeout(Duration::from_secs(20), is_ready).await.unwrap();
        program.terminate();
        assert!(program.ended().await.success());
    });
}

#[test]
fn a_folder_is_served_from_by_one_process_at_a_time() {
    run(async {
        let upstream = Upstream::start().await;
        let (_, homes) = Setup::new(&upstream).write();
        let mut first = Program::start(command(&["serve"], &homes));
        first.client(&homes).await;
        let mut second = Program::start(command(&["serve"], &homes));
        assert_eq!(second.line().await, None);
        assert!(!second.ended().await.success());
        let told = log(&homes);
        assert!(told.contains("CODEX_OPENAI_PROXY_HOME"), "{told}");
        // Commands that only look do not mind.
        let models = Program::start(command(&["models"], &homes));
        assert!(models.ended().await.success());
        first.terminate();
        assert!(first.ended().await.success());
        let mut third = Program::start(command(&["serve"], &homes));
        third.client(&homes).await;
    });
}
