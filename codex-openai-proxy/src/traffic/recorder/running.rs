//! The requests that records are being added up for.

use crate::traffic::{
    query::LogError,
    record::{Event, Record},
    store::Store,
    summary::Summary,
};
use std::{collections::HashMap, sync::Arc};

/// Requests at most that are kept in memory from one batch to the next. The others are read from the
/// database again when something happens to them.
const MOST: usize = 4096;

/// The requests that something has happened to, and those that have not ended.
#[derive(Debug, Default)]
pub(super) struct Running {
    requests: HashMap<Arc<str>, Request>,
    /// Those that have changed since they were written, in the order in which they began to.
    changed: Vec<Arc<str>>,
    /// Those that have changed since they were shown, in the order in which they began to.
    fresh: Vec<Arc<str>>,
}

#[derive(Debug)]
struct Request {
    summary: Summary,
    /// Itself as JSON, as it was shown last.
    json: Arc<str>,
    changed: bool,
    fresh: bool,
}

impl Running {
    /// Takes in what happened to a request.
    ///
    /// # Errors
    ///
    /// When the database does not tell what has happened to it before.
    pub(super) async fn on_record(
        &mut self,
        record: &Record,
        store: &Store,
    ) -> Result<(), LogError> {
        let Some(id) = &record.request else {
            return Ok(());
        };
        if let Some(request) = self.requests.get_mut(id) {
            request.summary.on_record(record);
        } else {
            let Some(summary) = summary(id, record, store).await? else {
                return Ok(());
            };
            let request = Request {
                summary,
                json: Arc::default(),
                changed: false,
                fresh: false,
            };
            self.requests.insert(Arc::clone(id), request);
        }
        if let Some(request) = self.requests.get_mut(id) {
            if !request.changed {
                request.changed = true;
                self.changed.push(Arc::clone(id));
            }
            if !request.fresh {
                request.fresh = true;
                self.fresh.push(Arc::clone(id));
            }
        }
        Ok(())
    }

    /// Shows those that have changed since the last time, each as JSON.
    pub(super) fn show(&mut self, mut show: impl FnMut(&str, &Arc<str>)) {
        for id in self.fresh.drain(..) {
            if let Some(request) = self.requests.get_mut(&id) {
                request.fresh = false;
                if let Ok(json) = serde_json::to_string(&request.summary) {
                    request.json = json.into();
                    show(&id, &request.json);
                }
            }
        }
    }

    /// Those that were shown and have changed since the last [`Running::written`], each with its JSON.
    pub(super) fn changed(&self) -> impl Iterator<Item = (&Summary, &Arc<str>)> {
        let requests = self.changed.iter().filter_map(|id| self.requests.get(id));
        requests.map(|request| (&request.summary, &request.json))
    }

    /// Whether more have changed than are to be held back.
    pub(super) fn is_full(&self) -> bool {
        self.changed.len() > MOST
    }

    /// They are written now, or given up: those that have ended can go.
    pub(super) fn written(&mut self) {
        for id in self.changed.drain(..) {
            if let Some(request) = self.requests.get_mut(&id) {
                request.changed = false;
                if request.summary.has_ended() {
                    self.requests.remove(&id);
                }
            }
        }
        if self.requests.len() > MOST {
            self.put_away();
        }
    }

    /// Keeps those that something happened to last, with room for some more.
    fn put_away(&mut self) {
        let updated = self
            .requests
            .values()
            .map(|request| request.summary.updated);
        let mut updated: Vec<u64> = updated.collect();
        let place = updated.len() - MOST * 3 / 4;
        let (_, first, _) = updated.select_nth_unstable(place);
        let first = *first;
        self.requests
            .retain(|_, request| request.summary.updated >= first);
    }
}

/// What is known of a request that is not in memory, this record included. None of one that is not
/// known and that this record does not introduce: it was deleted.
async fn summary(id: &str, record: &Record, store: &Store) -> Result<Option<Summary>, LogError> {
    if matches!(record.event, Event::IncomingRequest(_)) {
        return Ok(Summary::of(record));
    }
    match store.summary(id).await? {
        Some(mut summary) => {
            summary.on_record(record);
            Ok(Some(summary))
        }
        // Its beginning may have been dropped, but how it ended is worth a row.
        None if record.event.is_end() => Ok(Summary::of(record)),
        None => Ok(None),
    }
}
