//! What requests add to the figures, as scrapers see it.

use super::*;
use crate::{
    config::UpstreamSettings,
    engine::upstream::tests::server::{Answer, Server as Provider},
    metrics::{Form, MOST_MODELS, tests::exposition::Samples},
};

/// What a provider answers.
const ANSWER: &str = r#"{
    "model": "llama3",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi"}}],
    "usage": {
        "prompt_tokens": 8, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 2}
    }
}"#;

const REQUESTS: &str = "codex_proxy_requests_total";

impl Service {
    async fn figures(&self) -> Samples {
        let response = self.get("/metrics").send().await.unwrap();
        assert_eq!(response.status(), 200);
        let media = response.headers()["content-type"].to_str().unwrap();
        assert!(media.starts_with("application/openmetrics-text; version=1.0.0"));
        Samples::read(&response.text().await.unwrap(), Form::OpenMetrics)
    }

    /// The figures, once so many requests have ended.
    async fn figures_after(&self, requests: f64) -> Samples {
        let enough = async {
            loop {
                let figures = self.figures().await;
                if figures.sum(REQUESTS, &[]) >= requests {
                    return figures;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(SOON, enough).await.unwrap()
    }
}

fn assert_is(figures: &Samples, name: &str, labels: &[&str], expected: f64) {
    let found = figures.sum(&format!("codex_proxy_{name}"), labels);
    assert!(
        (found - expected).abs() < 1e-9,
        "{name}{labels:?} is {found}"
    );
}

fn assert_ended(figures: &Samples, route: &str, status: u16, model: &str) {
    let labels = [
        format!("route=\"{route}\""),
        format!("status=\"{status}\""),
        format!("model=\"{model}\""),
    ];
    let labels = labels.each_ref().map(String::as_str);
    assert_is(figures, "requests_total", &labels, 1.0);
}

#[tokio::test]
async fn tasks_of_the_runtime_are_told() {
    let service = Service::start().await;
    let before = service.figures().await.sum("tokio_alive_tasks", &[]);
    let idle: Vec<_> = (0..100)
        .map(|_| tokio::spawn(std::future::pending::<()>()))
        .collect();
    let after = service.figures().await.sum("tokio_alive_tasks", &[]);
    assert!(
        (90.0..110.0).contains(&(after - before)),
        "{before}, {after}"
    );
    for task in idle {
        task.abort();
    }
}

#[tokio::test]
async fn where_nothing_is_counted_there_are_no_figures() {
    let service = Service::start_with(|config| config.metrics = false).await;
    let response = service.get("/metrics").send().await.unwrap();
    assert_eq!(response.status(), 404);
    assert_eq!(
        service.get("/v1/models").send().await.unwrap().status(),
        200
    );
    assert_eq!(service.get("/health").send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn each_way_in_which_a_request_ends_is_counted_once() {
    let mut service = Service::start().await;
    // Of no concern.
    for path in [
        "/health",
        "/health/live",
        "/logs",
        "/logs/api/records",
        "/metrics",
    ] {
        service.get(path).send().await.unwrap();
    }
    assert_is(&service.figures().await, "requests_total", &[], 0.0);

    service.get("/v1/models").send().await.unwrap();
    service.get("/nowhere").send().await.unwrap();
    let (well, turn) = service.ask(&request("gpt-5.2", true)).await;
    let figures = service.figures().await;
    assert_is(&figures, "requests_in_flight", &["chat_completions"], 1.0);
    turn.text("Hi").await;
    turn.finish().await;
    well.await.unwrap().bytes().await.unwrap();

    let (late, turn) = service.ask(&request("made-up", false)).await;
    let message = "late".to_owned();
    turn.fail(TurnError::Timeout { message }).await;
    assert_eq!(late.await.unwrap().status(), 504);

    let (broken, turn) = service.ask(&request("gpt-5.2", true)).await;
    turn.text("Hi").await;
    let message = "broken".to_owned();
    turn.fail(TurnError::Upstream { message }).await;
    broken.await.unwrap().bytes().await.unwrap();

    let (leaving, turn) = service.ask(&request("gpt-5.2", true)).await;
    turn.text("Hi").await;
    drop(leaving.await.unwrap());
    assert!(turn.is_interrupted().await);

    let panicked = service.chat(&request("panic", false)).send().await.unwrap();
    assert_eq!(panicked.status(), 500);
    let unreadable = service.chat(&json!({"model": 1})).send().await.unwrap();
    assert_eq!(unreadable.status(), 400);

    let figures = service.figures_after(8.0).await;
    assert_is(&figures, "requests_total", &[], 8.0);
    for (route, status, model) in [
        ("models", 200, "none"),
        ("unknown", 404, "none"),
        ("chat_completions", 200, "gpt-5.2"),
        ("chat_completions", 504, "other"),
        ("chat_completions", 502, "gpt-5.2"),
        ("chat_completions", 499, "gpt-5.2"),
        ("chat_completions", 500, "other"),
        ("chat_completions", 400, "none"),
    ] {
        assert_ended(&figures, route, status, model);
    }
    assert_is(&figures, "requests_in_flight", &[], 0.0);
    let chats = "route=\"chat_completions\"";
    assert_is(&figures, "request_duration_seconds_count", &[chats], 6.0);
    assert_is(&figures, "first_token_seconds_count", &["gpt-5.2"], 3.0);
    let stub = "provider=\"stub\"";
    assert_is(&figures, "upstream_errors_total", &[stub, "timeout"], 1.0);
    assert_is(&figures, "upstream_errors_total", &[stub, "failed"], 1.0);
    assert_is(&figures, "upstream_errors_total", &[], 2.0);
    for (kind, tokens) in [
        ("input", 10.0),
        ("cached", 4.0),
        ("output", 3.0),
        ("reasoning", 1.0),
    ] {
        let kind = format!("kind=\"{kind}\"");
        assert_is(&figures, "tokens_total", &[&kind, "gpt-5.2"], tokens);
    }
    assert_is(&figures, "cached_input_ratio_sum", &["gpt-5.2"], 0.4);
    assert_is(
        &figures,
        "connections",
        &[],
        figures.get("codex_proxy_connections"),
    );
    assert!(figures.get("codex_proxy_connections") >= 1.0);
    assert_is(&figures, "engine_ready", &[], 0.0);
}

#[tokio::test]
async fn replies_of_http_providers_and_their_failures_are_counted() {
    let provider = Provider::new(|number| match number {
        // Once with an error that another call mends.
        0 => Answer::new(503, ""),
        1 | 2 => Answer::json(ANSWER),
        _ => {
            Answer::new(429, r#"{"error":{"message":"slower"}}"#).header("x-should-retry", "false")
        }
    })
    .await;
    let mut settings = UpstreamSettings::new("near", provider.url("v1"));
    settings.retries = 1;
    settings.models = vec!["llama3".to_owned()];
    let service = Service::start_with(|config| config.upstreams = vec![settings]).await;
    let relayed = service.chat(&request("near/llama3", false)).send();
    assert_eq!(relayed.await.unwrap().status(), 200);
    let translated = service.respond(&json!({"model": "llama3", "input": "Hi"}));
    assert_eq!(translated.send().await.unwrap().status(), 200);
    let refused = service.chat(&request("near/unheard-of", false)).send();
    assert_eq!(refused.await.unwrap().status(), 429);
    let figures = service.figures_after(3.0).await;
    assert_ended(&figures, "chat_completions", 200, "llama3");
    assert_ended(&figures, "responses", 200, "llama3");
    assert_ended(&figures, "chat_completions", 429, "other");
    assert_is(
        &figures,
        "tokens_total",
        &["kind=\"input\"", "llama3"],
        16.0,
    );
    assert_is(
        &figures,
        "tokens_total",
        &["kind=\"cached\"", "llama3"],
        4.0,
    );
    let near = "provider=\"near\"";
    assert_is(&figures, "upstream_retries_total", &[near], 1.0);
    assert_is(
        &figures,
        "upstream_errors_total",
        &[near, "rate_limit"],
        1.0,
    );
    assert_is(&figures, "upstream_errors_total", &[], 1.0);
    assert_is(&figures, "breaker_state", &[near], 0.0);
}

#[tokio::test]
async fn a_model_that_nobody_has_listed_has_its_name_once_there_was_a_reply_of_it() {
    let provider = Provider::new(|number| match number {
        0 | 3 => Answer::new(404, r#"{"error":{"message":"no such model"}}"#),
        _ => Answer::json(ANSWER),
    })
    .await;
    let mut settings = UpstreamSettings::new("near", provider.url("v1"));
    settings.retries = 0;
    let service = Service::start_with(|config| config.upstreams = vec![settings]).await;
    for model in ["made-up", "llama3", "llama3", "made-up"] {
        let sent = service.chat(&request(&format!("near/{model}"), false));
        sent.send().await.unwrap();
    }
    let figures = service.figures_after(4.0).await;
    assert_ended(&figures, "chat_completions", 200, "other");
    assert_ended(&figures, "chat_completions", 200, "llama3");
    let models = figures.values("model");
    assert!(!models.contains("made-up"), "{models:?}");
}

#[tokio::test]
async fn figures_are_for_those_with_a_key() {
    let service = Service::start_with(key).await;
    let metrics = || service.get("/metrics");
    assert_eq!(metrics().send().await.unwrap().status(), 401);
    let known = metrics().bearer_auth("secret");
    assert_eq!(known.send().await.unwrap().status(), 200);
    // Whoever tries keys here is seen.
    let wrong = metrics().bearer_auth("guess").send().await.unwrap();
    assert_eq!(wrong.status(), 401);
    let records = service.get("/logs/api/records").bearer_auth("secret");
    let records = records.send().await.unwrap().text().await.unwrap();
    assert!(records.contains("invalid_api_key"), "{records}");
}

#[tokio::test]
async fn the_older_form_is_there_for_those_who_know_no_other() {
    let service = Service::start().await;
    service.get("/v1/models").send().await.unwrap();
    let asked = service.get("/metrics").header("accept", "text/plain");
    let response = asked.send().await.unwrap();
    let media = response.headers()["content-type"].clone();
    assert_eq!(media, "text/plain; version=0.0.4; charset=utf-8");
    let figures = Samples::read(&response.text().await.unwrap(), Form::Text);
    assert_is(&figures, "requests_total", &[], 1.0);
}

#[tokio::test]
async fn models_that_nobody_knows_share_one_name() {
    let mut service = Service::start_with(|config| {
        let pairs = (0..200).map(|number| (format!("mine-{number}"), format!("target-{number}")));
        config.aliases = pairs.collect();
    })
    .await;
    let mut ask = async |model: &str| {
        let (response, turn) = service.ask(&request(model, false)).await;
        turn.text("Hi").await;
        turn.finish().await;
        response.await.unwrap();
    };
    for number in 0..300 {
        ask(&format!("made-up-{number}")).await;
    }
    ask("mine-0").await;
    let models = service.figures_after(301.0).await.values("model");
    assert_eq!(models.len(), 2, "{models:?}");
    assert!(models.contains("other") && models.contains("target-0"));
    let mut ask = async |model: &str| {
        let (response, turn) = service.ask(&request(model, false)).await;
        turn.finish().await;
        response.await.unwrap();
    };
    for number in 1..200 {
        ask(&format!("mine-{number}")).await;
    }
    let models = service.figures_after(500.0).await.values("model");
    assert_eq!(models.len(), MOST_MODELS);
}

#[tokio::test]
async fn scrapes_under_load_are_whole_and_never_fall() {
    let mut service = Service::start().await;
    let mut clients = Vec::new();
    for _ in 0..50 {
        let requests = service.chat(&request("gpt-5.2", true));
        clients.push(tokio::spawn(async move {
            let response = requests.send().await.unwrap();
            response.bytes().await.unwrap();
        }));
    }
    let mut before = 0.0;
    for number in 0..50 {
        let turn = service.turn().await;
        turn.text("Hi").await;
        turn.finish().await;
        if number % 5 == 0 {
            let figures = service.figures().await;
            let now = figures.sum(REQUESTS, &[]);
            let running = figures.sum("codex_proxy_requests_in_flight", &[]);
            assert!(
                now >= before && now + running <= 50.0,
                "{now} and {running}"
            );
            before = now;
        }
    }
    for client in clients {
        client.await.unwrap();
    }
    let figures = service.figures_after(50.0).await;
    assert_is(&figures, "requests_in_flight", &[], 0.0);
}
