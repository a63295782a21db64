//! An upstream that answers as it is ordered to, and is never the limit.
//!
//! It speaks Chat Completions and the Responses API over HTTP/1.1, the latter over a WebSocket too,
//! at any path that ends in the API's. A reply costs no task and no parsing: the order is found in
//! the request's bytes, and each delta is written when it is due.

mod asked;
mod chat;
mod counts;
mod pace;
mod responses;
mod stream;
mod websocket;

#[cfg(test)]
pub(crate) mod tests;

use self::{
    asked::Asked,
    counts::{Counts, Running},
    pace::Pace,
    responses::Framing,
    stream::Paced,
};
use crate::{
    client::Api,
    listen::{Listening, raise_limits},
    pattern::{Fault, Order},
};
use anyhow::Result;
use bytes::Bytes;
use http_body_util::{BodyExt, Either, Full};
use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use std::{io, net::SocketAddr, sync::Arc};
use tokio::net::TcpStream;

/// The models that it lists; it takes any name.
const MODELS: &str = r#"{"object":"list","data":[{"id":"bench","object":"model","created":1700000000,"owned_by":"bench"},{"id":"bench-mini","object":"model","created":1700000000,"owned_by":"bench"},{"id":"bench-large","object":"model","created":1700000000,"owned_by":"bench"}]}"#;

/// What `proxy-bench upstream` is told.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Where to listen.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
}

type Body = Either<Full<Bytes>, Paced>;

/// Listens, tells where on standard output, and serves until the process ends.
///
/// # Errors
/// Where it cannot listen.
pub async fn run(options: &Options) -> Result<()> {
    raise_limits();
    let listening = Listening::bind(options.listen).await?;
    listening.announce()?;
    serve(listening).await;
    Ok(())
}

/// Serves until it is dropped.
pub async fn serve(listening: Listening) {
    let counts = Arc::new(Counts::default());
    listening
        .serve(move |stream| connection(stream, Arc::clone(&counts)))
        .await;
}

async fn connection(stream: TcpStream, counts: Arc<Counts>) {
    let service = service_fn(move |request| answer(request, Arc::clone(&counts)));
    let mut connection = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    if (&mut connection).await.is_err()
        && let Some(parts) = connection.into_parts()
    {
        // What breaks, breaks with a reset. Where it was the client who left, nobody sees it.
        let _ = parts.io.into_inner().set_zero_linger();
    }
}

/// Answers a request.
///
/// # Errors
/// Where the client left, or where the order says that the connection breaks.
async fn answer(request: Request<Incoming>, counts: Arc<Counts>) -> io::Result<Response<Body>> {
    let path = request.uri().path();
    let api = match *request.method() {
        Method::POST if path.ends_with("/chat/completions") => Api::Chat,
        Method::POST if path.ends_with("/responses") => Api::Responses,
        Method::GET if path.ends_with("/responses") && websocket::is_wanted(&request) => {
            return Ok(websocket::accept(request, counts).map(Either::Left));
        }
        Method::GET if path.ends_with("/models") => return Ok(json(StatusCode::OK, MODELS)),
        Method::GET if path == "/stats" => {
            return Ok(json(
                StatusCode::OK,
                serde_json::to_string(&counts.stats())?,
            ));
        }
        _ => {
            let body = error(
                "invalid_request_error",
                "not_found",
                "There is no such path.",
            );
            return Ok(json(StatusCode::NOT_FOUND, body));
        }
    };
    let running = counts.begin();
    let body = request.into_body().collect().await;
    let body = body.map_err(io::Error::other)?.to_bytes();
    let asked = Asked::read(api, &body, None, running.serial);
    if let Some((status, body)) = refusal(&asked.order) {
        return Ok(refused(status, body, running));
    }
    if asked.is_streamed {
        Ok(streamed(api, asked, running))
    } else {
        whole(api, &asked, running).await
    }
}

/// The status and the body of a refusal, where one is ordered.
fn refusal(order: &Order) -> Option<(StatusCode, String)> {
    match order.fault? {
        Fault::RateLimit => Some((
            StatusCode::TOO_MANY_REQUESTS,
            error(
                "rate_limit_error",
                "rate_limit_exceeded",
                "Rate limit reached, as ordered.",
            ),
        )),
        Fault::Server => Some((
            StatusCode::INTERNAL_SERVER_ERROR,
            error("server_error", "server_error", "Failed, as ordered."),
        )),
        Fault::Reset | Fault::Half | Fault::Stall => None,
    }
}

fn refused(status: StatusCode, body: String, mut running: Running) -> Response<Body> {
    running.done();
    let mut response = json(status, body);
    if status == StatusCode::TOO_MANY_REQUESTS {
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

fn streamed(api: Api, asked: Asked, running: Running) -> Response<Body> {
    let (order, serial) = (asked.order, running.serial);
    let pace = Pace::new(&order);
    let body = match api {
        Api::Chat => Paced::new(chat::Chunks::new(asked, serial), pace, running),
        Api::Responses => {
            let events = responses::Events::new(asked, serial, Framing::Sse);
            Paced::new(events, pace, running)
        }
    };
    replied("text/event-stream", &order, Either::Right(body))
}

async fn whole(api: Api, asked: &Asked, mut running: Running) -> io::Result<Response<Body>> {
    let due = Pace::new(&asked.order).whole();
    tokio::time::sleep_until(due).await;
    running.done();
    let mut body = match api {
        Api::Chat => chat::whole(asked, running.serial),
        Api::Responses => responses::whole(asked, running.serial),
    };
    match asked.order.fault {
        Some(Fault::Half) => body.truncate(body.len() / 2),
        Some(Fault::Reset | Fault::Stall) => return Err(io::Error::other("ordered to break")),
        Some(Fault::RateLimit | Fault::Server) | None => {}
    }
    let body = Either::Left(Full::new(body));
    Ok(replied("application/json", &asked.order, body))
}

fn replied(kind: &'static str, order: &Order, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    if order.fault == Some(Fault::Half) {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn json(status: StatusCode, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Either::Left(Full::new(body.into())));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The body of an error, as OpenAI writes it.
fn error(kind: &str, code: &str, message: &str) -> String {
    format!(r#"{{"error":{{"message":"{message}","type":"{kind}","param":null,"code":"{code}"}}}}"#)
}
