//! Many clients at once.

#[cfg(target_os = "linux")]
mod memory;

use crate::{
    harness::{
        Client,
        codex::{Setup, ask, forward, shrunk_to},
        run, run_within,
        talk::{Talk, said},
    },
    upstream::{Gate, Reply, Upstream},
};
use futures_util::{StreamExt, future::join_all, stream};
use std::{ops::Range, time::Duration};

const CLIENTS: usize = 20;

/// Chats that speak at once, where there are more.
const AT_ONCE: usize = 8;
/// Chats that the proxy keeps at hand.
const KEPT: usize = 50;
/// How long tests with so many may take.
const PATIENCE: Duration = Duration::from_mins(5);

#[test]
fn twenty_requests_at_once_each_get_their_own_text() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        let gate = Gate::default();
        let held = gate.clone();
        upstream.otherwise(move |seen| {
            let mark = seen.last_text();
            Reply::stream()
                .begin_message()
                .delta("You are ")
                .wait(&held)
                .delta(mark)
                .end_message()
                .completed()
        });
        // Every other client wants its reply in one piece.
        let texts = join_all((0..CLIENTS).map(async |number| {
            let body = ask(&format!("client {number}"));
            if number.is_multiple_of(2) {
                let said = proxy.stream(&body).await.said().await;
                said.ended_with("stop");
                said.text
            } else {
                let body = proxy.chat(&body).await.ok();
                let text = &body["choices"][0]["message"]["content"];
                text.as_str().unwrap().to_owned()
            }
        }));
        let all_running = async {
            upstream.received(CLIENTS).await;
            gate.open();
        };
        let (texts, ()) = futures_util::future::join(texts, all_running).await;
        for (number, text) in texts.iter().enumerate() {
            assert_eq!(*text, format!("You are client {number}"));
        }
        let requests = upstream.requests();
        assert_eq!(requests.len(), CLIENTS);
        let mut keys: Vec<String> = requests
            .iter()
            .map(|seen| seen.body["prompt_cache_key"].to_string())
            .collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), CLIENTS, "each request has a thread of its own");
        proxy.stop().await;
    });
}

/// An upstream that says again what it was told.
async fn echo() -> Upstream {
    let upstream = Upstream::start().await;
    upstream.otherwise(|seen| {
        let echo = format!("You said: {}", seen.last_text());
        Reply::stream()
            .thought("sealed")
            .message(&[&echo])
            .completed()
    });
    upstream
}

/// A chat and its number. Every other one has a name.
struct Chat {
    number: usize,
    talk: Talk,
}

impl Chat {
    async fn begin(client: &Client, number: usize) -> Self {
        let mut talk = Talk::about(&format!("I am {number}."));
        if number.is_multiple_of(2) {
            talk = talk.with("conversation_id", format!("chat-{number}"));
        }
        let reply = talk.send(client).await;
        assert_eq!(said(&reply), format!("You said: I am {number}."));
        Self { number, talk }
    }

    /// Goes on: with the new message alone where the chat has a name.
    async fn go_on(mut self, client: &Client) {
        let more = format!("Still {}.", self.number);
        self.talk.say(&more);
        let reply = if self.number.is_multiple_of(2) {
            self.talk.send_news(client).await
        } else {
            self.talk.send(client).await
        };
        assert_eq!(said(&reply), format!("You said: {more}"));
    }
}

async fn begin_all(client: &Client, numbers: Range<usize>) -> Vec<Chat> {
    let chats = stream::iter(numbers).map(|number| Chat::begin(client, number));
    chats.buffered(AT_ONCE).collect().await
}

/// Goes on with every chat, and looks at what the upstream was sent for it.
async fn go_on_with_all(client: &Client, upstream: &Upstream, chats: Vec<Chat>) {
    let before = upstream.requests().len();
    let count = chats.len();
    let goings = stream::iter(chats).map(|chat| chat.go_on(client));
    goings.buffer_unordered(AT_ONCE).collect::<()>().await;
    let requests = upstream.requests();
    assert_eq!(requests.len(), before + count);
    for request in &requests[before..] {
        let lines = request.spoken_lines();
        let number = lines.last().unwrap().trim_start_matches("user: Still ");
        assert_eq!(
            lines,
            [
                format!("user: I am {number}"),
                format!("assistant: You said: I am {number}"),
                format!("user: Still {number}"),
            ]
        );
    }
}

#[test]
fn chats_are_put_away_and_come_back() {
    run_within(PATIENCE, async {
        let upstream = echo().await;
        let mut setup = Setup::new(&upstream);
        setup.config.conversations.max_live = KEPT;
        setup.config.conversations.idle = Duration::from_secs(1);
        let (proxy, engine) = setup.start_with_engine().await;
        let client = Client::new(proxy.address()).without_keeping_replies();
        let live = async |most| {
            shrunk_to(&engine, most, Duration::from_secs(20)).await;
        };
        let mut chats = Vec::new();
        for batch in 0..3 {
            chats.extend(begin_all(&client, batch * 60..(batch + 1) * 60).await);
            live(KEPT).await;
        }
        live(0).await;
        go_on_with_all(&client, &upstream, chats).await;
        live(0).await;
        proxy.stop().await;
    });
}
