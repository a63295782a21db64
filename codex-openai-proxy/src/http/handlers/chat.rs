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
        watch::{self, Watch},
    },
    translate::{
        Translated,
        chat::{ChunkWriter, ReasoningStyle, ReplyFolder, ReplyHead},
        from_client,
    },
    turn::{ConversationId, ModelName, TurnError, TurnEvent, TurnRequest},
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

/// A reply that has begun.
enum Begun {
    /// In one piece, whole by now.
    Whole(Box<ChatCompletion>),
    /// As a stream.
    Streamed(Opening, TurnStream, ChunkWriter),
}

/// Answers a request, as a stream or in one piece. `deployment` names the model where the body does
/// not.
pub async fn completions(
    state: &AppState,
    headers: &HeaderMap,
    deployment: Option<&str>,
    body: Bytes,
    mut watch: Watch,
) -> Response<ReplyBody> {
    watch.on_body(&body);
    let begun = match read(state, headers, deployment, &body, &mut watch) {
        Ok(asked) => {
            drop(body);
            begin(state, asked, &mut watch).await
        }
        Err(error) => {
            watch.on_refused(&body);
            Err(error.into())
        }
    };
    match begun {
        Ok((begun, conversation)) => {
            let mut response = match begun {
                Begun::Whole(completion) => reply::json(StatusCode::OK, &completion),
                Begun::Streamed(opening, events, writer) => {
                    let settings = stream_settings(state);
                    let body = EventBody::new(opening, events, writer, settings, watch);
                    reply::event_stream(body)
                }
            };
            if let Some(conversation) = &conversation {
                conversation::tell(response.headers_mut(), conversation);
            }
            response
        }
        Err(error) => {
            watch.on_error(&error);
            error.into_response()
        }
    }
}

/// Starts the turn, and waits until the status of its reply is known.
async fn begin(
    state: &AppState,
    asked: Asked,
    watch: &mut Watch,
) -> Result<(Begun, Option<ConversationId>), ErrorReply> {
    let events = state.engine.start(asked.turn, watch.log().clone()).await?;
    let conversation = events.conversation().cloned();
    let style = reasoning_style(state.config.reasoning, &asked.model);
    let head = ReplyHead {
        id: format!("chatcmpl-{}", Uuid::new_v4().simple()),
        created: unix_seconds(),
        model: asked.model.sent,
        conversation: conversation.clone(),
    };
    watch.on_reply(&head, style);
    let begun = if asked.stream {
        let writer = ChunkWriter::new(&head, style, asked.include_usage);
        streamed(state, events, writer).await
    } else {
        let folder = ReplyFolder::new(head, style);
        let overflow = state.config.cursor_context_overflow;
        let completion = folded(events, folder, overflow, watch).await;
        completion.map(|completion| Begun::Whole(Box::new(completion)))
    };
    match begun {
        Ok(begun) => Ok((begun, conversation)),
        Err(error) => {
            let error = ErrorReply::from(error);
            Err(match &conversation {
                Some(conversation) => error.of_conversation(conversation),
                None => error,
            })
        }
    }
}

/// Understands a request, and tells what it asks for.
fn read(
    state: &AppState,
    headers: &HeaderMap,
    deployment: Option<&str>,
    body: &[u8],
    watch: &mut Watch,
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
    let bodies = watch.log().bodies();
    let asks = watch::asks(&turn, &model, entries, stream, dropped, bodies);
    let named = turn.conversation.as_ref();
    watch.on_asks(asks, named.map(|named| &named.id));
    for result in watch::results(&turn.items) {
        watch.publish(result);
    }
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
) -> Result<Begun, TurnError> {
    let opening = match timeout(state.config.limits.first_event, events.next()).await {
        Ok(first) => match first.unwrap_or_else(|| Err(broken_off())) {
            Err(error) if !hides_overflow(state.config.cursor_context_overflow, &error) => {
                return Err(error);
            }
            first => Opening::First(first),
        },
        Err(_elapsed) => Opening::Silence,
    };
    Ok(Begun::Streamed(opening, events, writer))
}

fn stream_settings(state: &AppState) -> StreamSettings {
    StreamSettings {
        keep_alive: state.config.limits.keep_alive,
        overflow: state.config.cursor_context_overflow,
    }
}

async fn folded(
    mut events: TurnStream,
    mut folder: ReplyFolder,
    overflow: ContextOverflow,
    watch: &mut Watch,
) -> Result<ChatCompletion, TurnError> {
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => {
                let finished = matches!(event, TurnEvent::Finished { .. });
                watch.on_event(&event);
                folder.on_event(event);
                if finished {
                    break;
                }
            }
            Err(error) if hides_overflow(overflow, &error) => {
                watch.on_overflow(&error);
                return Ok(folder.overflow());
            }
            Err(error) => return Err(error),
        }
    }
    folder.finish().ok_or_else(broken_off)
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
