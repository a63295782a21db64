//! The listening socket, its connections, and their orderly end.

use super::{AppState, dispatch::Peer, service::service};
use http::Request;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
};
use std::{
    future::pending,
    io,
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// How long a client may take for the head of a request; also how long an idle connection lives.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Time for replies to say that they were cut short, after the deadline to finish has passed.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Time for those who watch the log to see its end.
const LAST_LOOK: Duration = Duration::from_secs(1);

/// Rest after a failed accept: out of file descriptors is no better a microsecond later.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A bound socket.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    local_addr: SocketAddr,
}

impl Server {
    /// Binds the socket. Port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// When the address cannot be had.
    pub async fn bind(addr: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(addr).await?;
        let local_addr = listener.local_addr()?;
        Ok(Self {
            listener,
            local_addr,
        })
    }

    /// The address that was bound.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Serves HTTP/1.1 and cleartext HTTP/2 until `shutdown` is done.
    ///
    /// Then no connection is accepted any more, idle ones are closed, and running replies may
    /// finish until the drain deadline. What still runs after it is ended by its engine, with a
    /// little time to say so.
    pub async fn serve(self, state: Arc<AppState>, shutdown: impl Future<Output = ()>) {
        let service = service(Arc::clone(&state));
        let http = http();
        let graceful = GracefulShutdown::new();
        // Aborts what is left when this returns.
        let mut connections = JoinSet::new();
        let stopping = CancellationToken::new();
        let mut shutdown = pin!(shutdown);
        loop {
            let accepted = tokio::select! {
                biased;
                () = &mut shutdown => break,
                accepted = accept(&self.listener) => accepted,
            };
            while connections.try_join_next().is_some() {}
            let Some((stream, peer)) = accepted else {
                continue;
            };
            let service = service.clone();
            let viewers = Viewers::default();
            let abandoned = abandoned(stopping.clone(), viewers.clone());
            let service = service_fn(move |mut request: Request<Incoming>| {
                request.extensions_mut().insert(Peer(peer.ip()));
                request.extensions_mut().insert(viewers.clone());
                service.clone().oneshot(request)
            });
            let connection = http.serve_connection_with_upgrades(TokioIo::new(stream), service);
            let connection = graceful.watch(connection.into_owned());
            connections.spawn(async move {
                tokio::select! {
                    ended = connection => if let Err(error) = ended {
                        tracing::debug!(error, "connection_failed");
                    },
                    () = abandoned => {}
                }
            });
        }
        drop(self.listener);
        // Those who watch the log would go on forever.
        state.traffic.close_watchers();
        stopping.cancel();
        state.sockets.close();

        let drain = state.config.limits.drain;
        tracing::info!(
            connections = graceful.count(),
            drain_seconds = drain.as_secs(),
            "draining"
        );
        let mut drained = pin!(graceful.shutdown());
        let in_time = timeout(drain, &mut drained).await.is_ok();
        let end = async {
            state.upstreams.shutdown();
            state.engine.shutdown().await;
            if !in_time {
                drained.await;
            }
            state.sockets.wait().await;
        };
        if timeout(LAST_WORDS, end).await.is_err() {
            tracing::warn!("drain_incomplete");
        }
    }
}

/// How many event streams of the log a connection carries. Kept among a request's extensions.
#[derive(Debug, Clone, Default)]
pub struct Viewers(Arc<AtomicUsize>);

/// One of them, for as long as it lasts.
#[derive(Debug)]
pub struct Viewer(Viewers);

impl Viewers {
    /// One more.
    #[must_use]
    pub fn begin(&self) -> Viewer {
        self.0.fetch_add(1, Relaxed);
        Viewer(self.clone())
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Relaxed);
    }
}

/// Done when a connection is not worth waiting for: whoever watches the log through it does not read
/// that the log has ended.
async fn abandoned(stopping: CancellationToken, viewers: Viewers) {
    stopping.cancelled().await;
    sleep(LAST_LOOK).await;
    if viewers.0.load(Relaxed) == 0 {
        pending::<()>().await;
    }
}

/// The next connection; `None` where it could not be had, after a rest if that is our fault.
async fn accept(listener: &TcpListener) -> Option<(TcpStream, SocketAddr)> {
    match listener.accept().await {
        Ok((stream, peer)) => {
            // Deltas are small, and each has to leave at once.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "set_nodelay");
            }
            Some((stream, peer))
        }
        Err(error) => {
            let of_the_client = matches!(
                error.kind(),
                io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
            );
            if !of_the_client {
                tracing::warn!(%error, "accept_failed");
                sleep(ACCEPT_PAUSE).await;
            }
            None
        }
    }
}

fn http() -> auto::Builder<TokioExecutor> {
    let mut http = auto::Builder::new(TokioExecutor::new());
    http.http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT);
    // Pings find out that a peer is gone where TCP would not tell.
    http.http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(HEAD_TIMEOUT);
    http
}
