//! The log as it grows, through a WebSocket and as an event stream.

use super::*;
use futures_util::{SinkExt, StreamExt};
use tokio::{io::AsyncWriteExt, net::TcpStream};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message, client::IntoClientRequest, protocol::frame::coding::CloseCode},
};

type Socket = WebSocketStream<TcpStream>;

async fn connect(
    service: &Service,
    path: &str,
    headers: &[(&'static str, &str)],
) -> Result<Socket, Error> {
    let url = format!("ws://{}{path}", service.addr);
    let mut request = url.into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    let stream = TcpStream::connect(service.addr).await.unwrap();
    let (socket, _) = client_async(request, stream).await?;
    Ok(socket)
}

/// The next frame of a viewer.
async fn frame(socket: &mut Socket) -> Value {
    loop {
        match timeout(SOON, socket.next())
            .await
            .unwrap()
            .unwrap()
            .unwrap()
        {
            Message::Text(text) => return serde_json::from_str(&text).unwrap(),
            Message::Ping(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// Types of the records in frames until `last` is among them.
async fn types_until(socket: &mut Socket, last: &str) -> Vec<String> {
    let mut types = Vec::new();
    while !types.iter().any(|kind| kind == last) {
        let frame = frame(socket).await;
        let records = frame["records"].as_array().into_iter().flatten();
        types.extend(records.map(|record| record["type"].as_str().unwrap().to_owned()));
    }
    types
}

fn status_of(refused: Result<Socket, Error>) -> u16 {
    match refused {
        Err(Error::Http(response)) => response.status().as_u16(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_viewer_sees_requests_as_they_happen() {
    let mut service = Service::start().await;
    let mut socket = connect(&service, "/logs/api/ws", &[]).await.unwrap();
    let first = frame(&mut socket).await;
    assert_eq!(first["hello"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(first["hello"]["bodies"], "redacted");
    assert_eq!(first["hello"]["gap"], false);
    assert_eq!(first["stats"]["viewers"], 1);

    let (response, turn) = service.ask(&request("gpt-5.2", true)).await;
    // Before the request has ended.
    let types = types_until(&mut socket, "incoming_request").await;
    assert_eq!(types[0], "incoming_request");
    turn.text("Hello").await;
    turn.finish().await;
    response.await.unwrap().bytes().await.unwrap();
    types_until(&mut socket, "cursor_response").await;
}

#[tokio::test]
async fn a_viewer_that_comes_back_gets_what_it_missed() {
    let mut service = Service::start().await;
    answered(&mut service, &request("gpt-5.2", false)).await;
    let records = json(&service, "/logs/api/records").await;
    let oldest = each(&records["records"], "seq")
        .last()
        .unwrap()
        .as_u64()
        .unwrap();
    let path = format!("/logs/api/ws?after={oldest}");
    let mut socket = connect(&service, &path, &[]).await.unwrap();
    let first = frame(&mut socket).await;
    assert!(first["hello"].is_object(), "{first}");
    let missed = each(&first["records"], "seq").len();
    assert_eq!(missed, records["records"].as_array().unwrap().len() - 1);
}

#[tokio::test]
async fn sockets_are_for_our_own_page_and_for_those_with_a_key() {
    let service = Service::start_with(key).await;
    let connect =
        async |headers: &[(&'static str, &str)]| connect(&service, "/logs/api/ws", headers).await;
    assert_eq!(status_of(connect(&[]).await), 401);
    let bearer = ("authorization", "Bearer secret");
    let evil = ("origin", "https://evil.example");
    assert_eq!(status_of(connect(&[bearer, evil]).await), 403);
    assert!(connect(&[bearer]).await.is_ok());
    let login = service.client.post(service.url("/logs/login"));
    let login = login.body(r#"{"key":"secret"}"#).send().await.unwrap();
    let cookie = login.headers()["set-cookie"].to_str().unwrap().to_owned();
    let cookie = ("cookie", cookie.as_str());
    let ours = format!("http://{}", service.addr);
    assert!(connect(&[cookie, ("origin", &ours)]).await.is_ok());
    assert_eq!(status_of(connect(&[cookie, evil]).await), 403);
}

/// The code with which a viewer's socket is closed; nothing of this request is told before that.
async fn closed(socket: &mut Socket, path: &str) -> CloseCode {
    let close = timeout(SOON, async {
        loop {
            match socket.next().await.unwrap().unwrap() {
                Message::Close(close) => return close.unwrap().code,
                Message::Text(text) => assert!(!text.contains(path), "{text}"),
                _ => {}
            }
        }
    });
    close.await.unwrap()
}

#[tokio::test]
async fn whose_key_is_taken_away_sees_nothing_more() {
    let service = Service::start_with(key).await;
    let bearer = ("authorization", "Bearer secret");
    let mut socket = connect(&service, "/logs/api/ws", &[bearer]).await.unwrap();
    frame(&mut socket).await;
    let stream = service.client.post(service.url("/logs/api/stream"));
    let response = stream.bearer_auth("secret").send().await.unwrap();
    let mut events = Events { response };
    events.until(|text| text.contains("hello")).await;
    // As a reload does.
    let state = service.current.load_full();
    let mut config = state.config.clone();
    config.api_keys = crate::config::ApiKey::new("test", "another")
        .into_iter()
        .collect();
    let next = state.reconfigured(config, state.upstreams.clone());
    service.current.store(Arc::new(next));
    let unknown = service.get("/afterwards").bearer_auth("another");
    unknown.send().await.unwrap();
    assert_eq!(closed(&mut socket, "afterwards").await, CloseCode::Policy);
    let rest = events.rest().await;
    assert!(!rest.contains("afterwards"), "{rest}");
}

#[tokio::test]
async fn who_logs_out_sees_nothing_more() {
    let service = Service::start_with(key).await;
    let login = service.client.post(service.url("/logs/login"));
    let login = login.body(r#"{"key":"secret"}"#).send().await.unwrap();
    let cookie = login.headers()["set-cookie"].to_str().unwrap().to_owned();
    let headers = [("cookie", cookie.as_str())];
    let mut socket = connect(&service, "/logs/api/ws", &headers).await.unwrap();
    frame(&mut socket).await;
    let logout = service.client.post(service.url("/logs/logout"));
    let logout = logout.header("cookie", &cookie).send().await.unwrap();
    assert_eq!(logout.status(), 204);
    let unknown = service.get("/afterwards").bearer_auth("secret");
    unknown.send().await.unwrap();
    assert_eq!(closed(&mut socket, "afterwards").await, CloseCode::Policy);
}

#[tokio::test]
async fn what_is_no_websocket_is_told_so() {
    let service = Service::start().await;
    let plain = service.get("/logs/api/ws");
    let old = service
        .get("/logs/api/ws")
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("sec-websocket-version", "8");
    let second = client(reqwest::ClientBuilder::http2_prior_knowledge);
    let second = second.get(service.url("/logs/api/ws"));
    for request in [plain, old, second] {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 426);
        assert_eq!(response.headers()["sec-websocket-version"], "13");
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error"]["code"], "websocket_required");
    }
    let wrong = connect(&service, "/logs/api/ws?after=x", &[]).await;
    assert_eq!(status_of(wrong), 400);
}

#[tokio::test]
async fn viewers_say_nothing_that_matters_and_not_too_much() {
    let service = Service::start().await;
    let mut socket = connect(&service, "/logs/api/ws", &[]).await.unwrap();
    frame(&mut socket).await;
    socket.send(Message::text("hello")).await.unwrap();
    socket.send(Message::Ping("x".into())).await.unwrap();
    let pong = timeout(SOON, async {
        while let Some(Ok(message)) = socket.next().await {
            if message == Message::Pong("x".into()) {
                return true;
            }
        }
        false
    });
    assert!(pong.await.unwrap());
    socket
        .send(Message::text("x".repeat(10_000)))
        .await
        .unwrap();
    let end = timeout(SOON, async {
        while let Some(Ok(message)) = socket.next().await {
            if message.is_close() {
                break;
            }
        }
    });
    end.await.unwrap();
}

#[tokio::test]
async fn viewers_are_told_when_the_service_stops_and_do_not_hold_it_up() {
    let service = Service::start().await;
    let mut socket = connect(&service, "/logs/api/ws", &[]).await.unwrap();
    frame(&mut socket).await;
    // This one does not even read.
    let _deaf = connect(&service, "/logs/api/ws", &[]).await.unwrap();
    let stream = service.client.post(service.url("/logs/api/stream"));
    let response = stream.send().await.unwrap();
    let mut events = Events { response };
    events.until(|text| text.contains("hello")).await;
    service.stop.send(()).unwrap();
    let close = timeout(SOON, async {
        loop {
            if let Message::Close(close) = socket.next().await.unwrap().unwrap() {
                return close;
            }
        }
    });
    assert_eq!(close.await.unwrap().unwrap().code, CloseCode::Away);
    events.rest().await;
    timeout(Duration::from_secs(3), service.served)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn a_viewer_that_reads_nothing_does_not_hold_up_the_end() {
    let mut service = Service::start().await;
    let mut deaf = TcpStream::connect(service.addr).await.unwrap();
    let request = format!(
        "POST /logs/api/stream HTTP/1.1\r\nhost: {}\r\ncontent-length: 0\r\n\r\n",
        service.addr
    );
    deaf.write_all(request.as_bytes()).await.unwrap();
    let _socket = connect(&service, "/logs/api/ws", &[]).await.unwrap();
    // More than fits between us and them.
    let chatter = "chatter ".repeat(500);
    for _ in 0..200 {
        for _ in 0..20 {
            let unknown = service.get("/none").header("user-agent", &chatter);
            unknown.send().await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    answered(&mut service, &super::request("gpt-5.2", true)).await;
    service.stop.send(()).unwrap();
    timeout(Duration::from_secs(15), service.served)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn the_event_stream_says_the_same_and_breaks_silence() {
    let mut service =
        Service::start_with(|config| config.limits.keep_alive = Duration::from_millis(50)).await;
    let stream = service
        .client
        .post(service.url("/logs/api/stream"))
        .body("{}");
    let response = stream.send().await.unwrap();
    assert_eq!(
        response.headers()["content-type"],
        "text/event-stream; charset=utf-8"
    );
    assert_eq!(
        response.headers()["cache-control"],
        "no-cache, no-transform"
    );
    let mut events = Events { response };
    let hello = events.until(|text| text.contains("hello")).await;
    assert_eq!(data(&hello).len(), 1);
    events.until(|text| text.contains(keep_alive())).await;
    let (_response, _turn) = service.ask(&request("gpt-5.2", true)).await;
    let text = events.until(|text| text.contains("incoming_request")).await;
    assert!(text.ends_with("\n\n"), "{text}");
}
