//! Turns of a provider, and replies that nobody reads to their end.

use super::{
    SOON, call, provider,
    server::{Answer, Server},
    settings,
};
use crate::{
    config::{UpstreamSettings, WireApi},
    engine::TurnStream,
    traffic::RequestLog,
    turn::{
        FinishReason, Item, OutputFormat, Part, Reasoning, Role, Sampling, ToolChoice, TurnError,
        TurnEvent, TurnRequest,
    },
};
use bytes::Bytes;
use futures_util::{StreamExt, future::ready};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};
use tokio::sync::mpsc;

fn turn() -> TurnRequest {
    TurnRequest {
        conversation: None,
        model: "llama3".to_owned(),
        instructions: None,
        items: vec![Item::Message {
            role: Role::User,
            content: vec![Part::Text("hi".to_owned())],
        }],
        tools: Vec::new(),
        tool_choice: ToolChoice::Auto,
        parallel_tool_calls: true,
        reasoning: Reasoning::default(),
        verbosity: None,
        output: OutputFormat::Text,
        service_tier: None,
        sampling: Sampling::default(),
        lasting: false,
        cache_key: None,
        trace: None,
    }
}

fn chunk(text: &str) -> String {
    format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n")
}

const STOP: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

async fn next(stream: &mut TurnStream) -> Option<Result<TurnEvent, TurnError>> {
    let next = tokio::time::timeout(SOON, stream.next());
    next.await.expect("an event or the end")
}

fn said(text: &str) -> TurnEvent {
    TurnEvent::Text(text.to_owned())
}

fn stopped() -> TurnEvent {
    TurnEvent::Finished {
        reason: FinishReason::Stop,
        usage: None,
    }
}

/// A server whose streams the test writes itself.
async fn by_hand() -> (Server, mpsc::UnboundedReceiver<super::server::Chunks>) {
    let (streams, begun) = mpsc::unbounded_channel();
    let server = Server::new(move |_| {
        let (chunks, answer) = Answer::stream();
        streams.send(chunks).unwrap();
        answer
    });
    (server.await, begun)
}

#[tokio::test]
async fn events_come_as_the_reply_does() {
    let (server, mut begun) = by_hand().await;
    let provider = provider(settings(&server));
    let mut stream = provider.start(turn(), "llama3", RequestLog::silent());
    assert!(stream.conversation().is_none());
    let first = tokio::spawn(async move { (next(&mut stream).await, stream) });
    let chunks = begun.recv().await.unwrap();
    chunks.send(Ok(chunk("one").into())).await.unwrap();
    let (event, mut stream) = first.await.unwrap();
    assert_eq!(event, Some(Ok(said("one"))));

    // Split in the middle of a frame.
    let rest = chunk("two") + STOP;
    let (front, back) = rest.split_at(20);
    chunks.send(Ok(front.to_owned().into())).await.unwrap();
    chunks.send(Ok(back.to_owned().into())).await.unwrap();
    assert_eq!(next(&mut stream).await, Some(Ok(said("two"))));
    assert_eq!(next(&mut stream).await, Some(Ok(stopped())));
    assert_eq!(next(&mut stream).await, None);
    let body = &server.seen()[0].body;
    let body: serde_json::Value = serde_json::from_slice(body).unwrap();
    assert_eq!(body["model"], "llama3");
    assert_eq!(body["stream"], true);
}

#[tokio::test]
async fn nothing_is_sent_before_the_first_event_is_asked_for() {
    let server = Server::new(|_| Answer::events(STOP)).await;
    let provider = provider(settings(&server));
    let stream = provider.start(turn(), "llama3", RequestLog::silent());
    tokio::time::sleep(Duration::from_millis(50)).await;
    drop(stream);
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_reply_in_one_piece_makes_the_same_events() {
    let whole = r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}"#;
    let server = Server::new(move |_| Answer::json(whole)).await;
    let provider = provider(settings(&server));
    let stream = provider.start(turn(), "llama3", RequestLog::silent());
    let events: Vec<_> = stream.collect().await;
    assert_eq!(events, [Ok(said("hi")), Ok(stopped())]);
}

