//! Providers of a configuration that changes while they are in use.

use super::{
    SOON, call,
    server::{Answer, Server},
    settings, text_of, upstreams,
};
use crate::{config::UpstreamSettings, turn::TurnError};
use std::{sync::Arc, time::Duration};

fn ids(upstreams: &super::Upstreams) -> Vec<&str> {
    upstreams.iter().map(|provider| provider.name()).collect()
}

#[tokio::test]
async fn a_provider_whose_settings_stay_keeps_its_connection_wherever_it_stands() {
    let server = Server::new(|_| Answer::json("{}")).await;
    let other = Server::new(|_| Answer::json("{}")).await;
    let near = settings(&server);
    let far = UpstreamSettings::new("far", other.url("v1"));
    let before = upstreams(std::slice::from_ref(&near));
    text_of(call(before.iter().next().unwrap()).await.unwrap()).await;

    let after = before.reconfigured(&[far, near.clone()]).unwrap();
    assert_eq!(ids(&after), ["far", "near"]);
    text_of(call(after.iter().nth(1).unwrap()).await.unwrap()).await;
    assert_eq!((server.seen().len(), server.connections()), (2, 1));

    let key = UpstreamSettings {
        timeout: Duration::from_secs(1),
        ..near
    };
    let changed = after.reconfigured(&[key]).unwrap();
    assert_eq!(ids(&changed), ["near"]);
    text_of(call(changed.iter().next().unwrap()).await.unwrap()).await;
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_provider_that_is_left_alone_stays_so_until_its_settings_change() {
    let server = Server::new(|_| Answer::new(503, "broken")).await;
    let near = UpstreamSettings {
        retries: 0,
        ..settings(&server)
    };
    let before = upstreams(std::slice::from_ref(&near));
    let provider = before.iter().next().unwrap();
    for _ in 0..5 {
        assert!(matches!(call(provider).await, Err(TurnError::Provider(_))));
    }
    let same = before.reconfigured(std::slice::from_ref(&near)).unwrap();
    assert!(matches!(
        call(same.iter().next().unwrap()).await,
        Err(TurnError::ProviderUnavailable { .. })
    ));
    let mended = before.reconfigured(&[UpstreamSettings {
        models: vec!["llama*".to_owned()],
        ..near
    }]);
    assert!(matches!(
        call(mended.unwrap().iter().next().unwrap()).await,
        Err(TurnError::Provider(_))
    ));
}

#[tokio::test]
async fn a_call_to_a_provider_that_is_gone_runs_on_and_ends_with_the_others() {
    let (chunks, answer) = Answer::stream();
    let answer = std::sync::Mutex::new(Some(answer));
    let server = Server::new(move |_| answer.lock().unwrap().take().unwrap()).await;
    let before = upstreams(&[settings(&server)]);
    let provider = Arc::clone(before.iter().next().unwrap());
    let after = before.reconfigured(&[]).unwrap();
    drop(before);
    chunks.send(Ok("data: 1\n\n".into())).await.unwrap();
    let reply = call(&provider).await.unwrap();
    assert!(after.is_empty());
    let rest = tokio::spawn(reply.body.whole(1024));
    chunks.send(Ok("data: 2\n\n".into())).await.unwrap();
    after.shutdown();
    let rest = tokio::time::timeout(SOON, rest).await.unwrap().unwrap();
    assert!(
        matches!(rest, Err(TurnError::Unavailable { .. })),
        "{rest:?}"
    );
}
