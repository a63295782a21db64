//! Which version of HTTP a connection speaks, and who serves it.

use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioExecutor, TokioTimer},
    server::conn::auto,
};
use std::{io, time::Duration};
use tokio::net::TcpStream;

/// How often to ask an HTTP/2 client that waits for a reply whether it is still there.
const PING: Duration = Duration::from_secs(30);

/// The longest head of a request, in bytes.
const LONGEST_HEAD: u32 = 64 * 1024;

/// How many requests an HTTP/2 client may make at once.
const MOST_STREAMS: u32 = 256;

/// What connections of HTTP/2 begin with, and no request of HTTP/1.1 (RFC 9113, 3.4 and 11.6).
const PREFACE: &[u8] = b"PRI ";

/// Serves connections of HTTP/1.1 and cleartext HTTP/2.
pub(super) struct Protocols {
    /// Those that [`is_http1`].
    pub(super) http1: http1::Builder,
    /// All. Takes their first bytes away from in front of the others, which makes a buffer grow that
    /// each connection of HTTP/1.1 keeps.
    pub(super) any: auto::Builder<TokioExecutor>,
}

impl Protocols {
    pub(super) fn new() -> Self {
        let mut http1 = http1::Builder::new();
        http1
            .timer(TokioTimer::new())
            // See `Activity`.
            .header_read_timeout(None)
            .max_buf_size(LONGEST_HEAD as usize);
        let mut any = auto::Builder::new(TokioExecutor::new());
        any.http1()
            .timer(TokioTimer::new())
            .header_read_timeout(None)
            .max_buf_size(LONGEST_HEAD as usize);
        // Pings find out that a peer is gone where TCP would not tell.
        any.http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(PING)
            .max_concurrent_streams(MOST_STREAMS)
            .max_header_list_size(LONGEST_HEAD);
        Self { http1, any }
    }
}

/// Whether a connection cannot be one of HTTP/2, as soon as anything has come. It stays unread.
pub(super) async fn is_http1(stream: &TcpStream) -> io::Result<bool> {
    let mut first = [0; PREFACE.len()];
    let come = stream.peek(&mut first).await?;
    Ok(!PREFACE.starts_with(&first[..come]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    #[tokio::test]
    async fn the_first_bytes_tell_and_stay() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let cases = [
            ("GET / HTTP/1.1\r\n", true),
            ("POST / HTTP/1.1\r\n", true),
            ("PROPFIND / HTTP/1.1\r\n", true),
            ("\r\n", true),
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", false),
            // Whatever comes next decides.
            ("PR", false),
            ("", false),
        ];
        for (first, expected) in cases {
            let client = TcpStream::connect(listener.local_addr().unwrap());
            let (client, accepted) = tokio::join!(client, listener.accept());
            let (mut client, (mut stream, _)) = (client.unwrap(), accepted.unwrap());
            client.write_all(first.as_bytes()).await.unwrap();
            client.shutdown().await.unwrap();
            assert_eq!(is_http1(&stream).await.unwrap(), expected, "{first:?}");
            let mut read = String::new();
            stream.read_to_string(&mut read).await.unwrap();
            assert_eq!(read, first);
        }
    }
}
