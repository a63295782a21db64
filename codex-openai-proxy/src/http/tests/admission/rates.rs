//! Requests by key, or by address where there is none.

use super::*;
use crate::config::{ApiKey, RateLimit, UpstreamSettings, WireApi};
use crate::engine::upstream::tests::server::{Answer, Server as Provider};
use std::num::NonZeroU32;

fn limit(config: &mut Config, requests: u32) {
    config.admission.rate = Some(RateLimit {
        requests: NonZeroU32::new(requests).unwrap(),
        window: Duration::from_mins(1),
    });
}

async fn service(requests: u32) -> Service {
    Service::start_with(|config| limit(config, requests)).await
}

fn header<'a>(response: &'a reqwest::Response, name: &str) -> Option<&'a str> {
    let value = response.headers().get(name);
    value.map(|value| value.to_str().unwrap())
}

#[tokio::test]
async fn a_burst_up_to_the_limit_is_served_and_what_is_beyond_is_told_when_to_come_back() {
    let service = service(3).await;
    for remaining in ["2", "1", "0"] {
        let response = service.get("/v1/models").send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(header(&response, "x-ratelimit-limit-requests"), Some("3"));
        assert_eq!(
            header(&response, "x-ratelimit-remaining-requests"),
            Some(remaining)
        );
        let reset = header(&response, "x-ratelimit-reset-requests").unwrap();
        assert!(reset.ends_with('s'), "{reset}");
    }
    let response = service.get("/v1/models").send().await.unwrap();
    assert_eq!(response.status(), 429);
    assert_eq!(
        header(&response, "x-ratelimit-remaining-requests"),
        Some("0")
    );
    let wait: u64 = header(&response, "retry-after").unwrap().parse().unwrap();
    assert!((1..=20).contains(&wait), "{wait}");
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["error"]["code"], "rate_limit_exceeded");
    assert_eq!(body["error"]["type"], "rate_limit_error");
    let message = body["error"]["message"].as_str().unwrap();
    assert!(message.contains("Limit 3 per 1m0s"), "{message}");
}

#[tokio::test]
async fn what_the_limit_gives_comes_back() {
    let service = Service::start_with(|config| {
        limit(config, 2);
        config.admission.rate.as_mut().unwrap().window = Duration::from_millis(400);
    })
    .await;
    let status = async || service.get("/models").send().await.unwrap().status();
    let begun = [status().await, status().await, status().await];
    assert_eq!(begun, [200, 200, 429]);
    tokio::time::sleep(Duration::from_millis(250)).await;
    assert_eq!(status().await, 200);
}

#[tokio::test]
async fn every_route_counts_but_those_that_look_at_the_service() {
    let service = service(4).await;
    for _ in 0..6 {
        for path in ["/health", "/metrics", "/logs", "/logs/api/requests"] {
            let response = service.get(path).send().await.unwrap();
            assert_eq!(response.status(), 200, "{path}");
            assert_eq!(header(&response, "x-ratelimit-limit-requests"), None);
        }
    }
    let refused = json!({"model": "logged-out", "messages": [{"role": "user", "content": "x"}]});
    for (request, status) in [
        (service.get("/unknown"), 404),
        (service.get("/v1/chat/completions"), 405),
        (service.chat(&refused), 401),
        (service.chat(&json!({})), 400),
        (service.chat(&json!({})), 429),
    ] {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), status);
        assert!(header(&response, "x-ratelimit-limit-requests").is_some());
    }
}

#[tokio::test]
async fn a_key_has_its_rate_once_however_many_addresses_it_is_used_from() {
    let service = Service::start_with(|config| {
        limit(config, 3);
        config.admission.address_header = Some("cf-connecting-ip".to_owned());
        for name in ["a", "b"] {
            config.api_keys.extend(ApiKey::new(name, name));
        }
    })
    .await;
    let status = async |key: &str, address: &str| {
        let request = service.get("/models").bearer_auth(key);
        let response = request.header("cf-connecting-ip", address).send().await;
        response.unwrap().status().as_u16()
    };
    // Strangers spend nothing of anybody's.
    assert_eq!(status("c", "192.0.2.1").await, 401);
    // Another key at the same addresses has its own.
    for key in ["a", "b"] {
        for address in ["192.0.2.1", "192.0.2.2", "2001:db8::1"] {
            assert_eq!(status(key, address).await, 200, "{key} {address}");
        }
        for address in ["192.0.2.1", "192.0.2.3"] {
            assert_eq!(status(key, address).await, 429, "{key} {address}");
        }
    }
}

#[tokio::test]
async fn a_burst_from_many_connections_is_counted_exactly() {
    let service = service(20).await;
    let requests = (0..100).map(|_| {
        let request = client(|builder| builder).get(service.url("/models"));
        tokio::spawn(async { request.send().await.unwrap().status().as_u16() })
    });
    let requests: Vec<_> = requests.collect();
    let mut served = 0;
    for request in requests {
        match request.await.unwrap() {
            200 => served += 1,
            status => assert_eq!(status, 429),
        }
    }
    // A burst may take long enough for one or two to come back.
    assert!((20..=22).contains(&served), "{served}");
}

#[tokio::test]
async fn the_limit_of_a_provider_is_not_written_over() {
    let provider = Provider::new(|_| {
        let answer = Answer::json(r#"{"model":"llama3","choices":[]}"#);
        answer.header("x-ratelimit-remaining-requests", "7")
    })
    .await;
    let mut settings = UpstreamSettings::new("near", provider.url("v1"));
    settings.wire_api = WireApi::Chat;
    let service = Service::start_with(|config| {
        limit(config, 5);
        config.upstreams = vec![settings];
    })
    .await;
    let response = service.chat(&request("near/llama3", false)).send().await;
    let response = response.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(
        header(&response, "x-ratelimit-remaining-requests"),
        Some("7")
    );
    assert_eq!(header(&response, "x-ratelimit-limit-requests"), None);
}
