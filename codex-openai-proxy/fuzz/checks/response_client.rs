//! What a client makes of a stream of Responses: it trusts nothing.

use codex_openai_proxy::wire::sse::Decoder;
use serde_json::{Value, json};

/// What a client makes of a stream: it keeps what it was told of each item.
#[derive(Debug, Default)]
pub struct Client {
    /// The items, in the order in which they were added.
    pub items: Vec<Heard>,
    /// The response of the last event, once that has come.
    pub end: Option<(String, Value)>,
    /// The last message or reasoning. No other item may begin before it is done.
    talking: Option<usize>,
}

/// What was told of an item.
#[derive(Debug)]
pub struct Heard {
    /// As it was added.
    pub item: Value,
    /// The texts of its parts, as far as they came; for calls the arguments.
    pub deltas: Vec<String>,
    part_open: bool,
    /// As it was when it ended.
    pub done: Option<Value>,
}

impl Heard {
    fn is_call(&self) -> bool {
        self.item["type"] == "function_call" || self.item["type"] == "custom_tool_call"
    }
}

impl Client {
    /// Reads a stream.
    ///
    /// # Panics
    ///
    /// It breaks a rule that clients rely on.
    pub fn read(stream: &[u8]) -> Self {
        let mut frames = Vec::new();
        let fed = Decoder::new(1 << 24).feed(stream, &mut frames);
        assert_eq!(fed, Ok(()));
        let mut client = Self::default();
        for (number, frame) in frames.into_iter().enumerate() {
            let event: Value = serde_json::from_str(&frame.data).unwrap();
            assert_eq!(event["type"].as_str(), frame.event.as_deref());
            assert_eq!(event["sequence_number"], number);
            assert!(client.end.is_none(), "something follows the end: {event}");
            let kind = frame.event.unwrap();
            match number {
                0 => assert_eq!(kind, "response.created"),
                1 => assert_eq!(kind, "response.in_progress"),
                _ => client.hear(&kind, &event),
            }
            if number < 2 {
                assert_eq!(event["response"]["status"], "in_progress");
                assert_eq!(event["response"]["output"], json!([]));
            }
        }
        client
    }

    fn hear(&mut self, kind: &str, event: &Value) {
        if let Some(response) = event.get("response") {
            self.end = Some((kind.to_owned(), response.clone()));
            return;
        }
        let index = usize::try_from(event["output_index"].as_u64().unwrap()).unwrap();
        if kind == "response.output_item.added" {
            assert_eq!(index, self.items.len());
            let talking = self.talking.and_then(|at| self.items.get(at));
            let is_done = talking.is_none_or(|heard| heard.done.is_some());
            assert!(is_done, "two items talk at once");
            let heard = Heard {
                item: event["item"].clone(),
                deltas: Vec::new(),
                part_open: false,
                done: None,
            };
            self.talking = (!heard.is_call()).then_some(index);
            self.items.push(heard);
            return;
        }
        let heard = &mut self.items[index];
        assert!(heard.done.is_none(), "of an item that is done: {event}");
        if kind != "response.output_item.done" {
            assert_eq!(event["item_id"], heard.item["id"]);
        }
        let of =
            match kind {
                "response.content_part.added"
                | "response.content_part.done"
                | "response.output_text.delta"
                | "response.output_text.done" => "message",
                "response.reasoning_summary_part.added"
                | "response.reasoning_summary_part.done"
                | "response.reasoning_summary_text.delta"
                | "response.reasoning_summary_text.done" => "reasoning",
                "response.function_call_arguments.delta"
                | "response.function_call_arguments.done" => "function_call",
                "response.custom_tool_call_input.delta"
                | "response.custom_tool_call_input.done" => "custom_tool_call",
                "response.output_item.done" => {
                    assert!(!heard.part_open || heard.is_call());
                    heard.done = Some(event["item"].clone());
                    return;
                }
                other => panic!("no such event: {other}"),
            };
        assert_eq!(heard.item["type"], of);
        let part_index = event["content_index"]
            .as_u64()
            .or(event["summary_index"].as_u64());
        let (of_what, step) = kind.rsplit_once('.').unwrap();
        if step == "added" {
            assert!(!heard.part_open);
            assert_eq!(part_index, Some(heard.deltas.len() as u64));
            assert_eq!(event["part"]["text"], "");
            heard.deltas.push(String::new());
            heard.part_open = true;
            return;
        }
        if heard.is_call() && !heard.part_open {
            heard.deltas.push(String::new());
            heard.part_open = true;
        }
        assert!(heard.part_open);
        if !heard.is_call() {
            assert_eq!(part_index, Some(heard.deltas.len() as u64 - 1));
        }
        let said = heard.deltas.last_mut().unwrap();
        if step == "delta" {
            let delta = event["delta"].as_str().unwrap();
            assert!(!delta.is_empty());
            said.push_str(delta);
        } else if of_what.ends_with("part") {
            assert_eq!(event["part"]["text"], said.as_str());
            heard.part_open = false;
        } else if of_what.ends_with("text") {
            assert_eq!(event["text"], said.as_str());
        }
    }

    /// What the deltas of all items of a type add up to.
    pub fn said(&self, kind: &str) -> String {
        let items = self.items.iter().filter(|heard| heard.item["type"] == kind);
        items.flat_map(|heard| &heard.deltas).cloned().collect()
    }
}
