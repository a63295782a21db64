//! `GET /logs/api/ws`: what happens, through a WebSocket (RFC 6455).

use super::{live::watch, visitor::Visitor};
use crate::{
    http::{AppState, access, body::ReplyBody, dispatch::arrival, error::ErrorReply, reply},
    traffic::Watcher,
};
use bytes::Bytes;
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use http::{HeaderValue, Method, Response, StatusCode, Version, header, request::Parts};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use std::{pin::pin, time::Duration};
use tokio::time::{Instant, interval_at, timeout};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error, Message, Utf8Bytes,
        handshake::derive_accept_key,
        protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode},
    },
};

/// Between two pings. A viewer that has said nothing from one to the next is gone.
const PING: Duration = Duration::from_secs(30);

/// How long a viewer may take to read what it was sent.
const SEND: Duration = Duration::from_secs(20);

/// How long the end of a connection may take.
const CLOSE: Duration = Duration::from_secs(1);

/// The longest message that a viewer may send, in bytes. Nothing is done with any of them.
const MAX_MESSAGE: usize = 4096;

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The log closes, because the proxy stops.
    Stopped,
    /// The viewer says so, is gone, or does not follow the protocol.
    Left,
    /// The viewer may see nothing more.
    Refused,
    /// The viewer does not read what it is sent.
    Slow,
}

/// Makes a WebSocket of the connection on which this request came.
pub(super) fn open(state: &AppState, head: &Parts) -> Result<Response<ReplyBody>, ErrorReply> {
    // Browsers let every page open one anywhere, and let it read what comes.
    access::same_origin(&arrival(head))?;
    let key = handshake(head).ok_or_else(ErrorReply::websocket_required)?;
    let upgrade = head.extensions.get::<OnUpgrade>().cloned();
    let upgrade = upgrade.ok_or_else(ErrorReply::websocket_required)?;
    let accept = HeaderValue::try_from(derive_accept_key(key))
        .map_err(|_| ErrorReply::websocket_required())?;
    let watcher = watch(state, head)?;
    let visitor = Visitor::of(head).ok_or_else(ErrorReply::websocket_required)?;
    let stopped = state.traffic.watchers_closed();
    state.sockets.spawn(async move {
        match upgrade.await {
            Ok(upgraded) => serve(upgraded, watcher, &visitor, stopped).await,
            Err(error) => tracing::debug!(%error, "upgrade_failed"),
        }
    });
    let mut response = reply::no_content();
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    Ok(response)
}

/// The key of the client's handshake, where it is one (RFC 6455, 4.2.1).
fn handshake(head: &Parts) -> Option<&[u8]> {
    let has = |name, word: &str| {
        let values = head.headers.get_all(name).iter();
        values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|value| value.trim().eq_ignore_ascii_case(word))
    };
    let is_one = head.method == Method::GET
        && head.version == Version::HTTP_11
        && has(header::CONNECTION, "upgrade")
        && has(header::UPGRADE, "websocket")
        && has(header::SEC_WEBSOCKET_VERSION, "13");
    let key = head.headers.get(header::SEC_WEBSOCKET_KEY)?.as_bytes();
    // 16 bytes in base64.
    (is_one && key.len() == 24).then_some(key)
}

async fn serve(
    upgraded: Upgraded,
    watcher: Watcher,
    visitor: &Visitor,
    stopped: impl Future<Output = ()>,
) {
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_MESSAGE));
    let io = TokioIo::new(upgraded);
    let mut socket = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
    let code = match show(&mut socket, watcher, visitor, stopped).await {
        End::Stopped => CloseCode::Away,
        End::Left => CloseCode::Normal,
        End::Refused => CloseCode::Policy,
        // It would not read that either.
        End::Slow => return,
    };
    let close = CloseFrame {
        code,
        reason: Utf8Bytes::default(),
    };
    let farewell = async {
        // Fails where the viewer has said goodbye before.
        let _ = socket.close(Some(close)).await;
        while let Some(Ok(_)) = socket.next().await {}
    };
    let _ = timeout(CLOSE, farewell).await;
}

/// Shows a viewer what happens, until either side ends that.
async fn show<S>(
    socket: &mut S,
    watcher: Watcher,
    visitor: &Visitor,
    stopped: impl Future<Output = ()>,
) -> End
where
    S: Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error> + Unpin,
{
    let mut watcher = pin!(watcher);
    let mut stopped = pin!(stopped);
    let mut pings = interval_at(Instant::now() + PING, PING);
    let mut heard = true;
    loop {
        let message = tokio::select! {
            frame = watcher.next() => match frame.map(Utf8Bytes::try_from) {
                Some(Ok(json)) => Message::Text(json),
                Some(Err(error)) => {
                    tracing::error!(%error, "a frame that is no text");
                    return End::Stopped;
                }
                None => return End::Stopped,
            },
            received = socket.next() => match received {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return End::Left,
                Some(Ok(_)) => {
                    heard = true;
                    continue;
                }
            },
            _ = pings.tick() => {
                if !heard {
                    return End::Left;
                }
                heard = false;
                Message::Ping(Bytes::new())
            }
        };
        if !visitor.is_welcome() {
            return End::Refused;
        }
        let sent = async {
            match timeout(SEND, socket.send(message)).await {
                Ok(Ok(())) => None,
                Ok(Err(_)) => Some(End::Left),
                Err(_elapsed) => Some(End::Slow),
            }
        };
        let end = tokio::select! {
            biased;
            end = sent => end,
            // Nobody waits for one that does not read.
            () = &mut stopped => Some(End::Slow),
        };
        if let Some(end) = end {
            return end;
        }
    }
}
