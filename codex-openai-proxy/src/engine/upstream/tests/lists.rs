//! Lists of models.

use super::{
    server::{Answer, Server},
    settings, upstreams,
};
use crate::config::UpstreamSettings;
use futures_util::future::join;

async fn ids(upstreams: &super::Upstreams) -> Vec<String> {
    let models = upstreams.models().await;
    models.into_iter().map(|model| model.id).collect()
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
    let models = upstreams.models().await;
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
    assert_eq!(ids(&upstreams).await, ["near/old"]);
    assert_eq!(server.seen().len(), 2);
    list.age(super::super::models::AFTER_FAILURE);
    assert_eq!(ids(&upstreams).await, ["near/new"]);
}
