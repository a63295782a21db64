//! What a request asks for, understood.

use super::{Request, references};
use crate::{
    config::WireApi,
    conversation::responses::Placed,
    engine::upstream::Route,
    http::{
        AppState,
        conversation::{self, CONVERSATION_ID},
        responding::Input,
        watch,
        watch::Watch,
    },
    translate::{
        ToolNames, Translated, from_client,
        responses::{self, Echo},
    },
    turn::{Aliases, ConversationId, ModelName, NamedConversation, Sends, TurnError, TurnRequest},
    wire::{
        object::Object,
        peek::Shape,
        request::RequestBody,
        responses::{InputItem, ResponsesRequest, stored::input_items},
    },
};
use http::HeaderMap;
use serde_json::Value;
use std::mem;
use uuid::Uuid;

/// A request, understood, and what its reply needs to know of it.
pub struct Asked {
    /// What is asked.
    pub turn: TurnRequest,
    /// Who is asked, where it is not the engine.
    pub provider: Option<Route>,
    /// The model as the client calls it.
    pub model: ModelName,
    /// Whether the reply is wanted as a stream.
    pub stream: bool,
    /// The form of the reply.
    pub form: Form,
}

/// The form of a reply.
pub enum Form {
    /// Of Chat Completions.
    Chat {
        /// Whether a stream tells the usage.
        include_usage: bool,
    },
    /// Of Responses.
    Responses(Box<Draft>),
}

/// A response before anything of it is known.
pub struct Draft {
    /// Its id.
    pub id: String,
    /// What it repeats of its request.
    pub echo: Echo,
    /// Whether the client gets sealed reasoning.
    pub include_encrypted: bool,
    /// What the client calls its tools.
    pub tool_names: ToolNames,
    /// The conversation, where the client named one.
    pub conversation: Option<ConversationId>,
    /// The items that it answers, where it is to be kept.
    pub kept: Option<Input>,
    /// The response that it follows.
    pub previous: Option<String>,
    /// How much of its conversation the client sends.
    pub sends: Sends,
}

/// A request as far as both kinds of engines understand it alike.
struct Read {
    translated: Translated,
    model: ModelName,
    /// How many messages or items came.
    entries: usize,
    /// Where the reply is of Responses.
    draft: Option<Box<Draft>>,
    /// Where it goes on, if it follows a response.
    follows: Option<Follows>,
}

/// Who knows what was said in a conversation.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Memory {
    /// The engine, by the conversation's name.
    OfEngine,
    /// The client, and the responses that are stored.
    OfClient,
}

/// Understands a request that the engine answers. `name` is what the client calls the model, where
/// it named the engine in front of it.
pub(super) async fn by_engine(
    state: &AppState,
    request: &Request<'_>,
    name: Option<String>,
    watch: &mut Watch,
) -> Result<Asked, TurnError> {
    let resolve = |sent: &str| {
        let catalog = state.engine.catalog();
        match &name {
            Some(name) => ModelName {
                sent: sent.to_owned(),
                ..ModelName::resolve(name, &Aliases::default(), &catalog)
            },
            None => ModelName::resolve(sent, &state.config.aliases, &catalog),
        }
    };
    let mut read = Read::of(state, request, Memory::OfEngine, resolve).await?;
    let Read {
        translated,
        draft,
        follows,
        ..
    } = &mut read;
    // Whoever goes on from a response that is kept finds its thread again, also after a restart.
    translated.turn.lasting = draft.as_ref().is_some_and(|draft| draft.kept.is_some());
    let conversation = &mut translated.turn.conversation;
    if follows.is_some() {
        note_header(request.headers, &mut translated.dropped);
    } else if conversation.is_none() {
        *conversation = conversation::from_headers(request.headers, &mut translated.dropped)?;
    }
    if conversation.is_none() {
        let made_up = || ConversationId::made_up(Uuid::new_v4());
        let named = match follows.take() {
            Some(Follows::Conversation(id)) => Some((id, Sends::Either)),
            Some(Follows::History(id)) => Some((id.unwrap_or_else(made_up), Sends::Whole)),
            None => None,
        };
        *conversation = named.map(|(id, sends)| NamedConversation { id, sends });
    }
    if let (Some(draft), Some(named)) = (draft, conversation) {
        draft.sends = named.sends;
    }
    Ok(read.asked(None, watch))
}

/// Understands a request that a provider answers, which is not of the API that it speaks.
pub(super) async fn by_provider(
    state: &AppState,
    request: &Request<'_>,
    route: Route,
    watch: &mut Watch,
) -> Result<Asked, TurnError> {
    let resolve = |sent: &str| ModelName {
        sent: sent.to_owned(),
        slug: route.model.clone(),
        effort: None,
        reversed: route.reversed,
    };
    let mut read = Read::of(state, request, Memory::OfClient, resolve).await?;
    let Translated { turn, dropped, .. } = &mut read.translated;
    match route.provider.wire_api() {
        WireApi::Chat => {
            let dialect = route.provider.dialect(&route.model);
            dropped.retain(|name| !dialect.honours(name));
        }
        WireApi::Responses => dropped.retain(|name| !responses::HONOURED.contains(&name.as_str())),
    }
    // Providers keep nothing: all that they know of a chat comes with each request.
    note_header(request.headers, dropped);
    if turn.conversation.take().is_some() {
        dropped.push("conversation_id".to_owned());
        if let Some(draft) = &mut read.draft {
            draft.conversation = None;
        }
    }
    Ok(read.asked(Some(route), watch))
}

