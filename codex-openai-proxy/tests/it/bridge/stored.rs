//! Responses that are kept here, of providers that keep nothing.

use crate::{
    harness::{
        Client, Homes,
        chat::Answer,
        process::command,
        responses::{calls, said},
        run,
    },
    provider::{ChatReply, Provider, Setup, covers, responses, with},
    upstream::{Gate, Outcome},
};
use reqwest::Method;
use serde_json::{Value, json};

/// The lines of a chat that a provider got.
fn lines(body: &Value) -> Vec<String> {
    let messages = body["messages"].as_array().expect("messages");
    let messages = messages.iter();
    messages
        .map(|message| {
            let role = message["role"].as_str().unwrap();
            let content = message["content"].as_str().unwrap_or("-");
            let calls = message["tool_calls"].as_array().into_iter().flatten();
            let calls: Vec<_> = calls
                .map(|call| call["id"].as_str().unwrap().to_owned())
                .collect();
            let id = message["tool_call_id"].as_str().map(str::to_owned);
            let ids = calls.into_iter().chain(id).collect::<Vec<_>>().join(",");
            format!("{role}: {content} {ids}").trim_end().to_owned()
        })
        .collect()
}

async fn send(client: &Client, method: Method, path: &str) -> Answer {
    Answer::read(client.request(method, path).send().await.unwrap()).await
}

/// A request that goes on from a response.
fn after(response: &Value, input: impl Into<Value>) -> Value {
    let mut body = responses("llama3", "");
    body["previous_response_id"] = response["id"].clone();
    body["input"] = input.into();
    body
}

#[test]
fn a_provider_gets_all_that_was_said_before() {
    run(async {
        let provider = Provider::chat().await;
        let proxy = Setup::of(&provider).start().await;
        let tool = json!({
            "type": "function",
            "name": "look",
            "parameters": { "type": "object", "properties": {} },
            "strict": false,
        });
        provider.reply(
            ChatReply::stream()
                .thinks("reasoning_content", &["I had better look."])
                .says(&["I will look."])
                .call(0, "call_a", "look")
                .arguments(0, "{\"at\":1}")
                .finish("tool_calls")
                .usage()
                .done(),
        );
        provider.reply(ChatReply::text(&["A dot."]));
        provider.reply(ChatReply::text(&["It is black."]));

        let mut body = responses("llama3", "What is there?");
        body["tools"] = json!([tool]);
        body["instructions"] = "Be brief.".into();
        let heard = proxy.respond_stream(&body).await.heard().await;
        let first = heard.ended_with("completed").clone();
        assert_eq!(calls(&first)[0][1], "call_a");

        let result = json!([
            { "type": "function_call_output", "call_id": "call_a", "output": "a dot" },
        ]);
        let mut body = after(&first, result);
        body["tools"] = json!([tool]);
        let second = proxy.respond(&body).await.ok();
        assert_eq!(said(&second), "A dot.");
        assert_eq!(second["previous_response_id"], first["id"]);
        // Instructions are those of each request: they are not taken over.
        assert_eq!(
            lines(&provider.last_request().body),
            [
                "user: What is there?",
                "assistant: I will look. call_a",
                "tool: a dot call_a",
            ]
        );

        let body = after(&second, "Which colour?");
        let third = proxy.respond(&body).await.ok();
        assert_eq!(said(&third), "It is black.");
        assert_eq!(
            lines(&provider.last_request().body),
            [
                "user: What is there?",
                "assistant: I will look. call_a",
                "tool: a dot call_a",
                "assistant: A dot.",
                "user: Which colour?",
            ]
        );

        // The first one can be gone on from once more.
        provider.reply(ChatReply::text(&["Never mind."]));
        let result = json!([
            { "type": "function_call_output", "call_id": "call_a", "output": "nothing" },
        ]);
        proxy.respond(&after(&first, result)).await.ok();
        let lines = lines(&provider.last_request().body);
        assert_eq!(lines.last().unwrap(), "tool: nothing call_a");
        proxy.stop().await;
    });
}

