//! `POST /v1/chat/completions`, and Azure's paths for the same.

use crate::{
    config::{ContextOverflow, ReasoningSetting},
    engine::TurnStream,
    http::{
        AppState,
        body::ReplyBody,
        conversation,
        error::ErrorReply,
        events::{EventBody, Opening, StreamSettings, broken_off, hides_overflow},
        reply,
        state::unix_seconds,
        turn_log::TurnLog,
    },
    translate::{
        Translated,
        chat::{ChunkWriter, ReasoningStyle, ReplyFolder, ReplyHead},
        from_client,
    },
    turn::{Effort, ModelName, NamedConversation, TurnError, TurnEvent, TurnRequest},
    wire::{chat::ChatCompletion, request::RequestBody},
};
use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use tokio::time::timeout;
use uuid::Uuid;

/// A request, understood, and what its reply needs to know of it.
struct Asked {
    turn: TurnRequest,
    stream: bool,
    include_usage: bool,
    model: ModelName,
}

/// Answers a request, as a stream or in one piece. `deployment` names the model where the body does
/// not.
///
/// # Errors
///
/// Whatever goes wrong while the status can still be told.
pub async fn completions(
    state: &AppState,
    headers: &HeaderMap,
    deployment: Option<&str>,
    body: Bytes,
) -> Result<Response<ReplyBody>, ErrorReply> {
    let asked = read(state, headers, deployment, &body)?;
    drop(body);
    let events = state.engine.start(asked.turn).await?;
    let conversation = events.conversation().clone();
    let style = reasoning_style(state.config.reasoning, &asked.model);
    let head = ReplyHead {
        id: format!("chatcmpl-{}", Uuid::new_v4().simple()),
        created: unix_seconds(),
        model: asked.model.sent,
        conversation: conversation.clone(),
    };
    let log = TurnLog::begin(conversation.clone());
    let response = if asked.stream {
        let writer = ChunkWriter::new(&head, style, asked.include_usage);
        streamed(state, events, writer, log).await
    } else {
        let folder = ReplyFolder::new(head, style);
        let overflow = state.config.cursor_context_overflow;
        let completion = folded(events, folder, overflow, log).await;
        completion.map(|completion| reply::json(StatusCode::OK, &completion))
    };
    match response {
        Ok(mut response) => {
            conversation::tell(response.headers_mut(), &conversation);
            Ok(response)
        }
        Err(error) => Err(ErrorReply::from(error).of_conversation(&conversation)),
    }
}

/// Understands a request, and logs what it asks for.
fn read(
    state: &AppState,
    headers: &HeaderMap,
    deployment: Option<&str>,
    body: &[u8],
) -> Result<Asked, TurnError> {
    let request = RequestBody::parse(body, deployment)?;
    let model = ModelName::resolve(
        &request.common().model,
        &state.config.aliases,
        &state.engine.catalog(),
    );
    let entries = request.entries();
    let Translated {
        mut turn,
        stream,
        include_usage,
        mut dropped,
    } = from_client(request, &model)?;
    if turn.conversation.is_none() {
        turn.conversation = conversation::from_headers(headers, &mut dropped)?;
    }
    let named = |named: &NamedConversation| named.id.as_str().to_owned();
    tracing::info!(
        model = model.sent,
        slug = model.slug,
        effort = turn.reasoning.effort.map(Effort::as_str),
        conversation = turn.conversation.as_ref().map(named),
        stream,
        messages = entries,
        tools = turn.tools.len(),
        dropped = dropped.join(","),
        "incoming_request"
    );
    Ok(Asked {
        turn,
        stream,
        include_usage,
        model,
    })
}

/// Holds the status back until the first event tells whether the turn goes well, but not for so
/// long that something on the way takes the connection for dead.
async fn streamed(
    state: &AppState,
    mut events: TurnStream,
    writer: ChunkWriter,
    log: TurnLog,
) -> Result<Response<ReplyBody>, TurnError> {
    let limits = &state.config.limits;
    let settings = StreamSettings {
        keep_alive: limits.keep_alive,
        overflow: state.config.cursor_context_overflow,
    };
    let opening = match timeout(limits.first_event, events.next()).await {
        Ok(first) => match first.unwrap_or_else(|| Err(broken_off())) {
            Err(error) if !hides_overflow(settings.overflow, &error) => {
                log.leave_to_status();
                return Err(error);
            }
            first => Opening::First(first),
        },
        Err(_elapsed) => Opening::Silence,
    };
    let body = EventBody::new(opening, events, writer, settings, log);
    Ok(reply::event_stream(body))
}

async fn folded(
    mut events: TurnStream,
    mut folder: ReplyFolder,
    overflow: ContextOverflow,
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
            Err(error) if hides_overflow(overflow, &error) => {
                log.on_overflow(&error);
                return Ok(folder.overflow());
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
