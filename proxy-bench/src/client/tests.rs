//! The client against peers that follow a script.

mod script;

use self::script::*;
use super::*;
use crate::pattern::Mark;
use std::sync::atomic::Ordering;
use tokio::time::{sleep, timeout};

const SOON: Duration = Duration::from_secs(5);

/// What a client makes of a stream.
async fn outcome(api: Api, stream: &str, deltas: u32) -> Result<Reply, Failure> {
    let peer = Peer::start(frames(stream, 4096), Then::Keep).await;
    peer.client(api).await.ask(&Ask::new(order(deltas))).await
}

#[tokio::test]
async fn a_chat_stream_is_read_however_it_is_cut_and_the_connection_is_kept() {
    let marks = [mark(0), mark(1), mark(2)];
    for size in [1, 7, 4096] {
        let mut peer = Peer::start(frames(&chat_stream(&marks), size), Then::Keep).await;
        let mut client = peer.client(Api::Chat).await;
        for _ in 0..3 {
            let reply = client.ask(&Ask::new(order(3))).await.unwrap();
            assert_eq!((reply.deltas, reply.chunk_delays.len()), (3, 2));
            assert_eq!(reply.text, marks.concat());
            assert_eq!((reply.id.as_str(), reply.usage), ("c1", true));
            assert!(reply.first_byte <= reply.first_token);
            assert!(reply.first_token <= reply.total);
            assert!(reply.chunk_delays.iter().all(|&delay| delay > 0));
            let body = peer.bodies.recv().await.unwrap();
            assert!(body.contains(&order(3).prompt()), "{body}");
        }
        assert_eq!(peer.connections.load(Ordering::Relaxed), 1);
    }
}

#[tokio::test]
async fn a_responses_stream_is_read_and_what_it_says_besides_is_skipped() {
    let marks = [mark(0), mark(1)];
    let ending = r#""status":"completed","usage":{"total_tokens":3}"#;
    let stream = responses_stream(&marks, "response.completed", ending);
    let reply = outcome(Api::Responses, &stream, 2).await.unwrap();
    assert_eq!((reply.deltas, reply.chunk_delays.len()), (2, 1));
    assert_eq!((reply.id.as_str(), reply.usage), ("r1", true));
}

#[tokio::test]
async fn marks_may_be_joined_and_split_between_deltas() {
    let marks = mark(0) + &mark(1) + &mark(2);
    let (left, right) = marks.split_at(marks.len() / 2);
    let stream = chat_stream(&[left.to_owned(), right.to_owned()]);
    let reply = outcome(Api::Chat, &stream, 3).await.unwrap();
    assert_eq!((reply.deltas, reply.chunk_delays.len()), (3, 2));
}

#[tokio::test]
async fn a_reply_without_all_its_marks_in_their_order_is_no_reply() {
    let lost = |expected, got| Failure::Lost { expected, got };
    let foreign = Mark::now(8, 1).text();
    let half = mark(1).trim_end_matches(';').to_owned();
    let mixed = Failure::Mixed {
        stream: STREAM,
        other: 8,
    };
    for (marks, failure) in [
        (vec![mark(0), mark(2)], lost(1, 2)),
        (vec![mark(0), mark(0)], lost(1, 0)),
        (vec![mark(0)], lost(2, 1)),
        (vec![], lost(2, 0)),
        (vec![mark(0), mark(1), mark(2)], lost(2, 2)),
        (vec![mark(0), foreign], mixed),
        (
            vec![mark(0), half.clone()],
            Failure::Garbled(format!("half a mark: {half}")),
        ),
        (
            vec!["hello;".to_owned()],
            Failure::Garbled("no mark: hello".to_owned()),
        ),
    ] {
        let ending = r#""status":"completed""#;
        let responses = responses_stream(&marks, "response.completed", ending);
        for (api, stream) in [
            (Api::Chat, chat_stream(&marks)),
            (Api::Responses, responses),
        ] {
            let got = outcome(api, &stream, 2).await.unwrap_err();
            assert_eq!(got, failure, "{api:?}: {marks:?}");
        }
    }
}

