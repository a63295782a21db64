//! Those who try out keys.

use super::*;

/// The reply to whoever shows this key.
async fn show(door: &Door, peer: &str, key: &str, more: &str) -> Answer {
    let head =
        format!("GET /v1/models HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n{more}\r\n");
    door.ask(peer, &head).await
}

#[tokio::test]
async fn whoever_guesses_is_told_so_and_the_right_key_always_opens() {
    let door = Door::open(key).await;
    for guess in 0..10 {
        let answer = show(&door, FOREIGN, &format!("guess-{guess}"), "").await;
        assert_eq!(answer.status, 401, "{guess}");
    }
    let answer = show(&door, FOREIGN, "guess-10", "").await;
    assert_eq!(answer.status, 429);
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=6).contains(&wait), "{wait}");
    assert_eq!(answer.header("x-should-retry"), Some("false"));
    // Neither is whoever has shown none told so, nor anybody elsewhere.
    assert_eq!(show(&door, FOREIGN, "secret", "").await.status, 200);
    assert_eq!(
        door.status(FOREIGN, "GET /v1/models", &["host: x"]).await,
        401
    );
    assert_eq!(show(&door, "192.0.2.8", "guess", "").await.status, 401);
}

#[tokio::test]
async fn guesses_at_the_login_count_as_well() {
    let door = Door::open(key).await;
    let login = async |key: &str| {
        let body = format!(r#"{{"key": "{key}"}}"#);
        let length = body.len();
        let sent = format!(
            "POST /logs/login HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        door.ask(FOREIGN, &sent).await.status
    };
    for guess in 0..5 {
        assert_eq!(login(&format!("guess-{guess}")).await, 401);
        assert_eq!(show(&door, FOREIGN, "guess", "").await.status, 401);
    }
    assert_eq!(login("guess").await, 429);
    assert_eq!(show(&door, FOREIGN, "guess", "").await.status, 429);
    assert_eq!(login("secret").await, 204);
}

#[tokio::test]
async fn behind_a_tunnel_the_one_who_guesses_is_told_from_the_others() {
    let door = Door::open(|config| {
        key(config);
        config.admission.address_header = Some("cf-connecting-ip".to_owned());
    })
    .await;
    for _ in 0..11 {
        show(&door, LOCAL, "guess", "cf-connecting-ip: 203.0.113.7\r\n").await;
    }
    for (peer, expected) in [("203.0.113.7", 429), ("203.0.113.8", 401)] {
        let header = format!("cf-connecting-ip: {peer}\r\n");
        assert_eq!(show(&door, LOCAL, "guess", &header).await.status, expected);
    }
}

#[tokio::test]
async fn a_client_cannot_choose_its_address_unless_the_header_is_named() {
    let door = Door::open(key).await;
    let guess = async |last: u8| {
        let header = format!("cf-connecting-ip: 203.0.113.{last}\r\n");
        show(&door, LOCAL, "guess", &header).await.status
    };
    for last in 0..10 {
        assert_eq!(guess(last).await, 401, "{last}");
    }
    assert_eq!(guess(10).await, 429);
}

#[tokio::test]
async fn no_change_of_the_configuration_forgets_who_has_guessed() {
    let door = Door::open(key).await;
    for _ in 0..11 {
        show(&door, FOREIGN, "guess", "").await;
    }
    let state = door.current.load_full();
    let next = state.reconfigured(state.config.clone(), state.upstreams.clone());
    door.current.store(Arc::new(next));
    assert_eq!(show(&door, FOREIGN, "guess", "").await.status, 429);
}
