//! What strangers send is not read, and who has come in is known.

use super::*;

#[tokio::test]
async fn strangers_are_refused_before_they_have_sent_a_body() {
    let gigabyte = "content-length: 1073741824\r\n";
    let chunked = "transfer-encoding: chunked\r\n";
    let (open, closed) = (Door::open(|_| ()).await, Door::open(key).await);
    for door in [&open, &closed] {
        for path in [
            "/v1/chat/completions",
            "/responses",
            "/logs/api/stream",
            "/none",
        ] {
            for more in [gigabyte, chunked] {
                for expect in ["", "expect: 100-continue\r\n"] {
                    let sent = format!("POST {path} HTTP/1.1\r\nhost: x\r\n{more}{expect}\r\n");
                    // With `100 Continue` first, the status would be that.
                    let answer = door.ask(FOREIGN, &sent).await;
                    assert_eq!(answer.status, 401, "{path} {more} {expect}");
                }
            }
        }
    }
}

#[tokio::test]
async fn whoever_has_the_key_is_asked_for_the_body() {
    let door = Door::open(key).await;
    let answer = door
        .ask(
            FOREIGN,
            "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nx-api-key: secret\r\n\
             expect: 100-continue\r\ncontent-length: 2\r\n\r\n",
        )
        .await;
    assert_eq!(answer.status, 100);
}

#[tokio::test]
async fn the_log_knows_the_key_by_its_name_and_not_otherwise() {
    let service = Service::start_with(key).await;
    let models = async |key: &str| {
        let request = service.get("/v1/models").header("x-api-key", key);
        request.send().await.unwrap().status()
    };
    assert_eq!(models("secret").await, 200);
    assert_eq!(models("sk-guess").await, 401);
    let records = service.get("/logs/api/records?type=incoming_request");
    let records = records.bearer_auth("secret").send().await.unwrap();
    let text = records.text().await.unwrap();
    assert!(
        !text.contains("secret") && !text.contains("sk-guess"),
        "{text}"
    );
    let page: Value = serde_json::from_str(&text).unwrap();
    let records = page["records"].as_array().unwrap();
    let names: Vec<_> = records.iter().map(|record| &record["key"]).collect();
    assert_eq!(names, [&Value::Null, &json!("test")]);
}
