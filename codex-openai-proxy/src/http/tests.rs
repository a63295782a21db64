//! The HTTP layer through a real socket, before an engine that the tests feed by hand.

mod access;
mod admission;
mod conversations;
mod cursor;
mod health;
mod lifecycle;
mod logs;
mod making;
mod metrics;
mod modes;
mod openapi;
mod relay;
mod responses;
mod streaming;
mod surface;
mod traces;

use super::{AppState, Server, running::Running, state::CurrentState};
use crate::{
    config::Config,
    conversation::ResponseStore,
    engine::{Engine, Readiness, TurnSender, TurnStream, upstream::Upstreams},
    traffic::{self, RequestLog, Traffic},
    turn::{
        Catalog, ConversationId, Effort, FinishReason, Model, TurnError, TurnEvent, TurnRequest,
        Usage,
    },
    wire::sse::{Decoder, KEEP_ALIVE},
};
use futures_util::{
    StreamExt,
    future::{BoxFuture, FutureExt, ready},
    stream,
};
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::timeout,
};

/// Longer than anything here takes, unless it hangs.
const SOON: Duration = Duration::from_secs(5);

/// The conversation of requests that name none.
const MADE_UP: &str = "conv_0123456789abcdef0123456789abcdef";

/// A turn that a client has started.
struct Turn {
    request: TurnRequest,
    reply: TurnSender,
}

impl Turn {
    async fn send(&self, event: TurnEvent) {
        self.reply.send(Ok(event)).await.unwrap();
    }

    async fn text(&self, text: &str) {
        self.send(TurnEvent::Text(text.to_owned())).await;
    }

    async fn reasoning(&self, text: &str) {
        self.send(TurnEvent::Reasoning(text.to_owned())).await;
    }

    async fn finish(&self) {
        let usage = Usage {
            input: 10,
            cached: 4,
            output: 3,
            reasoning: 1,
        };
        self.send(TurnEvent::Finished {
            reason: FinishReason::Stop,
            usage: Some(usage),
        })
        .await;
    }

    async fn fail(&self, error: TurnError) {
        self.reply.send(Err(error)).await.unwrap();
    }

    /// Whether the turn is interrupted soon.
    async fn is_interrupted(&self) -> bool {
        timeout(SOON, self.reply.closed()).await.is_ok()
    }
}

/// Hands every turn to the test. The model `panic` panics, `panic-later` after it has said something,
/// `logged-out` is refused. Of
/// conversations, it forgets [`MADE_UP`] alone and knows nothing of `gone`.
struct StubEngine {
    turns: mpsc::UnboundedSender<Turn>,
    running: Mutex<Vec<mpsc::WeakSender<Result<TurnEvent, TurnError>>>>,
}

impl Engine for StubEngine {
    fn catalog(&self) -> Arc<Catalog> {
        Arc::new(Catalog {
            models: vec![Model {
                slug: "gpt-5.2".to_owned(),
                efforts: vec![Effort::Low, Effort::High],
                provider: "stub".to_owned(),
            }],
        })
    }

    fn readiness(&self) -> Readiness {
        Readiness::NotReady("no login".to_owned())
    }

    fn start(
        &self,
        request: TurnRequest,
        _log: RequestLog,
    ) -> BoxFuture<'_, Result<TurnStream, TurnError>> {
        let started = match request.model.as_str() {
            "panic" => panic!("as asked"),
            "panic-later" => {
                let begun = stream::iter([Ok(TurnEvent::Text("Hello".to_owned()))]);
                let end = stream::poll_fn(|_| panic!("as asked"));
                Ok(TurnStream::unnamed(begun.chain(end)))
            }
            "logged-out" => Err(TurnError::NotLoggedIn {
                message: "log in first".to_owned(),
            }),
            _ if names(&request, "gone") => Err(TurnError::ConversationNotFound {
                id: ConversationId::new("gone").unwrap(),
            }),
            _ => {
                let named = request.conversation.as_ref().map(|named| named.id.clone());
                let id = named.unwrap_or_else(|| ConversationId::new(MADE_UP).unwrap());
                let (reply, stream) = TurnStream::channel(id);
                self.running.lock().unwrap().push(reply.downgrade());
                self.turns.send(Turn { request, reply }).unwrap();
                Ok(stream)
            }
        };
        ready(started).boxed()
    }

    fn delete_conversation<'a>(
        &'a self,
        id: &'a ConversationId,
    ) -> BoxFuture<'a, Result<bool, TurnError>> {
        ready(Ok(id.as_str() == MADE_UP)).boxed()
    }

    fn shutdown(&self) -> BoxFuture<'_, ()> {
        let running = std::mem::take(&mut *self.running.lock().unwrap());
        async move {
            for reply in running.iter().filter_map(mpsc::WeakSender::upgrade) {
                // Fails where the turn's listener is gone.
                let _ = reply
                    .send(Err(TurnError::Unavailable {
                        message: "the proxy stops".to_owned(),
                    }))
                    .await;
            }
        }
        .boxed()
    }
}

