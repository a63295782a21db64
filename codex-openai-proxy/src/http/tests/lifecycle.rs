//! How the service stops.

use super::*;
use tokio::net::TcpStream;

/// Waits until no connection is accepted any more.
async fn is_closed(addr: SocketAddr) -> bool {
    let closed = async {
        while TcpStream::connect(addr).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, closed).await.is_ok()
}

#[tokio::test]
async fn a_running_reply_may_finish_and_nothing_new_begins() {
    let mut service = Service::start().await;
    // Neither a connection that said nothing nor one that waits for its next request counts.
    let _silent = TcpStream::connect(service.addr).await.unwrap();
    let idle = client(|builder| builder);
    let url = service.url("/health");
    idle.get(&url).send().await.unwrap().bytes().await.unwrap();

    let (response, turn) = service.ask(&request("gpt-5.2", true)).await;
    turn.text("Hel").await;
    let mut events = Events {
        response: response.await.unwrap(),
    };
    events.next().await.unwrap();
    service.stop.send(()).unwrap();
    assert!(is_closed(service.addr).await);
    assert!(!service.served.is_finished());
    turn.text("lo").await;
    turn.finish().await;
    let stream = events.rest().await;
    assert_eq!(deltas(&stream)[0], json!({"content": "lo"}));
    assert_eq!(data(&stream).last().unwrap(), "[DONE]");
    timeout(Duration::from_secs(1), service.served)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn a_reply_that_takes_too_long_says_that_it_was_cut_short() {
    let mut service =
        Service::start_with(|config| config.limits.drain = Duration::from_millis(50)).await;
    let (response, turn) = service.ask(&request("gpt-5.2", true)).await;
    turn.text("Hel").await;
    let mut events = Events {
        response: response.await.unwrap(),
    };
    events.next().await.unwrap();
    let (whole, _other) = service.ask(&request("gpt-5.2", false)).await;
    service.stop.send(()).unwrap();
    let rest = data(&events.rest().await);
    let [error] = rest.as_slice() else {
        panic!("{rest:?}");
    };
    let error: Value = serde_json::from_str(error).unwrap();
    assert_eq!(error["error"]["code"], "service_unavailable");
    assert_eq!(whole.await.unwrap().status(), 503);
    timeout(Duration::from_secs(1), service.served)
        .await
        .unwrap()
        .unwrap();
}
