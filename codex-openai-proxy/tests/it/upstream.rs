//! A fake model server on loopback.
//!
//! A test scripts its replies step by step and decides when each step goes out; the server keeps
//! what it was asked, and sees when its client hangs up. The replies that [`Reply`] knows are those
//! of the Responses API; `provider` adds Chat Completions.
#![cfg_attr(
    not(feature = "codex"),
    allow(dead_code, reason = "the real engine's tests need more of it")
)]

mod reply;
mod seen;

pub use reply::{CACHED, Gate, INPUT, OUTPUT, REASONING, Reply, UPSTREAM_NAME, fragment};
pub use seen::Seen;

use bytes::Bytes;
use futures_util::{Stream, stream};
use http_body_util::{BodyExt, StreamBody, combinators::BoxBody};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Frame, Incoming},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use reply::Step;
use serde_json::json;
use std::{
    collections::VecDeque, convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

/// How long a test waits for something that should happen at once.
const PATIENCE: Duration = Duration::from_secs(20);

/// Time enough for the server to write what it was given.
const FLUSH: Duration = Duration::from_millis(50);

/// A running fake upstream; it stops when dropped.
pub struct Upstream {
    address: SocketAddr,
    state: Arc<watch::Sender<State>>,
    _server: JoinSet<()>,
}

/// How far a reply has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Steps are still to come.
    Running,
    /// Every step went out.
    Finished,
    /// The client hung up before that.
    Dropped,
}

type Answer = Box<dyn Fn(&Seen) -> Reply + Send + Sync>;

#[derive(Default)]
struct State {
    script: VecDeque<Reply>,
    otherwise: Option<Answer>,
    models: Option<Answer>,
    requests: Vec<Seen>,
    outcomes: Vec<Outcome>,
    /// Bytes of each reply's body that HTTP has taken.
    sent: Vec<usize>,
    connections: usize,
}

impl Upstream {
    /// Starts a server with nothing to say: an unscripted request gets status 400.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(watch::Sender::new(State::default()));
        let mut server = JoinSet::new();
        server.spawn(serve(listener, Arc::clone(&state)));
        Self {
            address,
            state,
            _server: server,
        }
    }

    /// What a provider's `base_url` has to be.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Adds `reply` to the script. Replies are used up in order.
    pub fn reply(&self, reply: impl Into<Reply>) {
        self.state
            .send_modify(|state| state.script.push_back(reply.into()));
    }

    /// Answers every request that the script does not cover.
    pub fn otherwise(&self, answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static) {
        self.state
            .send_modify(|state| state.otherwise = Some(Box::new(answer)));
    }

    /// Answers requests for the list of models, which are refused else.
    pub fn models(&self, answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static) {
        self.state
            .send_modify(|state| state.models = Some(Box::new(answer)));
    }

    /// Every request so far, of any path.
    pub fn requests(&self) -> Vec<Seen> {
        self.state.borrow().requests.clone()
    }

    /// Every request for a reply so far.
    pub fn asked(&self) -> Vec<Seen> {
        let mut requests = self.requests();
        requests.retain(|seen| seen.method == Method::POST);
        requests
    }

    /// The only request so far.
    pub fn only_request(&self) -> Seen {
        let mut requests = self.requests();
        assert_eq!(requests.len(), 1, "{requests:#?}");
        requests.remove(0)
    }

    /// The last request so far.
    pub fn last_request(&self) -> Seen {
        self.requests().pop().expect("a request")
    }

    /// How many connections were accepted so far.
    pub fn connections(&self) -> usize {
        self.state.borrow().connections
    }

    /// How many bytes of the body of reply `index` HTTP has taken so far: little more than what has
    /// been written.
    pub fn sent(&self, index: usize) -> usize {
        self.state.borrow().sent[index]
    }

    /// Waits until `count` requests have come.
    pub async fn received(&self, count: usize) {
        self.until("requests", |state| state.requests.len() >= count)
            .await;
    }

    /// Waits until the reply to request `index` is no longer running.
    pub async fn outcome(&self, index: usize) -> Outcome {
        let over = |state: &State| {
            let outcome = state.outcomes.get(index);
            outcome.is_some_and(|outcome| *outcome != Outcome::Running)
        };
        self.until("the end of a reply", over).await;
        self.state.borrow().outcomes[index]
    }

    async fn until(&self, what: &str, done: impl FnMut(&State) -> bool) {
        let mut state = self.state.subscribe();
        tokio::time::timeout(PATIENCE, state.wait_for(done))
            .await
            .unwrap_or_else(|_| panic!("the upstream waited for {what} in vain"))
            .unwrap();
    }
}

