//! A client of one connection, which checks each mark of a reply and times its chunks.
//!
//! It runs no task: the connection is driven by whoever waits for a reply, so that a chunk takes
//! no detour before its time is taken, a client that does not read leaves what comes in the
//! kernel's buffers, and one that drops an [`Exchange`] has closed the connection.

mod ask;
mod body;
mod chat;
mod exchange;
mod failure;
mod heard;
mod reply;
mod responses;
mod sse;
mod told;
mod wire;

pub use self::{
    ask::{Api, Ask, Call, Check, Delivery, Message, TOOL, Target},
    exchange::Exchange,
    failure::Failure,
    reply::Reply,
    wire::{Answer, raw},
};

use self::wire::Wire;
use bytes::Bytes;
use std::time::Duration;

/// How long a request that is no [`Ask`] may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// One HTTP/1.1 connection, kept alive from reply to reply, and made anew after one that ended it.
#[derive(Debug)]
pub struct Client {
    target: Target,
    wire: Option<Wire>,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// [`Failure::Io`] where nobody listens.
    pub async fn connect(target: &Target) -> Result<Self, Failure> {
        Ok(Self {
            target: target.clone(),
            wire: Some(Wire::connect(target.address).await?),
        })
    }

    /// Connects with a receive buffer of a few KiB, so that the server soon feels what is not read.
    ///
    /// # Errors
    /// [`Failure::Io`] where nobody listens.
    pub async fn narrow(target: &Target) -> Result<Self, Failure> {
        Ok(Self {
            target: target.clone(),
            wire: Some(Wire::narrow(target.address).await?),
        })
    }

    /// Asks, and reads the reply to its end.
    ///
    /// # Errors
    /// Whatever is not the complete, unmixed reply that was ordered.
    pub async fn ask(&mut self, ask: &Ask) -> Result<Reply, Failure> {
        self.begin(ask).await?.finish().await
    }

    /// Asks, and reads the head of the reply. The rest is read step by step: see [`Exchange`].
    ///
    /// # Errors
    /// [`Failure::Refused`], [`Failure::Timeout`] or [`Failure::Io`].
    pub async fn begin(&mut self, ask: &Ask) -> Result<Exchange<'_>, Failure> {
        Exchange::begin(self, ask).await
    }

    /// GETs a path such as `/metrics`, with the key if there is one. The prefix is not put before it.
    ///
    /// # Errors
    /// [`Failure::Timeout`] after 30 s, or [`Failure::Io`]. No status is an error.
    pub async fn get(&mut self, path: &str) -> Result<Answer, Failure> {
        let request = self.target.get(path)?;
        self.whole(request).await
    }

    /// POSTs any bytes as `application/json` to the path that its [`Ask`]s go to.
    ///
    /// # Errors
    /// The same as for [`Client::get`].
    pub async fn post(&mut self, body: Bytes) -> Result<Answer, Failure> {
        let request = self.target.post(body)?;
        self.whole(request).await
    }
}

#[cfg(test)]
mod tests;