#[tokio::test]
async fn a_provider_of_responses_makes_the_same_events() {
    let events = [
        r#"{"type":"response.created","response":{"id":"r","model":"m","status":"in_progress","output":[]}}"#,
        r#"{"type":"response.output_item.added","output_index":0,"item":{"id":"i","type":"message","role":"assistant","content":[]}}"#,
        r#"{"type":"response.output_text.delta","output_index":0,"content_index":0,"item_id":"i","delta":"hi"}"#,
        r#"{"type":"response.completed","response":{"id":"r","model":"m","status":"completed","output":[]}}"#,
    ];
    let stream: String = events.map(|event| format!("data: {event}\n\n")).concat();
    let server = Server::new(move |_| Answer::events(&stream)).await;
    let provider = provider(UpstreamSettings {
        wire_api: WireApi::Responses,
        ..settings(&server)
    });
    let stream = provider.start(turn(), "llama3", RequestLog::silent());
    let events: Vec<_> = stream
        .filter(|event| ready(!matches!(event, Ok(TurnEvent::MessageEnd))))
        .collect()
        .await;
    assert_eq!(events, [Ok(said("hi")), Ok(stopped())]);
    assert_eq!(server.seen()[0].path, "/v1/responses");
}

#[tokio::test]
async fn a_stream_that_breaks_off_ends_in_an_error() {
    let events = chunk("half");
    let server = Server::new(move |_| Answer::events(&events)).await;
    let provider = provider(settings(&server));
    let mut stream = provider.start(turn(), "llama3", RequestLog::silent());
    assert_eq!(next(&mut stream).await, Some(Ok(said("half"))));
    let Some(Err(error)) = next(&mut stream).await else {
        panic!("no error");
    };
    assert!(matches!(error, TurnError::Upstream { .. }), "{error:?}");
    assert_eq!(next(&mut stream).await, None);
}

#[tokio::test]
async fn a_refusal_is_the_only_thing_that_comes() {
    let server = Server::new(|_| Answer::new(404, r#"{"error":"model 'x' not found"}"#)).await;
    let provider = provider(settings(&server));
    let mut stream = provider.start(turn(), "x", RequestLog::silent());
    let Some(Err(TurnError::Provider(error))) = next(&mut stream).await else {
        panic!("no refusal");
    };
    assert_eq!(error.message, "model 'x' not found");
    assert_eq!(next(&mut stream).await, None);
}

#[tokio::test]
async fn turns_share_one_connection() {
    let (server, mut begun) = by_hand().await;
    let provider = provider(settings(&server));
    for _ in 0..3 {
        let mut stream = provider.start(turn(), "llama3", RequestLog::silent());
        let first = tokio::spawn(async move { next(&mut stream).await });
        let chunks = begun.recv().await.unwrap();
        chunks.send(Ok(STOP.into())).await.unwrap();
        // The turn is over before the body is: the end comes when nobody listens any more.
        assert_eq!(first.await.unwrap(), Some(Ok(stopped())));
        drop(chunks);
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn dropping_a_turn_or_a_call_cancels_it() {
    let (server, mut begun) = by_hand().await;
    let provider = provider(settings(&server));

    let mut stream = provider.start(turn(), "llama3", RequestLog::silent());
    let first = tokio::spawn(async move { (next(&mut stream).await, stream) });
    let chunks = begun.recv().await.unwrap();
    chunks.send(Ok(chunk("one").into())).await.unwrap();
    let (_, stream) = first.await.unwrap();
    drop(stream);
    tokio::time::timeout(SOON, chunks.closed()).await.unwrap();

    let reply = call(&provider).await.unwrap();
    let chunks = begun.recv().await.unwrap();
    drop(reply);
    tokio::time::timeout(SOON, chunks.closed()).await.unwrap();
}

#[tokio::test]
async fn a_reader_that_pauses_holds_up_its_provider() {
    const PIECE: usize = 64 * 1024;
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&sent);
    let server = Server::new(move |_| {
        let (chunks, answer) = Answer::stream();
        let counter = Arc::clone(&counter);
        tokio::spawn(async move {
            let piece = Bytes::from(format!(": {}\n\n", "x".repeat(PIECE)));
            while chunks.send(Ok(piece.clone())).await.is_ok() {
                counter.fetch_add(PIECE, SeqCst);
            }
        });
        answer
    });
    let server = server.await;
    let mut body = call(&provider(settings(&server))).await.unwrap().body;
    body.next().await.unwrap().unwrap();
    let mut before = usize::MAX;
    while before != sent.load(SeqCst) {
        before = sent.load(SeqCst);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    // Both sockets' buffers, which grow with the system's mood, and what the client holds.
    assert!(before < 32 * 1024 * 1024, "{before} bytes were taken in");
    let mut read = 0;
    while read < before + PIECE {
        read += body.next().await.unwrap().unwrap().len();
    }
    assert!(sent.load(SeqCst) > before);
}
