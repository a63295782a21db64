//! The listening socket, its connections, and their orderly end.

mod activity;
mod eager;
mod handed;
mod places;
mod protocol;
mod socket;

use super::{dispatch::Peer, phase::Phase, service::service, state::CurrentState};
use activity::{Activity, Awaited};
use eager::Eager;
use handed::Handed;
use http::{Request, Response};
use hyper::{
    body::{Body, Incoming},
    server::conn::http1::UpgradeableConnection,
    service::{Service, service_fn},
};
use hyper_util::{rt::TokioIo, server::graceful::GracefulConnection};
use places::Places;
use protocol::Protocols;
use socket::Socket;
use socket2::{SockRef, TcpKeepalive};
use std::{
    convert::Infallible,
    fmt::Display,
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinError, JoinSet},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tower::{BoxError, ServiceExt};

/// Time for what was said on a connection to arrive, when it is closed because nothing more is asked.
const FAREWELL: Duration = Duration::from_secs(2);

/// Time for replies to say that they were cut short, after the deadline to finish has passed.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Time for those who watch the log to see its end.
const LAST_LOOK: Duration = Duration::from_secs(1);

/// After how much silence to ask a peer whether it is still there, and how often then.
const PROBE: Duration = Duration::from_mins(1);

/// Rest after a failed accept: out of file descriptors is no better a microsecond later.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Files that are open beside those of connections.
const OTHER_FILES: u64 = 64;

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
    pub async fn serve(self, current: Arc<CurrentState>, shutdown: impl Future<Output = ()>) {
        allow_files(current.load().config.limits.max_connections);
        current.load().phase.set(Phase::Serving);
        let service = service(Arc::clone(&current));
        let protocols = Arc::new(Protocols::new());
        let mut places = Places::new();
        // Aborts what is left when this returns.
        let mut connections = JoinSet::new();
        let stopping = CancellationToken::new();
        let mut shutdown = pin!(shutdown);
        loop {
            let accepted = tokio::select! {
                biased;
                () = &mut shutdown => break,
                Some(ended) = connections.join_next() => {
                    on_end(ended);
                    continue;
                }
                accepted = accept(&self.listener) => accepted,
            };
            let Some((stream, peer)) = accepted else {
                continue;
            };
            let state = current.load();
            let limits = &state.config.limits;
            let Some(place) = places.take(limits.max_connections) else {
                places.refuse(stream);
                continue;
            };
            let activity = Arc::new(Activity::new(limits));
            let counted = state.metrics.connection();
            let socket = Socket::new(stream, Arc::clone(&activity), place, counted);
            let service = service.clone();
            let viewers = Viewers::default();
            let abandoned = abandoned(stopping.clone(), viewers.clone(), Arc::clone(&activity));
            let requests = Arc::clone(&activity);
            let service = service_fn(move |mut request: Request<Incoming>| {
                request.extensions_mut().insert(Peer(peer.ip()));
                request.extensions_mut().insert(viewers.clone());
                let running = requests.begin(request.version());
                // On the heap: a connection is small while nothing is asked.
                let response = Box::pin(service.clone().oneshot(request));
                async move {
                    let response: Response<_> = response.await?;
                    // It runs until its reply has been handed over.
                    Ok::<_, Infallible>(response.map(|body| Handed::new(body, running)))
                }
            });
            let (protocols, stopping) = (Arc::clone(&protocols), stopping.clone());
            connections.spawn(Eager::new(async move {
                tokio::select! {
                    () = converse(socket, service, &protocols, &activity, &stopping) => {}
                    () = abandoned => {}
                }
            }));
        }
        drop(self.listener);
        let state = current.load_full();
        state.phase.set(Phase::Draining);
        // Those who watch the log would go on forever.
        state.traffic.close_watchers();
        stopping.cancel();
        state.sockets.close();

        let drain = state.config.limits.drain;
        tracing::info!(
            connections = connections.len(),
            drain_seconds = drain.as_secs(),
            "draining"
        );
        let mut drained = pin!(async {
            while let Some(ended) = connections.join_next().await {
                on_end(ended);
            }
        });
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

/// Finds out what is spoken on a connection, and leads it to its end.
async fn converse<S, B>(
    socket: Socket,
    service: S,
    protocols: &Protocols,
    activity: &Activity,
    stopping: &CancellationToken,
) where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible, Future: Send>
        + 'static,
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    let is_http1 = tokio::select! {
        biased;
        is_http1 = socket.is_http1() => is_http1,
        () = stopping.cancelled() => return,
        awaited = activity.overdue() => {
            tracing::debug!(?awaited, "connection_closed");
            return;
        }
    };
    let io = TokioIo::new(socket);
    match is_http1 {
        Ok(true) => {
            let connection = protocols.http1.serve_connection(io, service);
            let end = UpgradeableConnection::graceful_shutdown;
            lead(connection.with_upgrades(), end, activity, stopping).await;
        }
        Ok(false) => {
            let connection = protocols.any.serve_connection_with_upgrades(io, service);
            let end = GracefulConnection::graceful_shutdown;
            // Few need the room for it.
            Box::pin(lead(connection.into_owned(), end, activity, stopping)).await;
        }
        Err(error) => tracing::debug!(%error, "connection_failed"),
    }
}

