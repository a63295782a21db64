//! Lists of models.

use super::{
    super::Found,
    SOON,
    server::{Answer, Server},
    settings, upstreams,
};
use crate::{config::UpstreamSettings, turn::Aliases};
use futures_util::future::join;
use std::time::{Duration, Instant};

async fn ids(upstreams: &super::Upstreams) -> Vec<String> {
    let models = upstreams.models(|_| true).await;
    models.into_iter().map(|model| model.id).collect()
}

/// Waits until the server has answered so often, and a little longer.
async fn asked(server: &Server, times: usize) {
    let asked = async {
        while server.seen().len() < times {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    tokio::time::timeout(SOON, asked).await.unwrap();
}

#[tokio::test]
async fn names_of_lists_and_settings_come_together_each_once() {
    let near = Server::new(|_| Answer::json(r#"{"data":[{"id":"llama3"},{"id":"a/b"}]}"#)).await;
    let far = Server::new(|_| Answer::json(r#"[{"id":"llama3"},{"id":"big"}]"#)).await;
    let azure = Server::new(|_| Answer::new(404, "")).await;
    let upstreams = upstreams(&[
        UpstreamSettings {
            models: vec!["llama*".to_owned()],
            aliases: [("fast".to_owned(), "llama3".to_owned())].into(),
            ..settings(&near)
        },
        UpstreamSettings {
            models: vec!["mine".to_owned()],
            ..UpstreamSettings::new("azure", azure.url(""))
        },
        UpstreamSettings {
            models: vec!["*".to_owned()],
            ..UpstreamSettings::new("far", far.url("v1"))
        },
    ]);
    assert_eq!(
        ids(&upstreams).await,
        [
            "near/llama3",
            "llama3",
            "near/a/b",
            "fast",
            "azure/mine",
            "mine",
            "far/llama3",
            "far/big",
            "big",
        ]
    );
    let models = upstreams.models(|_| true).await;
    assert_eq!(models[1].owned_by, "near");
    assert_eq!(near.seen()[0].path, "/v1/models");
}

#[tokio::test]
async fn a_provider_is_asked_once_and_not_again_for_five_minutes() {
    let server = Server::new(|_| Answer::json(r#"{"data":[{"id":"m"}]}"#)).await;
    let upstreams = upstreams(&[settings(&server)]);
    let (one, other) = join(ids(&upstreams), ids(&upstreams)).await;
    assert_eq!((one.len(), &one), (1, &other));
    ids(&upstreams).await;
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_provider_that_is_down_keeps_its_list_and_is_left_alone_for_a_minute() {
    let server = Server::new(|number| match number {
        0 => Answer::json(r#"{"data":[{"id":"old"}]}"#),
        1 => Answer::new(503, ""),
        _ => Answer::json(r#"{"data":[{"id":"new"}]}"#),
    });
    let server = server.await;
    let upstreams = upstreams(&[settings(&server)]);
    let list = &upstreams.iter().next().unwrap().list;
    assert_eq!(ids(&upstreams).await, ["near/old"]);
    list.age(super::super::models::FRESH);
    assert_eq!(ids(&upstreams).await, ["near/old"]);
    asked(&server, 2).await;
    assert_eq!(ids(&upstreams).await, ["near/old"]);
    assert_eq!(server.seen().len(), 2);
    list.age(super::super::models::AFTER_FAILURE);
    // The answer to this comes after it.
    assert_eq!(ids(&upstreams).await, ["near/old"]);
    asked(&server, 3).await;
    assert_eq!(ids(&upstreams).await, ["near/new"]);
}

#[tokio::test]
async fn nobody_waits_for_a_list_where_there_is_an_old_one() {
    let server = Server::new(|number| match number {
        0 => Answer::json(r#"{"data":[{"id":"old"}]}"#),
        _ => Answer::json("").after(SOON),
    });
    let server = server.await;
    let upstreams = upstreams(&[settings(&server)]);
    ids(&upstreams).await;
    let list = &upstreams.iter().next().unwrap().list;
    list.age(super::super::models::FRESH);
    let begun = Instant::now();
    for _ in 0..3 {
        assert_eq!(ids(&upstreams).await, ["near/old"]);
    }
    assert!(begun.elapsed() < Duration::from_secs(2));
    asked(&server, 2).await;
}

#[tokio::test]
async fn an_entry_that_cannot_be_read_does_not_spoil_the_others() {
    let long = "x".repeat(513);
    let entries = format!(
        r#"[{{"id":"a"}},{{"id":7}},{{"name":"b"}},null,"c",{{"id":""}},{{"id":"{long}"}},{{"id":"a"}},{{"id":"d","owned_by":null}}]"#
    );
    for list in [entries.clone(), format!(r#"{{"data":{entries}}}"#)] {
        let server = Server::new(move |_| Answer::new(200, list.clone())).await;
        let upstreams = upstreams(&[settings(&server)]);
        assert_eq!(ids(&upstreams).await, ["near/a", "near/d"]);
    }
    for nothing in [r#"{"data":null}"#, "{}", r#"{"data":"x"}"#, "7"] {
        let server = Server::new(move |_| Answer::json(nothing)).await;
        let upstreams = upstreams(&[settings(&server)]);
        assert!(ids(&upstreams).await.is_empty(), "{nothing}");
    }
    let many: Vec<String> = (0..10_001)
        .map(|id| format!(r#"{{"id":"{id}"}}"#))
        .collect();
    let many = format!("[{}]", many.join(","));
    let server = Server::new(move |_| Answer::new(200, many.clone())).await;
    assert_eq!(ids(&upstreams(&[settings(&server)])).await.len(), 10_000);
}

#[tokio::test]
async fn a_pattern_for_everything_takes_the_reading_that_the_provider_lists() {
    let list = r#"{"data":[{"id":"llama3"},{"id":"2.5-tpg"},{"id":"aha"}]}"#;
    let server = Server::new(move |_| Answer::json(list)).await;
    let upstreams = upstreams(&[UpstreamSettings {
        models: vec!["*".to_owned()],
        ..settings(&server)
    }]);
    let find = |name: &str| match upstreams.find(name, &Aliases::default()) {
        Found::Provider(route) => (route.model, route.reversed),
        Found::Codex(_) => panic!("{name}"),
    };
    assert_eq!(find("3amall"), ("3amall".to_owned(), false));
    ids(&upstreams).await;
    for (name, model, reversed) in [
        ("3amall", "llama3", true),
        ("llama3", "llama3", false),
        ("2.5-tpg", "2.5-tpg", false),
        ("gpt-5.2", "2.5-tpg", true),
        ("1.5-tpg", "gpt-5.1", true),
        ("aha", "aha", false),
        ("phi4", "phi4", false),
    ] {
        assert_eq!(find(name), (model.to_owned(), reversed), "{name}");
    }
}
