//! The connection itself, and requests of any kind.

use super::{Api, Client, Failure, PATIENCE, Target};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Method, Request, Response,
    body::{Body, Incoming},
    client::conn::http1::{self, Connection, SendRequest},
    header,
};
use hyper_util::rt::TokioIo;
use std::{
    future::poll_fn,
    net::SocketAddr,
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

/// The receive buffer of a narrow connection, in bytes.
const NARROW: u32 = 8_192;

/// A reply of any kind, in one piece.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Bytes,
}

/// A connection. It makes progress only while one of its methods is waited for.
#[derive(Debug)]
pub(super) struct Wire {
    sender: SendRequest<Full<Bytes>>,
    connection: Connection<TokioIo<TcpStream>, Full<Bytes>>,
    ended: bool,
}

impl Wire {
    pub(super) async fn connect(address: SocketAddr) -> Result<Self, Failure> {
        Self::over(TcpStream::connect(address).await?).await
    }

    /// Connects with a small buffer for what comes.
    pub(super) async fn narrow(address: SocketAddr) -> Result<Self, Failure> {
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()
        } else {
            TcpSocket::new_v6()
        }?;
        socket.set_recv_buffer_size(NARROW)?;
        Self::over(socket.connect(address).await?).await
    }

    async fn over(stream: TcpStream) -> Result<Self, Failure> {
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        Ok(Self {
            sender,
            connection,
            ended: false,
        })
    }

    /// Waits until it can take a request; `false` if it has ended.
    async fn ready(&mut self) -> bool {
        poll_fn(|cx| {
            self.drive(cx);
            if self.ended {
                return Poll::Ready(false);
            }
            self.sender.poll_ready(cx).map(|ready| ready.is_ok())
        })
        .await
    }

    /// Sends a request and waits for the head of its reply.
    pub(super) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, Failure> {
        let mut reply = pin!(self.sender.send_request(request));
        let reply = poll_fn(|cx| {
            drive(&mut self.connection, &mut self.ended, cx);
            reply.as_mut().poll(cx)
        });
        Ok(reply.await?)
    }

    /// Waits for the next data of a reply; `None` at its end.
    pub(super) async fn frame(&mut self, body: &mut Incoming) -> Result<Option<Bytes>, Failure> {
        loop {
            let frame = poll_fn(|cx| {
                self.drive(cx);
                Pin::new(&mut *body).poll_frame(cx)
            });
            match frame.await.transpose()?.map(hyper::body::Frame::into_data) {
                Some(Ok(data)) => return Ok(Some(data)),
                // Trailers.
                Some(Err(_)) => {}
                None => return Ok(None),
            }
        }
    }

    /// Reads a reply to its end.
    pub(super) async fn rest(&mut self, body: &mut Incoming) -> Result<Bytes, Failure> {
        let mut all = Vec::new();
        while let Some(data) = self.frame(body).await? {
            all.extend_from_slice(&data);
        }
        Ok(all.into())
    }

    fn drive(&mut self, cx: &mut Context<'_>) {
        drive(&mut self.connection, &mut self.ended, cx);
    }
}

impl Target {
    /// A GET of a path.
    pub(super) fn get(&self, path: &str) -> Result<Request<Full<Bytes>>, Failure> {
        self.request(Method::GET, path, Bytes::new())
    }

    /// A POST to where its API takes requests.
    pub(super) fn post(&self, body: Bytes) -> Result<Request<Full<Bytes>>, Failure> {
        let end = match self.api {
            Api::Chat => "/chat/completions",
            Api::Responses => "/responses",
        };
        self.request(Method::POST, &format!("{}{end}", self.prefix), body)
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, Failure> {
        let mut request = Request::builder()
            .header(header::HOST, self.address.to_string())
            .uri(path);
        if method == Method::POST {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        if let Some(key) = &self.key {
            request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
        }
        let request = request.method(method).body(Full::new(body));
        request.map_err(|error| Failure::Io(format!("no request: {error}")))
    }
}

impl Client {
    /// Its connection, or a new one where that has ended. Whoever takes it gives it back once the
    /// reply has been read to its end, and otherwise closes it by dropping it.
    pub(super) async fn wire(&mut self) -> Result<Wire, Failure> {
        if let Some(mut wire) = self.wire.take()
            && wire.ready().await
        {
            return Ok(wire);
        }
        let mut wire = Wire::connect(self.target.address).await?;
        wire.ready().await;
        Ok(wire)
    }

    /// Sends a request, and reads its answer to the end.
    pub(super) async fn whole(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, Failure> {
        let answer = async {
            let mut wire = self.wire().await?;
            let (head, mut body) = wire.send(request).await?.into_parts();
            let body = wire.rest(&mut body).await?;
            self.wire = Some(wire);
            let status = head.status.as_u16();
            Ok(Answer { status, body })
        };
        timeout(PATIENCE, answer)
            .await
            .map_err(|_| Failure::Timeout)?
    }
}

/// Writes any bytes to a fresh connection and reads until an answer's status, or the end. Gives the
/// status, `None` where the connection ended (or was reset) without one. The writing half stays open:
/// a peer that waits for more decides itself how long.
///
/// # Errors
/// [`Failure::Timeout`], or [`Failure::Io`] where nobody listens.
pub async fn raw(
    address: SocketAddr,
    bytes: &[u8],
    deadline: Duration,
) -> Result<Option<u16>, Failure> {
    let exchange = async {
        let (mut reader, mut writer) = TcpStream::connect(address).await?.into_split();
        let writing = async {
            // Who answers before it has read everything may close: its answer counts.
            let _ = writer.write_all(bytes).await;
            std::future::pending::<()>().await;
        };
        let reading = async {
            let mut head = Vec::new();
            while head.len() < b"HTTP/1.1 200".len() {
                match reader.read_buf(&mut head).await {
                    Ok(0) | Err(_) => return None,
                    Ok(_) => {}
                }
            }
            let status = head.strip_prefix(b"HTTP/1.")?.get(2..5)?;
            str::from_utf8(status).ok()?.parse().ok()
        };
        tokio::select! {
            status = reading => Ok(status),
            () = writing => Ok(None),
        }
    };
    timeout(deadline, exchange)
        .await
        .map_err(|_| Failure::Timeout)?
}

/// Lets a connection read and write what it can. How it ended is told by what is waited for.
fn drive(
    connection: &mut Connection<TokioIo<TcpStream>, Full<Bytes>>,
    ended: &mut bool,
    cx: &mut Context<'_>,
) {
    if !*ended {
        *ended = Pin::new(connection).poll(cx).is_ready();
    }
}
