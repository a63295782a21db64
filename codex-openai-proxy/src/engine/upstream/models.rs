//! The lists of models that providers give of themselves.

use super::{Provider, Upstreams, breaker::Outcome, vitals::Vitals};
use bytes::BytesMut;
use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared, join_all},
};
use reqwest::{Client, StatusCode, Url};
use serde::{Deserialize, de::IgnoredAny};
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

/// The most models that are taken from a list.
const MOST: usize = 10_000;

/// The longest name that is taken, in bytes.
const LONGEST_ID: usize = 512;

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
    /// Hears how the provider answers.
    vitals: Arc<Vitals>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// As of the last time that the provider told.
    listed: Arc<Listed>,
    /// When to ask again; `None` before the first answer.
    until: Option<Instant>,
    /// The question that is under way.
    running: Option<Question>,
}

/// Ends when a question has its answer.
type Question = Shared<BoxFuture<'static, ()>>;

/// The names of a list.
#[derive(Default)]
struct Listed {
    /// In the provider's order, each once.
    ids: Vec<Arc<str>>,
    known: HashSet<Arc<str>>,
}

/// Why there is no list.
struct Unlisted {
    why: String,
    /// Whether calls for replies may go well all the same: some list nothing.
    is_alive: bool,
}

/// A question that is under way. When it ends, and be it by a panic, its answer counts.
struct Asking {
    list: Arc<ModelList>,
    answer: Option<Listed>,
}

impl Upstreams {
    /// The names of every provider's models, each once: those that it lists for itself and those of its
    /// settings, as `PROVIDER/MODEL`, and without the provider where that leads to it too; and the
    /// aliases of its settings. Providers are asked side by side, and at most every five minutes; only
    /// the first time, it is waited for. Those that may not be asked are left out.
    pub async fn models(&self, may_be_asked: impl Fn(&Provider) -> bool) -> Vec<ListedModel> {
        let asked: Vec<_> = self.iter().filter(|it| may_be_asked(it)).collect();
        let lists = join_all(asked.iter().map(|provider| provider.list.get())).await;
        let mut seen = HashSet::new();
        let mut models = Vec::new();
        for (provider, listed) in asked.into_iter().zip(&lists) {
            let mut add = |id: String| {
                if seen.insert(id.clone()) {
                    models.push(ListedModel {
                        id,
                        owned_by: provider.name().to_owned(),
                    });
                }
            };
            let listed = listed.ids.iter().map(AsRef::as_ref);
            let plain = provider.names.plain.iter().map(String::as_str);
            for id in listed.chain(plain) {
                add(format!("{}/{id}", provider.name()));
                if self.leads_to(provider, id) {
                    add(id.to_owned());
                }
            }
            provider.names.aliases.keys().cloned().for_each(add);
        }
        models
    }
}

impl ModelList {
    pub(super) fn new(client: Client, url: Url, vitals: Arc<Vitals>) -> Self {
        Self {
            client,
            url,
            vitals,
            state: Mutex::default(),
        }
    }

    /// Whether the provider listed this model when it told last. Asks nobody.
    pub(super) fn has(&self, id: &str) -> bool {
        self.state().listed.known.contains(id)
    }

    /// The models' names. A list that is too old is given all the same, while another is asked for.
    async fn get(self: &Arc<Self>) -> Arc<Listed> {
        let first = {
            let mut state = self.state();
            if state.until.is_some_and(|until| Instant::now() < until) {
                return Arc::clone(&state.listed);
            }
            let question = state.running.get_or_insert_with(|| self.ask()).clone();
            if state.until.is_some() {
                return Arc::clone(&state.listed);
            }
            question
        };
        first.await;
        Arc::clone(&self.state().listed)
    }

    /// Asks the provider. A task of its own does: it ends even if those who wanted to know have left.
    fn ask(self: &Arc<Self>) -> Question {
        let list = Arc::clone(self);
        let asked = tokio::spawn(async move {
            let mut asking = Asking {
                list: Arc::clone(&list),
                answer: None,
            };
            let late = |_| Err(Unlisted::dead("it takes too long"));
            let answer = tokio::time::timeout(PATIENCE, list.fetch()).await;
            match answer.unwrap_or_else(late) {
                Ok(listed) => {
                    list.vitals.listed(true, None);
                    asking.answer = Some(listed);
                }
                Err(unlisted) => list.complain(unlisted),
            }
        });
        asked.map(|_| ()).boxed().shared()
    }

