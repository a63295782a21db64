//! How much of the plan is used up, as the log tells it.

use crate::{
    harness::{
        codex::{ask, forward},
        logs::told,
        run,
        viewer::{Viewer, Way},
    },
    upstream::{Reply, Upstream},
};
use serde_json::json;

/// Both windows, as the ChatGPT backend tells of them.
fn with_limits(reply: Reply, primary: &str) -> Reply {
    reply
        .header("x-codex-primary-used-percent", primary)
        .header("x-codex-primary-window-minutes", "300")
        .header("x-codex-primary-reset-at", "4102444800")
        .header("x-codex-secondary-used-percent", "7")
        .header("x-codex-secondary-window-minutes", "10080")
        .header("x-codex-secondary-reset-at", "4102448400")
}

#[test]
fn limits_are_told_with_the_request_that_learned_of_them_and_to_viewers() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        let mut viewer = Viewer::open(Way::Socket, &proxy).await;
        assert!(viewer.stats["rate_limits"].is_null(), "{}", viewer.stats);
        upstream.reply(with_limits(Reply::text(&["Hello"]), "42.5"));
        proxy.chat(&ask("Hi")).await.ok();
        let detail = proxy.only_request().await;
        let limits = detail.record("rate_limits");
        let windows = json!([
            {
                "name": "primary", "used_percent": 42.5,
                "window_minutes": 300, "resets_at": 4_102_444_800_u64,
            },
            {
                "name": "secondary", "used_percent": 7.0,
                "window_minutes": 10080, "resets_at": 4_102_448_400_u64,
            },
        ]);
        assert_eq!(told(limits, &[])["windows"], windows);
        detail.ended_with("cursor_response");

        let shown = |viewer: &Viewer| viewer.stats["rate_limits"].is_object();
        viewer.until("the limits", shown).await;
        let shown = &viewer.stats["rate_limits"];
        assert_eq!(shown["windows"], windows);
        assert_eq!(shown["time"], limits["time"]);

        // Who comes later is told at once, and of the newest.
        upstream.reply(with_limits(Reply::text(&["Hello"]), "43"));
        proxy.chat(&ask("Hi")).await.ok();
        let late = Viewer::open(Way::Stream, &proxy).await;
        let used = &late.stats["rate_limits"]["windows"][0]["used_percent"];
        assert_eq!(*used, 43.0);
        proxy.stop().await;
    });
}

#[test]
fn a_plan_that_is_used_up_is_told_with_the_request_that_it_ended() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        upstream.reply(Reply::usage_limit_reached(4_102_444_800));
        proxy.chat(&ask("Hi")).await.error(429);
        let detail = proxy.only_request().await;
        let windows = &detail.record("rate_limits")["windows"];
        assert_eq!(windows[0]["used_percent"], 100.0);
        assert_eq!(windows[0]["resets_at"], 4_102_444_800_u64);
        let end = detail.ended_with("request_failed");
        assert_eq!(end["code"], "usage_limit_reached");
        proxy.stop().await;
    });
}

#[test]
fn an_upstream_without_limits_says_nothing_of_them() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = forward(&upstream).await;
        upstream.reply(Reply::text(&["Hello"]));
        proxy.chat(&ask("Hi")).await.ok();
        let told = proxy.records("type=rate_limits").await;
        assert!(told.is_empty(), "{told:#?}");
        proxy.stop().await;
    });
}
