//! Numbers at given moments.

use super::*;
use crate::traffic::tests::{first_token, incoming, record, response};
use serde_json::json;

const BEGIN: u64 = 1_000_000;

fn at(second: u64) -> Duration {
    Duration::from_secs(second)
}

fn of(id: &str, event: Event) -> Record {
    Record {
        request: Some(id.into()),
        ..record(1, BEGIN, event)
    }
}

fn failed() -> Event {
    Event::RequestFailed(Box::default())
}

#[test]
fn nothing_happened() {
    let mut stats = Stats::default();
    let numbers = serde_json::to_value(stats.at(at(0))).unwrap();
    assert_eq!(
        numbers,
        json!({
            "requests_per_minute": 0,
            "error_rate": null,
            "median_first_token_ms": null,
            "running": 0,
            "dropped_records": 0,
            "unsaved_records": 0,
            "viewers": 0,
            "rate_limits": null,
        })
    );
}

#[test]
fn requests_count_for_a_minute() {
    let mut stats = Stats::default();
    for second in [0, 0, 30] {
        stats.on_record(&of("r1", incoming("m")), at(second));
    }
    assert_eq!(stats.at(at(30)).requests_per_minute, 3);
    assert_eq!(stats.at(at(59)).requests_per_minute, 3);
    assert_eq!(stats.at(at(60)).requests_per_minute, 1);
    assert_eq!(stats.at(at(90)).requests_per_minute, 0);
}

#[test]
fn errors_count_for_five_minutes() {
    let mut stats = Stats::default();
    stats.on_record(&of("r1", failed()), at(0));
    for second in [10, 20, 30] {
        stats.on_record(&of("r2", response()), at(second));
    }
    assert_eq!(stats.at(at(299)).error_rate, Some(0.25));
    assert_eq!(stats.at(at(300)).error_rate, Some(0.0));
    assert_eq!(stats.at(at(330)).error_rate, None);
}

#[test]
fn the_median_is_in_the_middle() {
    let mut stats = Stats::default();
    for millis in [900, 100, 300] {
        stats.on_record(&of("r1", first_token(millis)), at(1));
    }
    assert_eq!(stats.at(at(2)).median_first_token_ms, Some(300.0));
    stats.on_record(&of("r1", first_token(500)), at(2));
    assert_eq!(stats.at(at(2)).median_first_token_ms, Some(400.0));
    assert_eq!(stats.at(at(301)).median_first_token_ms, Some(500.0));
    assert_eq!(stats.at(at(302)).median_first_token_ms, None);
}

#[test]
fn requests_run_until_they_end() {
    let mut stats = Stats::default();
    for id in ["r1", "r2", "r3", "r4"] {
        stats.on_record(&of(id, incoming("m")), at(0));
    }
    stats.on_record(&of("r1", response()), at(1));
    stats.on_record(&of("r1", response()), at(1));
    stats.on_record(&of("r2", failed()), at(1));
    let left = Event::ClientDisconnected {
        first_token: None,
        duration: Duration::ZERO,
    };
    stats.on_record(&of("r3", left), at(1));
    assert_eq!(stats.at(at(1000)).running, 1);
}

#[test]
fn a_clock_that_is_set_changes_nothing() {
    let mut stats = Stats::default();
    for (second, told) in [(0, 1_000_000), (10, 2_000_000), (20, 500_000)] {
        let record = record(1, told, failed());
        stats.on_record(&record, at(second));
    }
    assert_eq!(stats.at(at(20)).error_rate, Some(1.0));
    stats.on_record(&record(1, 400_000, response()), at(315));
    assert_eq!(stats.at(at(315)).error_rate, Some(0.5));
}

#[test]
fn long_runs_take_no_more_memory() {
    let mut stats = Stats::default();
    for second in 0..10_000 {
        stats.on_record(&of("r1", first_token(second)), at(second));
        stats.on_record(&of("r1", incoming("m")), at(second));
        stats.on_record(&of("r1", response()), at(second));
    }
    assert!(stats.seconds.len() <= 301, "{}", stats.seconds.len());
    assert_eq!(stats.at(at(9999)).requests_per_minute, 60);
    assert!(stats.first_tokens.len() <= 301);
}

#[test]
fn the_last_limits_are_told_with_their_time() {
    let limits = |plan: &str| Event::RateLimits {
        limit: None,
        plan: Some(plan.into()),
        windows: Vec::new(),
    };
    let mut stats = Stats::default();
    stats.on_record(&of("r1", limits("free")), at(0));
    stats.on_record(&of("r1", limits("plus")), at(0));
    let expected = json!({
        "time": "1970-01-12T13:46:40.000000Z",
        "plan": "plus",
        "windows": [],
    });
    assert_eq!(stats.at(at(1)).rate_limits, Some(&expected));
    let kept = serde_json::to_string(&of("r1", limits("plus"))).unwrap();
    let mut later = Stats::new(Some(&kept));
    assert_eq!(later.at(at(1)).rate_limits, Some(&expected));
}
