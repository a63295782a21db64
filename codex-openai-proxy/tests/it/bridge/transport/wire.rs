//! A provider that writes bytes and knows no HTTP.

use super::{IN_TIME, SILENCE};
use crate::{harness::Proxy, provider::Setup};
use codex_openai_proxy::config::Config;
use futures_util::future::BoxFuture;
use std::{io, sync::Arc};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

/// What a provider does on a connection, once it has been asked.
type Script = Arc<dyn for<'a> Fn(&'a mut TcpStream) -> BoxFuture<'a, io::Result<()>> + Send + Sync>;

/// Connections so far, and those that are over.
#[derive(Default)]
struct Counts {
    accepted: usize,
    closed: usize,
}

/// A provider that writes bytes and knows no HTTP; it stops when dropped.
pub struct Wire {
    pub base_url: String,
    counts: watch::Receiver<Counts>,
    _server: JoinSet<()>,
}

impl Wire {
    /// One that does this each time that it is asked. The connection is then left to the other end.
    async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
        let (sender, counts) = watch::channel(Counts::default());
        let mut server = JoinSet::new();
        server.spawn(async move {
            let mut connections = JoinSet::new();
            let sender = Arc::new(sender);
            while let Ok((mut stream, _)) = listener.accept().await {
                sender.send_modify(|counts| counts.accepted += 1);
                let (script, sender) = (Arc::clone(&script), Arc::clone(&sender));
                connections.spawn(async move {
                    // That the other end hangs up is what most tests want.
                    let _ = serve(&mut stream, &script).await;
                    drop(stream);
                    sender.send_modify(|counts| counts.closed += 1);
                });
            }
        });
        Self {
            base_url,
            counts,
            _server: server,
        }
    }

    /// One that writes this, piece by piece, and then hangs up or keeps the line.
    pub async fn writes(pieces: Vec<String>, then: Then) -> Self {
        let pieces = Arc::new(pieces);
        Self::start(Arc::new(move |stream| {
            let pieces = Arc::clone(&pieces);
            Box::pin(async move {
                for piece in pieces.iter() {
                    stream.write_all(piece.as_bytes()).await?;
                }
                match then {
                    Then::HangUp => stream.shutdown().await,
                    Then::Stay => Ok(()),
                    Then::Repeat(more) => loop {
                        stream.write_all(more.as_bytes()).await?;
                    },
                    Then::Drip(more) => loop {
                        stream.write_all(more.as_bytes()).await?;
                        tokio::time::sleep(SILENCE / 10).await;
                    },
                }
            })
        }))
        .await
    }

    /// A proxy before it, with less patience than usual.
    pub async fn proxy(&self, wire_api: &str, change: fn(&mut Config)) -> Proxy {
        let keys = "models = [\"*\"]\nretries = 0\n";
        let setup = Setup::new().at("near", wire_api, &self.base_url, keys);
        setup
            .change(move |config| {
                config.upstreams[0].timeout = SILENCE;
                config.upstreams[0].idle_timeout = SILENCE;
                change(config);
            })
            .start()
            .await
    }

    /// How many connections there were.
    pub fn connections(&self) -> usize {
        self.counts.borrow().accepted
    }

    /// Waits until no connection is left.
    pub async fn left_alone(&self) {
        let mut counts = self.counts.clone();
        let over = counts.wait_for(|counts| counts.closed == counts.accepted);
        // A reply without end keeps its reader busy, which notices late that nobody waits any more.
        let over = tokio::time::timeout(4 * IN_TIME, over).await;
        over.expect("every connection is closed").unwrap();
    }
}

/// What comes after the last piece.
#[derive(Debug, Clone, Copy)]
pub enum Then {
    HangUp,
    Stay,
    /// This without end, as fast as it is read.
    Repeat(&'static str),
    /// This without end, slowly, but never with a silence that is too long.
    Drip(&'static str),
}

/// Reads requests, and answers each.
async fn serve(stream: &mut TcpStream, script: &Script) -> io::Result<()> {
    let mut request = vec![0; 64 * 1024];
    // All of a request comes at once: it is a short one.
    while stream.read(&mut request).await? > 0 {
        script(stream).await?;
    }
    Ok(())
}
