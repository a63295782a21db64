//! How the children of a run listen: on an address that they tell on standard output.

use anyhow::{Context, Result};
use std::{
    future::Future,
    io::{self, Write},
    net::SocketAddr,
    time::Duration,
};
use tokio::net::{TcpListener, TcpStream};

/// How long nothing is accepted after that failed, as it does when no descriptor is left.
const PAUSE: Duration = Duration::from_millis(20);

/// A server's socket.
#[derive(Debug)]
pub struct Listening {
    listener: TcpListener,
    address: SocketAddr,
}

impl Listening {
    /// Listens on `address`, whose port may be 0.
    pub async fn bind(address: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("cannot listen on {address}"))?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// The address, with the port that the system chose.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Tells the parent process the address, as the first line on standard output.
    pub fn announce(&self) -> Result<()> {
        writeln!(
            io::stdout().lock(),
            "listening on http://{address}",
            address = self.address()
        )?;
        Ok(())
    }

    /// Serves each connection in a task of its own, until this future is dropped or the process
    /// is told to end: there is nothing to put away, so SIGTERM does what it does by default.
    pub async fn serve<F>(self, mut connection: impl FnMut(TcpStream) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        loop {
            let accepted = self.listener.accept().await;
            let Ok((stream, _)) = accepted else {
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            // It fails on a connection that is over already; serving it will tell.
            let _ = stream.set_nodelay(true);
            tokio::spawn(connection(stream));
        }
    }
}

/// Lets the process have as many connections as the system allows.
pub fn raise_limits() {
    // What cannot be raised stays as it is; a run that needs more fails with a plain error.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
}
