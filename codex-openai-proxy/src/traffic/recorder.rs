//! The one task that takes records in: tells the program's own log, adds them up, shows them to
//! whoever watches, and writes them.

mod bodies;
mod running;
mod unwritten;

use super::{
    channel::{Entry, Inbox},
    lines,
    live::{Live, Missed},
    query::LogError,
    record::Timestamp,
    store::{Line, PackedBody, Past, Store},
    watcher::{Joined, Since},
};
use crate::config::LogSettings;
use bodies::{Bodies, Packed};
use running::Running;
use std::{fmt::Display, mem, sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, Interval, MissedTickBehavior, interval, sleep_until},
};
use unwritten::Unwritten;

/// The most entries that are taken in and written in one go.
const BATCH: usize = 512;

/// How long what happens waits for more to be written with it. Nobody is woken for each record, least of
/// all while a request is on its way, and one way to the database serves many.
const BETWEEN_WRITES: Duration = Duration::from_millis(50);

/// How many records are taken in in a second, on average. A flood of requests is not to be slowed down by
/// what is told of it: what does not fit into the channel meanwhile is dropped and counted.
const RECORDS_A_SECOND: u32 = 2_000;

/// How often to look whether anything is too old, or too much.
const BETWEEN_TRIMS: Duration = Duration::from_mins(1);

/// How often to look whether the numbers have changed.
const BETWEEN_STATS: Duration = Duration::from_secs(1);

/// The time from one complaint about the database to the next, at least.
const BETWEEN_COMPLAINTS: Duration = Duration::from_mins(1);

/// What the recorder is asked to do.
#[derive(Debug)]
pub(super) enum Command {
    /// To tell when everything that was published before can be read.
    Settle(Settle, oneshot::Sender<()>),
    /// To forget everything, and to tell how many records that were.
    Clear(oneshot::Sender<Result<u64, LogError>>),
    /// To go by other settings from now on.
    Configure(LogSettings),
    /// To let somebody watch.
    Watch(Since, oneshot::Sender<Joined>),
    /// To end, and to tell when everything is written.
    Close(oneshot::Sender<()>),
}

/// What is to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Settle {
    /// Records alone.
    Records,
    /// Bodies too.
    Bodies,
    /// The bodies of a request too, by our id of it.
    BodiesOf(String),
}

/// The task and what it works with.
#[derive(Debug)]
pub(super) struct Recorder {
    inbox: Inbox,
    commands: mpsc::Receiver<Command>,
    store: Store,
    max_age: Duration,
    /// What was taken out of the inbox, but not looked at yet.
    pending: Vec<Entry>,
    running: Running,
    bodies: Bodies,
    live: Live,
    unwritten: Unwritten,
    /// When the first of these came.
    since: Instant,
    /// When the next are due at the earliest, unless somebody waits for them.
    rested: Instant,
    /// About how much was written since the bounds were last looked after, in bytes.
    room: u64,
    /// How much may stay, in bytes, while the rest is being deleted.
    goal: Option<u64>,
    complained: Option<Instant>,
}

/// What is there to do.
enum Step {
    Command(Option<Command>),
    Taken,
    Write,
    Retry,
    Packed(Packed),
    Frame,
    Stats,
    Bounds,
    Trim,
}

impl Recorder {
    pub(super) fn new(
        inbox: Inbox,
        commands: mpsc::Receiver<Command>,
        store: Store,
        past: &Past,
        settings: &LogSettings,
    ) -> Self {
        inbox.channel.go_on_after(past.last);
        Self {
            live: Live::new(inbox.channel.clone(), past),
            inbox,
            commands,
            store,
            max_age: settings.max_age,
            pending: Vec::with_capacity(BATCH),
            running: Running::default(),
            bodies: Bodies::new(),
            unwritten: Unwritten::default(),
            since: Instant::now(),
            rested: Instant::now(),
            room: 0,
            goal: None,
            complained: None,
        }
    }

    /// Works until it is told to end, or nobody is left who could.
    pub(super) async fn run(mut self) {
        let mut bounds = every(BETWEEN_TRIMS);
        let mut stats = every(BETWEEN_STATS);
        loop {
            match self.next(&mut bounds, &mut stats).await {
                Step::Command(Some(Command::Settle(what, done))) => self.settle(what, done).await,
                Step::Command(Some(Command::Clear(done))) => {
                    // Whoever asked may have left; it is done all the same.
                    let _ = done.send(self.clear().await);
                }
                Step::Command(Some(Command::Configure(settings))) => {
                    self.configure(&settings).await;
                }
                Step::Command(Some(Command::Watch(since, joined))) => {
                    self.watch(since, joined).await;
                }
                Step::Command(Some(Command::Close(done))) => {
                    self.close().await;
                    let _ = done.send(());
                    return;
                }
                Step::Command(None) => return self.close().await,
                // There is time to see whether more comes, or a time to write.
                Step::Taken => {}
                Step::Write => self.take_in().await,
                Step::Retry => self.save_all().await,
                Step::Packed(packed) => self.write_bodies(packed).await,
                Step::Frame => self.live.send(),
                Step::Stats => self.live.on_second(),
                Step::Bounds => self.look_after_bounds().await,
                Step::Trim => self.trim().await,
            }
        }
    }

