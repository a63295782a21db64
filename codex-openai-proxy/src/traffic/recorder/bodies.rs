//! Bodies on their way into the database: redacted and compressed beside everything else, one
//! handful at a time.

use crate::traffic::{
    channel::Body,
    store::{PackedBody, pack},
};
use std::{collections::VecDeque, future, mem, sync::Arc, time::Duration};
use tokio::{
    sync::oneshot,
    task::{JoinHandle, spawn_blocking},
    time::{Instant, sleep_until},
};

/// The most bodies that wait. Their bytes are bounded by the channel, for as long as they are here.
const WAITING: usize = 8192;

/// The most bodies that are packed at once,
const HANDFUL: usize = 64;

/// and about the most bytes of them.
const HANDFUL_BYTES: usize = 1024 * 1024;

/// How many are packed in a second, on average. A flood of requests is not to be slowed down by what is kept
/// of it: what waits for too long is dropped and counted.
const A_SECOND: u32 = 1_000;

/// The same in bytes.
const BYTES_A_SECOND: u32 = 8 * 1024 * 1024;

/// Bodies that wait, are being packed or are being written.
#[derive(Debug)]
pub(super) struct Bodies {
    waiting: VecDeque<(Ticket, Body)>,
    packing: Option<Packing>,
    /// Those that were packed and are not written yet.
    writing: Vec<Ticket>,
    /// How many came so far.
    came: u64,
    waiters: Vec<Waiter>,
    /// When the next may be packed, unless somebody waits for them.
    rested: Instant,
    /// Whether there is no time for that any more.
    hurries: bool,
}

/// Which body.
#[derive(Debug, Clone)]
struct Ticket {
    /// As the how-manyth it came.
    number: u64,
    /// Whose it is.
    request: Arc<str>,
}

/// Some that are being packed.
#[derive(Debug)]
struct Packing {
    tickets: Vec<Ticket>,
    /// Whether nobody wants them any more.
    unwanted: bool,
    job: JoinHandle<Vec<PackedBody>>,
}

/// Somebody who waits until bodies are written.
#[derive(Debug)]
struct Waiter {
    /// All that came up to this one,
    until: u64,
    /// of this request, or of all.
    request: Option<String>,
    done: oneshot::Sender<()>,
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
    /// None yet.
    pub(super) fn new() -> Self {
        Self {
            waiting: VecDeque::new(),
            packing: None,
            writing: Vec::new(),
            came: 0,
            waiters: Vec::new(),
            rested: Instant::now(),
            hurries: false,
        }
    }

    /// Takes a body in, if there is room for it.
    pub(super) fn push(&mut self, body: Body) -> bool {
        let fits = self.waiting.len() < WAITING;
        if fits {
            self.came += 1;
            let ticket = Ticket {
                number: self.came,
                request: Arc::clone(&body.request),
            };
            self.waiting.push_back((ticket, body));
        }
        fits
    }

    /// The next that are packed. Waits for ever where there are none. Once they are written or given
    /// up, [`Bodies::written`] is due; there are no others before.
    pub(super) async fn packed(&mut self) -> Packed {
        if self.may_pack() {
            if self.waiters.is_empty() && !self.hurries {
                sleep_until(self.rested).await;
            }
            self.pack();
        }
        let Some(packing) = &mut self.packing else {
            return future::pending().await;
        };
        let packed = (&mut packing.job).await;
        let unwanted = packing.unwanted;
        self.writing.append(&mut packing.tickets);
        self.packing = None;
        let number = self.writing.len();
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

    /// Goes on: what was packed is written or given up.
    pub(super) fn written(&mut self) {
        self.writing.clear();
        self.tell();
    }

    /// From now on there is no rest between them.
    pub(super) fn hurry(&mut self) {
        self.hurries = true;
    }

    /// Tells `done` when all that are here now are written, or all of one request. Those of that
    /// request go first then.
    pub(super) fn tell_when_written(&mut self, request: Option<String>, done: oneshot::Sender<()>) {
        if let Some(id) = request.as_deref() {
            let of_others = |(ticket, _): &(Ticket, Body)| &*ticket.request != id;
            self.waiting.make_contiguous().sort_by_key(of_others);
        }
        self.waiters.push(Waiter {
            until: self.came,
            request,
            done,
        });
        self.tell();
    }

    /// Whether there is more to pack, or to wait for.
    pub(super) fn has_more(&self) -> bool {
        self.packing.is_some() || !self.waiting.is_empty()
    }

    /// Gives up all that are here.
    pub(super) fn forget(&mut self) {
        self.waiting.clear();
        if let Some(packing) = &mut self.packing {
            packing.unwanted = true;
        }
        self.tell();
    }

    /// Tells those whose bodies are written.
    fn tell(&mut self) {
        for waiter in mem::take(&mut self.waiters) {
            if self.has(&waiter) {
                self.waiters.push(waiter);
            } else {
                // Whoever waited may have left.
                let _ = waiter.done.send(());
            }
        }
    }

    /// Whether anything is here that `waiter` waits for.
    fn has(&self, waiter: &Waiter) -> bool {
        let waiting = self.waiting.iter().map(|(ticket, _)| ticket);
        let packing = self.packing.iter().flat_map(|packing| &packing.tickets);
        waiting
            .chain(packing)
            .chain(&self.writing)
            .any(|ticket| waiter.waits_for(ticket))
    }

    /// Whether there are any to begin with.
    fn may_pack(&self) -> bool {
        self.packing.is_none() && self.writing.is_empty() && !self.waiting.is_empty()
    }

    /// Begins with the next.
    fn pack(&mut self) {
        let mut tickets = Vec::new();
        let mut handful = Vec::new();
        let mut bytes = 0;
        while handful.len() < HANDFUL && bytes < HANDFUL_BYTES {
            let Some((ticket, body)) = self.waiting.pop_front() else {
                break;
            };
            bytes += body.bytes.len();
            tickets.push(ticket);
            handful.push(body);
        }
        let number = u32::try_from(handful.len()).unwrap_or(u32::MAX);
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let second = Duration::from_secs(1);
        let rest = (second / A_SECOND * number).max(second / BYTES_A_SECOND * bytes);
        self.rested = Instant::now() + rest;
        self.packing = Some(Packing {
            tickets,
            unwanted: false,
            job: spawn_blocking(move || pack(handful)),
        });
    }
}

impl Waiter {
    fn waits_for(&self, ticket: &Ticket) -> bool {
        let request = self.request.as_deref();
        ticket.number <= self.until && request.is_none_or(|request| request == &*ticket.request)
    }
}
