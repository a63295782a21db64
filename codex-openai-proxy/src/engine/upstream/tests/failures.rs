//! Calls that fail: what is repeated, what is handed on, and when a provider is left alone.

use super::{
    super::breaker::Outcome,
    SOON, attempts, call, call_with, heard, log, provider,
    server::{Answer, Broken, Server},
    settings, text_of, upstreams, warnings,
};
use crate::{
    config::{Secret, UpstreamSettings},
    turn::TurnError,
};
use futures_util::{StreamExt, future::join_all};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// Busy, broken, well.
fn script(number: usize) -> Answer {
    match number {
        0 => Answer::new(429, r#"{"error":{"message":"slow down","code":"rate"}}"#)
            .header("retry-after", "0.15")
            .header("x-ratelimit-remaining-requests", "0")
            .header("set-cookie", "a=b"),
        1 => Answer::new(500, "broken").header("retry-after-ms", "100"),
        _ => Answer::json("{\"ok\":true}"),
    }
}

#[tokio::test]
async fn failures_are_absorbed_as_the_provider_asks_for_it() {
    let server = Server::new(script).await;
    let (log, mut inbox) = log();
    let begun = Instant::now();
    let reply = call_with(&provider(settings(&server)), &log).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(250));
    assert_eq!(text_of(reply).await, "{\"ok\":true}");
    let events = heard(&mut inbox).await;
    assert_eq!(attempts(&events), [1, 2, 3]);
    assert_eq!(warnings(&events), ["upstream_retried"; 2]);
}

