//! The engine that the product is about: each request is a turn of a Codex thread, run in this
//! process by codex-core's `ThreadManager` with the user's own login.
//!
//! The threads only forward. What codex-core would add to a request, run on this machine or ask the
//! backend besides is turned off in `settings` and `models`; `docs/codex-core.md` lists it.

pub mod account;
mod breaks;
mod convert;
mod driver;
mod errors;
mod events;
mod figures;
mod images;
mod models;
mod notes;
mod plan;
mod pump;
mod queue;
mod record;
mod registry;
mod reset_time;
mod rollout;
mod schema;
mod schema_notes;
mod secrets;
mod settings;
mod shared;
mod thread;
mod threads;
mod tools;
mod tuning;

pub use breaks::layer as telemetry_layer;
pub use settings::CODEX_VERSION;

use super::{ConfigureError, Engine, Readiness, Report, TurnStream};
use crate::{
    config::{CodexSettings, ConversationSettings},
    conversation::{Store, StoreError, blocks, has_reply},
    files::{lock_file, private_dir},
    traffic::{LogChannel, RequestLog},
    turn::{Catalog, ConversationId, Model, Sends, TurnError, TurnRequest},
};
use arc_swap::ArcSwap;
use codex_analytics::AnalyticsEventsClient;
use codex_core::{
    CodexAppsToolsCache, ThreadManager, config::Config, resolve_installation_id,
    thread_store_from_config,
};
use codex_exec_server::EnvironmentManager;
use codex_extension_api::{
    ExtensionRegistryBuilder, LoadUserInstructionsFuture, LoadedUserInstructions,
    UserInstructionsProvider,
};
use codex_login::AuthManager;
use codex_protocol::{config_types::ReasoningSummary, protocol::SessionSource};
use driver::Driver;
use figures::Figures;
use futures_util::future::{BoxFuture, FutureExt};
use models::ForwardingModels;
use registry::{Registry, Routed};
use secrets::Secrets;
use shared::Shared;
use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::Duration,
};
use threads::Threads;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tuning::Tuning;

/// How long after a login it counts, where no request asks for it before.
const LOGIN_INTERVAL: Duration = Duration::from_secs(2);

/// Codex threads, one a conversation.
pub struct CodexEngine {
    shared: Arc<Shared>,
    auth: Arc<AuthManager>,
    catalog: Arc<Catalog>,
    drivers: TaskTracker,
    /// Held for as long as this process serves.
    claim: OnceLock<File>,
}

