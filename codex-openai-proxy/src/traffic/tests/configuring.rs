//! Settings that change while the log is in use.

use super::{keeping::noise, *};

/// What is kept of the body that a request sends now.
async fn kept(traffic: &Traffic, log: &RequestLog) -> Option<String> {
    log.publish(incoming("gpt-5.2"));
    let body = r#"{"input":"hello","api_key":"sk-0123456789abcdef0123456789"}"#;
    log.body(BodyKind::Request, body.into());
    let detail = traffic.request(log.id()).await.unwrap().unwrap();
    detail.bodies.into_iter().next().map(|body| body.text)
}

async fn configure(traffic: &Traffic, settings: LogSettings) {
    traffic.configure(&settings).await.unwrap();
}

#[tokio::test]
async fn bodies_are_kept_as_it_was_said_when_their_request_began() {
    let home = tempfile::tempdir().unwrap();
    let traffic = start(home.path()).await;
    let before = request(&traffic, "r1", "chat-1");
    configure(
        &traffic,
        LogSettings {
            bodies: KeptBodies::Full,
            ..LogSettings::default()
        },
    )
    .await;
    let full = request(&traffic, "r2", "chat-1");
    configure(
        &traffic,
        LogSettings {
            bodies: KeptBodies::Off,
            ..LogSettings::default()
        },
    )
    .await;
    let off = request(&traffic, "r3", "chat-1");
    let redacted = kept(&traffic, &before).await.unwrap();
    assert!(
        redacted.contains("hello") && !redacted.contains("sk-0123"),
        "{redacted}"
    );
    let full = kept(&traffic, &full).await.unwrap();
    assert!(full.contains("sk-0123"), "{full}");
    assert_eq!(kept(&traffic, &off).await, None);
}

#[tokio::test]
async fn what_is_too_old_or_too_much_by_new_settings_goes_at_once() {
    let home = tempfile::tempdir().unwrap();
    let traffic = start(home.path()).await;
    let gone_until = async |most: usize| {
        let gone = async {
            while ids(&traffic, all_requests()).await.len() > most {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let gone = tokio::time::timeout(Duration::from_secs(20), gone).await;
        assert!(gone.is_ok(), "more than {most} stay");
    };
    for number in 0..300 {
        let log = request(&traffic, &format!("r{number}"), "chat-1");
        log.publish(incoming("gpt-5.2"));
        log.body(BodyKind::Request, noise(number, 20_000).into());
        log.publish(response());
    }
    assert_eq!(ids(&traffic, all_requests()).await.len(), 300);
    // Their bodies, too.
    traffic.request("r299").await.unwrap().unwrap();
    configure(
        &traffic,
        LogSettings {
            max_bytes: 1024 * 1024,
            ..LogSettings::default()
        },
    )
    .await;
    gone_until(200).await;
    assert!(!ids(&traffic, all_requests()).await.is_empty());
    configure(
        &traffic,
        LogSettings {
            max_age: Duration::from_millis(1),
            ..LogSettings::default()
        },
    )
    .await;
    gone_until(0).await;
}

#[tokio::test]
async fn a_log_in_memory_takes_no_bound_for_files_and_a_closed_one_says_so() {
    let home = tempfile::tempdir().unwrap();
    let in_memory = LogSettings {
        max_bytes: 0,
        ..LogSettings::default()
    };
    let traffic = start_with(home.path(), &in_memory).await;
    configure(
        &traffic,
        LogSettings {
            max_bytes: 4096,
            ..LogSettings::default()
        },
    )
    .await;
    for number in 0..100 {
        request(&traffic, &format!("r{number}"), "chat-1").publish(incoming("gpt-5.2"));
    }
    assert_eq!(ids(&traffic, all_requests()).await.len(), 100);
    traffic.close().await;
    assert!(traffic.configure(&in_memory).await.is_err());
}
