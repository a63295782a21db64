//! What is taken up whole, or not at all.

use super::{LAB, sources};
use crate::{
    app::{
        App,
        logging::Filter,
        reload::{Hangups, Reloader, watch::Cause},
    },
    config::{CodexSettings, Config, ConversationSettings, KeptBodies},
    engine::{ConfigureError, Engine, Readiness, TurnStream, unavailable::UnavailableEngine},
    traffic::{self, RequestLog},
    turn::{Catalog, ConversationId, TurnError, TurnRequest},
};
use futures_util::future::BoxFuture;
use std::{
    fs, io,
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};
use tempfile::TempDir;

/// An engine that cannot go by new settings, as long as it is `stubborn`.
struct Stubborn {
    inner: UnavailableEngine,
    stubborn: Arc<AtomicBool>,
}

impl Engine for Stubborn {
    fn catalog(&self) -> Arc<Catalog> {
        self.inner.catalog()
    }

    fn readiness(&self) -> Readiness {
        self.inner.readiness()
    }

    fn start(
        &self,
        request: TurnRequest,
        log: RequestLog,
    ) -> BoxFuture<'_, Result<TurnStream, TurnError>> {
        self.inner.start(request, log)
    }

    fn delete_conversation<'a>(
        &'a self,
        id: &'a ConversationId,
    ) -> BoxFuture<'a, Result<bool, TurnError>> {
        self.inner.delete_conversation(id)
    }

    fn configure(&self, _: &CodexSettings, _: ConversationSettings) -> Result<(), ConfigureError> {
        if self.stubborn.load(SeqCst) {
            return Err(ConfigureError(io::Error::other("no certificates").into()));
        }
        Ok(())
    }

    fn shutdown(&self) -> BoxFuture<'_, ()> {
        self.inner.shutdown()
    }
}

/// A service, and what takes up changes of its file.
struct Running {
    folder: TempDir,
    stubborn: Arc<AtomicBool>,
    app: App,
    reloader: Reloader,
}

impl Running {
    async fn with(file: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("config.toml"), file).unwrap();
        let sources = sources(folder.path());
        let loaded = sources.load().unwrap();
        let stubborn = Arc::new(AtomicBool::new(false));
        let engine = Stubborn {
            inner: UnavailableEngine::new("none"),
            stubborn: Arc::clone(&stubborn),
        };
        let (_, inbox) = traffic::channel(loaded.config.logs.bodies);
        let app = App::bind(loaded.config.clone(), Arc::new(engine), inbox)
            .await
            .unwrap();
        let hangups = Hangups::listen().unwrap();
        let reloader = app.reloader(sources, loaded, Filter::of_nothing(), hangups);
        Self {
            folder,
            stubborn,
            app,
            reloader,
        }
    }

    /// What is in force once this file has been read.
    async fn after(&mut self, file: &str) -> Config {
        fs::write(self.folder.path().join("config.toml"), file).unwrap();
        self.reloader.reload(Cause::Files).await;
        self.app.current.load().config.clone()
    }

    fn bodies(&self) -> KeptBodies {
        self.app.current.load().traffic.channel().bodies()
    }
}

#[tokio::test]
async fn what_the_engine_cannot_go_by_changes_nothing_else_either_until_it_can() {
    let free = "[server]\naddr = \"127.0.0.1:0\"\n";
    let mut running = Running::with(free).await;
    let file = format!("{free}[logs]\nbodies = \"off\"\n{LAB}");
    running.stubborn.store(true, SeqCst);
    let config = running.after(&file).await;
    assert!(config.upstreams.is_empty());
    assert_eq!(running.bodies(), KeptBodies::Redacted);
    running.stubborn.store(false, SeqCst);
    let config = running.after(&file).await;
    assert_eq!(config.upstreams.len(), 1);
    assert_eq!(running.bodies(), KeptBodies::Off);
}

#[tokio::test]
async fn who_listens_to_other_machines_keeps_the_keys_until_the_restart() {
    let key = format!("[auth.keys]\nme = \"sha256:{}\"\n", "1".repeat(64));
    let addr = |addr: &str| format!("[server]\naddr = \"{addr}\"\n");
    let mut running = Running::with(&format!("{}{key}", addr("0.0.0.0:0"))).await;
    let near = addr("127.0.0.1:1");
    let config = running.after(&format!("{near}{LAB}")).await;
    assert_eq!(config.addr.ip(), Ipv4Addr::UNSPECIFIED);
    assert_eq!(config.api_keys.len(), 1);
    assert!(config.upstreams.is_empty());
    let config = running.after(&format!("{near}{key}{LAB}")).await;
    assert_eq!(config.addr.ip(), Ipv4Addr::UNSPECIFIED);
    assert_eq!(config.upstreams.len(), 1);
}
