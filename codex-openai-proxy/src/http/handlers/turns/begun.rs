//! From a request that is understood to the beginning of its reply.

use super::asked::{Asked, Draft, Form};
use crate::{
    config::{ContextOverflow, ReasoningSetting},
    engine::TurnStream,
    http::{
        AppState,
        admission::Deadline,
        body::ReplyBody,
        conversation,
        error::ErrorReply,
        events::{EventBody, Opening, Writer, broken_off, hides_overflow},
        reply,
        responding::{Kept, Responding},
        state::unix_seconds,
        watch::Watch,
    },
    translate::{
        chat::{ChunkWriter, ReasoningStyle, ReplyFolder, ReplyHead},
        responses::{ResponseHead, WriterOptions},
    },
    turn::{ConversationId, ModelName, TurnError, TurnEvent},
};
use bytes::Bytes;
use http::{Response, StatusCode};
use tokio::time::timeout;
use uuid::Uuid;

/// A reply that has begun.
pub(super) struct Begun {
    /// The conversation that it belongs to.
    conversation: Option<ConversationId>,
    reply: Reply,
}

enum Reply {
    /// In one piece, whole by now: JSON.
    Whole(Bytes),
    /// As a stream.
    Streamed(Box<Streamed>),
}

struct Streamed {
    opening: Opening,
    events: TurnStream,
    writer: Writer,
}

/// Starts the turn, and waits until the status of its reply is known.
pub(super) async fn begin(
    state: &AppState,
    asked: Asked,
    deadline: Deadline,
    watch: &mut Watch,
) -> Result<Begun, ErrorReply> {
    let Asked {
        turn,
        provider,
        model,
        stream,
        form,
    } = asked;
    let log = watch.log().clone();
    let events = match provider {
        Some(route) => route.provider.start(turn, &route.model, log),
        None => deadline.cover(state.engine.start(turn, log)).await??,
    };
    let events = match deadline.at() {
        Some(at) => events.until(at, deadline.error()),
        None => events,
    };
    let conversation = events.conversation().cloned();
    let style = reasoning_style(state.config.reasoning, &model);
    watch.on_reply(conversation.as_ref(), style);
    let reply = match form {
        Form::Chat { include_usage } => {
            let overflow = state.config.cursor_context_overflow;
            let head = ReplyHead {
                id: format!("chatcmpl-{}", Uuid::new_v4().simple()),
                created: unix_seconds(),
                model: model.sent,
                conversation: conversation.clone(),
            };
            watch.gather(head.clone());
            if stream {
                let writer = ChunkWriter::new(&head, style, include_usage);
                streamed(state, events, Writer::Chat { writer, overflow }).await
            } else {
                folded(events, ReplyFolder::new(head, style), overflow, watch).await
            }
        }
        Form::Responses(draft) => {
            let responding = responding(state, *draft, model, style, conversation.as_ref());
            if stream {
                streamed(state, events, Writer::Responses(Box::new(responding))).await
            } else {
                gathered(events, responding, watch).await
            }
        }
    };
    match reply {
        Ok(reply) => Ok(Begun {
            conversation,
            reply,
        }),
        Err(error) => {
            let error = ErrorReply::from(error);
            Err(match &conversation {
                Some(conversation) => error.of_conversation(conversation),
                None => error,
            })
        }
    }
}

impl Begun {
    /// The whole reply.
    pub(super) fn into_response(self, state: &AppState, watch: Watch) -> Response<ReplyBody> {
        let mut response = match self.reply {
            Reply::Whole(json) => reply::json_bytes(StatusCode::OK, json),
            Reply::Streamed(streamed) => {
                let Streamed {
                    opening,
                    events,
                    writer,
                } = *streamed;
                let limits = state.config.limits;
                let body = EventBody::new(opening, events, writer, limits, watch);
                reply::event_stream(body)
            }
        };
        if let Some(conversation) = &self.conversation {
            conversation::tell(response.headers_mut(), conversation);
        }
        response
    }
}

/// Holds the status back until the first event tells whether the turn goes well, but not for so
/// long that something on the way takes the connection for dead.
async fn streamed(
    state: &AppState,
    mut events: TurnStream,
    writer: Writer,
) -> Result<Reply, TurnError> {
    let hides = |error: &TurnError| match &writer {
        Writer::Chat { overflow, .. } => hides_overflow(*overflow, error),
        Writer::Responses(_) => false,
    };
    let opening = match timeout(state.config.limits.first_event, events.next()).await {
        Ok(first) => match first.unwrap_or_else(|| Err(broken_off())) {
            Err(error) if !hides(&error) => return Err(error),
            first => Opening::First(first),
        },
        Err(_elapsed) => Opening::Silence,
    };
    Ok(Reply::Streamed(Box::new(Streamed {
        opening,
        events,
        writer,
    })))
}

/// Waits for the end of a completion.
async fn folded(
    mut events: TurnStream,
    mut folder: ReplyFolder,
    overflow: ContextOverflow,
    watch: &mut Watch,
) -> Result<Reply, TurnError> {
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
                return Ok(Reply::Whole(json(&folder.overflow())?));
            }
            Err(error) => return Err(error),
        }
    }
    let completion = folder.finish().ok_or_else(broken_off)?;
    Ok(Reply::Whole(json(&completion)?))
}

/// Waits for the end of a response, or for somebody who calls it off.
async fn gathered(
    mut events: TurnStream,
    mut responding: Responding,
    watch: &mut Watch,
) -> Result<Reply, TurnError> {
    let end = loop {
        let event = tokio::select! {
            biased;
            () = responding.cancelled() => {
                responding.cancel();
                break None;
            }
            event = events.next() => event.unwrap_or_else(|| Err(broken_off())),
        };
        let event = event.inspect_err(|_| watch.on_object(responding.object()))?;
        if let TurnEvent::Finished { reason, usage } = event {
            responding.fold(TurnEvent::Finished { reason, usage });
            break Some((reason, usage));
        }
        watch.on_event(&event);
        responding.fold(event);
    };
    drop(events);
    let object = responding.object();
    if let Some(kept) = responding.keep(&object) {
        kept.await;
    }
    watch.on_object(object.clone());
    match end {
        Some((reason, usage)) => watch.on_finished(reason, usage),
        None => watch.on_cancelled(),
    }
    Ok(Reply::Whole(object))
}

fn responding(
    state: &AppState,
    draft: Draft,
    model: ModelName,
    style: ReasoningStyle,
    conversation: Option<&ConversationId>,
) -> Responding {
    let Draft {
        id,
        echo,
        include_encrypted,
        tool_names,
        conversation: named,
        kept,
        previous,
        sends,
    } = draft;
    let kept = kept.map(|input| Kept {
        store: state.responses.clone(),
        tasks: state.tasks.clone(),
        input,
        previous,
        conversation: conversation.cloned(),
        sends,
    });
    let head = ResponseHead {
        id,
        created_at: unix_seconds(),
        model: model.sent,
        conversation: named,
        store: kept.is_some(),
        echo,
    };
    let options = WriterOptions {
        reasoning: style,
        include_encrypted,
        tool_names,
    };
    Responding::new(head, options, kept, &state.running)
}

fn json<T: serde::Serialize>(value: &T) -> Result<Bytes, TurnError> {
    serde_json::to_vec(value)
        .map(Bytes::from)
        .map_err(TurnError::internal)
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
