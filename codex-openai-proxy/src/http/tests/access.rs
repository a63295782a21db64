//! Who gets in, through connections of whoever a test needs at their other end.

mod flood;
mod guessing;
mod heads;
mod pages;
mod routes;
mod unread;

use super::*;
use crate::http::{dispatch::Peer, server::Viewers, service::service};
use http::Request;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use std::net::IpAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tower::ServiceExt;

const LOCAL: &str = "127.0.0.1";
const FOREIGN: &str = "192.0.2.7";

/// A service without a socket.
struct Door {
    current: Arc<CurrentState>,
    /// Keeps the engine in business.
    _turns: mpsc::UnboundedReceiver<Turn>,
}

impl Door {
    async fn open(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::new(PathBuf::new(), PathBuf::new());
        config.logs.max_bytes = 0;
        change(&mut config);
        let (sender, turns) = mpsc::unbounded_channel();
        let engine = Arc::new(StubEngine {
            turns: sender,
            running: Mutex::default(),
        });
        let (_, inbox) = traffic::channel(config.logs.bodies);
        let traffic = Traffic::start(inbox, &config.home, &config.logs).await;
        let state = AppState::new(config, engine, traffic).unwrap();
        Self {
            current: Arc::new(CurrentState::from_pointee(state)),
            _turns: turns,
        }
    }

    /// A connection of somebody at this address.
    fn connect(&self, peer: &str) -> DuplexStream {
        let peer: IpAddr = peer.parse().unwrap();
        let service = service(Arc::clone(&self.current));
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(Peer(peer));
            request.extensions_mut().insert(Viewers::default());
            service.clone().oneshot(request)
        });
        let (client, server) = duplex(64 * 1024);
        tokio::spawn(async move {
            let http = auto::Builder::new(TokioExecutor::new());
            let connection = http.serve_connection_with_upgrades(TokioIo::new(server), service);
            // Ends with an error where the test leaves first.
            let _ = connection.await;
        });
        client
    }

    /// What somebody at this address gets for what they send.
    async fn ask(&self, peer: &str, sent: &str) -> Answer {
        let mut connection = self.connect(peer);
        connection.write_all(sent.as_bytes()).await.unwrap();
        Answer::read(&mut connection).await
    }

    /// The status of a request with these lines as its headers, and with an empty object as its body.
    async fn status(&self, peer: &str, line: &str, headers: &[&str]) -> u16 {
        let mut sent = format!("{line} HTTP/1.1\r\n");
        for header in headers {
            sent.push_str(header);
            sent.push_str("\r\n");
        }
        sent.push_str("content-length: 2\r\n\r\n{}");
        self.ask(peer, &sent).await.status
    }
}

/// The head of a reply.
#[derive(Debug)]
struct Answer {
    status: u16,
    /// In lower case.
    head: String,
}

impl Answer {
    async fn read(connection: &mut DuplexStream) -> Self {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let byte = timeout(SOON, connection.read_u8()).await.unwrap();
            head.push(byte.unwrap());
        }
        let head = String::from_utf8(head).unwrap().to_lowercase();
        let status = head.strip_prefix("http/1.1 ").unwrap()[..3].parse();
        Self {
            status: status.unwrap(),
            head,
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// Whether somebody with this status was let in, whatever they got there.
fn is_in(status: u16) -> bool {
    ![401, 403, 429].contains(&status)
}
