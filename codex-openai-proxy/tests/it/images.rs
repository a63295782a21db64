//! Images: what becomes of them on their way to the upstream.

use crate::{
    harness::{
        codex::{Setup, ask, forward},
        run,
    },
    upstream::{Reply, Upstream},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// One red pixel.
const PNG: &[u8] =
    b"\x89PNG\x0d\x0a\x1a\x0a\x00\x00\x00\x0dIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\
      \x02\x00\x00\x00\x90wS\xde\x00\x00\x00\x0cIDATx\x9cc\xf8\xcf\xc0\x00\x00\x03\x01\
      \x01\x00\xc9\xfe\x92\xef\x00\x00\x00\x00IEND\xaeB`\x82";
/// The same, inline.
const INLINE: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC";

/// A server with one picture at every path; gives its address.
pub async fn gallery() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: {}\r\n\r\n",
                PNG.len()
            );
            stream.write_all(head.as_bytes()).await.unwrap();
            stream.write_all(PNG).await.unwrap();
        }
    });
    format!("http://{address}/pixel.png")
}

fn look_at(url: &str) -> Value {
    let mut request = ask("Hi");
    request["messages"][0]["content"] = json!([
        { "type": "text", "text": "Look." },
        { "type": "image_url", "image_url": { "url": url, "detail": "low" } },
    ]);
    request
}

#[test]
fn an_image_by_url_goes_upstream_inline() {
    run(async {
        let picture = gallery().await;
        let upstream = Upstream::start().await;
        let mut setup = Setup::new(&upstream);
        setup.config.codex.allow_private_image_hosts = true;
        let proxy = setup.start().await;
        upstream.reply(Reply::text(&["Red."]));
        proxy.chat(&look_at(&picture)).await.ok();
        let seen = upstream.only_request();
        let content = &seen.body["input"][0]["content"];
        assert_eq!(content[0]["text"], "Look.");
        assert_eq!(content[1]["type"], "input_image");
        assert_eq!(content[1]["image_url"], INLINE);
        // core would drop an image of low detail.
        assert_eq!(content[1]["detail"], "auto");
        proxy.stop().await;
    });
}

#[test]
fn images_of_this_network_are_not_fetched_unless_it_is_allowed() {
    run(async {
        let picture = gallery().await;
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        let port = picture.rsplit(':').next().unwrap();
        let named = format!("http://localhost:{port}");
        for url in [&picture, &named] {
            let answer = proxy.chat(&look_at(url)).await;
            assert_eq!(answer.error(400).0, "invalid_request_error", "{url}");
        }
        assert_eq!(upstream.connections(), 0);
        proxy.stop().await;
    });
}

#[test]
fn fetching_can_be_switched_off() {
    run(async {
        let picture = gallery().await;
        let upstream = Upstream::start().await;
        let mut setup = Setup::new(&upstream);
        setup.config.codex.allow_private_image_hosts = true;
        setup.config.codex.fetch_images = false;
        let proxy = setup.start().await;
        let answer = proxy.chat(&look_at(&picture)).await;
        answer.error(400);
        proxy.stop().await;
    });
}

#[test]
fn bad_images_are_refused_by_field_before_the_upstream_hears_of_it() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        for url in [
            "data:image/png;base64,AAAA",
            "http://127.0.0.1:9/cat.png",
            "file:///etc/passwd",
        ] {
            let mut request = ask("Hi");
            request["messages"][0]["content"] = json!([
                { "type": "text", "text": "Look." },
                { "type": "image_url", "image_url": { "url": url } },
            ]);
            let answer = proxy.chat(&request).await;
            assert_eq!(answer.error(400).0, "invalid_request_error");
            let param = answer.body["error"]["param"].as_str().unwrap_or_default();
            assert!(
                param.starts_with("messages[0].content[1]"),
                "{url}: {param}"
            );
        }
        assert_eq!(upstream.connections(), 0);
        proxy.stop().await;
    });
}