#[tokio::test]
async fn without_retries_failures_are_handed_on_as_they_are() {
    let server = Server::new(script).await;
    let provider = provider(UpstreamSettings {
        retries: 0,
        ..settings(&server)
    });
    let Err(TurnError::Provider(busy)) = call(&provider).await else {
        panic!("no refusal");
    };
    assert_eq!((busy.provider.as_str(), busy.status), ("near", 429));
    assert_eq!(busy.message, "slow down");
    assert_eq!(
        busy.body,
        r#"{"error":{"message":"slow down","code":"rate"}}"#
    );
    let mut headers = busy.headers;
    headers.sort();
    let expected = [
        ("retry-after", "0.15"),
        ("x-ratelimit-remaining-requests", "0"),
    ];
    assert_eq!(
        headers,
        expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );

    let Err(TurnError::Provider(broken)) = call(&provider).await else {
        panic!("no refusal");
    };
    assert_eq!((broken.status, broken.message.as_str()), (500, "broken"));
    assert!(call(&provider).await.is_ok());
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn what_would_fail_again_is_not_repeated() {
    let answers = [
        (400, r#"{"error":{"message":"no such field"}}"#, None),
        (
            429,
            r#"{"error":{"message":"pay","code":"insufficient_quota"}}"#,
            None,
        ),
        (503, "come back tomorrow", Some("86400")),
    ];
    for (status, body, retry_after) in answers {
        let server = Server::new(move |_| {
            let answer = Answer::new(status, body);
            match retry_after {
                Some(seconds) => answer.header("retry-after", seconds),
                None => answer,
            }
        });
        let server = server.await;
        let error = call(&provider(settings(&server))).await.unwrap_err();
        assert!(matches!(error, TurnError::Provider(error) if error.status == status));
        assert_eq!(server.seen().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_provider_that_is_not_there_is_tried_again_and_named_without_its_secrets() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = gone.local_addr().unwrap().port();
    drop(gone);
    let mut settings = UpstreamSettings::new(
        "near",
        format!("http://127.0.0.1:{port}/v1").parse().unwrap(),
    );
    settings.retries = 1;
    settings.query = [("key".to_owned(), Secret::new("s3cret"))].into();
    let (log, mut inbox) = log();
    let error = call_with(&provider(settings), &log).await.unwrap_err();
    assert!(matches!(error, TurnError::Upstream { .. }), "{error:?}");
    let message = error.to_string();
    assert!(message.contains("'near'"), "{message}");
    assert!(message.contains(&format!("127.0.0.1:{port}")), "{message}");
    assert!(!message.contains("s3cret"), "{message}");
    let events = heard(&mut inbox).await;
    assert_eq!(attempts(&events), [1, 2]);
    assert!(!format!("{events:?}").contains("s3cret"));
}

#[tokio::test]
async fn a_connection_that_closes_before_the_reply_is_another_try() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let closing = tokio::spawn(async move {
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().await.unwrap();
            // Read, so that the request has been sent when the connection ends.
            let mut some = [0; 16];
            assert_ne!(stream.read(&mut some).await.unwrap(), 0);
        }
    });
    let settings = UpstreamSettings {
        retries: 1,
        ..UpstreamSettings::new("near", url.parse().unwrap())
    };
    let error = call(&provider(settings)).await.unwrap_err();
    assert!(matches!(error, TurnError::Upstream { .. }), "{error:?}");
    tokio::time::timeout(SOON, closing).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_provider_that_thinks_too_long_is_not_asked_to_begin_anew() {
    let server = Server::new(|_| Answer::json("{}").after(SOON)).await;
    let provider = provider(UpstreamSettings {
        timeout: Duration::from_secs(1),
        ..settings(&server)
    });
    let error = call(&provider).await.unwrap_err();
    assert!(matches!(error, TurnError::Timeout { .. }), "{error:?}");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_provider_that_keeps_failing_is_left_alone() {
    let server = Server::new(|_| Answer::new(502, "<html>")).await;
    let provider = provider(UpstreamSettings {
        retries: 0,
        ..settings(&server)
    });
    let (log, mut inbox) = log();
    for _ in 0..5 {
        let error = call_with(&provider, &log).await.unwrap_err();
        assert!(matches!(error, TurnError::Provider(_)), "{error:?}");
    }
    let error = call_with(&provider, &log).await.unwrap_err();
    let TurnError::ProviderUnavailable {
        provider,
        retry_after,
    } = error
    else {
        panic!("{error:?}");
    };
    assert_eq!(provider, "near");
    assert!(
        (25..=30).contains(&retry_after.as_secs()),
        "{retry_after:?}"
    );
    assert_eq!(server.seen().len(), 5);
    let events = heard(&mut inbox).await;
    assert_eq!(warnings(&events), ["provider_down"]);
    assert_eq!(attempts(&events), [1; 5]);
}

#[tokio::test]
async fn a_short_failure_is_absorbed_however_many_call() {
    const CALLS: usize = 20;
    let server = Server::new(|number| {
        if number < CALLS {
            Answer::new(503, "restarting").header("retry-after-ms", "100")
        } else {
            Answer::json("{}")
        }
    });
    let server = server.await;
    let provider = provider(settings(&server));
    let (log, mut inbox) = log();
    let calls = (0..CALLS).map(|_| call_with(&provider, &log));
    for answer in join_all(calls).await {
        assert_eq!(answer.unwrap().status, 200);
    }
    let warnings = warnings(&heard(&mut inbox).await);
    assert_eq!(warnings, ["upstream_retried"; CALLS]);
}

#[tokio::test]
async fn calls_that_are_under_way_are_repeated_when_the_provider_is_left_alone() {
    let server = Server::new(|number| match number {
        0 => Answer::new(429, "wait").header("retry-after-ms", "500"),
        _ => Answer::new(503, ""),
    });
    let server = server.await;
    let upstreams = upstreams(&[UpstreamSettings {
        retries: 1,
        ..settings(&server)
    }]);
    let provider = upstreams.iter().next().unwrap();
    let waiting = tokio::spawn({
        let provider = Arc::clone(provider);
        async move { call(&provider).await }
    });
    while server.seen().is_empty() {
        tokio::task::yield_now().await;
    }
    for _ in 0..5 {
        let mut permit = provider.breaker.admit(Instant::now()).unwrap();
        permit.report(Outcome::Failed, Instant::now());
    }
    assert!(matches!(
        call(provider).await,
        Err(TurnError::ProviderUnavailable { .. })
    ));
    let error = waiting.await.unwrap().unwrap_err();
    assert!(matches!(error, TurnError::Provider(error) if error.status == 503));
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn what_fails_at_one_request_is_no_failure_of_the_provider() {
    let server = Server::new(|number| match number {
        0..10 => Answer::new(500, "this model cannot do that"),
        10..13 => Answer::json("{}").after(SOON),
        _ => Answer::json("{}"),
    });
    let server = server.await;
    let provider = provider(UpstreamSettings {
        retries: 0,
        timeout: Duration::from_millis(100),
        ..settings(&server)
    });
    let (log, mut inbox) = log();
    for number in 0..13 {
        let error = call_with(&provider, &log).await.unwrap_err();
        let is_timeout = matches!(error, TurnError::Timeout { .. });
        assert_eq!(is_timeout, number >= 10, "{error:?}");
    }
    call_with(&provider, &log).await.unwrap();
    assert!(warnings(&heard(&mut inbox).await).is_empty());
}

/// A server that answers as many requests on each of its connections as `answered` says, reads one more
/// and closes the connection.
async fn forgetful(answered: &'static [usize]) -> UpstreamSettings {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    tokio::spawn(async move {
        for &answered in answered {
            let (mut stream, _) = listener.accept().await.unwrap();
            for number in 0..=answered {
                // It is short: all of it comes at once.
                let mut request = [0; 4096];
                if stream.read(&mut request).await.unwrap() == 0 {
                    break;
                }
                if number < answered {
                    let reply = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
                    stream.write_all(reply.as_bytes()).await.unwrap();
                }
            }
        }
    });
    UpstreamSettings {
        retries: 0,
        ..UpstreamSettings::new("near", url.parse().unwrap())
    }
}

#[tokio::test]
async fn a_kept_connection_that_is_closed_when_it_is_used_again_is_no_failure() {
    let provider = provider(forgetful(&[2, 1, 0, 0]).await);
    let (log, mut inbox) = log();
    for _ in 0..3 {
        text_of(call_with(&provider, &log).await.unwrap()).await;
    }
    let events = heard(&mut inbox).await;
    assert_eq!(warnings(&events), ["upstream_retried"]);
    assert_eq!(attempts(&events), [1; 3]);
    // Once, and not for ever.
    let error = call_with(&provider, &log).await.unwrap_err();
    assert!(error.to_string().contains("closed the connection"));
}

#[tokio::test]
async fn a_new_connection_that_is_closed_is_a_failure() {
    let provider = provider(forgetful(&[0, 1]).await);
    let (log, mut inbox) = log();
    assert!(call_with(&provider, &log).await.is_err());
    assert!(warnings(&heard(&mut inbox).await).is_empty());
}

#[tokio::test]
async fn head_and_first_bytes_of_a_reply_have_one_time_together() {
    let part = Duration::from_millis(600);
    let server = Server::new(move |_| {
        let (chunks, answer) = Answer::stream();
        tokio::spawn(async move { chunks.closed().await });
        answer.after(part)
    });
    let server = server.await;
    let timeout = Duration::from_secs(1);
    let provider = provider(UpstreamSettings {
        timeout,
        ..settings(&server)
    });
    let begun = Instant::now();
    let mut body = call(&provider).await.unwrap().body;
    let error = body.next().await.unwrap().unwrap_err();
    assert!(matches!(error, TurnError::Timeout { .. }), "{error:?}");
    assert!(error.to_string().contains("1 seconds"), "{error}");
    let elapsed = begun.elapsed();
    assert!((timeout..timeout + part).contains(&elapsed), "{elapsed:?}");
}

#[tokio::test]
async fn a_reply_that_breaks_off_is_an_error_and_then_nothing() {
    let server = Server::new(|_| {
        let (chunks, answer) = Answer::stream();
        tokio::spawn(async move {
            chunks.send(Ok("data: 1\n\n".into())).await.unwrap();
            chunks.send(Err(Broken)).await.unwrap();
        });
        answer
    });
    let server = server.await;
    let mut body = call(&provider(settings(&server))).await.unwrap().body;
    assert_eq!(body.next().await.unwrap().unwrap(), "data: 1\n\n");
    let error = body.next().await.unwrap().unwrap_err();
    assert!(matches!(error, TurnError::Upstream { .. }), "{error:?}");
    assert!(error.to_string().contains("'near'"), "{error}");
    assert!(body.next().await.is_none());
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_silence_of_the_provider_ends_a_reply_and_one_of_the_reader_does_not() {
    let server = Server::new(|_| {
        let (chunks, answer) = Answer::stream();
        tokio::spawn(async move {
            for _ in 0..3 {
                chunks.send(Ok("data: 1\n\n".into())).await.unwrap();
            }
            chunks.closed().await;
        });
        answer
    });
    let server = server.await;
    let idle_timeout = Duration::from_millis(400);
    let provider = provider(UpstreamSettings {
        idle_timeout,
        ..settings(&server)
    });
    let mut body = call(&provider).await.unwrap().body;
    let mut read = 0;
    while read < 3 * "data: 1\n\n".len() {
        read += body.next().await.unwrap().unwrap().len();
        tokio::time::sleep(2 * idle_timeout).await;
    }
    let silence = Instant::now();
    let error = body.next().await.unwrap().unwrap_err();
    assert!(silence.elapsed() >= idle_timeout);
    assert!(matches!(error, TurnError::Timeout { .. }), "{error:?}");
    assert!(body.next().await.is_none());
}
