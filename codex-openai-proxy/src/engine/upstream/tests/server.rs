//! An HTTP server on loopback that answers as a test says.

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, StreamBody, combinators::BoxBody};
use hyper::{
    body::{Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};
use tokio::{net::TcpListener, sync::mpsc, task::JoinSet};
use url::Url;

/// A running server. It ends with the test.
pub(crate) struct Server {
    port: u16,
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

#[derive(Default)]
struct Shared {
    seen: Mutex<Vec<Seen>>,
    connections: AtomicUsize,
}

/// A request that came.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// Path and query.
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// What the server answers.
pub(crate) struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: BoxBody<Bytes, Broken>,
    delay: std::time::Duration,
}

/// Ends a connection in the middle of a reply.
#[derive(Debug, thiserror::Error)]
#[error("broken")]
pub(crate) struct Broken;

/// What a test sends of a reply, bit by bit. An error breaks the connection; the end ends the reply.
pub(crate) type Chunks = mpsc::Sender<Result<Bytes, Broken>>;

impl Server {
    /// A server that answers the requests, counted from 0, as `answer` says.
    pub(crate) async fn new(answer: impl Fn(usize) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::<Shared>::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(listener, Arc::clone(&shared), Arc::new(answer)));
        Self {
            port,
            shared,
            _tasks: tasks,
        }
    }

    pub(crate) fn url(&self, path: &str) -> Url {
        let url = format!("http://127.0.0.1:{}/{path}", self.port);
        Url::parse(&url).unwrap()
    }

    /// The requests that came.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// How many connections were made.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(SeqCst)
    }
}

impl Answer {
    pub(crate) fn new(status: u16, body: impl Into<Bytes>) -> Self {
        let body = http_body_util::Full::new(body.into());
        Self {
            status,
            headers: Vec::new(),
            body: body.map_err(|never| match never {}).boxed(),
            delay: std::time::Duration::ZERO,
        }
    }

    /// JSON with status 200.
    pub(crate) fn json(body: &'static str) -> Self {
        Self::new(200, body).header("content-type", "application/json")
    }

    /// A stream of events that are all there at once.
    pub(crate) fn events(events: &str) -> Self {
        Self::new(200, events.to_owned()).header("content-type", "text/event-stream")
    }

    /// A stream of events that the test sends.
    pub(crate) fn stream() -> (Chunks, Self) {
        let (sender, receiver) = mpsc::channel(1);
        let frames = stream::unfold(receiver, |mut receiver| async move {
            let chunk: Result<Bytes, Broken> = receiver.recv().await?;
            Some((chunk.map(Frame::data), receiver))
        });
        let mut answer = Self::events("");
        answer.body = BodyExt::boxed(StreamBody::new(frames));
        (sender, answer)
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Comes that much later.
    pub(crate) fn after(mut self, delay: std::time::Duration) -> Self {
        self.delay = delay;
        self
    }
}

async fn serve(
    listener: TcpListener,
    shared: Arc<Shared>,
    answer: Arc<dyn Fn(usize) -> Answer + Send + Sync>,
) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        shared.connections.fetch_add(1, SeqCst);
        let (shared, answer) = (Arc::clone(&shared), Arc::clone(&answer));
        connections.spawn(async move {
            let service = service_fn(|request| reply(request, &shared, &*answer));
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            // Clients that leave are no fault of the server's.
            let _ = connection.await;
        });
    }
}

async fn reply(
    request: Request<Incoming>,
    shared: &Shared,
    answer: &(dyn Fn(usize) -> Answer + Send + Sync),
) -> Result<Response<BoxBody<Bytes, Broken>>, Infallible> {
    let (parts, body) = request.into_parts();
    let seen = Seen {
        path: parts.uri.to_string(),
        headers: parts.headers,
        body: body.collect().await.unwrap().to_bytes(),
    };
    let number = {
        let mut all = shared.seen.lock().unwrap();
        all.push(seen);
        all.len() - 1
    };
    let answer = answer(number);
    tokio::time::sleep(answer.delay).await;
    let mut response = Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    Ok(response.body(answer.body).unwrap())
}
