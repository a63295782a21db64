//! The bodies of requests.

use super::{Api, Ask, Call, Delivery, Message, TOOL};
use serde_json::{Value, json};

impl Ask {
    /// The body that asks this in a protocol.
    pub(super) fn body(&self, api: Api, model: &str) -> Vec<u8> {
        let stream = self.delivery == Delivery::Stream;
        let mut body = match api {
            Api::Chat => json!({"model": model, "messages": chat(&self.messages)}),
            Api::Responses => {
                let items: Vec<Value> = self.messages.iter().map(item).collect();
                json!({"model": model, "input": items})
            }
        };
        body["stream"] = stream.into();
        if stream && api == Api::Chat {
            body["stream_options"] = json!({"include_usage": true});
        }
        if let Some(conversation) = &self.conversation {
            body["conversation_id"] = conversation.as_str().into();
        }
        if let (Some(previous), Api::Responses) = (&self.previous, api) {
            body["previous_response_id"] = previous.as_str().into();
        }
        if self.order.calls > 0 {
            body["tools"] = json!([tool(api)]);
        }
        body.to_string().into_bytes()
    }
}

/// The messages of a Chat request. The calls of one reply belong to one message, with its text.
fn chat(messages: &[Message]) -> Vec<Value> {
    let mut told: Vec<Value> = Vec::with_capacity(messages.len());
    for message in messages {
        let next = match message {
            Message::User(text) => json!({"role": "user", "content": text}),
            Message::Assistant(text) => json!({"role": "assistant", "content": text}),
            Message::Result { call, output } => {
                json!({"role": "tool", "tool_call_id": call, "content": output})
            }
            Message::Call(call) => {
                let Call {
                    id,
                    name,
                    arguments,
                } = call;
                let function = json!({"name": name, "arguments": arguments});
                let call = json!({"id": id, "type": "function", "function": function});
                let mut message = match told.pop_if(|last| last["role"] == "assistant") {
                    Some(last) => last,
                    None => json!({"role": "assistant", "content": null}),
                };
                match message["tool_calls"].as_array_mut() {
                    Some(calls) => calls.push(call),
                    None => message["tool_calls"] = json!([call]),
                }
                message
            }
        };
        told.push(next);
    }
    told
}

/// An input item of a Responses request.
fn item(message: &Message) -> Value {
    match message {
        Message::User(text) => json!({"type": "message", "role": "user", "content": text}),
        Message::Assistant(text) => {
            let content = json!([{"type": "output_text", "text": text}]);
            json!({"type": "message", "role": "assistant", "content": content})
        }
        Message::Call(Call {
            id,
            name,
            arguments,
        }) => {
            json!({"type": "function_call", "call_id": id, "name": name, "arguments": arguments})
        }
        Message::Result { call, output } => {
            json!({"type": "function_call_output", "call_id": call, "output": output})
        }
    }
}

/// The function, as each protocol describes it.
fn tool(api: Api) -> Value {
    let mut function = json!({
        "name": TOOL,
        "description": "Looks something up.",
        "parameters": {"type": "object", "properties": {"n": {"type": "integer"}}},
    });
    match api {
        Api::Chat => json!({"type": "function", "function": function}),
        Api::Responses => {
            function["type"] = "function".into();
            function["strict"] = false.into();
            function
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::Order;

    fn loop_of_tools() -> Ask {
        let mut order = Order::paced(5);
        order.calls = 2;
        let calls = ["a", "b"].map(|id| Call {
            id: id.to_owned(),
            name: TOOL.to_owned(),
            arguments: "{}".to_owned(),
        });
        let before = [
            Message::User("hello".to_owned()),
            Message::Assistant("hi".to_owned()),
        ];
        Ask::new(order)
            .after(before)
            .named("chat")
            .with_results(&calls)
    }

    fn told(ask: &Ask, api: Api) -> Value {
        serde_json::from_slice(&ask.body(api, "bench")).unwrap()
    }

    #[test]
    fn a_chat_request_has_the_calls_of_a_reply_in_one_message() {
        let ask = loop_of_tools();
        let body = told(&ask, Api::Chat);
        let messages = body["messages"].as_array().unwrap();
        let roles: Vec<_> = messages.iter().map(|message| &message["role"]).collect();
        let wanted = ["user", "assistant", "user", "assistant", "tool", "tool"];
        assert_eq!(roles, wanted);
        assert_eq!(messages[3]["tool_calls"][1]["id"], "b");
        assert_eq!(messages[5]["tool_call_id"], "b");
        assert_eq!(body["stream_options"]["include_usage"], true);
        assert_eq!(body["tools"][0]["function"]["name"], TOOL);
        assert_eq!(body["conversation_id"], "chat");
        // The upstream looks for results behind the order.
        let body = body["messages"].to_string();
        let (order, rest) = Order::find_with_rest(body.as_bytes()).unwrap();
        assert_eq!(order, ask.order);
        assert!(String::from_utf8_lossy(rest).contains(r#""role":"tool""#));
    }

    #[test]
    fn a_chat_request_puts_calls_behind_the_text_that_came_with_them() {
        let call = Call {
            id: "a".to_owned(),
            name: TOOL.to_owned(),
            arguments: "{}".to_owned(),
        };
        let said = [Message::Assistant("wait".to_owned()), Message::Call(call)];
        let messages = chat(&said);
        assert_eq!(messages.len(), 1);
        assert_eq!(messages[0]["content"], "wait");
        assert_eq!(messages[0]["tool_calls"][0]["id"], "a");
    }

    #[test]
    fn a_responses_request_has_an_item_for_each_message() {
        let mut ask = loop_of_tools();
        ask.delivery = Delivery::Whole;
        ask.previous = Some("resp_1".to_owned());
        let body = told(&ask, Api::Responses);
        let items = body["input"].as_array().unwrap();
        let types: Vec<_> = items.iter().map(|item| &item["type"]).collect();
        let (call, output) = ("function_call", "function_call_output");
        let wanted = ["message", "message", "message", call, call, output, output];
        assert_eq!(types, wanted);
        assert_eq!(body["stream"], false);
        assert_eq!(body["stream_options"], Value::Null);
        assert_eq!(body["previous_response_id"], "resp_1");
        assert_eq!(body["tools"][0]["name"], TOOL);
    }
}
