//! Both client protocols before HTTP providers of both kinds.

mod cells;
mod experiments;
mod failing;
mod late;
mod log;
#[cfg(target_os = "linux")]
mod memory;
mod models;
mod names;
mod outages;
mod pooling;
mod relays;
mod secrets;
mod sent;
mod servers;
mod stored;
mod transport;

use crate::{
    harness::{Client, responses},
    provider::with,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What the two client protocols are called here: as the provider's `wire_api` that needs no
/// translation.
const PROTOCOLS: [&str; 2] = ["chat", "responses"];

/// Both protocols before both kinds of provider, streamed and not.
fn cells() -> impl Iterator<Item = Cell> {
    PROTOCOLS.into_iter().flat_map(|client| {
        PROTOCOLS.into_iter().flat_map(move |provider| {
            [true, false].map(|streamed| Cell {
                client,
                provider,
                streamed,
            })
        })
    })
}

/// One way for a request to go.
#[derive(Debug, Clone, Copy)]
struct Cell {
    client: &'static str,
    provider: &'static str,
    streamed: bool,
}

/// What a reply tells, free of its protocol.
#[derive(Debug, Default)]
struct Told {
    text: String,
    reasoning: String,
    /// Kind (`function` or `custom`), id, name, and arguments or input.
    calls: Vec<[String; 4]>,
    /// In Chat's words.
    finish_reason: String,
    /// Input, cached, output and reasoning tokens.
    usage: [u64; 4],
    models: BTreeSet<String>,
}

/// What a stream told that failed.
#[derive(Debug)]
struct Failed {
    text: String,
    /// The error's message.
    error: String,
}

impl Cell {
    /// Whether the request goes through as it is.
    fn is_relayed(self) -> bool {
        self.client == self.provider
    }

    /// A request that says `text`, with `fields` besides.
    fn ask(self, model: &str, text: &str, fields: Value) -> Value {
        let body = match self.client {
            "chat" => crate::provider::chat(model, text),
            _ => crate::provider::responses(model, text),
        };
        with(body, fields)
    }

    /// A client that keeps what is ours: what is relayed is the provider's.
    fn client(self, proxy: &Client) -> Client {
        let client = Client::new(proxy.address());
        if self.is_relayed() {
            client.without_keeping_replies()
        } else {
            client
        }
    }

    /// Asks for a stream, which must fail once it has begun.
    async fn failure(self, proxy: &Client, body: &Value) -> Failed {
        let client = self.client(proxy);
        let text = |value: &Value| value.as_str().expect("a message").to_owned();
        if self.client == "chat" {
            let said = client.stream(body).await.said().await;
            let error = text(&said.failed()["message"]);
            return Failed {
                text: said.text,
                error,
            };
        }
        let heard = client.respond_stream(body).await.heard().await;
        let error = text(&heard.ended_with("failed")["error"]["message"]);
        Failed {
            text: heard.text(),
            error,
        }
    }

    /// Sends a request and reads the whole reply, which must go well.
    async fn send(self, proxy: &Client, body: &Value) -> Told {
        let client = self.client(proxy);
        match (self.client, self.streamed) {
            ("chat", true) => {
                let mut body = body.clone();
                body["stream_options"] = json!({ "include_usage": true });
                let said = client.stream(&body).await.said().await;
                assert_eq!(said.finish_reasons.len(), 1, "{self:?}");
                said.ended_with(&said.finish_reasons[0]);
                assert_eq!(said.usage.len(), 1, "{self:?}");
                let calls = said.calls.into_iter();
                let function = "function".to_owned();
                Told {
                    text: said.text,
                    reasoning: said.reasoning,
                    calls: calls
                        .map(|(id, name, arguments)| [function.clone(), id, name, arguments])
                        .collect(),
                    finish_reason: said.finish_reasons[0].clone(),
                    usage: chat_usage(&said.usage[0]),
                    models: said.models,
                }
            }
            ("chat", false) => chat(&client.chat(body).await.ok()),
            (_, true) => {
                let heard = client.respond_stream(body).await.heard().await;
                let last = heard.events.last().unwrap()["response"].clone();
                let response = heard.ended_with(last["status"].as_str().unwrap());
                let told = response_told(response);
                assert_eq!(heard.text(), told.text, "{self:?}");
                assert_eq!(heard.reasoning, told.reasoning, "{self:?}");
                assert_eq!(heard.calls(), responses::calls(response), "{self:?}");
                told
            }
            (_, false) => response_told(&client.respond(body).await.ok()),
        }
    }
}

impl Told {
    /// Asserts that every object named this model and no other.
    #[track_caller]
    fn is_of(&self, model: &str) {
        assert_eq!(self.models, BTreeSet::from([model.to_owned()]));
    }
}

fn chat(reply: &Value) -> Told {
    let choice = &reply["choices"][0];
    let message = &choice["message"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let calls = message["tool_calls"].as_array().into_iter().flatten();
    Told {
        text: text(&message["content"]),
        reasoning: text(&message["reasoning_content"]),
        calls: calls
            .map(|call| {
                let function = &call["function"];
                let parts = [&call["type"], &call["id"], &function["name"]];
                let [kind, id, name] = parts.map(text);
                [kind, id, name, text(&function["arguments"])]
            })
            .collect(),
        finish_reason: text(&choice["finish_reason"]),
        usage: chat_usage(&reply["usage"]),
        models: BTreeSet::from([text(&reply["model"])]),
    }
}

fn response_told(response: &Value) -> Told {
    let output = response["output"].as_array().expect("an output");
    let thoughts = output.iter().filter(|item| item["type"] == "reasoning");
    let parts = thoughts.flat_map(|item| item["summary"].as_array().expect("a summary"));
    let calls = responses::calls(response);
    let finish_reason = match response["incomplete_details"]["reason"].as_str() {
        Some("max_output_tokens") => "length",
        Some(reason) => reason,
        None if calls.is_empty() => "stop",
        None => "tool_calls",
    };
    let usage = &response["usage"];
    let count = |value: &Value| value.as_u64().expect("a count");
    Told {
        text: responses::said(response),
        reasoning: parts.map(|part| part["text"].as_str().unwrap()).collect(),
        calls: calls
            .into_iter()
            .map(|[kind, id, name, text]| {
                let kind = kind.replace("_tool_call", "").replace("_call", "");
                [&kind, id, name, text].map(str::to_owned)
            })
            .collect(),
        finish_reason: finish_reason.to_owned(),
        usage: [
            count(&usage["input_tokens"]),
            count(&usage["input_tokens_details"]["cached_tokens"]),
            count(&usage["output_tokens"]),
            count(&usage["output_tokens_details"]["reasoning_tokens"]),
        ],
        models: BTreeSet::from([response["model"].as_str().unwrap().to_owned()]),
    }
}

fn chat_usage(usage: &Value) -> [u64; 4] {
    let count = |value: &Value| value.as_u64().expect("a count");
    [
        count(&usage["prompt_tokens"]),
        count(&usage["prompt_tokens_details"]["cached_tokens"]),
        count(&usage["completion_tokens"]),
        count(&usage["completion_tokens_details"]["reasoning_tokens"]),
    ]
}
