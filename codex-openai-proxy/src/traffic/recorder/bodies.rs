//! Bodies on their way into the database: redacted and compressed beside everything else, one
//! handful at a time.

use crate::{
    config::KeptBodies,
    traffic::{
        channel::Body,
        store::{PackedBody, pack},
    },
};
use std::{collections::VecDeque, future, mem};
use tokio::{
    sync::oneshot,
    task::{JoinHandle, spawn_blocking},
};

/// The most bodies that wait. Their bytes are bounded by the channel, for as long as they are here.
const WAITING: usize = 8192;

/// The most bodies that are packed at once,
const HANDFUL: usize = 64;

/// and about the most bytes of them.
const HANDFUL_BYTES: usize = 1024 * 1024;

/// Bodies that wait or are being packed.
#[derive(Debug)]
pub(super) struct Bodies {
    how: KeptBodies,
    waiting: VecDeque<Body>,
    packing: Option<Packing>,
    /// How many came so far.
    came: u64,
    /// How many of them were packed or given up.
    done: u64,
    /// Who waits until how many are done.
    waiters: Vec<(u64, oneshot::Sender<()>)>,
}

/// Some that are being packed.
#[derive(Debug)]
struct Packing {
    number: usize,
    /// Whether nobody wants them any more.
    unwanted: bool,
    job: JoinHandle<Vec<PackedBody>>,
}

/// Some that were packed.
#[derive(Debug, Default)]
pub(super) struct Packed {
    /// What is to be written of them.
    pub(super) bodies: Vec<PackedBody>,
    /// How many could not be packed.
    pub(super) lost: usize,
}

impl Bodies {
    pub(super) fn new(how: KeptBodies) -> Self {
        Self {
            how,
            waiting: VecDeque::new(),
            packing: None,
            came: 0,
            done: 0,
            waiters: Vec::new(),
        }
    }

    /// Takes a body in, if there is room for it.
    pub(super) fn push(&mut self, body: Body) -> bool {
        let fits = self.waiting.len() < WAITING;
        if fits {
            self.came += 1;
            self.waiting.push_back(body);
            self.pack();
        }
        fits
    }

    /// The next that are packed. Waits for ever where there are none. Once they are written,
    /// [`Bodies::written`] is due.
    pub(super) async fn packed(&mut self) -> Packed {
        let Some(packing) = &mut self.packing else {
            return future::pending().await;
        };
        let packed = (&mut packing.job).await;
        let (number, unwanted) = (packing.number, packing.unwanted);
        self.packing = None;
        self.done += number as u64;
        match packed {
            _ if unwanted => Packed::default(),
            Ok(bodies) => Packed {
                lost: number - bodies.len(),
                bodies,
            },
            Err(_) => Packed {
                bodies: Vec::new(),
                lost: number,
            },
        }
    }

    /// Goes on: what was packed is written.
    pub(super) fn written(&mut self) {
        self.pack();
        let done = self.done;
        let waiters = mem::take(&mut self.waiters);
        for (until, waiter) in waiters {
            if until > done {
                self.waiters.push((until, waiter));
            } else {
                // Whoever waited may have left.
                let _ = waiter.send(());
            }
        }
    }

    /// Tells `waiter` when all that are here now are written.
    pub(super) fn tell_when_written(&mut self, waiter: oneshot::Sender<()>) {
        self.waiters.push((self.came, waiter));
        if self.is_idle() {
            self.written();
        }
    }

    /// Whether all that came are written or given up.
    pub(super) fn is_idle(&self) -> bool {
        self.packing.is_none() && self.waiting.is_empty()
    }

    /// Gives up all that are here.
    pub(super) fn forget(&mut self) {
        self.done += self.waiting.len() as u64;
        self.waiting.clear();
        if let Some(packing) = &mut self.packing {
            packing.unwanted = true;
        }
    }

    /// Begins with the next, unless some are being packed.
    fn pack(&mut self) {
        if self.packing.is_some() || self.waiting.is_empty() {
            return;
        }
        let mut handful = Vec::new();
        let mut bytes = 0;
        while handful.len() < HANDFUL && bytes < HANDFUL_BYTES {
            let Some(body) = self.waiting.pop_front() else {
                break;
            };
            bytes += body.bytes.len();
            handful.push(body);
        }
        let how = self.how;
        self.packing = Some(Packing {
            number: handful.len(),
            unwanted: false,
            job: spawn_blocking(move || {
                let packed = handful.into_iter().map(|body| pack(body, how));
                packed.filter_map(Result::ok).collect()
            }),
        });
    }
}
