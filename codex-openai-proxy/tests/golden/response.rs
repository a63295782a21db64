//! Replies of Responses to golden requests.

use super::{pretty, read_event, read_style};
use codex_openai_proxy::{
    translate::{
        Translated,
        responses::{Echo, ResponseHead, ResponseWriter, WriterOptions},
    },
    turn::{ConversationId, ModelName, TurnEvent},
    wire::{error::ErrorBody, object::Object},
};
use serde_json::Value;

/// What the client gets for the events: the stream, and the response in one piece, which is told
/// of a turn that failed too.
pub fn answer(
    body: &[u8],
    events: &[u8],
    model: &ModelName,
    request: &Translated,
) -> (String, String) {
    let events: Value = serde_json::from_slice(events).unwrap();
    let mut streamed = writer(body, &events, model, request);
    let mut whole = writer(body, &events, model, request);
    let mut stream = Vec::new();
    for event in events["events"].as_array().unwrap() {
        if let Some(message) = event["error"].as_str() {
            let error = ErrorBody::new("server_error", message);
            streamed.on_error(&error, &mut stream);
            whole.fail(&error);
        } else {
            let event: TurnEvent = read_event(event);
            streamed.on_event(event.clone(), &mut stream);
            whole.fold(event);
        }
    }
    let response = pretty(&serde_json::to_value(whole.response()).unwrap());
    (String::from_utf8(stream).unwrap(), response)
}

fn writer(body: &[u8], events: &Value, model: &ModelName, request: &Translated) -> ResponseWriter {
    let conversation = events["conversation"].as_str();
    let head = ResponseHead {
        id: "resp_golden".to_owned(),
        created_at: 1_750_000_000,
        model: model.sent.clone(),
        conversation: conversation.and_then(ConversationId::new),
        store: events["store"] == true,
        echo: Echo::of(&Object::parse(body).unwrap()),
    };
    let options = WriterOptions {
        reasoning: read_style(events),
        include_encrypted: request.include_encrypted,
        tool_names: request.tool_names.clone(),
    };
    ResponseWriter::new(head, options)
}
