//! One worker: does what the day brings, and holds each reply to what was ordered.

use super::day::{self, Work};
use crate::{
    client::{Api, Ask, Client, Failure, Message, Reply, Target},
    pattern::Order,
    proxy::{Engine, Proxy},
};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

/// How long a piece of work may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often a worker that is not needed looks whether it is.
const PAUSE: Duration = Duration::from_millis(100);
/// How long a connection is used again after its last use.
const KEPT: Duration = Duration::from_secs(20);
/// Turns of a conversation with a name, and of a chat without one, before the next begins.
const TURNS: u64 = 40;
const CHAT: usize = 12;

/// What all workers share.
#[derive(Debug)]
pub struct Office {
    /// Of the plan.
    pub seed: u64,
    /// How many workers there are.
    pub workers: u64,
    /// When the day began, and how long it is.
    pub begin: Instant,
    /// See `begin`.
    pub day: Duration,
    targets: HashMap<(Engine, Api), Target>,
    done: AtomicU64,
    failures: Mutex<Vec<String>>,
}

/// One worker.
#[derive(Debug)]
pub struct Worker {
    number: u64,
    step: u64,
    orders: u64,
    office: Arc<Office>,
    connections: HashMap<(Engine, Api), (Client, Instant)>,
    turns: u64,
    chat: Vec<Vec<Message>>,
}

impl Office {
    /// An office in front of a proxy, whose day begins now.
    pub fn new(proxy: &Proxy, seed: u64, workers: u64, day: Duration) -> Self {
        let engines = [Engine::Bridge, Engine::Codex];
        let ways = engines.map(|engine| [Api::Chat, Api::Responses].map(|api| (engine, api)));
        let target = |way: (Engine, Api)| (way, proxy.target(way.0, way.1));
        Self {
            seed,
            workers,
            begin: Instant::now(),
            day,
            targets: ways.into_iter().flatten().map(target).collect(),
            done: AtomicU64::new(0),
            failures: Mutex::default(),
        }
    }

    /// How much work was done.
    pub fn done(&self) -> u64 {
        self.done.load(Relaxed)
    }

    /// What went wrong so far.
    pub fn failures(&self) -> Vec<String> {
        let failures = self.failures.lock();
        failures.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn is_over(&self) -> bool {
        self.begin.elapsed() >= self.day
    }
}

impl Worker {
    /// One that has done nothing yet.
    pub fn new(number: u64, office: Arc<Office>) -> Self {
        Self {
            number,
            step: 0,
            orders: 0,
            office,
            connections: HashMap::new(),
            turns: 0,
            chat: Vec::new(),
        }
    }

    /// Works until the day is over.
    pub async fn work(mut self) {
        let workers = i32::try_from(self.office.workers).unwrap_or(i32::MAX);
        let place = i32::try_from(self.number).unwrap_or(i32::MAX);
        while !self.office.is_over() {
            let share = day::share(self.office.begin.elapsed(), self.office.day);
            if f64::from(place) >= share * f64::from(workers) {
                self.connections.clear();
                sleep(PAUSE).await;
                continue;
            }
            let (work, deltas, rest) = day::work(self.office.seed, self.number, self.step);
            sleep(rest).await;
            self.orders = 0;
            match self.perform(work, deltas).await {
                Ok(()) => {
                    self.office.done.fetch_add(1, Relaxed);
                }
                Err(failure) => self.failed(work, &failure),
            }
            self.step += 1;
        }
    }

    fn failed(&mut self, work: Work, failure: &Failure) {
        let Self { number, step, .. } = self;
        let at = self.office.begin.elapsed().as_secs_f64();
        let failure = format!("{at:.1} s, worker {number}, step {step}, {work:?}: {failure}");
        let failures = self.office.failures.lock();
        failures
            .unwrap_or_else(PoisonError::into_inner)
            .push(failure);
        self.connections.clear();
        self.chat.clear();
        // The next conversation.
        self.turns = self.turns.next_multiple_of(TURNS);
    }

