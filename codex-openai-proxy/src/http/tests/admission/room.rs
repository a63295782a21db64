//! Room for bodies, and who waits for it.

use super::*;
use crate::http::admission::room::{Room, Share};

const KIB: usize = 1024;

impl Service {
    fn room(&self) -> Room {
        self.current.load().admission.room().clone()
    }

    /// Takes all of the room but so much.
    async fn leave(&self, free: usize) -> Share {
        let room = self.room();
        let mut share = room.share();
        share.grow(room.free() - free).await;
        share
    }

    /// Waits until so much of the room is free.
    async fn has_free(&self, free: usize) {
        let room = self.room();
        let freed = async {
            while room.free() != free {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        assert!(timeout(SOON, freed).await.is_ok(), "{}", room.free());
    }
}

/// A request whose body has so many bytes.
fn padded(bytes: usize) -> Vec<u8> {
    let mut body = request("gpt-5.2", false).to_string().into_bytes();
    body.resize(bytes, b' ');
    body
}

/// Sends the beginning of a request's body.
async fn begin(service: &Service, beginning: &[u8], promised: usize) -> TcpStream {
    let mut stream = TcpStream::connect(service.addr).await.unwrap();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\
         content-length: {promised}\r\n\r\n",
        service.addr
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(beginning).await.unwrap();
    stream
}

fn send(service: &Service, body: Vec<u8>) -> JoinHandle<reqwest::Response> {
    let request = service.client.post(service.url("/v1/chat/completions"));
    let sent = request.body(body).send();
    tokio::spawn(async { sent.await.unwrap() })
}

#[tokio::test]
async fn a_body_waits_for_room_until_another_ends() {
    let mut service = Service::start().await;
    let _rest = service.leave(64 * KIB).await;
    let mut slow = Vec::new();
    for _ in 0..4 {
        slow.push(begin(&service, &[b' '; 15 * KIB], 64 * KIB).await);
    }
    // What was promised takes no room, only what has come.
    service.has_free(4 * KIB).await;
    let waiting = send(&service, padded(16 * KIB));
    assert!(timeout(MOMENT, service.turns.recv()).await.is_err());
    assert!(!waiting.is_finished());
    // What has no body of that kind needs no room.
    let models = service.get("/v1/models").send().await.unwrap();
    assert_eq!(models.status(), 200);
    // One client leaves.
    drop(slow.pop());
    service.turn().await.finish().await;
    assert_eq!(waiting.await.unwrap().status(), 200);
    drop(slow);
    service.has_free(64 * KIB).await;
}

#[tokio::test]
async fn a_body_that_finds_no_room_in_its_time_is_refused() {
    let mut service = Service::start_with(|config| config.limits.body = 2 * MOMENT).await;
    let rest = service.leave(KIB).await;
    let begun = Instant::now();
    let refused = send(&service, padded(8 * KIB)).await.unwrap();
    assert!(begun.elapsed() + EARLY >= 2 * MOMENT);
    assert_eq!(refused.status(), 503);
    assert_eq!(refused.headers()["retry-after"], "5");
    assert_eq!(code_of(refused).await, "bodies_full");
    drop(rest);
    let served = send(&service, padded(8 * KIB));
    service.turn().await.finish().await;
    assert_eq!(served.await.unwrap().status(), 200);
}

#[tokio::test]
async fn bodies_that_wait_for_each_others_room_do_not_do_so_for_ever() {
    let gap = Duration::from_millis(700);
    let mut service = Service::start_with(|config| config.limits.body = 2 * gap).await;
    let _rest = service.leave(40 * KIB).await;
    let body = padded(32 * KIB);
    let (beginning, end) = body.split_at(18 * KIB);
    let mut first = begin(&service, beginning, body.len()).await;
    service.has_free(22 * KIB).await;
    tokio::time::sleep(gap).await;
    let mut second = begin(&service, beginning, body.len()).await;
    service.has_free(4 * KIB).await;
    for stream in [&mut first, &mut second] {
        stream.write_all(end).await.unwrap();
    }
    // The one whose time is over first makes room for the other.
    let (reply, _) = read_to_end(&mut first).await;
    assert!(reply.starts_with("HTTP/1.1 503 "), "{reply}");
    service.turn().await.finish().await;
    let (reply, _) = read_to_end(&mut second).await;
    assert!(reply.starts_with("HTTP/1.1 200 "), "{reply}");
}
