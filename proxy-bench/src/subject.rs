//! What is measured, and a client that asks it as it is meant to be asked.

use crate::{
    client::{Api, Ask, Client, Delivery, Failure, Reply, Target},
    pattern::Order,
};
use anyhow::{Context, Result, bail, ensure};
use std::{
    net::ToSocketAddrs,
    process,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// After so many turns a live thread is left for a fresh one, since its history goes upstream with
/// each turn and would otherwise become what is measured.
const TURNS: u32 = 8;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// The upstream by Chat Completions: what others are compared to.
    Direct,
    /// The same by Responses.
    DirectResponses,
    /// A relay that copies bytes.
    Relay,
    /// The product, passing Chat Completions on.
    Bridge,
    /// The product, translating Responses to Chat Completions.
    BridgeResponses,
    /// As `Bridge`, without the log channel and the metrics.
    Quiet,
    /// The product's Codex engine, each request on a new thread.
    Codex,
    /// The same, each client on a thread of its own that has answered before.
    CodexLive,
    /// The same: the request that brings the result of a call.
    CodexTools,
    /// Something of others.
    Peer,
}

/// One row of the results.
#[derive(Debug, Clone)]
pub struct Subject {
    /// What it is.
    pub kind: Kind,
    /// What it is called.
    pub name: String,
    /// Where to ask.
    pub target: Target,
}

/// A client of a subject.
#[derive(Debug)]
pub struct Worker {
    client: Client,
    kind: Kind,
    conversation: Option<Conversation>,
}

/// A live thread as its client knows it.
#[derive(Debug)]
struct Conversation {
    name: String,
    turns: u32,
}

impl Kind {
    /// All but the peers, in the order of the table.
    pub const OWN: [Self; 9] = [
        Self::Direct,
        Self::DirectResponses,
        Self::Relay,
        Self::Bridge,
        Self::BridgeResponses,
        Self::Quiet,
        Self::Codex,
        Self::CodexLive,
        Self::CodexTools,
    ];

    /// What it is called on the command line and in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::DirectResponses => "direct-responses",
            Self::Relay => "relay",
            Self::Bridge => "bridge",
            Self::BridgeResponses => "bridge-responses",
            Self::Quiet => "bridge-quiet",
            Self::Codex => "codex",
            Self::CodexLive => "codex-live",
            Self::CodexTools => "codex-tools",
            Self::Peer => "peer",
        }
    }

    /// Whether its streams are timed. The quiet bridge is there for its throughput.
    pub fn streams(self) -> bool {
        self != Self::Quiet
    }

    /// Whether its replies are counted at full speed. A client of live threads or of tools asks
    /// more than one thing per reply, so that their figures would say nothing beside the others.
    pub fn at_full_speed(self) -> bool {
        !matches!(self, Self::CodexLive | Self::CodexTools)
    }
}

impl Subject {
    /// One of [`Kind::OWN`].
    pub fn own(kind: Kind, target: Target) -> Self {
        Self {
            kind,
            name: kind.name().to_owned(),
            target,
        }
    }

    /// Reads `NAME=URL`, with `#model=…` and `#api=chat` or `#api=responses` behind it. Without
    /// them it is asked by Chat Completions for the model `bench`.
    ///
    /// # Errors
    /// Where it has another form, or the URL's host has no address.
    pub fn peer(text: &str) -> Result<Self> {
        let (name, rest) = text.split_once('=').context("a peer is NAME=URL")?;
        let mut parts = rest.split('#');
        let url = parts.next().unwrap_or_default();
        let Some(url) = url.strip_prefix("http://") else {
            bail!("{url:?} does not begin with http://");
        };
        let (authority, path) = url.split_once('/').unwrap_or((url, ""));
        ensure!(!name.is_empty(), "a peer needs a name");
        let host = if authority.contains(':') {
            authority.to_owned()
        } else {
            format!("{authority}:80")
        };
        // Programs that listen on 127.0.0.1 alone are meant by localhost too.
        let mut addresses: Vec<_> = host
            .to_socket_addrs()
            .with_context(|| format!("{authority:?} is no address"))?
            .collect();
        addresses.sort_by_key(|address| !address.is_ipv4());
        let mut target = Target {
            address: *addresses
                .first()
                .with_context(|| format!("{authority:?} has no address"))?,
            prefix: match path.trim_end_matches('/') {
                "" => String::new(),
                path => format!("/{path}"),
            },
            api: Api::Chat,
            model: "bench".to_owned(),
            key: None,
        };
        for part in parts {
            match part.split_once('=') {
                Some(("model", model)) if !model.is_empty() => model.clone_into(&mut target.model),
                Some(("api", "chat")) => target.api = Api::Chat,
                Some(("api", "responses")) => target.api = Api::Responses,
                _ => bail!("#{part}: a peer has #model=… and #api=chat or #api=responses"),
            }
        }
        Ok(Self {
            kind: Kind::Peer,
            name: name.to_owned(),
            target,
        })
    }

