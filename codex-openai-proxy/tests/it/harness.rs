//! A proxy in this process, and a client of it.

pub mod chat;
#[cfg(feature = "codex")]
pub mod codex;
#[cfg(all(unix, feature = "codex"))]
pub mod disk;
pub mod logs;
pub mod process;
pub mod responses;
#[cfg(all(unix, feature = "codex"))]
pub mod running;
#[cfg(feature = "codex")]
pub mod talk;
#[cfg(feature = "codex")]
pub mod viewer;

use chat::{Answer, ChatStream};
use codex_openai_proxy::{
    app::App,
    config::Config,
    engine::Engine,
    traffic::{self, Inbox},
};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use std::{net::SocketAddr, ops::Deref, path::PathBuf, sync::Arc, time::Duration};
use tempfile::TempDir;
use tokio::{task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

/// How long a test may take altogether.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running proxy. Acts as the [`Client`] that talks to it.
pub struct Proxy {
    client: Client,
    stop: CancellationToken,
    server: JoinHandle<()>,
    // Removed when the proxy is gone.
    homes: Homes,
}

/// A client of a proxy.
pub struct Client {
    address: SocketAddr,
    http: reqwest::Client,
    keeps_replies: bool,
    /// The key that it shows.
    key: Option<String>,
}

/// The folders of one proxy, removed with it.
pub struct Homes {
    folder: TempDir,
}

impl Homes {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let homes = Self { folder };
        std::fs::create_dir(homes.codex()).unwrap();
        homes
    }

    /// The user's `CODEX_HOME`.
    pub fn codex(&self) -> PathBuf {
        self.folder.path().join("codex")
    }

    /// `CODEX_OPENAI_PROXY_HOME`.
    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// A configuration for these folders, on a free port of loopback.
    pub fn config(&self) -> Config {
        let mut config = Config::new(self.state(), self.codex());
        config.addr = "127.0.0.1:0".parse().unwrap();
        config
    }
}

impl Proxy {
    /// Starts a proxy in front of `engine`, which has nothing to tell.
    pub async fn start(config: Config, engine: Arc<dyn Engine>, homes: Homes) -> Self {
        let (_, inbox) = traffic::channel(config.logs.bodies);
        Self::start_recording(config, engine, inbox, homes).await
    }

    /// Starts a proxy in front of `engine`, which tells what happens to the other end of `inbox`.
    pub async fn start_recording(
        config: Config,
        engine: Arc<dyn Engine>,
        inbox: Inbox,
        homes: Homes,
    ) -> Self {
        let app = App::bind(config, engine, inbox).await.unwrap();
        let client = Client::new(app.local_addr());
        let stop = CancellationToken::new();
        let server = tokio::spawn(app.serve(stop.clone().cancelled_owned()));
        Self {
            client,
            stop,
            server,
            homes,
        }
    }

    /// Begins to stop, as at a signal.
    pub fn begin_stop(&self) {
        self.stop.cancel();
    }

    /// Stops and waits until every reply is over.
    pub async fn stop(self) {
        drop(self.stop_for_now().await);
    }

    /// The same, and leaves its folders for another one.
    pub async fn stop_for_now(self) -> Homes {
        self.begin_stop();
        self.server.await.unwrap();
        self.homes
    }
}

impl Deref for Proxy {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Client {
    /// A client of the proxy at `address`.
    pub fn new(address: SocketAddr) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self {
            address,
            http,
            keeps_replies: true,
            key: None,
        }
    }

    /// The same, showing a key with each request.
    #[cfg(feature = "codex")]
    pub fn with_key(self, key: &str) -> Self {
        Self {
            key: Some(key.to_owned()),
            ..self
        }
    }

    /// The same for replies that are not to be checked: for there are very many, or they are what
    /// somebody else said.
    pub fn without_keeping_replies(self) -> Self {
        Self {
            keeps_replies: false,
            ..self
        }
    }

    /// Where the proxy listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A request that has not been sent.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("http://{}{path}", self.address);
        let request = self.http.request(method, url);
        match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.read(self.request(Method::GET, path)).await
    }

    #[cfg(feature = "codex")]
    pub async fn delete(&self, path: &str) -> Answer {
        Answer::read(self.request(Method::DELETE, path).send().await.unwrap()).await
    }

    /// Sends `body` as it is and reads the answer in one piece.
    pub async fn chat(&self, body: &Value) -> Answer {
        let request = self.request(Method::POST, "/v1/chat/completions");
        self.read(request.json(body)).await
    }

    async fn read(&self, request: RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        if self.keeps_replies {
            Answer::read(response).await
        } else {
            Answer::read_only(response).await.0
        }
    }

    /// Asks for a stream, which must begin with status 200.
    pub async fn stream(&self, body: &Value) -> ChatStream {
        let mut body = body.clone();
        body["stream"] = true.into();
        let request = self.request(Method::POST, "/v1/chat/completions");
        let stream = ChatStream::open(request.json(&body).send().await.unwrap());
        stream.kept(self.keeps_replies)
    }
}

/// Runs a test on threads with the stacks that codex-core needs in a debug build.
pub fn run(test: impl Future<Output = ()> + Send + 'static) {
    run_within(PATIENCE, test);
}

/// The same for a test that takes longer than others.
pub fn run_within(patience: Duration, test: impl Future<Output = ()> + Send + 'static) {
    #[cfg(feature = "codex")]
    subscribe();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_stack_size(16 * 1024 * 1024)
        .enable_all()
        .build()
        .unwrap();
    // In a task, because the stack of a test's own thread is a small one.
    let ended = runtime.block_on(async { tokio::spawn(timeout(patience, test)).await });
    runtime.shutdown_timeout(Duration::from_secs(1));
    match ended {
        Ok(result) => result.expect("the test takes too long"),
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// The engine reads one thing from the process's telemetry; the program subscribes to it too.
#[cfg(feature = "codex")]
fn subscribe() {
    use tracing_subscriber::{layer::SubscriberExt, util::SubscriberInitExt};
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let layer = codex_openai_proxy::engine::codex::telemetry_layer();
        tracing_subscriber::registry().with(layer).init();
    });
}