    /// Lets so much time go by.
    #[cfg(test)]
    pub(super) fn age(&self, by: Duration) {
        let mut state = self.state();
        state.until = state.until.and_then(|until| until.checked_sub(by));
    }

    fn complain(&self, unlisted: Unlisted) {
        let Unlisted { why, is_alive } = unlisted;
        let host = self.url.host_str().unwrap_or_default();
        tracing::debug!(host, why, "a provider does not list its models");
        self.vitals.listed(is_alive, Some(why));
    }

    async fn fetch(&self) -> Result<Listed, Unlisted> {
        let broken = |_| Unlisted::dead("the connection failed");
        let request = self.client.get(self.url.clone());
        let mut response = request.send().await.map_err(broken)?;
        if !response.status().is_success() {
            return Err(Unlisted::refused(response.status()));
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            body.extend_from_slice(&chunk);
            if body.len() > LONGEST {
                return Err(Unlisted::alive("the list is too long"));
            }
        }
        match serde_json::from_slice(&body) {
            Ok(Answer::Envelope { data }) => Ok(Listed::of(data.unwrap_or_default())),
            Ok(Answer::Bare(data)) => Ok(Listed::of(data)),
            Err(_) => Err(Unlisted::alive("it answers with something else")),
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

impl Unlisted {
    fn dead(why: &str) -> Self {
        let why = why.to_owned();
        let is_alive = false;
        Self { why, is_alive }
    }

    fn alive(why: &str) -> Self {
        let why = why.to_owned();
        let is_alive = true;
        Self { why, is_alive }
    }

    fn refused(status: StatusCode) -> Self {
        let takes_key = !matches!(status.as_u16(), 401 | 403);
        Self {
            why: format!("it answered {}", status.as_u16()),
            is_alive: takes_key && Outcome::of(status) != Outcome::Failed,
        }
    }
}

impl Listed {
    fn of(entries: Vec<Entry>) -> Self {
        let mut listed = Self::default();
        let ids = entries.into_iter().filter_map(|entry| match entry {
            Entry::Model { id } => Some(id),
            Entry::Other(_) => None,
        });
        for id in ids.filter(|id| !id.is_empty() && id.len() <= LONGEST_ID) {
            let id: Arc<str> = id.into();
            if listed.ids.len() < MOST && listed.known.insert(Arc::clone(&id)) {
                listed.ids.push(id);
            }
        }
        listed
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        let mut state = self.list.state();
        state.running = None;
        let rest = match self.answer.take() {
            Some(listed) => {
                state.listed = Arc::new(listed);
                FRESH
            }
            None => AFTER_FAILURE,
        };
        state.until = Some(Instant::now() + rest);
    }
}

/// `GET /models`: OpenAI's list object, in which some who have no model write `null` (Ollama); or its
/// contents alone (Together).
#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Envelope {
        // Must be there, and be it as null.
        #[serde(deserialize_with = "Option::deserialize")]
        data: Option<Vec<Entry>>,
    },
    Bare(Vec<Entry>),
}

/// An entry of a list. One that cannot be read does not spoil the others.
#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Model { id: String },
    Other(IgnoredAny),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_question_that_panics_is_over_and_asked_again_later() {
        let url = "http://127.0.0.1:9/models".parse().unwrap();
        let list = Arc::new(ModelList::new(Client::new(), url, Arc::default()));
        list.state().running = Some(futures_util::future::pending().boxed().shared());
        let asking = Asking {
            list: Arc::clone(&list),
            answer: None,
        };
        let asked = tokio::spawn(async move {
            let _asking = asking;
            panic!("while it asks");
        });
        assert!(asked.await.is_err());
        assert!(list.get().await.ids.is_empty());
        assert!(list.state().running.is_none());
        let later = list.state().until.unwrap() - Instant::now();
        assert!(later <= AFTER_FAILURE && later > AFTER_FAILURE / 2);
    }
}
