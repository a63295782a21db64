//! A reply that is being read.

use super::{Ask, Client, Failure, Reply, heard::Heard, told::Refusal, wire::Wire};
use crate::clock;
use hyper::{
    StatusCode,
    body::Incoming,
    header::{HeaderMap, RETRY_AFTER},
};
use std::{pin::Pin, time::Duration};
use tokio::time::{Sleep, sleep};

/// A reply under way. Dropped before its end, it closes the connection: that is a client that leaves.
/// While nobody waits for [`Exchange::step`], nothing is read from the socket: that is one that stalls.
#[derive(Debug)]
pub struct Exchange<'a> {
    client: &'a mut Client,
    /// Given back to the client at the reply's end.
    wire: Option<Wire>,
    body: Incoming,
    heard: Heard,
    deadline: Pin<Box<Sleep>>,
}

impl<'a> Exchange<'a> {
    pub(super) async fn begin(client: &'a mut Client, ask: &Ask) -> Result<Self, Failure> {
        let (api, model) = (client.target.api, &client.target.model);
        let request = client.target.post(ask.body(api, model).into())?;
        let mut deadline = Box::pin(sleep(ask.deadline));
        let opening = async {
            let mut wire = client.wire().await?;
            let mut heard = Heard::new(ask, api, clock::now());
            let (reply, mut body) = wire.send(request).await?.into_parts();
            heard.head(&reply.headers, clock::now());
            if reply.status == StatusCode::OK {
                return Ok((wire, heard, body));
            }
            let body = wire.rest(&mut body).await?;
            client.wire = Some(wire);
            Err(refused(reply.status, &reply.headers, &body))
        };
        let opened = tokio::select! {
            biased;
            opened = opening => opened,
            () = &mut deadline => Err(Failure::Timeout),
        };
        let (wire, heard, body) = opened?;
        Ok(Self {
            client,
            wire: Some(wire),
            body,
            heard,
            deadline,
        })
    }

    /// Reads one frame. Gives how many deltas have come so far, `None` at the reply's end.
    ///
    /// # Errors
    /// As for [`Client::ask`]. Nothing more is to be had after one.
    pub async fn step(&mut self) -> Result<Option<u32>, Failure> {
        let Some(wire) = &mut self.wire else {
            return Ok(None);
        };
        let frame = tokio::select! {
            biased;
            frame = wire.frame(&mut self.body) => frame,
            () = &mut self.deadline => return Err(self.heard.cut_off(Failure::Timeout)),
        };
        let now = clock::now();
        let Ok(frame) = frame else {
            let deltas = self.so_far().deltas;
            return Err(self.heard.cut_off(Failure::Broken { deltas }));
        };
        if let Some(frame) = frame {
            self.heard.frame(&frame, now)?;
            return Ok(Some(self.so_far().deltas));
        }
        self.client.wire = self.wire.take();
        self.heard.end(now)?;
        Ok(None)
    }

    /// What has come so far. Its times are there at the end.
    pub fn so_far(&self) -> &Reply {
        self.heard.so_far()
    }

    /// Reads the rest, and judges the whole.
    ///
    /// # Errors
    /// As for [`Client::ask`].
    pub async fn finish(mut self) -> Result<Reply, Failure> {
        while self.step().await?.is_some() {}
        self.heard.judge()
    }
}

fn refused(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
    let (code, message) = match serde_json::from_slice::<Refusal>(body) {
        Ok(Refusal { error }) => (error.code(), error.message),
        Err(_) => (
            None,
            String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned(),
        ),
    };
    let retry_after = headers
        .get(RETRY_AFTER)
        .and_then(|seconds| seconds.to_str().ok());
    Failure::Refused {
        status: status.as_u16(),
        code,
        message,
        retry_after: retry_after
            .and_then(|seconds| seconds.parse().ok())
            .map(Duration::from_secs),
    }
}