#[tokio::test]
async fn a_stream_without_its_end_is_broken() {
    let said = [ROLE, &delta(&mark(0))].concat();
    let broken = Failure::Broken { deltas: 1 };
    for end in [&[][..], &[FINISH], &[DONE], &[FINISH, USAGE]] {
        let stream = said.clone() + &end.concat();
        let got = outcome(Api::Chat, &stream, 1).await.unwrap_err();
        assert_eq!(got, broken, "{end:?}");
    }
    let stream = responses_stream(&[mark(0)], "response.in_progress", r#""status":"x""#);
    let got = outcome(Api::Responses, &stream, 1).await.unwrap_err();
    assert_eq!(got, broken);
}

#[tokio::test]
async fn a_cut_connection_is_a_broken_stream_and_the_next_ask_makes_another() {
    let mut reply = frames(&chat_stream(&[mark(0)]), 4096);
    reply.truncate(reply.len() - 40);
    let peer = Peer::start(reply, Then::Close).await;
    let mut client = peer.client(Api::Chat).await;
    for connections in 1..3 {
        let got = client.ask(&Ask::new(order(1))).await.unwrap_err();
        assert!(matches!(got, Failure::Broken { .. }), "{got}");
        assert_eq!(peer.connections.load(Ordering::Relaxed), connections);
    }
}

#[tokio::test]
async fn a_connection_that_was_closed_between_replies_is_made_anew() {
    let reply = frames(&chat_stream(&[mark(0)]), 4096);
    let peer = Peer::start(reply, Then::Close).await;
    let mut client = peer.client(Api::Chat).await;
    for connections in 1..4 {
        client.ask(&Ask::new(order(1))).await.unwrap();
        assert_eq!(peer.connections.load(Ordering::Relaxed), connections);
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn an_error_in_the_stream_is_told_and_no_success_may_follow() {
    let told = |code: &str, message: &str| Failure::Told {
        code: Some(code.to_owned()),
        message: message.to_owned(),
    };
    let said = [ROLE, &delta(&mark(0)), ERROR].concat();
    for end in ["", DONE] {
        let got = outcome(Api::Chat, &(said.clone() + end), 1).await;
        assert_eq!(got.unwrap_err(), told("overloaded", "no more"));
    }
    let got = outcome(Api::Chat, &(said + FINISH + DONE), 1).await;
    assert!(matches!(got, Err(Failure::Garbled(_))), "{got:?}");

    let error = r#""status":"failed","error":{"code":"server_error","message":"no"}"#;
    let why = r#""status":"incomplete","incomplete_details":{"reason":"length"}"#;
    for (last, members, failure) in [
        ("response.failed", error, told("server_error", "no")),
        ("response.incomplete", why, told("length", "")),
    ] {
        let stream = responses_stream(&[mark(0)], last, members);
        let got = outcome(Api::Responses, &stream, 1).await.unwrap_err();
        assert_eq!(got, failure);
    }
    for error in [
        r#""code":"c","message":"m""#,
        r#""error":{"code":"c","message":"m"}"#,
    ] {
        let got = outcome(Api::Responses, &event("error", error), 1).await;
        assert_eq!(got.unwrap_err(), told("c", "m"));
    }
}

#[tokio::test]
async fn text_behind_the_end_is_garbled() {
    let late = delta(&mark(1));
    for stream in [
        chat_stream(&[mark(0)]) + &late,
        [&delta(&mark(0)), FINISH, &late, DONE].concat(),
    ] {
        let got = outcome(Api::Chat, &stream, 1).await;
        assert!(matches!(got, Err(Failure::Garbled(_))), "{got:?}");
    }
}

#[tokio::test]
async fn a_refusal_tells_its_status_code_and_when_to_come_back() {
    let body = r#"{"error":{"message":"slow down","type":"requests","code":"rate_limit"}}"#;
    let reply = whole("429 Too Many Requests\r\nretry-after: 2", body);
    let peer = Peer::start(reply, Then::Keep).await;
    let mut client = peer.client(Api::Chat).await;
    for _ in 0..2 {
        let got = client.ask(&Ask::new(order(1))).await.unwrap_err();
        let refused = Failure::Refused {
            status: 429,
            code: Some("rate_limit".to_owned()),
            message: "slow down".to_owned(),
            retry_after: Some(Duration::from_secs(2)),
        };
        assert_eq!(got, refused);
    }
    assert_eq!(peer.connections.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn whole_replies_are_checked_like_streams() {
    let message = |text: &str| {
        let chat = format!(
            r#"{{"id":"c1","choices":[{{"message":{{"content":"{text}"}},"finish_reason":"stop"}}],"usage":{{}}}}"#
        );
        let responses = format!(
            r#"{{"id":"r1","status":"completed","output":[{{"type":"message","content":[{{"type":"output_text","text":"{text}"}}]}}],"usage":{{}}}}"#
        );
        [(Api::Chat, chat), (Api::Responses, responses)]
    };
    let lost = Failure::Lost {
        expected: 1,
        got: 2,
    };
    let mut ask = Ask::new(order(3));
    ask.delivery = Delivery::Whole;
    let good = mark(0) + &mark(1) + &mark(2);
    let bad = mark(0) + &mark(2);
    for (text, lost) in [(good, None), (bad, Some(lost))] {
        for (api, body) in message(&text) {
            let peer = Peer::start(whole("200 OK", &body), Then::Keep).await;
            let got = peer.client(api).await.ask(&ask).await;
            match got {
                Ok(reply) => {
                    assert_eq!((reply.deltas, reply.usage), (3, true));
                    assert_eq!(reply.first_token, reply.total);
                    assert!(reply.chunk_delays.is_empty());
                    assert_eq!(lost, None);
                }
                Err(failure) => assert_eq!(Some(failure), lost, "{body}"),
            }
        }
    }
}

#[tokio::test]
async fn calls_come_first_and_the_text_with_their_results() {
    let chat = [
        ROLE,
        r#"data: {"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"bench_tool","arguments":""}}]}}]}"#,
        "\n\n",
        r#"data: {"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"n\""}}]}}]}"#,
        "\n\n",
        r#"data: {"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]}}]}"#,
        "\n\ndata: {\"choices\":[{\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\n",
        DONE,
    ];
    let item = r#""item":{"type":"function_call","call_id":"a","name":"bench_tool","arguments":"{\"n\":1}"}"#;
    let ending = r#""response":{"status":"completed"}"#;
    let responses = event("response.output_item.done", item) + &event("response.completed", ending);
    let mut order = order(1);
    order.calls = 1;
    for (api, stream) in [(Api::Chat, chat.concat()), (Api::Responses, responses)] {
        let peer = Peer::start(frames(&stream, 4096), Then::Keep).await;
        let mut client = peer.client(api).await;
        let reply = client.ask(&Ask::new(order)).await.unwrap();
        let call = Call {
            id: "a".to_owned(),
            name: TOOL.to_owned(),
            arguments: r#"{"n":1}"#.to_owned(),
        };
        assert_eq!(reply.calls, [call]);
        // The results bring text: these calls again are not what was ordered.
        let ask = Ask::new(order).with_results(&reply.calls);
        let lost = Failure::Lost {
            expected: 0,
            got: 1,
        };
        assert_eq!(client.ask(&ask).await.unwrap_err(), lost);
        // And text is none when calls are due.
        let text = outcome_of_text(api, Ask::new(order)).await.unwrap_err();
        let lost = Failure::Lost {
            expected: 1,
            got: 0,
        };
        assert_eq!(text, lost);
        outcome_of_text(api, ask).await.unwrap();
    }
}

/// What becomes of an ask that gets one delta of text.
async fn outcome_of_text(api: Api, ask: Ask) -> Result<Reply, Failure> {
    let stream = match api {
        Api::Chat => chat_stream(&[mark(0)]),
        Api::Responses => {
            let ending = r#""status":"completed""#;
            responses_stream(&[mark(0)], "response.completed", ending)
        }
    };
    let peer = Peer::start(frames(&stream, 4096), Then::Keep).await;
    peer.client(api).await.ask(&ask).await
}

#[tokio::test]
async fn any_text_will_do_where_nothing_is_checked() {
    let stream = chat_stream(&["hello ".to_owned(), "there".to_owned()]);
    let peer = Peer::start(frames(&stream, 4096), Then::Keep).await;
    let mut ask = Ask::new(order(9));
    ask.check = Check::Nothing;
    let reply = peer.client(Api::Chat).await.ask(&ask).await.unwrap();
    assert_eq!((reply.text.as_str(), reply.deltas), ("hello there", 2));
}

#[tokio::test]
async fn a_reply_that_does_not_end_in_time_is_given_up_and_closes_the_connection() {
    let mut stalled = frames(&(ROLE.to_owned() + &delta(&mark(0))), 4096);
    stalled.truncate(stalled.len() - b"0\r\n\r\n".len());
    for reply in [stalled, Vec::new()] {
        let mut peer = Peer::start(reply, Then::Stall).await;
        let mut ask = Ask::new(order(2));
        ask.deadline = Duration::from_millis(50);
        let mut client = peer.client(Api::Chat).await;
        let got = client.ask(&ask).await.unwrap_err();
        assert_eq!(got, Failure::Timeout);
        timeout(SOON, peer.closed.recv()).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_client_that_leaves_has_closed_its_connection() {
    let mut reply = frames(&(ROLE.to_owned() + &delta(&mark(0))), 4096);
    reply.truncate(reply.len() - b"0\r\n\r\n".len());
    let mut peer = Peer::start(reply, Then::Stall).await;
    let mut client = peer.client(Api::Chat).await;
    let mut exchange = client.begin(&Ask::new(order(2))).await.unwrap();
    assert_eq!(exchange.step().await.unwrap(), Some(1));
    assert_eq!(exchange.so_far().deltas, 1);
    assert!(peer.closed.try_recv().is_err());
    drop(exchange);
    timeout(SOON, peer.closed.recv()).await.unwrap().unwrap();
}

#[tokio::test]
async fn bytes_of_any_kind_get_a_status_or_none() {
    let bytes = b"POST / HTTP/1.1\r\n\r\n";
    let peer = Peer::start(whole("400 Bad Request", ""), Then::Close).await;
    assert_eq!(raw(peer.address, bytes, SOON).await.unwrap(), Some(400));
    let peer = Peer::start("", Then::Close).await;
    assert_eq!(raw(peer.address, bytes, SOON).await.unwrap(), None);
    let peer = Peer::start("", Then::Stall).await;
    let patience = Duration::from_millis(50);
    let got = raw(peer.address, bytes, patience).await.unwrap_err();
    assert_eq!(got, Failure::Timeout);

    let mut peer = Peer::start(whole("418 Teapot", "tea"), Then::Keep).await;
    let mut client = peer.client(Api::Chat).await;
    let answer = client
        .post(Bytes::from_static(b"{\"truncated\":"))
        .await
        .unwrap();
    assert_eq!((answer.status, &*answer.body), (418, &b"tea"[..]));
    assert_eq!(peer.bodies.recv().await.unwrap(), "{\"truncated\":");
    assert_eq!(client.get("/metrics").await.unwrap().status, 418);
}