    /// Waits for something to do.
    async fn next(&mut self, bounds: &mut Interval, stats: &mut Interval) -> Step {
        let write = self.rested.max(self.since + BETWEEN_WRITES);
        let frame = self.live.due();
        let retry = self.unwritten.retry();
        tokio::select! {
            command = self.commands.recv() => Step::Command(command),
            _ = self.inbox.next(&mut self.pending, BATCH), if self.pending.is_empty() => {
                self.since = Instant::now();
                Step::Taken
            }
            () = sleep_until(write), if !self.pending.is_empty() => Step::Write,
            () = sleep_until(retry.unwrap_or(write)), if retry.is_some() => Step::Retry,
            packed = self.bodies.packed() => Step::Packed(packed),
            () = sleep_until(frame.unwrap_or(write)), if frame.is_some() => Step::Frame,
            _ = stats.tick(), if self.live.viewers() > 0 => Step::Stats,
            _ = bounds.tick() => Step::Bounds,
            () = async {}, if self.goal.is_some() => Step::Trim,
        }
    }

    /// Takes everything in that was published until now.
    async fn catch_up(&mut self) {
        self.take_in().await;
        self.unwritten.hurry();
        self.save_all().await;
    }

    /// The same, but for what could not be written before.
    async fn take_in(&mut self) {
        let mut waiting = self.inbox.waiting();
        let number = u32::try_from(self.pending.len() + waiting).unwrap_or(u32::MAX);
        self.rested = Instant::now() + Duration::from_secs(1) / RECORDS_A_SECOND * number;
        loop {
            let room = BATCH.saturating_sub(self.pending.len()).min(waiting);
            if room > 0 {
                waiting -= self.inbox.next(&mut self.pending, room).await.min(waiting);
            }
            self.write().await;
            if waiting == 0 {
                return;
            }
        }
    }

    /// Adds up what was taken in, shows it and writes it.
    async fn write(&mut self) {
        let mut lines = Vec::with_capacity(self.pending.len());
        let mut bodies = 0;
        for entry in mem::take(&mut self.pending) {
            match entry {
                Entry::Record(mut record) => {
                    record.clean();
                    match Line::new(Arc::from(record)) {
                        Ok(line) => lines.push(line),
                        Err(error) => self.fail(1, &error),
                    }
                }
                Entry::Body(body) => bodies += usize::from(!self.bodies.push(body)),
            }
        }
        self.inbox.channel.count_dropped(bodies);
        if lines.is_empty() {
            return;
        }
        // Publishers number their records before they hand them over.
        lines.sort_by_key(|line| line.record.seq);
        for line in &lines {
            lines::tell(&line.record, &line.json);
            if let Err(error) = self.running.on_record(&line.record, &self.store).await {
                self.fail(0, &error);
            }
        }
        self.live.on_lines(&lines);
        let live = &mut self.live;
        self.running.show(|id, json| live.on_request(id, json));
        self.live.send_if_due();
        self.unwritten.lines.append(&mut lines);
        self.save().await;
    }

    /// Writes what has happened, unless that has just failed. What cannot be written is tried again
    /// later.
    async fn save(&mut self) {
        let changed: Vec<_> = self.running.changed().collect();
        let lines = &self.unwritten.lines;
        if (lines.is_empty() && changed.is_empty()) || !self.unwritten.may_try() {
            return;
        }
        match self.store.write(lines, &changed).await {
            Ok(room) => {
                self.unwritten.wrote_lines();
                self.running.written();
                self.wrote_bytes(room).await;
            }
            Err(error) => {
                let given_up = self.unwritten.lines_failed();
                if self.running.is_full() {
                    self.running.written();
                }
                self.fail(given_up, &error);
            }
        }
    }

    async fn write_bodies(&mut self, packed: Packed) {
        self.inbox.channel.count_dropped(packed.lost);
        self.unwritten.bodies = packed.bodies;
        self.save_bodies().await;
    }