/// Why the engine does not start.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The user's Codex configuration cannot be read.
    #[error("{0}: {1}")]
    UserConfig(PathBuf, String),
    /// codex-core does not accept the user's settings.
    #[error("Codex's config.toml: {0}")]
    CoreConfig(String),
    /// Our folder for codex-core cannot be used.
    #[error("{0}: {1}")]
    Home(PathBuf, io::Error),
    /// Another process serves from our folder.
    #[error(
        "{0} is in use by another codex-openai-proxy; set CODEX_OPENAI_PROXY_HOME to give this one a \
         folder of its own"
    )]
    InUse(PathBuf),
    /// Logging in or out failed.
    #[error("Codex account: {0}")]
    Account(io::Error),
    /// The environment holds a login, and the provider is not OpenAI.
    #[error("CODEX_ACCESS_TOKEN is set, but the configured provider must not receive it; unset it")]
    ForeignLogin,
    /// The conversations that last cannot be used.
    #[error("conversations: {0}")]
    Store(#[from] StoreError),
    /// TLS cannot be set up.
    #[error("HTTP client: {0}")]
    Client(#[from] reqwest::Error),
    /// codex-core's bundled model catalog is broken.
    #[error("model catalog: {0}")]
    Catalog(#[from] serde_json::Error),
}

/// Where the engine finds things.
#[derive(Debug, Clone, Copy)]
pub struct Folders<'a> {
    /// The user's Codex home: login and `config.toml`. Only read, but for refreshed tokens.
    pub codex_home: &'a Path,
    /// A folder of ours for what codex-core writes.
    pub state: &'a Path,
}

impl CodexEngine {
    /// Sets the engine up. No request leaves the machine for it. What happens later to conversations is
    /// told to `channel`.
    ///
    /// # Errors
    ///
    /// See [`EngineError`]. A missing login is none: requests are then answered with
    /// [`TurnError::NotLoggedIn`].
    pub async fn new(
        settings: &CodexSettings,
        conversations: ConversationSettings,
        folders: Folders<'_>,
        channel: &LogChannel,
    ) -> Result<Arc<Self>, EngineError> {
        let overrides = settings::user_overrides(folders.codex_home)?;
        let home = folders.state.join("codex");
        let mut config = settings::core_config(overrides, settings, &home).await?;
        if config.model_reasoning_summary.is_none() {
            // Some models show no reasoning unless asked to; a proxy's user wants to see it.
            config.model_reasoning_summary = Some(ReasoningSummary::Auto);
        }
        let provider = &config.model_provider;
        let auth = if settings::login_may_go_to(provider) {
            settings::user_login(&config, folders.codex_home).await
        } else {
            settings::no_login(&config, &home).await?
        };
        let models = Arc::new(ForwardingModels::new(Arc::clone(&auth))?);
        let catalog = settings.only_model.as_ref().map_or_else(
            || models.catalog(config.model.as_deref(), &config.model_provider_id),
            |slug| Catalog {
                models: vec![Model {
                    slug: slug.clone(),
                    efforts: Vec::new(),
                    provider: config.model_provider_id.clone(),
                }],
            },
        );
        let rollouts = folders.state.join("conversations");
        private_dir(&rollouts).map_err(|error| EngineError::Home(rollouts.clone(), error))?;
        let secrets = Secrets::new(&config.model_provider, Arc::clone(&auth));
        let shared = Shared {
            secrets: Arc::new(secrets),
            manager: thread_manager(&config, Arc::clone(&auth), models).await?,
            tuning: ArcSwap::from_pointee(Tuning::new(settings)?),
            registry: Registry::new(conversations, channel.clone()),
            channel: channel.clone(),
            store: Store::open(folders.state).await?,
            rollouts,
            figures: Figures::default(),
            stop: CancellationToken::new(),
            config,
        };
        Ok(Arc::new(Self {
            shared: Arc::new(shared),
            auth,
            catalog: Arc::new(catalog),
            drivers: TaskTracker::new(),
            claim: OnceLock::new(),
        }))
    }

    /// Makes the state folder this process's alone, and clears away what killed ones left in it. Two
    /// that serve from one folder would lose each other's replies.
    ///
    /// # Errors
    ///
    /// [`EngineError::InUse`], and what is wrong with the folder.
    pub async fn claim(&self, folders: Folders<'_>) -> Result<(), EngineError> {
        let file = claim(folders.state)?;
        let rows = self.shared.store.list().await?;
        let known = rows.into_iter().map(|row| row.rollout).collect();
        let rollouts = &self.shared.rollouts;
        rollout::sweep(rollouts, &known)
            .map_err(|error| EngineError::Home(rollouts.clone(), error))?;
        // A second claim of this process has failed above.
        drop(self.claim.set(file));
        let (shared, auth) = (Arc::clone(&self.shared), Arc::clone(&self.auth));
        self.drivers.spawn(look_for_login(shared, auth));
        Ok(())
    }

    /// Puts the database of the conversations aside, where it is damaged, so that a new one can take its
    /// place; tells where it is now.
    ///
    /// # Errors
    ///
    /// [`EngineError::InUse`] where another process serves from the folder, and what is wrong with it.
    pub fn put_damaged_store_aside(folders: Folders<'_>) -> Result<PathBuf, EngineError> {
        let _claim = claim(folders.state)?;
        Ok(Store::put_aside(folders.state)?)
    }

    /// How many threads core holds: one for each live conversation that was not interrupted.
    pub async fn live_threads(&self) -> usize {
        self.shared.manager.list_thread_ids().await.len()
    }

    async fn run(
        &self,
        mut request: TurnRequest,
        log: &RequestLog,
    ) -> Result<TurnStream, TurnError> {
        // Core keeps its own, and clients that repeat it do not change the conversation by that.
        request.without_reasoning();
        let shared = &self.shared;
        if shared.stop.is_cancelled() {
            return Err(pump::stopping());
        }
        self.check_login().await?;
        let blocks = blocks(&request.items);
        if let Some(named) = &request.conversation
            && named.sends == Sends::Either
            && named.id.is_made_up()
            && !has_reply(&blocks)
            && !self.exists(&named.id).await?
        {
            // What came before is gone, and the client does not know that it has to send it.
            return Err(TurnError::ConversationNotFound {
                id: named.id.clone(),
            });
        }
        let Routed { stream, begun } = shared.registry.route(request, blocks, log)?;
        if let Some(begun) = begun {
            self.drivers.spawn(Driver::lead(Arc::clone(shared), begun));
        }
        Ok(stream)
    }

    async fn exists(&self, id: &ConversationId) -> Result<bool, TurnError> {
        if self.shared.registry.has(id) {
            return Ok(true);
        }
        let row = self.shared.store.get(id).await;
        row.map(|row| row.is_some())
            .map_err(|error| unreadable(&error))
    }

    /// A login can be made while the proxy runs, so a missing one is looked for again.
    async fn check_login(&self) -> Result<(), TurnError> {
        if self.needs_login() {
            self.auth.reload().await;
        }
        if self.needs_login() {
            return Err(TurnError::NotLoggedIn {
                message: errors::LOG_IN.to_owned(),
            });
        }
        Ok(())
    }

    fn needs_login(&self) -> bool {
        needs_login(&self.shared, &self.auth)
    }
}

impl Engine for CodexEngine {
    fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.catalog)
    }

    fn readiness(&self) -> Readiness {
        if self.needs_login() {
            Readiness::NotReady(errors::LOG_IN.to_owned())
        } else {
            Readiness::Ready
        }
    }

    fn start(
        &self,
        request: TurnRequest,
        log: RequestLog,
    ) -> BoxFuture<'_, Result<TurnStream, TurnError>> {
        async move { self.run(request, &log).await }.boxed()
    }

    fn delete_conversation<'a>(
        &'a self,
        id: &'a ConversationId,
    ) -> BoxFuture<'a, Result<bool, TurnError>> {
        // To its end, also where nobody waits for that.
        let deletion = delete(Arc::clone(&self.shared), id.clone());
        let deletion = self.drivers.spawn(deletion);
        async move { deletion.await.map_err(TurnError::internal)? }.boxed()
    }

    fn report(&self) -> Report {
        let shared = &self.shared;
        let provider = &shared.config.model_provider;
        let login = self.auth.auth_cached();
        Report {
            provider: Some(settings::report(
                &shared.config.model_provider_id,
                provider,
                login.as_ref(),
            )),
            login: login.as_ref().map(account::login_kind),
            threads: shared.registry.threads(),
            windows: shared.figures.windows().to_vec(),
            retries: shared.figures.retries(),
        }
    }

    fn configure(
        &self,
        codex: &CodexSettings,
        conversations: ConversationSettings,
    ) -> Result<(), ConfigureError> {
        let tuning = Tuning::new(codex).map_err(|error| ConfigureError(error.into()))?;
        self.shared.tuning.store(Arc::new(tuning));
        self.shared.registry.configure(conversations);
        Ok(())
    }

    fn shutdown(&self) -> BoxFuture<'_, ()> {
        async {
            self.shared.stop.cancel();
            self.drivers.close();
            self.drivers.wait().await;
            self.shared.store.close().await;
        }
        .boxed()
    }
}