impl Read {
    async fn of(
        state: &AppState,
        request: &Request<'_>,
        memory: Memory,
        resolve: impl FnOnce(&str) -> ModelName,
    ) -> Result<Self, TurnError> {
        let mut body = Object::parse(&request.body)?;
        references::resolve(state, &mut body).await?;
        let mut draft = match request.api {
            Shape::Chat => None,
            Shape::Responses => Some(Box::new(Draft::of(&body, state.responses.is_usable()))),
        };
        let mut body = RequestBody::read(body, request.deployment)?;
        let entries = body.entries();
        let mut follows = None;
        match &mut body {
            RequestBody::Responses(asked) => {
                if let Some(draft) = &mut draft {
                    draft.previous.clone_from(&asked.previous_response_id);
                }
                follows = follow(state, asked, memory).await?;
            }
            RequestBody::Chat(_) => {}
        }
        let model = resolve(&body.common().model);
        let mut translated = from_client(body, &model)?;
        if let Some(draft) = &mut draft {
            draft.include_encrypted = translated.include_encrypted;
            draft.tool_names = mem::take(&mut translated.tool_names);
            let named = translated.turn.conversation.as_ref();
            draft.conversation = named.map(|named| named.id.clone());
        }
        Ok(Self {
            translated,
            model,
            entries,
            draft,
            follows,
        })
    }

    /// Tells what is asked.
    fn asked(self, provider: Option<Route>, watch: &mut Watch) -> Asked {
        let Self {
            translated,
            model,
            entries,
            draft,
            ..
        } = self;
        let Translated {
            turn,
            stream,
            include_usage,
            dropped,
            ..
        } = translated;
        let bodies = watch.log().bodies();
        let asks = watch::asks(&turn, &model, entries, stream, dropped, bodies);
        let named = turn.conversation.as_ref();
        watch.on_asks(asks, named.map(|named| &named.id));
        for result in watch::results(&turn.items) {
            watch.publish(result);
        }
        Asked {
            turn,
            provider,
            model,
            stream,
            form: match draft {
                Some(draft) => Form::Responses(draft),
                None => Form::Chat { include_usage },
            },
        }
    }
}

impl Draft {
    /// The draft of a response to this body.
    fn of(body: &Object, can_keep: bool) -> Self {
        let id = format!("resp_{}", Uuid::new_v4().simple());
        let is_wanted = can_keep && body.get("store") != Some(&Value::Bool(false));
        // The reader takes it apart, so that it has to be copied.
        let input = body.get("input").filter(|_| is_wanted);
        let kept = input.map(|input| {
            let items = input_items(input.clone(), &id);
            Input {
                is_news: !items.iter().any(is_of_model),
                items: Value::Array(items).to_string(),
            }
        });
        Self {
            echo: Echo::of(body),
            kept,
            id,
            include_encrypted: false,
            tool_names: ToolNames::default(),
            conversation: None,
            previous: None,
            sends: Sends::Whole,
        }
    }
}

/// Notes that the header which names a conversation has no effect.
fn note_header(headers: &HeaderMap, dropped: &mut Vec<String>) {
    if headers.contains_key(CONVERSATION_ID) {
        dropped.push(CONVERSATION_ID.to_string());
    }
}

/// Where a request goes on that follows a response.
enum Follows {
    /// In the conversation of the client's own that the response is the last of. It knows what was
    /// said, also what is not stored.
    Conversation(ConversationId),
    /// After what was said up to the response, which has been put in front of the input; in this
    /// conversation, if it is one that no client has a name for.
    History(Option<ConversationId>),
}

/// Finds what a request goes on from, if it follows a response.
async fn follow(
    state: &AppState,
    asked: &mut ResponsesRequest,
    memory: Memory,
) -> Result<Option<Follows>, TurnError> {
    let Some(id) = &asked.previous_response_id else {
        return Ok(None);
    };
    let not_found = || TurnError::InvalidRequest {
        message: format!("Previous response with id '{id}' not found."),
        param: Some("previous_response_id".to_owned()),
        code: Some("previous_response_not_found"),
    };
    let Placed(conversation) = state.responses.place(id).await?.ok_or_else(not_found)?;
    let (made_up, named) = match conversation {
        Some(conversation) if conversation.is_made_up() => (Some(conversation), None),
        named => (None, named),
    };
    if let (Memory::OfEngine, Some(named)) = (memory, named)
        && asked.common.conversation.is_nothing_but(&named)
        && state.responses.latest(&named).await?.as_ref() == Some(id)
    {
        return Ok(Some(Follows::Conversation(named)));
    }
    let chain = state.responses.chain(id).await?.ok_or_else(not_found)?;
    if chain.missing.is_some() {
        return Err(not_found());
    }
    // Calls that were cut off were never made: nobody can answer them.
    let items = chain
        .items
        .into_iter()
        .filter(|item| !is_cut_off_call(item));
    asked.earlier = InputItem::read_earlier(items.collect())?;
    Ok(Some(Follows::History(made_up)))
}

/// Whether a model has said an item.
fn is_of_model(item: &Value) -> bool {
    let kind = item["type"].as_str();
    item["role"] == "assistant" || kind.is_some_and(|kind| kind.ends_with("_call"))
}

fn is_cut_off_call(item: &Value) -> bool {
    let is = |member, word| item.get(member).is_some_and(|value| value == word);
    is("status", "incomplete") && (is("type", "function_call") || is("type", "custom_tool_call"))
}
