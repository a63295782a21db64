//! The lists of models that providers give of themselves.

use super::Upstreams;
use bytes::BytesMut;
use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared, join_all},
};
use reqwest::{Client, Url};
use serde::Deserialize;
use std::{
    collections::HashSet,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// How long a provider may take to list its models.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a list is good for.
pub(super) const FRESH: Duration = Duration::from_mins(5);

/// How long a provider that gave none is not asked again. What it said before is used meanwhile.
pub(super) const AFTER_FAILURE: Duration = Duration::from_mins(1);

/// The longest list that is read, in bytes. That of `OpenRouter` takes half a megabyte.
const LONGEST: usize = 8 * 1024 * 1024;

/// A name that a client may ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedModel {
    /// The name.
    pub id: String,
    /// The name of the provider whose model it is.
    pub owned_by: String,
}

/// What one provider says that it has, kept for a while.
pub(super) struct ModelList {
    client: Client,
    url: Url,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// As of the last time that the provider told.
    ids: Arc<[String]>,
    /// When to ask again.
    until: Option<Instant>,
    /// The question that is under way. All who want to know wait for the one.
    running: Option<Shared<BoxFuture<'static, Arc<[String]>>>>,
}

impl Upstreams {
    /// The names of every provider's models, each once: those that it lists for itself and those of its
    /// settings, as `PROVIDER/MODEL`, and without the provider where that leads to it too; and the
    /// aliases of its settings. Providers are asked side by side, and at most every five minutes.
    pub async fn models(&self) -> Vec<ListedModel> {
        let lists = join_all(self.iter().map(|provider| provider.list.get())).await;
        let mut seen = HashSet::new();
        let mut models = Vec::new();
        for (provider, listed) in self.iter().zip(&lists) {
            let mut add = |id: String| {
                if seen.insert(id.clone()) {
                    models.push(ListedModel {
                        id,
                        owned_by: provider.name().to_owned(),
                    });
                }
            };
            for id in listed.iter().chain(&provider.names.plain) {
                add(format!("{}/{id}", provider.name()));
                if self.leads_to(provider, id) {
                    add(id.clone());
                }
            }
            provider.names.aliases.keys().cloned().for_each(add);
        }
        models
    }
}

impl ModelList {
    pub(super) fn new(client: Client, url: Url) -> Self {
        Self {
            client,
            url,
            state: Mutex::default(),
        }
    }

    /// The models' names, as fresh as they need to be.
    async fn get(self: &Arc<Self>) -> Arc<[String]> {
        let running = {
            let mut state = self.state();
            if state.until.is_some_and(|until| Instant::now() < until) {
                return Arc::clone(&state.ids);
            }
            let list = Arc::clone(self);
            let ask = || {
                // A task of its own: it ends even if those who asked have left.
                let asked = tokio::spawn(async move { list.ask().await });
                asked.map(Result::unwrap_or_default).boxed().shared()
            };
            state.running.get_or_insert_with(ask).clone()
        };
        running.await
    }

    async fn ask(&self) -> Arc<[String]> {
        let answer = tokio::time::timeout(PATIENCE, self.fetch()).await;
        let mut state = self.state();
        state.running = None;
        let fresh = match answer {
            Ok(Ok(ids)) => {
                state.ids = ids.into();
                FRESH
            }
            Ok(Err(why)) => self.complain(why),
            Err(_) => self.complain("it takes too long"),
        };
        state.until = Some(Instant::now() + fresh);
        Arc::clone(&state.ids)
    }

    /// Lets so much time go by.
    #[cfg(test)]
    pub(super) fn age(&self, by: Duration) {
        let mut state = self.state();
        state.until = state.until.and_then(|until| until.checked_sub(by));
    }

    fn complain(&self, why: &str) -> Duration {
        let host = self.url.host_str().unwrap_or_default();
        tracing::debug!(host, why, "a provider does not list its models");
        AFTER_FAILURE
    }

    async fn fetch(&self) -> Result<Vec<String>, &'static str> {
        let broken = "the connection failed";
        let request = self.client.get(self.url.clone());
        let mut response = request.send().await.map_err(|_| broken)?;
        if !response.status().is_success() {
            return Err("it answers with an error");
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|_| broken)? {
            body.extend_from_slice(&chunk);
            if body.len() > LONGEST {
                return Err("the list is too long");
            }
        }
        match serde_json::from_slice(&body) {
            Ok(Answer::Envelope { data } | Answer::Bare(data)) => {
                Ok(data.into_iter().map(|model| model.id).collect())
            }
            Err(_) => Err("it answers with something else"),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change of the state is one assignment: a panic elsewhere leaves it whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for ModelList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelList").finish_non_exhaustive()
    }
}

/// `GET /models`: OpenAI's list object, or its contents alone (Together).
#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Envelope { data: Vec<Model> },
    Bare(Vec<Model>),
}

#[derive(Deserialize)]
struct Model {
    id: String,
}