    /// What it is compared to.
    pub fn base(&self) -> Kind {
        match self.target.api {
            Api::Chat => Kind::Direct,
            Api::Responses => Kind::DirectResponses,
        }
    }
}

impl Worker {
    /// Connects to a subject.
    ///
    /// # Errors
    /// Where nobody listens.
    pub async fn connect(subject: &Subject) -> Result<Self, Failure> {
        Ok(Self {
            client: Client::connect(&subject.target).await?,
            kind: subject.kind,
            conversation: None,
        })
    }

    /// Does what comes before the next reply and is not a part of it: a live thread's first turn.
    ///
    /// # Errors
    /// As for [`Client::ask`].
    pub async fn prepare(&mut self) -> Result<(), Failure> {
        let fresh = self.conversation.as_ref();
        let spent = fresh.is_none_or(|conversation| conversation.turns >= TURNS);
        if self.kind == Kind::CodexLive && spent {
            let order = short(1);
            let name = format!("bench-{}-{}", process::id(), order.stream);
            self.client.ask(&Ask::new(order).named(&name)).await?;
            self.conversation = Some(Conversation { name, turns: 0 });
        }
        Ok(())
    }

    /// Gets one reply to an order. Its times are those of the one request that is measured.
    ///
    /// # Errors
    /// As for [`Client::ask`].
    pub async fn reply(&mut self, order: Order, delivery: Delivery) -> Result<Reply, Failure> {
        self.prepare().await?;
        let mut ask = Ask {
            delivery,
            ..Ask::new(order)
        };
        if self.kind == Kind::CodexTools {
            ask.order.calls = 1;
            ask = Ask {
                delivery,
                ..Ask::new(ask.order)
            };
            let calls = self.client.ask(&ask).await?.calls;
            ask = ask.with_results(&calls);
        }
        if let Some(conversation) = &mut self.conversation {
            conversation.turns += 1;
            ask = ask.named(&conversation.name);
        }
        let reply = self.client.ask(&ask).await;
        if reply.is_err() {
            // Whatever state it is in, the next reply is not measured in it.
            self.conversation = None;
        }
        reply
    }
}

/// An order with a number that no other has in this process.
pub fn order(deltas: u32, gap: Duration) -> Order {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    Order {
        stream: NEXT.fetch_add(1, Ordering::Relaxed),
        deltas,
        gap,
        calls: 0,
        fault: None,
    }
}

fn short(deltas: u32) -> Order {
    order(deltas, Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_read_with_its_model_and_api() {
        let peer = Subject::peer("litellm=http://127.0.0.1:4000/v1/#model=gpt=x#api=responses");
        let peer = peer.unwrap();
        assert_eq!(peer.name, "litellm");
        assert_eq!(peer.target.address, "127.0.0.1:4000".parse().unwrap());
        assert_eq!(peer.target.prefix, "/v1");
        assert_eq!(peer.target.model, "gpt=x");
        assert_eq!(peer.base(), Kind::DirectResponses);
        let plain = Subject::peer("x=http://127.0.0.1:4000").unwrap();
        assert_eq!(
            (plain.target.prefix.as_str(), plain.base()),
            ("", Kind::Direct)
        );
    }

    #[test]
    fn what_is_no_peer_is_refused() {
        for text in [
            "http://127.0.0.1:1",
            "=http://127.0.0.1:1",
            "x=https://127.0.0.1:1",
            "x=http://127.0.0.1:1#api=grpc",
            "x=http://127.0.0.1:1#model=",
            "x=http://127.0.0.1:port",
        ] {
            assert!(Subject::peer(text).is_err(), "{text}");
        }
    }

    #[test]
    fn no_two_orders_have_one_stream() {
        assert_ne!(short(1).stream, short(1).stream);
    }
}
