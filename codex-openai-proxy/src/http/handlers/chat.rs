//! `POST /v1/chat/completions`.

use crate::{
    config::ReasoningSetting,
    http::{
        AppState,
        body::ReplyBody,
        error::ErrorReply,
        events::{EventBody, Opening, TurnEvents, broken_off, turn_events},
        reply,
        state::unix_seconds,
        turn_log::TurnLog,
    },
    translate::chat::{
        ChunkWriter, ReasoningStyle, ReplyFolder, ReplyHead, Translated, from_client,
    },
    turn::{Effort, ModelName, TurnError, TurnEvent},
    wire::chat::{ChatCompletion, ChatRequest},
};
use bytes::Bytes;
use futures_util::StreamExt;
use http::{Response, StatusCode};
use tokio::time::timeout;
use uuid::Uuid;

/// Answers a request, as a stream or in one piece.
///
/// # Errors
///
/// Whatever goes wrong while the status can still be told.
pub async fn completions(state: &AppState, body: Bytes) -> Result<Response<ReplyBody>, ErrorReply> {
    let request = ChatRequest::parse(&body)?;
    drop(body);
    let model = ModelName::resolve(
        &request.model,
        &state.config.aliases,
        &state.engine.catalog(),
    );
    let messages = request.messages.len();
    let Translated {
        turn,
        stream,
        include_usage,
        dropped,
    } = from_client(request, &model)?;
    tracing::info!(
        model = model.sent,
        slug = model.slug,
        effort = turn.reasoning.effort.map(Effort::as_str),
        stream,
        messages,
        tools = turn.tools.len(),
        dropped = dropped.join(","),
        "incoming_request"
    );

    let style = reasoning_style(state.config.reasoning, &model);
    let head = ReplyHead {
        id: format!("chatcmpl-{}", Uuid::new_v4().simple()),
        created: unix_seconds(),
        model: model.sent,
    };
    let events = turn_events(&state.engine, turn);
    let log = TurnLog::begin();
    if stream {
        let writer = ChunkWriter::new(head, style, include_usage);
        streamed(state, events, writer, log).await
    } else {
        let folder = ReplyFolder::new(head, style);
        let completion = folded(events, folder, log).await?;
        Ok(reply::json(StatusCode::OK, &completion))
    }
}

/// Holds the status back until the first event tells whether the turn goes well, but not for so
/// long that something on the way takes the connection for dead.
async fn streamed(
    state: &AppState,
    mut events: TurnEvents,
    writer: ChunkWriter,
    log: TurnLog,
) -> Result<Response<ReplyBody>, ErrorReply> {
    let limits = &state.config.limits;
    let opening = match timeout(limits.first_event, events.next()).await {
        Ok(first) => match first.unwrap_or_else(|| Err(broken_off())) {
            Ok(event) => Opening::Event(event),
            Err(error) => {
                log.leave_to_status();
                return Err(error.into());
            }
        },
        Err(_elapsed) => Opening::Silence,
    };
    let body = EventBody::new(opening, events, writer, limits.keep_alive, log);
    Ok(reply::event_stream(body))
}

async fn folded(
    mut events: TurnEvents,
    mut folder: ReplyFolder,
    mut log: TurnLog,
) -> Result<ChatCompletion, TurnError> {
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => {
                let finished = matches!(event, TurnEvent::Finished { .. });
                log.on_event(&event);
                folder.on_event(event);
                if finished {
                    break;
                }
            }
            Err(error) => {
                log.leave_to_status();
                return Err(error);
            }
        }
    }
    folder.finish().ok_or_else(|| {
        log.leave_to_status();
        broken_off()
    })
}

fn reasoning_style(setting: ReasoningSetting, model: &ModelName) -> ReasoningStyle {
    match setting {
        // Names come reversed from Cursor, which shows no other form.
        ReasoningSetting::Auto if model.reversed => ReasoningStyle::Think,
        ReasoningSetting::Auto | ReasoningSetting::Content => ReasoningStyle::Content,
        ReasoningSetting::Think => ReasoningStyle::Think,
        ReasoningSetting::Off => ReasoningStyle::Off,
    }
}
