//! What is counted, and how it is written.

pub(crate) mod exposition;

use super::*;
use exposition::Samples;
use std::{thread, time::Instant};

const TOKENS: Tokens = Tokens {
    input: 100,
    cached: 25,
    output: 10,
    reasoning: 4,
};

fn read(metrics: &Metrics) -> Samples {
    let text = metrics.write(&snapshot(), Form::OpenMetrics).unwrap();
    Samples::read(&text, Form::OpenMetrics)
}

fn snapshot() -> Snapshot {
    Snapshot {
        version: "1.2.3",
        started: 1_700_000_000,
        engine_ready: true,
        threads: ThreadFigures {
            live: 5,
            parked: 2,
            waiting: 1,
        },
        windows: vec![WindowFigures {
            name: "primary".to_owned(),
            used_percent: 12.5,
            resets_at: Some(1_800_000_000),
        }],
        providers: vec![
            ProviderFigures {
                name: "openai".to_owned(),
                breaker: None,
                retries: 3,
            },
            ProviderFigures {
                name: "the \"near\" one\n\\".to_owned(),
                breaker: Some(Breaker::Open),
                retries: 0,
            },
        ],
        log_dropped: 7,
    }
}

/// One request for a reply of `model`, from beginning to end.
fn ask(metrics: &Metrics, model: Option<&str>) {
    let mut meter = metrics.request("chat_completions");
    meter.on_asked("openai", model);
    meter.on_first_token(Duration::from_millis(700));
    meter.on_tokens(TOKENS);
    meter.end(200, Duration::from_secs(3));
}

fn assert_is(samples: &Samples, key: &str, expected: f64) {
    let found = samples.get(key);
    assert!((found - expected).abs() < 1e-9, "{key} is {found}");
}

#[test]
fn a_request_is_counted_at_its_end_with_all_that_it_took() {
    let metrics = Metrics::new();
    let meter = metrics.request("models");
    let in_flight = "codex_proxy_requests_in_flight{route=\"models\"}";
    assert_is(&read(&metrics), in_flight, 1.0);
    meter.end(200, Duration::from_millis(5));
    ask(&metrics, Some("gpt-5.2"));
    let mut failing = metrics.request("responses");
    failing.on_asked("openai", Some("gpt-5.2"));
    failing.on_failure("timeout");
    failing.end(504, Duration::from_secs(4000));
    metrics.queued(Duration::ZERO);
    let samples = read(&metrics);
    let requests = |route, status, model| {
        let labels = format!("route=\"{route}\",status=\"{status}\",model=\"{model}\"");
        format!("codex_proxy_requests_total{{{labels}}}")
    };
    for (key, expected) in [
        (in_flight.to_owned(), 0.0),
        (requests("models", 200, "none"), 1.0),
        (requests("chat_completions", 200, "gpt-5.2"), 1.0),
        (requests("responses", 504, "gpt-5.2"), 1.0),
    ] {
        assert_is(&samples, &key, expected);
    }
    for (key, expected) in [
        ("tokens_total{kind=\"input\",model=\"gpt-5.2\"}", 100.0),
        ("tokens_total{kind=\"cached\",model=\"gpt-5.2\"}", 25.0),
        ("tokens_total{kind=\"output\",model=\"gpt-5.2\"}", 10.0),
        ("tokens_total{kind=\"reasoning\",model=\"gpt-5.2\"}", 4.0),
        ("cached_input_ratio_sum{model=\"gpt-5.2\"}", 0.25),
        ("first_token_seconds_sum{model=\"gpt-5.2\"}", 0.7),
        (
            "first_token_seconds_bucket{le=\"0.5\",model=\"gpt-5.2\"}",
            0.0,
        ),
        (
            "first_token_seconds_bucket{le=\"1.0\",model=\"gpt-5.2\"}",
            1.0,
        ),
        (
            "request_duration_seconds_bucket{le=\"3600.0\",route=\"responses\"}",
            0.0,
        ),
        ("request_duration_seconds_count{route=\"responses\"}", 1.0),
        (
            "upstream_errors_total{provider=\"openai\",kind=\"timeout\"}",
            1.0,
        ),
        ("queue_wait_seconds_bucket{le=\"0.01\"}", 1.0),
    ] {
        assert_is(&samples, &format!("codex_proxy_{key}"), expected);
    }
}

#[test]
fn a_request_that_vanishes_is_not_in_flight_any_more() {
    let metrics = Metrics::new();
    drop(metrics.request("models"));
    let samples = read(&metrics);
    assert_is(
        &samples,
        "codex_proxy_requests_in_flight{route=\"models\"}",
        0.0,
    );
    assert_is(&samples, "codex_proxy_requests_total", 0.0);
}

