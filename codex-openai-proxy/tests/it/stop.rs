//! Replies that somebody cuts short: the client by leaving, or the process by stopping.

use crate::{
    harness::{
        codex::{Setup, ask, forward, shrunk_to},
        run,
    },
    upstream::{Gate, Outcome, Reply, Upstream},
};
use reqwest::Method;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

/// How soon the upstream has to hear of it.
const SOON: Duration = Duration::from_secs(1);

/// A reply that goes on for longer than any test.
fn endless() -> Reply {
    endless_after(Reply::stream())
}

fn endless_after(reply: Reply) -> Reply {
    (0..2_000).fold(reply.begin_message(), |reply, _| {
        reply.delta("and so on ").pause(Duration::from_millis(20))
    })
}

#[test]
fn a_client_that_leaves_ends_the_turn() {
    run(async {
        let upstream = Upstream::start().await;
        // If core took the end for a break it would call again.
        let proxy = Setup::new(&upstream).retries(3).start().await;
        upstream.reply(endless());
        let mut stream = proxy.stream(&ask("Tell me.")).await;
        stream.next_text().await;
        let left = Instant::now();
        drop(stream);
        assert_eq!(upstream.outcome(0).await, Outcome::Dropped);
        assert!(left.elapsed() < SOON, "{:?}", left.elapsed());
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(upstream.requests().len(), 1);
        proxy.stop().await;
    });
}

#[test]
fn a_client_that_leaves_before_the_first_event_ends_the_turn_too() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        for (number, stream) in [true, false].into_iter().enumerate() {
            let gate = Gate::default();
            upstream.reply(endless_after(Reply::stream().wait(&gate)));
            let mut body = ask("Tell me.");
            body["stream"] = stream.into();
            let request = proxy
                .request(Method::POST, "/v1/chat/completions")
                .json(&body);
            let waiting = tokio::spawn(request.send());
            upstream.received(number + 1).await;
            let left = Instant::now();
            waiting.abort();
            // core looks at its end of the connection when something comes in.
            tokio::time::sleep(Duration::from_millis(300)).await;
            gate.open();
            assert_eq!(upstream.outcome(number).await, Outcome::Dropped);
            assert!(left.elapsed() < SOON, "{:?}", left.elapsed());
        }
        proxy.stop().await;
    });
}

#[test]
fn running_replies_finish_before_the_proxy_stops() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        let gate = Gate::default();
        upstream.reply(
            Reply::stream()
                .begin_message()
                .delta("Hel")
                .wait(&gate)
                .delta("lo")
                .end_message()
                .completed(),
        );
        let mut stream = proxy.stream(&ask("Hi")).await;
        assert_eq!(stream.next_text().await, "Hel");
        proxy.begin_stop();
        let address = proxy.address();
        let refused = async {
            while TcpStream::connect(address).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(SOON, refused)
            .await
            .expect("new connections are refused");
        gate.open();
        let said = stream.said().await;
        said.ended_with("stop");
        assert_eq!(said.text, "lo");
        proxy.stop().await;
    });
}

#[test]
fn a_reply_that_takes_too_long_is_cut_and_not_called_complete() {
    run(async {
        let upstream = Upstream::start().await;
        let mut setup = Setup::new(&upstream);
        setup.config.limits.drain = Duration::from_millis(200);
        let proxy = setup.start().await;
        upstream.reply(endless());
        let mut stream = proxy.stream(&ask("Hi")).await;
        stream.next_text().await;
        let asked = Instant::now();
        let (said, ()) = futures_util::future::join(stream.said(), proxy.stop()).await;
        assert!(
            asked.elapsed() < Duration::from_secs(5),
            "{:?}",
            asked.elapsed()
        );
        said.failed();
        assert_eq!(upstream.outcome(0).await, Outcome::Dropped);
    });
}

#[test]
fn a_thread_whose_reply_was_cut_short_does_not_live_on() {
    run(async {
        let upstream = Upstream::start().await;
        let (proxy, engine) = Setup::new(&upstream).start_with_engine().await;
        // Silent after its first words, so that only the client's leaving can end the turn.
        upstream.otherwise(|_| {
            let never = Gate::default();
            Reply::stream().begin_message().delta("Once").wait(&never)
        });
        let mut streams = Vec::new();
        for _ in 0..5 {
            let mut stream = proxy.stream(&ask("Tell me.")).await;
            stream.next_text().await;
            streams.push(stream);
        }
        assert_eq!(engine.live_threads().await, 5);
        drop(streams);
        upstream.otherwise(|_| Reply::error(500, "server_error", "oops", "Oops."));
        proxy.chat(&ask("Hi")).await;
        shrunk_to(&engine, 0, SOON).await;
        upstream.otherwise(|_| Reply::text(&["Hello"]));
        proxy.chat(&ask("Hi")).await.ok();
        assert_eq!(engine.live_threads().await, 1, "this one may go on");
        proxy.stop().await;
    });
}
