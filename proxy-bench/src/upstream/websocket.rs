//! The Responses API over a WebSocket, as Codex uses it: requests come as messages, and each event
//! of a reply is one. The replies of a connection come one after another.

use super::{
    asked::{Asked, says},
    counts::{Counts, Running},
    pace::Pace,
    refusal,
    responses::{Events, Framing, primed},
    stream::Paced,
};
use crate::{
    client::Api,
    pattern::{Fault, Order},
};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http_body_util::Full;
use hyper::{
    Request, Response, StatusCode,
    body::Incoming,
    header::{CONNECTION, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE},
};
use hyper_util::rt::TokioIo;
use std::{future::poll_fn, io, sync::Arc};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, handshake::derive_accept_key, protocol::Role},
};

type Socket = WebSocketStream<TcpStream>;

/// Whether a request asks for a WebSocket.
pub(super) fn is_wanted(request: &Request<Incoming>) -> bool {
    request
        .headers()
        .get(UPGRADE)
        .is_some_and(|wanted| wanted.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Accepts one, and serves it in a task of its own.
pub(super) fn accept(mut request: Request<Incoming>, counts: Arc<Counts>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    let accepted = request
        .headers()
        .get(SEC_WEBSOCKET_KEY)
        .map(|key| derive_accept_key(key.as_bytes()))
        .and_then(|key| HeaderValue::try_from(key).ok());
    let Some(accepted) = accepted else {
        *response.status_mut() = StatusCode::BAD_REQUEST;
        return response;
    };
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        if let Ok(upgraded) = upgrade.await
            && let Ok(parts) = upgraded.downcast::<TokioIo<TcpStream>>()
        {
            let stream = parts.io.into_inner();
            let read = parts.read_buf.into();
            let socket =
                WebSocketStream::from_partially_read(stream, read, Role::Server, None).await;
            serve(socket, &counts).await;
        }
    });
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accepted);
    response
}

/// Answers request by request, until the client leaves or an order ends the connection.
async fn serve(mut socket: Socket, counts: &Arc<Counts>) {
    let mut before = None;
    while let Some(Ok(message)) = socket.next().await {
        let body = match message {
            Message::Text(text) => Bytes::from(text),
            Message::Close(_) => break,
            _ => continue,
        };
        let running = counts.begin();
        if reply(&mut socket, &body, &mut before, running)
            .await
            .is_err()
        {
            return;
        }
    }
    // The client may be gone.
    let _ = socket.close(None).await;
}

/// Sends one reply.
///
/// # Errors
/// Where the connection is over: its client left, or the order said so.
async fn reply(
    socket: &mut Socket,
    body: &Bytes,
    before: &mut Option<Order>,
    mut running: Running,
) -> io::Result<()> {
    let serial = running.serial;
    if says(body, "generate", "false") {
        for event in primed(serial) {
            send(socket, event).await?;
        }
        running.done();
        return Ok(());
    }
    let continued = before.filter(|_| says(body, "previous_response_id", "\""));
    let asked = Asked::read(Api::Responses, body, continued, serial);
    let order = asked.order;
    *before = asked.ordered;
    if let Some((status, body)) = refusal(&order) {
        send(socket, error(status, &body)).await?;
        running.done();
        return Ok(());
    }
    let events = Events::new(asked, serial, Framing::Lines);
    let mut paced = Paced::new(events, Pace::new(&order), running);
    loop {
        let part = tokio::select! {
            part = poll_fn(|context| paced.poll_part(context)) => part,
            // Nothing but a ping or the end can come while a reply is under way.
            came = socket.next() => match came {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                _ => return Err(io::ErrorKind::BrokenPipe.into()),
            },
        };
        match part {
            Some(Ok(part)) => {
                for event in lines(&part) {
                    send(socket, event).await?;
                }
            }
            Some(Err(broken)) => {
                socket.get_ref().set_zero_linger()?;
                return Err(broken);
            }
            None => break,
        }
    }
    if order.fault == Some(Fault::Half) {
        // Orderly, though in the middle.
        let _ = socket.close(None).await;
        return Err(io::ErrorKind::BrokenPipe.into());
    }
    Ok(())
}

/// The lines of a part, which may lack the end of its last one.
fn lines(part: &Bytes) -> impl Iterator<Item = Bytes> {
    part.split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| part.slice_ref(line))
}

async fn send(socket: &mut Socket, event: Bytes) -> io::Result<()> {
    let text = event.try_into().map_err(io::Error::other)?;
    let sent = socket.send(Message::Text(text)).await;
    sent.map_err(io::Error::other)
}

/// A refusal, as it comes in place of a reply's events.
fn error(status: StatusCode, body: &str) -> Bytes {
    let headers = match status {
        StatusCode::TOO_MANY_REQUESTS => r#"{"retry-after":"1"}"#,
        _ => "{}",
    };
    let members = body.strip_prefix('{').unwrap_or(body);
    let status = status.as_u16();
    format!(r#"{{"type":"error","status":{status},"headers":{headers},{members}"#).into()
}