    /// Writes the bodies that are ready, unless writing has just failed. There are no others until
    /// that has gone well, or they are given up.
    async fn save_bodies(&mut self) {
        if self.unwritten.bodies.is_empty() {
            return self.bodies.written();
        }
        if !self.unwritten.may_try() {
            return;
        }
        let bodies = &self.unwritten.bodies;
        let room = bodies.iter().map(PackedBody::room).sum();
        match self.store.write_bodies(bodies, self.live.last()).await {
            Ok(()) => {
                self.unwritten.wrote_bodies();
                self.bodies.written();
                self.wrote_bytes(room).await;
            }
            Err(error) => {
                let given_up = self.unwritten.bodies_failed();
                if given_up > 0 {
                    self.bodies.written();
                }
                self.fail(given_up, &error);
            }
        }
    }

    /// Writes what could not be written before.
    async fn save_all(&mut self) {
        self.save().await;
        if !self.unwritten.bodies.is_empty() {
            self.save_bodies().await;
        }
    }

    async fn settle(&mut self, what: Settle, done: oneshot::Sender<()>) {
        self.catch_up().await;
        match what {
            // Whoever asked may have left.
            Settle::Records => drop(done.send(())),
            Settle::Bodies => self.bodies.tell_when_written(None, done),
            Settle::BodiesOf(request) => self.bodies.tell_when_written(Some(request), done),
        }
    }

    async fn clear(&mut self) -> Result<u64, LogError> {
        self.catch_up().await;
        self.bodies.forget();
        let deleted = self.store.clear().await?;
        // What could not be written is forgotten with the rest.
        self.unwritten.wrote_lines();
        self.running.written();
        if !self.unwritten.bodies.is_empty() {
            self.unwritten.wrote_bodies();
            self.bodies.written();
        }
        self.live.on_cleared();
        Ok(deleted)
    }

    /// What is too old or too much by the new settings goes at once.
    async fn configure(&mut self, settings: &LogSettings) {
        self.max_age = settings.max_age;
        self.store.set_bound(settings.max_bytes);
        self.look_after_bounds().await;
    }

    async fn watch(&mut self, since: Since, joined: oneshot::Sender<Joined>) {
        self.catch_up().await;
        let mut missed = match since {
            Since::Now => Missed::Nothing,
            Since::Behind(after) => self.live.missed(after),
            Since::Lagged => Missed::TooMuch,
        };
        let mut requests = Vec::new();
        if let Missed::Behind(after) = missed {
            match self.store.changed(after).await {
                Ok(changed) => requests = changed,
                Err(error) => {
                    self.fail(0, &error);
                    missed = Missed::TooMuch;
                }
            }
        }
        let (hello, frames) = self.live.join(&missed, &requests);
        // A viewer that has left is one no more.
        let _ = joined.send(Joined { hello, frames });
    }

    async fn close(&mut self) {
        self.commands.close();
        self.catch_up().await;
        self.give_up_bodies();
        self.bodies.hurry();
        while self.bodies.has_more() {
            let packed = self.bodies.packed().await;
            self.unwritten.hurry();
            self.write_bodies(packed).await;
            self.give_up_bodies();
        }
        self.live.count_unsaved(self.unwritten.lines.len());
        self.store.close().await;
    }

    /// Gives up the bodies that could not be written: there is no later.
    fn give_up_bodies(&mut self) {
        if !self.unwritten.bodies.is_empty() {
            let number = self.unwritten.give_up_bodies();
            self.live.count_unsaved(number);
            self.bodies.written();
        }
    }

    async fn wrote_bytes(&mut self, room: u64) {
        self.room += room;
        if self.room > self.store.slack() && self.goal.is_none() {
            self.look_after_bounds().await;
        }
    }

    /// Begins to delete what is too old or too much.
    async fn look_after_bounds(&mut self) {
        self.room = 0;
        match self.store.goal().await {
            Ok(goal) => self.goal = Some(goal),
            Err(error) => self.fail(0, &error),
        }
    }

    /// Deletes some of what is too old or too much.
    async fn trim(&mut self) {
        let Some(goal) = self.goal else {
            return;
        };
        let now = Timestamp::now();
        let age = u64::try_from(self.max_age.as_micros()).unwrap_or(u64::MAX);
        let expired = Timestamp(now.0.saturating_sub(age));
        match self.store.trim(expired, now, goal).await {
            Ok(true) => {}
            Ok(false) => self.goal = None,
            Err(error) => {
                self.goal = None;
                self.fail(0, &error);
            }
        }
    }

    /// Counts what could not be written, and complains now and then. Not in the log itself: that
    /// would go on for ever.
    fn fail(&mut self, unsaved: usize, error: &impl Display) {
        self.live.count_unsaved(unsaved);
        let now = Instant::now();
        if self
            .complained
            .is_none_or(|last| now - last > BETWEEN_COMPLAINTS)
        {
            self.complained = Some(now);
            tracing::warn!(%error, "the log cannot be written");
        }
    }
}

fn every(period: Duration) -> Interval {
    let mut interval = interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}