impl State {
    /// What a request gets; `None` where nothing was said of it.
    fn answer(&mut self, seen: &Seen) -> Option<Reply> {
        let is_for = |ends: &[&str]| ends.iter().any(|end| seen.path.ends_with(end));
        match seen.method {
            Method::POST if is_for(&["/responses", "/chat/completions"]) => {
                let scripted = self.script.pop_front();
                scripted.or_else(|| Some(self.otherwise.as_ref()?(seen)))
            }
            Method::GET if is_for(&["/models"]) => Some(self.models.as_ref()?(seen)),
            _ => None,
        }
    }
}

async fn serve(listener: TcpListener, state: Arc<watch::Sender<State>>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        state.send_modify(|state| state.connections += 1);
        connections.spawn(serve_connection(stream, Arc::clone(&state)));
    }
}

async fn serve_connection(stream: TcpStream, state: Arc<watch::Sender<State>>) {
    stream.set_nodelay(true).unwrap();
    let service = service_fn(|request| respond(request, Arc::clone(&state)));
    // A broken connection is part of what tests want.
    let _ = auto::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn respond(
    request: Request<Incoming>,
    state: Arc<watch::Sender<State>>,
) -> Result<Response<BoxBody<Bytes, io::Error>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes);
    let raw = body.unwrap_or_default();
    let seen = Seen {
        method: head.method,
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers,
        body: serde_json::from_slice(&raw).unwrap_or_default(),
        raw,
    };
    let mut answer = None;
    state.send_modify(|state| {
        answer = Some((state.requests.len(), state.answer(&seen)));
        state.requests.push(seen);
        state.outcomes.push(Outcome::Running);
        state.sent.push(0);
    });
    let (index, reply) = answer.unwrap();
    // From here on, so that a client which leaves before the status is noticed too.
    let progress = Progress { state, index };
    let reply = reply.unwrap_or_else(|| {
        let error = json!({ "error": { "message": "nothing is scripted for this request" } });
        Reply::json(StatusCode::BAD_REQUEST, &error)
    });
    let (gate, status, headers, steps) = reply.into_parts();
    if let Some(gate) = gate {
        gate.opened().await;
    }
    let body = StreamBody::new(play(steps, progress));
    let mut response = Response::new(BoxBody::new(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

/// Carries the steps of a reply out.
fn play(
    steps: Vec<Step>,
    progress: Progress,
) -> impl Stream<Item = Result<Frame<Bytes>, io::Error>> + Send {
    stream::unfold(
        (VecDeque::from(steps), progress),
        async |(mut steps, progress)| {
            loop {
                let step = steps.pop_front()?;
                let sent = match step {
                    Step::Wait(gate) => {
                        gate.opened().await;
                        None
                    }
                    Step::Pause(time) => {
                        tokio::time::sleep(time).await;
                        None
                    }
                    Step::Send(bytes) => Some(Ok(Frame::data(bytes))),
                    Step::Repeat(bytes, times) => {
                        if times > 1 {
                            steps.push_front(Step::Repeat(bytes.clone(), times - 1));
                        }
                        Some(Ok(Frame::data(bytes)))
                    }
                    Step::BreakOff => {
                        // A server that fails throws away what it has not written yet.
                        tokio::time::sleep(FLUSH).await;
                        Some(Err(io::Error::other("scripted")))
                    }
                };
                if steps.is_empty() {
                    progress.finished();
                }
                if let Some(Ok(frame)) = &sent {
                    progress.sent(frame);
                }
                if let Some(sent) = sent {
                    return Some((sent, (steps, progress)));
                }
            }
        },
    )
}

/// Tells the outcome of a reply, at the latest when the reply is dropped.
struct Progress {
    state: Arc<watch::Sender<State>>,
    index: usize,
}

impl Progress {
    fn sent(&self, frame: &Frame<Bytes>) {
        let bytes = frame.data_ref().map_or(0, Bytes::len);
        self.state
            .send_modify(|state| state.sent[self.index] += bytes);
    }

    fn finished(&self) {
        self.state
            .send_modify(|state| state.outcomes[self.index] = Outcome::Finished);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.state.send_modify(|state| {
            let outcome = &mut state.outcomes[self.index];
            if *outcome == Outcome::Running {
                *outcome = Outcome::Dropped;
            }
        });
    }
}
