//! A small model server that speaks the Responses API on loopback: what stands in for the backend
//! in `demo`, so that a newcomer talks to the real engine without a login or a network.
//!
//! The same request always gets the same words; only ids and times differ.

mod answer;
mod ask;
mod events;
mod sample;

use answer::Reply;
use ask::Ask;
use bytes::Bytes;
use events::Ids;
use futures_util::{Stream, stream};
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Frame, Incoming},
    header,
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use serde_json::{Value, json};
use std::{
    convert::Infallible,
    io,
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// The name of the model that the demo offers.
pub const MODEL: &str = "demo";

/// Silence between two deltas: long enough to be seen, short enough not to bore.
const PAUSE: Duration = Duration::from_millis(15);

/// How long the server rests after a connection could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

type Body = BoxBody<Bytes, Infallible>;

/// A running demo model. It stops, and its connections with it, when this is dropped.
#[derive(Debug)]
pub struct DemoModel {
    address: SocketAddr,
    // Held for its drop, which aborts the server's task.
    _server: JoinSet<()>,
}

impl DemoModel {
    /// Listens on a free port of 127.0.0.1 and serves from a task of the current runtime.
    ///
    /// # Errors
    ///
    /// When no loopback port can be bound.
    pub async fn bind() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let mut server = JoinSet::new();
        server.spawn(serve(listener));
        Ok(Self {
            address,
            _server: server,
        })
    }

    /// The URL that a model provider's `base_url` has to name: `http://127.0.0.1:PORT/v1`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }
}

/// Accepts connections until its task is aborted, which drops the connections too.
async fn serve(listener: TcpListener) {
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.spawn(serve_connection(stream));
            }
            Err(error) => {
                tracing::warn!(%error, "the demo model cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn serve_connection(stream: TcpStream) {
    // Without this each delta may wait for the acknowledgement of the one before.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "the demo model cannot set TCP_NODELAY");
    }
    let service = service_fn(|request| async { Ok::<_, Infallible>(respond(request).await) });
    if let Err(error) = auto::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service)
        .await
    {
        tracing::debug!(%error, "a connection to the demo model ended early");
    }
}

async fn respond(request: Request<Incoming>) -> Response<Body> {
    if request.uri().path() != "/v1/responses" {
        return refusal(StatusCode::NOT_FOUND, "there is only POST /v1/responses");
    }
    if request.method() != Method::POST {
        let mut response = refusal(StatusCode::METHOD_NOT_ALLOWED, "use POST");
        let allow = header::HeaderValue::from_static("POST");
        response.headers_mut().insert(header::ALLOW, allow);
        return response;
    }
    let body = match request.into_body().collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => return refusal(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    let body: Value = match serde_json::from_slice(&body) {
        Ok(body) => body,
        Err(error) => return refusal(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    if body["stream"] != true {
        return refusal(StatusCode::BAD_REQUEST, "the demo model only streams");
    }

    let reply = Reply::to(&Ask::read(&body));
    let events = events::of_reply(&body, &reply, &Ids::random(), unix_now());
    let mut response = Response::new(StreamBody::new(frames(events)).boxed());
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("text/event-stream"),
    );
    response
}

/// The events as SSE frames, with a pause before each delta.
fn frames(events: Vec<Value>) -> impl Stream<Item = Result<Frame<Bytes>, Infallible>> {
    stream::unfold(events.into_iter(), async |mut events| {
        let event = events.next()?;
        let kind = event["type"].as_str().unwrap_or_default();
        if kind.rsplit('.').next() == Some("delta") {
            tokio::time::sleep(PAUSE).await;
        }
        let frame = format!("event: {kind}\ndata: {event}\n\n");
        Some((Ok(Frame::data(Bytes::from(frame))), events))
    })
}

/// An error in the envelope of the real API.
fn refusal(status: StatusCode, message: &str) -> Response<Body> {
    let body = json!({
        "error": {
            "message": message,
            "type": "invalid_request_error",
            "param": null,
            "code": null,
        }
    });
    let mut response = Response::new(Full::from(body.to_string()).boxed());
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("application/json"),
    );
    response
}

fn unix_now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