fn names(request: &TurnRequest, id: &str) -> bool {
    let named = request.conversation.as_ref();
    named.is_some_and(|named| named.id.as_str() == id)
}

/// A running service.
struct Service {
    addr: SocketAddr,
    current: Arc<CurrentState>,
    client: reqwest::Client,
    turns: mpsc::UnboundedReceiver<Turn>,
    running: Running,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

impl Service {
    async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::start_storing(ResponseStore::unusable(), change).await
    }

    /// One that stores responses there.
    async fn start_storing(responses: ResponseStore, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::new(PathBuf::new(), PathBuf::new());
        // In memory only.
        config.logs.max_bytes = 0;
        change(&mut config);
        let (sender, turns) = mpsc::unbounded_channel();
        let engine = Arc::new(StubEngine {
            turns: sender,
            running: Mutex::default(),
        });
        let (_, inbox) = traffic::channel(config.logs.bodies);
        let traffic = Traffic::start(inbox, &config.home, &config.logs).await;
        let upstreams = Upstreams::new(&config.upstreams).unwrap();
        let state = AppState::new(config, engine, traffic).unwrap();
        let state = state.with_upstreams(upstreams).with_responses(responses);
        let state = Arc::new(state);
        let running = state.running.clone();
        let bound = Server::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let addr = bound.local_addr();
        let (stop, stopped) = oneshot::channel();
        let current = Arc::new(CurrentState::new(state));
        let served = tokio::spawn(bound.serve(Arc::clone(&current), async {
            let _ = stopped.await;
        }));
        Self {
            addr,
            current,
            client: client(|builder| builder),
            turns,
            running,
            stop,
            served,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    fn get(&self, path: &str) -> reqwest::RequestBuilder {
        self.client.get(self.url(path))
    }

    fn respond(&self, body: &Value) -> reqwest::RequestBuilder {
        self.client.post(self.url("/v1/responses")).json(body)
    }

    fn chat(&self, body: &Value) -> reqwest::RequestBuilder {
        self.client
            .post(self.url("/v1/chat/completions"))
            .json(body)
    }

    /// Sends a request in the background and gives the turn that it starts.
    async fn ask(&mut self, body: &Value) -> (JoinHandle<reqwest::Response>, Turn) {
        let request = self.chat(body).send();
        let response = tokio::spawn(async { request.await.unwrap() });
        (response, self.turn().await)
    }

    async fn turn(&mut self) -> Turn {
        timeout(SOON, self.turns.recv()).await.unwrap().unwrap()
    }
}

fn client(
    change: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
) -> reqwest::Client {
    let builder = reqwest::Client::builder().no_proxy().timeout(2 * SOON);
    change(builder).build().unwrap()
}

fn request(model: &str, stream: bool) -> Value {
    json!({
        "model": model,
        "stream": stream,
        "stream_options": stream.then(|| json!({"include_usage": true})),
        "messages": [{"role": "user", "content": "Hi"}],
    })
}

fn key(config: &mut Config) {
    config.api_keys = crate::config::ApiKey::new("test", "secret")
        .into_iter()
        .collect();
}

/// The body of an event stream, read as it comes.
struct Events {
    response: reqwest::Response,
}

impl Events {
    /// What comes next, which has to be whole frames; `None` at the end.
    async fn next(&mut self) -> Option<String> {
        let chunk = timeout(SOON, self.response.chunk()).await.unwrap().unwrap();
        chunk.map(|chunk| String::from_utf8(chunk.to_vec()).unwrap())
    }

    /// What comes until it is `enough`.
    async fn until(&mut self, enough: impl Fn(&str) -> bool) -> String {
        let mut text = String::new();
        while !enough(&text) {
            text.push_str(&self.next().await.unwrap());
        }
        text
    }

    async fn rest(mut self) -> String {
        let mut rest = String::new();
        while let Some(text) = self.next().await {
            rest.push_str(&text);
        }
        rest
    }
}

/// The data of every event in a piece of a stream.
fn data(stream: &str) -> Vec<String> {
    let mut events = Vec::new();
    Decoder::new(1 << 20)
        .feed(stream.as_bytes(), &mut events)
        .unwrap();
    events.into_iter().map(|event| event.data).collect()
}

/// The deltas of every chunk in a piece of a stream.
fn deltas(stream: &str) -> Vec<Value> {
    data(stream)
        .iter()
        .filter_map(|data| serde_json::from_str::<Value>(data).ok())
        .filter_map(|mut chunk| Some(chunk["choices"].get_mut(0)?["delta"].take()))
        .collect()
}

fn keep_alive() -> &'static str {
    std::str::from_utf8(KEEP_ALIVE).unwrap()
}