#[test]
fn made_up_models_do_not_fill_the_memory() {
    let metrics = Metrics::new();
    ask(&metrics, Some("first"));
    for number in 0..1_000 {
        ask(&metrics, Some(&format!("model-{number}")));
        ask(&metrics, None);
    }
    ask(&metrics, Some(&"x".repeat(10_000)));
    ask(&metrics, Some(""));
    ask(&metrics, Some("first"));
    let samples = read(&metrics);
    let models = samples.values("model");
    assert_eq!(models.len(), MOST_MODELS);
    assert!(models.contains("other") && models.contains("model-0"));
    let all = samples.sum("codex_proxy_requests_total", &[]);
    assert!((all - 2_004.0).abs() < f64::EPSILON);
    let first = samples.sum("codex_proxy_requests_total", &["model=\"first\""]);
    assert!((first - 2.0).abs() < f64::EPSILON);
}

#[test]
fn what_others_know_is_told_as_of_now() {
    let samples = read(&Metrics::new());
    let odd = "the \\\"near\\\" one\\n\\\\";
    for (key, expected) in [
        ("codex_proxy_build_info{version=\"1.2.3\"}", 1.0),
        ("codex_proxy_engine_ready", 1.0),
        ("codex_proxy_threads{state=\"live\"}", 5.0),
        ("codex_proxy_threads{state=\"parked\"}", 2.0),
        ("codex_proxy_threads{state=\"waiting\"}", 1.0),
        ("codex_proxy_plan_used_ratio{window=\"primary\"}", 0.125),
        (
            "codex_proxy_plan_reset_timestamp_seconds{window=\"primary\"}",
            1.8e9,
        ),
        (
            "codex_proxy_upstream_retries_total{provider=\"openai\"}",
            3.0,
        ),
        (
            &format!("codex_proxy_breaker_state{{provider=\"{odd}\"}}"),
            2.0,
        ),
        ("codex_proxy_log_dropped_total", 7.0),
        ("process_start_time_seconds", 1.7e9),
    ] {
        assert_is(&samples, key, expected);
    }
    let no_breaker = "codex_proxy_breaker_state{provider=\"openai\"}";
    assert_is(&samples, no_breaker, 0.0);
    #[cfg(target_os = "linux")]
    for name in [
        "process_resident_memory_bytes",
        "process_virtual_memory_bytes",
        "process_open_fds",
        "process_max_fds",
        "process_threads",
    ] {
        assert!(samples.get(name) > 0.0, "{name}");
    }
}

#[test]
fn both_forms_say_the_same() {
    let metrics = Metrics::new();
    ask(&metrics, Some("gpt-5.2"));
    let open = read(&metrics);
    let text = metrics.write(&snapshot(), Form::Text).unwrap();
    let older = Samples::read(&text, Form::Text);
    assert!(text.contains("# TYPE codex_proxy_requests_total counter\n"));
    assert!(!text.contains("# EOF") && !text.contains("# UNIT"));
    assert_eq!(open.len(), older.len());
    let requests = "codex_proxy_requests_total";
    let both = (open.sum(requests, &[]), older.sum(requests, &[]));
    assert_eq!(both, (1.0, 1.0));
}

#[test]
fn connections_count_while_they_last() {
    let metrics = Metrics::new();
    let (one, two) = (metrics.connection(), metrics.connection());
    assert_is(&read(&metrics), "codex_proxy_connections", 2.0);
    drop(one);
    assert_is(&read(&metrics), "codex_proxy_connections", 1.0);
    drop(two);
    assert_is(&read(&metrics), "codex_proxy_connections", 0.0);
}

#[test]
fn what_is_written_under_load_is_whole() {
    let metrics = Metrics::new();
    let begun = Instant::now();
    thread::scope(|scope| {
        for thread in 0..4 {
            let metrics = &metrics;
            scope.spawn(move || {
                for number in 0..500 {
                    ask(metrics, Some(&format!("model-{thread}-{}", number % 7)));
                }
            });
        }
        let mut before = 0.0;
        while before < 2_000.0 {
            let samples = read(&metrics);
            let now = samples.sum("codex_proxy_requests_total", &[]);
            assert!(now >= before);
            before = now;
            assert!(begun.elapsed() < Duration::from_secs(30));
        }
    });
    assert_is(
        &read(&metrics),
        "codex_proxy_requests_in_flight{route=\"chat_completions\"}",
        0.0,
    );
}
