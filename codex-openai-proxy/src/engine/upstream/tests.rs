//! Providers before a loopback server: calls, retries, turns and lists of models.

mod calls;
mod failures;
mod lists;
mod reconfigured;
pub(crate) mod server;
mod streams;

use super::{Call, Expects, Handling, Provider, Reply, Upstreams};
use crate::{
    config::{KeptBodies, UpstreamSettings},
    traffic::{self, Entry, Event, Inbox, RequestLog},
    turn::TurnError,
};
use bytes::Bytes;
use futures_util::FutureExt;
use http::HeaderMap;
use server::Server;
use std::{sync::Arc, time::Duration};

/// Long enough for whatever has to happen, short enough for a test that fails.
const SOON: Duration = Duration::from_secs(10);

/// The settings of a provider named `near` at `server`.
fn settings(server: &Server) -> UpstreamSettings {
    UpstreamSettings::new("near", server.url("v1"))
}

fn upstreams(settings: &[UpstreamSettings]) -> Upstreams {
    Upstreams::new(settings).unwrap()
}

fn provider(settings: UpstreamSettings) -> Arc<Provider> {
    Arc::clone(upstreams(&[settings]).iter().next().unwrap())
}

/// A log, and what it hears.
fn log() -> (RequestLog, Inbox) {
    let (channel, inbox) = traffic::channel(KeptBodies::Off);
    (channel.request("r1".into()), inbox)
}

/// What the log has heard so far.
async fn heard(inbox: &mut Inbox) -> Vec<Event> {
    let mut entries = Vec::new();
    let _ = inbox.next(&mut entries, 100).now_or_never();
    entries
        .into_iter()
        .map(|entry| match entry {
            Entry::Record(record) => record.event,
            Entry::Body(_) => panic!("a body"),
        })
        .collect()
}

/// The words of the warnings among `events`.
fn warnings(events: &[Event]) -> Vec<&'static str> {
    events
        .iter()
        .filter_map(|event| match event {
            Event::Warning { what, .. } => Some(*what),
            _ => None,
        })
        .collect()
}

/// The numbers of the attempts among `events`.
fn attempts(events: &[Event]) -> Vec<u32> {
    events
        .iter()
        .filter_map(|event| match event {
            Event::UpstreamForward { attempt, .. } => Some(*attempt),
            _ => None,
        })
        .collect()
}

async fn call(provider: &Provider) -> Result<Reply, TurnError> {
    call_with(provider, &RequestLog::silent()).await
}

async fn call_with(provider: &Provider, log: &RequestLog) -> Result<Reply, TurnError> {
    let call = Call {
        model: "llama3",
        body: Bytes::from_static(b"{\"model\":\"llama3\"}"),
        expects: Expects::Whole,
        handling: Handling::Relayed,
        headers: HeaderMap::new(),
    };
    let reply = provider.call(call, log);
    tokio::time::timeout(SOON, reply).await.expect("an answer")
}

async fn text_of(reply: Reply) -> String {
    let body = reply.body.whole(1024).await.unwrap();
    String::from_utf8(body.to_vec()).unwrap()
}
