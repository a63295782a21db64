//! Many clients at once.

use crate::{
    harness::{
        Client, Homes,
        codex::{Setup, ask, forward},
        process::{Program, command},
        run, run_within,
        talk::{Talk, said},
    },
    upstream::{Gate, Reply, Upstream},
};
use futures_util::{
    StreamExt,
    future::join_all,
    stream::{self},
};
use std::{fs, ops::Range, time::Duration};

const CLIENTS: usize = 20;

/// Chats of the test that counts many.
const CHATS: usize = 1_000;
/// How many of them speak at once.
const AT_ONCE: usize = 8;
/// How many the proxy keeps.
const KEPT: usize = 50;
/// How long all of them may take.
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

/// Begins a chat. Every other one has a name.
async fn begin(client: &Client, number: usize) -> Talk {
    let mut talk = Talk::about(&format!("I am {number}."));
    if number.is_multiple_of(2) {
        talk = talk.with("conversation_id", format!("chat-{number}"));
    }
    assert_eq!(
        said(&talk.send(client).await),
        format!("You said: I am {number}.")
    );
    talk
}

async fn begin_all(client: &Client, numbers: Range<usize>) -> Vec<Talk> {
    let talks = stream::iter(numbers).map(|number| begin(client, number));
    talks.buffered(AT_ONCE).collect().await
}

/// Goes on with every chat, whose beginning only a client or the disk remembers.
async fn go_on(client: &Client, upstream: &Upstream, talks: Vec<Talk>) {
    let before = upstream.requests().len();
    let goings = talks
        .into_iter()
        .enumerate()
        .map(async |(number, mut talk)| {
            let more = format!("Still {number}.");
            talk.say(&more);
            let reply = if number.is_multiple_of(2) {
                talk.send_news(client).await
            } else {
                talk.send(client).await
            };
            assert_eq!(said(&reply), format!("You said: {more}"));
        });
    stream::iter(goings)
        .buffer_unordered(AT_ONCE)
        .collect::<()>()
        .await;
    for request in &upstream.requests()[before..] {
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
fn a_thousand_chats_are_put_away_and_come_back() {
    run_within(PATIENCE, async {
        let upstream = echo().await;
        let mut setup = Setup::new(&upstream);
        setup.config.conversations.max_live = KEPT;
        setup.config.conversations.idle = Duration::from_secs(1);
        let (proxy, engine) = setup.start_with_engine().await;
        let put_away = async |count| {
            let put_away = async {
                while engine.live_threads().await > count {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            };
            tokio::time::timeout(Duration::from_secs(20), put_away)
                .await
                .expect("threads are put away");
        };
        let mut talks = Vec::new();
        for batch in 0..CHATS / 100 {
            talks.extend(begin_all(&proxy, batch * 100..(batch + 1) * 100).await);
            put_away(KEPT).await;
        }
        put_away(0).await;
        go_on(&proxy, &upstream, talks).await;
        put_away(0).await;
        proxy.stop().await;
    });
}

/// What a process may hold when its chats are put away, beside what it held after the first ones, in
/// KiB. A chat at hand holds some hundred.
#[cfg(target_os = "linux")]
const LEFT_BEHIND: u64 = 48 * 1024;

#[cfg(target_os = "linux")]
#[test]
fn a_thousand_chats_leave_little_behind() {
    run_within(PATIENCE, async {
        let upstream = echo().await;
        let (_, homes) = Setup::new(&upstream).write();
        settle_soon(&homes);
        let mut program = Program::start(command(&["serve"], &homes));
        let client = program.client(&homes).await;
        let talks = begin_all(&client, 0..100).await;
        go_on(&client, &upstream, talks).await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        let before = program.memory();

        let talks = begin_all(&client, 0..CHATS).await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        let after = program.memory();
        assert!(
            after < before + LEFT_BEHIND,
            "{before} KiB after the first chats, {after} KiB after all"
        );
        drop(talks);
    });
}

/// Has chats put away after a second, and few kept at all.
#[cfg(target_os = "linux")]
fn settle_soon(homes: &Homes) {
    let settings = format!("[conversations]\nidle_seconds = 1\nmax_live = {KEPT}\n");
    fs::create_dir_all(homes.state()).unwrap();
    fs::write(homes.state().join("config.toml"), settings).unwrap();
}