/// Leads a connection to its end, which comes when both sides are done, or when the client takes too
/// long. `end` has it end behind what is being answered.
async fn lead<C, E>(
    connection: C,
    end: impl Fn(Pin<&mut C>),
    activity: &Activity,
    stopping: &CancellationToken,
) where
    C: Future<Output = Result<(), E>>,
    E: Display,
{
    let mut connection = pin!(connection);
    let mut is_stopping = false;
    let mut overdue = pin!(activity.overdue());
    let awaited = loop {
        tokio::select! {
            biased;
            ended = &mut connection => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "connection_failed");
                }
                return;
            }
            () = stopping.cancelled(), if !is_stopping => {
                is_stopping = true;
                end(connection.as_mut());
            }
            awaited = &mut overdue => break awaited,
        }
    };
    tracing::debug!(?awaited, "connection_closed");
    if awaited == Awaited::Request {
        end(connection.as_mut());
        // What fails now is nobody's loss.
        let _ = timeout(FAREWELL, connection).await;
    }
}

/// Tells of a fault of ours that has cost a connection.
fn on_end(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "connection_panicked");
    }
}

/// As many files as the system allows: each connection is one, and may need another to a provider.
fn allow_files(connections: usize) {
    let wanted = u64::try_from(connections)
        .unwrap_or(u64::MAX)
        .saturating_mul(2)
        .saturating_add(OTHER_FILES);
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(files) if files < wanted => {
            tracing::warn!(files, connections, "file_limit_too_low");
        }
        Ok(files) => tracing::debug!(files, "file_limit"),
        Err(error) => tracing::warn!(%error, "file_limit_unknown"),
    }
}

/// How many event streams of the log a connection carries. Kept among a request's extensions.
#[derive(Debug, Clone, Default)]
pub struct Viewers(Arc<Carried>);

#[derive(Debug, Default)]
struct Carried {
    now: AtomicUsize,
    ever: AtomicBool,
}

/// One of them, for as long as it lasts.
#[derive(Debug)]
pub struct Viewer(Viewers);

impl Viewers {
    /// One more.
    #[must_use]
    pub fn begin(&self) -> Viewer {
        self.0.now.fetch_add(1, Relaxed);
        self.0.ever.store(true, Relaxed);
        Viewer(self.clone())
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.0.0.now.fetch_sub(1, Relaxed);
    }
}

/// Done when a connection is not worth waiting for: whoever watches the log through it does not read
/// that the log has ended.
async fn abandoned(stopping: CancellationToken, viewers: Viewers, activity: Arc<Activity>) {
    stopping.cancelled().await;
    sleep(LAST_LOOK).await;
    let Carried { now, ever } = &*viewers.0;
    // The last frame of a stream may be with the connection already, and not with its client.
    while now.load(Relaxed) == 0 && !(ever.load(Relaxed) && activity.is_unread()) {
        sleep(LAST_LOOK).await;
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
            // HTTP/1 has no pings. A peer that is gone without a word is found out, and nothing on the way
            // forgets the connection.
            let probes = TcpKeepalive::new().with_time(PROBE).with_interval(PROBE);
            if let Err(error) = SockRef::from(&stream).set_tcp_keepalive(&probes) {
                tracing::debug!(%error, "set_keepalive");
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn deltas_leave_at_once_and_silent_peers_are_asked() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peer = TcpStream::connect(listener.local_addr().unwrap());
        let (peer, accepted) = tokio::join!(peer, accept(&listener));
        let (stream, from) = accepted.unwrap();
        assert_eq!(from, peer.unwrap().local_addr().unwrap());
        assert!(stream.nodelay().unwrap());
        assert!(SockRef::from(&stream).keepalive().unwrap());
    }
}