    async fn perform(&mut self, work: Work, deltas: u32) -> Result<(), Failure> {
        match work {
            Work::Question(engine, api, delivery) => {
                let ask = Ask {
                    delivery,
                    ..self.order(deltas, 0)
                };
                self.ask(engine, api, &ask).await?;
            }
            Work::Turn(api) => {
                let name = format!("soak-{}-{}", self.number, self.turns / TURNS);
                let ask = self.order(deltas, 0).named(name);
                self.ask(Engine::Codex, api, &ask).await?;
                self.turns += 1;
            }
            Work::Chat(api) => {
                if self.chat.len() >= CHAT {
                    self.chat.clear();
                }
                let order = self.order(deltas, 0);
                let mut turn = order.messages.clone();
                let ask = order.after(self.chat.iter().flatten().cloned());
                let reply = self.ask(Engine::Codex, api, &ask).await?;
                turn.extend(reply.messages());
                self.chat.push(turn);
            }
            Work::Tools(api, calls) => {
                let ask = self.order(deltas, calls);
                let reply = self.ask(Engine::Codex, api, &ask).await?;
                let ask = ask.with_results(&reply.calls);
                self.ask(Engine::Codex, api, &ask).await?;
            }
            Work::Models => self.get("/v1/models").await?,
            Work::Log(page) => self.get(page.path()).await?,
            Work::Watch(time) => self.watch(time).await?,
        }
        Ok(())
    }

    async fn ask(&mut self, engine: Engine, api: Api, ask: &Ask) -> Result<Reply, Failure> {
        let way = (engine, api);
        let kept = self.connections.remove(&way);
        let kept = kept.filter(|(_, used)| used.elapsed() < KEPT);
        let mut client = match kept {
            Some((client, _)) => client,
            None => Client::connect(&self.office.targets[&way]).await?,
        };
        let reply = client.ask(ask).await?;
        self.connections.insert(way, (client, Instant::now()));
        Ok(reply)
    }

    async fn get(&self, path: &str) -> Result<(), Failure> {
        let mut client = Client::connect(self.target()).await?;
        let answer = client.get(path).await?;
        if answer.status == 200 {
            return Ok(());
        }
        Err(Failure::Garbled(format!(
            "{path} is answered with {}",
            answer.status
        )))
    }

    /// Reads the log's event stream, and leaves.
    async fn watch(&self, time: Duration) -> Result<(), Failure> {
        let address = self.target().address;
        let mut stream = TcpStream::connect(address).await?;
        let head = format!(
            "POST /logs/api/stream HTTP/1.1\r\nhost: {address}\r\ncontent-length: 0\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await?;
        let mut buffer = vec![0; 1 << 14];
        let count = timeout(PATIENCE, stream.read(&mut buffer)).await;
        let count = count.map_err(|_| Failure::Timeout)??;
        if !buffer[..count].starts_with(b"HTTP/1.1 200 ") {
            return Err(Failure::Garbled("the log cannot be watched".to_owned()));
        }
        let end = Instant::now() + time;
        while let Ok(read) = tokio::time::timeout_at(end, stream.read(&mut buffer)).await {
            if read? == 0 {
                return Err(Failure::Garbled("the log's stream has ended".to_owned()));
            }
        }
        Ok(())
    }

    fn target(&self) -> &Target {
        &self.office.targets[&(Engine::Codex, Api::Chat)]
    }

    /// An order whose number tells where it came from.
    fn order(&mut self, deltas: u32, calls: u32) -> Ask {
        let stream = (self.number + 1) * 100_000_000 + self.step * 10 + self.orders;
        self.orders += 1;
        let order = Order {
            stream,
            deltas,
            gap: Duration::from_millis(5),
            calls,
            fault: None,
        };
        Ask {
            deadline: PATIENCE,
            ..Ask::new(order)
        }
    }
}