#[test]
fn what_is_kept_outlives_the_program() {
    use crate::harness::process::Program;
    async fn start(homes: &Homes) -> (Program, Client) {
        let mut program = Program::start(command(&["serve"], homes));
        let client = program.client(homes).await;
        (program, client)
    }
    run(async {
        let provider = Provider::chat().await;
        let setup = Setup::of(&provider);
        setup.write();
        let (program, client) = start(&setup.homes).await;
        provider.reply(ChatReply::text(&["Hello."]));
        let first = client.respond(&responses("llama3", "Hi")).await.ok();
        let id = first["id"].as_str().unwrap();
        // As `kill -9` does.
        drop(program);

        let (_program, client) = start(&setup.homes).await;
        let path = format!("/v1/responses/{id}");
        let kept = send(&client, Method::GET, &path).await.ok();
        assert_eq!(kept, first);
        let items = send(&client, Method::GET, &format!("{path}/input_items")).await;
        covers(
            &items.ok()["data"],
            &json!([{
                "type": "message",
                "role": "user",
                "content": [{ "type": "input_text", "text": "Hi" }],
            }]),
        );
        provider.reply(ChatReply::text(&["Fine."]));
        let second = after(&first, "How are you?");
        let second = client.respond(&second).await.ok();
        assert_eq!(
            lines(&provider.last_request().body),
            ["user: Hi", "assistant: Hello.", "user: How are you?"]
        );

        let deleted = send(&client, Method::DELETE, &path).await.ok();
        assert_eq!(deleted["deleted"], true);
        send(&client, Method::GET, &path).await.error(404);
        for earlier in [&first, &second] {
            let answer = client.respond(&after(earlier, "And?")).await;
            let (_, code) = answer.error(400);
            assert_eq!(code, Some("previous_response_not_found"));
        }
        assert_eq!(provider.asked().len(), 2);
    });
}

#[test]
fn what_is_not_to_be_stored_is_not() {
    run(async {
        let provider = Provider::chat().await;
        let proxy = Setup::of(&provider).start().await;
        provider.otherwise(|_| ChatReply::text(&["Hello."]).into());
        let body = with(responses("llama3", "Hi"), json!({ "store": false }));
        let response = proxy.respond(&body).await.ok();
        assert_eq!(response["store"], false);
        let path = format!("/v1/responses/{}", response["id"].as_str().unwrap());
        send(&proxy, Method::GET, &path).await.error(404);
        proxy.stop().await;
    });
}

#[test]
fn a_response_that_is_cancelled_ends_the_call_of_the_provider() {
    run(async {
        let provider = Provider::chat().await;
        let proxy = Setup::of(&provider).start().await;
        let gate = Gate::default();
        provider.reply(
            ChatReply::stream()
                .says(&["Hel"])
                .wait(&gate)
                .says(&["lo"])
                .finish("stop")
                .done(),
        );
        let mut stream = proxy.respond_stream(&responses("llama3", "Hi")).await;
        let created = stream.until("response.created").await;
        let id = created["response"]["id"].as_str().unwrap();
        assert_eq!(stream.next_text().await, "Hel");

        let path = format!("/v1/responses/{id}");
        let running = send(&proxy, Method::GET, &path).await.ok();
        assert_eq!(running["status"], "in_progress");
        let cancelled = send(&proxy, Method::POST, &format!("{path}/cancel")).await;
        assert_eq!(cancelled.ok()["status"], "cancelled");
        assert_eq!(provider.outcome(0).await, Outcome::Dropped);
        let failed = stream.until("response.failed").await;
        assert_eq!(failed["response"]["status"], "cancelled");
        assert_eq!(stream.next().await, None);
        let kept = send(&proxy, Method::GET, &path).await.ok();
        assert_eq!(kept["status"], "cancelled");
        proxy.stop().await;
    });
}
