//! Changes while many requests run.

use super::{Served, file_of, provider};
use crate::{
    harness::{Client, chat::ChatStream, run},
    provider::{ChatReply, Provider, chat},
    upstream::Gate,
};
use futures_util::future::join_all;
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering::SeqCst},
    time::Duration,
};

/// How many streams run at once.
const STREAMS: usize = 50;

/// How often the file changes.
const EDITS: usize = 10;

#[test]
fn streams_that_run_end_as_they_began_and_later_ones_see_the_change() {
    run(async {
        let near = Provider::chat().await;
        let gate = Gate::default();
        let open = gate.clone();
        near.otherwise(move |_| {
            let reply = ChatReply::stream().says(&["old "]).wait(&gate);
            reply.says(&["end"]).finish("stop").usage().done().into()
        });
        let other = provider("new").await;
        let served = Served::with(&file_of(&near)).await;
        let ask = chat("llama3", "Hi");
        let mut streams = join_all((0..STREAMS).map(|_| served.client.stream(&ask))).await;
        for stream in &mut streams {
            assert_eq!(stream.next_text().await, "old ");
        }
        served.replace(&file_of(&other));
        served.tells("config_reloaded", 1).await;
        let said = served.client.stream(&ask).await.said().await;
        said.ended_with("stop");
        assert_eq!(said.text, "new");
        // A provider that is gone is asked to the end by those who began with it.
        served.replace("");
        served.tells("config_reloaded", 2).await;
        open.open();
        for said in join_all(streams.into_iter().map(ChatStream::said)).await {
            said.ended_with("stop");
            assert_eq!(said.text, "end");
        }
        assert_eq!(near.asked().len(), STREAMS);
    });
}

#[test]
fn under_load_each_request_is_answered_by_one_configuration_or_the_other() {
    run(async {
        let (near, other) = (provider("near").await, provider("other").await);
        let files = [file_of(&near), file_of(&other)];
        let mut served = Served::with(&files[0]).await;
        // They are thousands, and all alike.
        served.client = Client::new(served.client.address()).without_keeping_replies();
        let done = AtomicBool::new(false);
        let asking = join_all((0..8).map(|_| async {
            let mut texts = BTreeMap::new();
            while !done.load(SeqCst) {
                let stream = served.client.stream(&chat("llama3", "Hi")).await;
                let said = stream.said().await;
                said.ended_with("stop");
                *texts.entry(said.text).or_insert(0) += 1;
                *texts.entry(served.text().await).or_insert(0) += 1;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            texts
        }));
        let editing = async {
            for edit in 1..=EDITS {
                served.replace(&files[edit % 2]);
                served.tells("config_reloaded", edit).await;
                let expected = ["near", "other"][edit % 2];
                assert_eq!(served.text().await, expected);
                served.replace("[server]\nbroken = true\n");
                served.tells("config_not_reloaded", edit).await;
                assert_eq!(served.text().await, expected);
            }
            done.store(true, SeqCst);
        };
        let (texts, ()) = futures_util::future::join(asking, editing).await;
        for texts in texts {
            assert_eq!(texts.into_keys().collect::<Vec<_>>(), ["near", "other"]);
        }
    });
}
