//! How many connections there are, and what becomes of those beyond.

use crate::http::error::ErrorReply;
use bytes::Bytes;
use http::header;
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Semaphore,
    time::{Instant, timeout},
};

/// How many are told at once that there is no place. Those beyond are told nothing.
const MOST_TOLD: usize = 64;

/// How long telling one may take.
const TELL: Duration = Duration::from_secs(2);

/// How long to wait until one asks for something.
const LISTEN: Duration = Duration::from_millis(500);

/// How often to warn.
const WARN_EVERY: Duration = Duration::from_secs(30);

/// Counts connections.
#[derive(Debug)]
pub(super) struct Places {
    taken: Arc<AtomicUsize>,
    telling: Arc<Semaphore>,
    /// What those beyond are told.
    refusal: Bytes,
    warned: Option<Instant>,
}

/// A connection, until this is dropped.
#[derive(Debug)]
pub(super) struct Place(Arc<AtomicUsize>);

impl Places {
    pub(super) fn new() -> Self {
        Self {
            taken: Arc::default(),
            telling: Arc::new(Semaphore::new(MOST_TOLD)),
            refusal: refusal(),
            warned: None,
        }
    }

    /// One more, unless there are `most` already.
    pub(super) fn take(&self, most: usize) -> Option<Place> {
        let more = |taken| (taken < most).then_some(taken + 1);
        let taken = self.taken.fetch_update(Relaxed, Relaxed, more);
        taken.ok().map(|_| Place(Arc::clone(&self.taken)))
    }

    /// Sends somebody away for whom there is no place. Does not wait for that.
    pub(super) fn refuse(&mut self, stream: TcpStream) {
        if self
            .warned
            .is_none_or(|warned| warned.elapsed() > WARN_EVERY)
        {
            self.warned = Some(Instant::now());
            let connections = self.taken.load(Relaxed);
            tracing::warn!(connections, "too_many_connections");
        }
        let Ok(permit) = Arc::clone(&self.telling).try_acquire_owned() else {
            return;
        };
        let refusal = self.refusal.clone();
        tokio::spawn(async move {
            // Whoever does not listen has to live without it.
            let _ = timeout(TELL, tell(stream, &refusal)).await;
            drop(permit);
        });
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

async fn tell(mut stream: TcpStream, refusal: &[u8]) -> io::Result<()> {
    // A reply that comes before the request is no reply to some.
    let _ = timeout(LISTEN, stream.peek(&mut [0])).await;
    stream.write_all(refusal).await?;
    stream.shutdown().await?;
    // A socket that is closed with something unread is reset, and the client may lose what it was told.
    let mut unread = [0; 1024];
    while stream.read(&mut unread).await? > 0 {}
    Ok(())
}

/// The reply as HTTP/1.1 has it.
fn refusal() -> Bytes {
    let reply = ErrorReply::too_many_connections();
    let status = reply.status;
    // The envelope holds nothing that JSON lacks.
    let body = serde_json::to_string(&reply.body).unwrap_or_default();
    let headers = reply.into_response().headers().clone();
    let retry_after = headers.get(header::RETRY_AFTER);
    let retry_after = retry_after.and_then(|value| value.to_str().ok());
    let text = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         retry-after: {}\r\nconnection: close\r\n\r\n{body}",
        body.len(),
        retry_after.unwrap_or("5"),
    );
    text.into()
}