/// Makes a folder this process's alone, for as long as what is given back is open.
fn claim(state: &Path) -> Result<File, EngineError> {
    let path = state.join("serving.lock");
    match lock_file(&path) {
        Ok(Some(file)) => Ok(file),
        Ok(None) => Err(EngineError::InUse(state.to_owned())),
        Err(error) => Err(EngineError::Home(path, error)),
    }
}

fn needs_login(shared: &Shared, auth: &AuthManager) -> bool {
    let provider = &shared.config.model_provider;
    provider.requires_openai_auth
        && !settings::has_own_key(provider)
        && auth.auth_cached().is_none()
}

/// Looks for a login whenever there is none. Requests do so as well, but whoever sends none until this
/// is ready, as Kubernetes does, would wait for ever.
async fn look_for_login(shared: Arc<Shared>, auth: Arc<AuthManager>) {
    while shared
        .stop
        .run_until_cancelled(tokio::time::sleep(LOGIN_INTERVAL))
        .await
        .is_some()
    {
        if needs_login(&shared, &auth) {
            auth.reload().await;
        }
    }
}

/// Forgets a conversation. Says whether there was one.
async fn delete(shared: Arc<Shared>, id: ConversationId) -> Result<bool, TurnError> {
    let live = shared.registry.has(&id);
    let mut known = forget(&shared, &id).await?;
    if let Some(ended) = shared.registry.dismiss(&id) {
        ended.cancelled().await;
        // A reply may just have written it down.
        known |= forget(&shared, &id).await?;
    }
    Ok(live || known)
}

async fn forget(shared: &Shared, id: &ConversationId) -> Result<bool, TurnError> {
    let forgotten = shared.store.forget(id).await;
    forgotten
        .map(|row| row.is_some())
        .map_err(TurnError::internal)
}

/// The error of a request that needs what is kept of a conversation, when that cannot be read.
fn unreadable(error: &StoreError) -> TurnError {
    tracing::error!(%error, "conversations_unreadable");
    TurnError::Unavailable {
        message: "The conversations that are kept cannot be read now. Send the whole history, or \
                  try again later."
            .to_owned(),
    }
}

async fn thread_manager(
    config: &Config,
    auth: Arc<AuthManager>,
    models: Arc<ForwardingModels>,
) -> Result<ThreadManager, EngineError> {
    let installation_id = resolve_installation_id(&config.codex_home)
        .await
        .map_err(|error| EngineError::Home(config.codex_home.to_path_buf(), error))?;
    let mut extensions = ExtensionRegistryBuilder::new();
    extensions.tool_contributor(Arc::new(tools::Contributor));
    Ok(ThreadManager::new(
        config,
        auth,
        models,
        CodexAppsToolsCache::default(),
        // Keeps our threads out of the Codex CLI's own session picker.
        SessionSource::Exec,
        Arc::new(EnvironmentManager::without_environments()),
        Arc::new(extensions.build()),
        Arc::new(NoUserInstructions),
        Some(AnalyticsEventsClient::disabled()),
        Arc::new(Threads::new(thread_store_from_config(config, None))),
        None,
        installation_id,
        None,
        None,
    ))
}

/// The user's AGENTS.md is for an agent on the user's machine, not for a client's request.
struct NoUserInstructions;

impl UserInstructionsProvider for NoUserInstructions {
    fn load_user_instructions(&self) -> LoadUserInstructionsFuture<'_> {
        Box::pin(std::future::ready(LoadedUserInstructions::default()))
    }
}
