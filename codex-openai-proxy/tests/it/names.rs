//! The model's name: what goes upstream, and what the client gets back.

use crate::{
    harness::{
        codex::{Setup, ask},
        run,
    },
    upstream::{Reply, Upstream},
};

#[test]
fn the_client_gets_its_own_name_back_and_the_upstream_the_models() {
    run(async {
        let upstream = Upstream::start().await;
        let mut setup = Setup::new(&upstream);
        let aliases = [("fast", "gpt-5.2-low"), ("gpt-5.5", "gpt-5.2")];
        setup.config.aliases = aliases
            .map(|(name, target)| (name.to_owned(), target.to_owned()))
            .into_iter()
            .collect();
        let proxy = setup.start().await;
        upstream.otherwise(|_| Reply::text(&["Hello", " there"]));
        // gpt-5.2 thinks with medium effort unless told otherwise.
        for (sent, model, effort) in [
            ("gpt-5.2", "gpt-5.2", Some("medium")),
            ("2.5-tpg", "gpt-5.2", Some("medium")),
            ("gpt-5.2-high", "gpt-5.2", Some("high")),
            ("hgih-2.5-tpg", "gpt-5.2", Some("high")),
            ("fast", "gpt-5.2", Some("low")),
            ("gpt-5.5", "gpt-5.2", Some("medium")),
            ("9.9-tpg", "gpt-9.9", None),
            ("someone-elses", "someone-elses", None),
        ] {
            let mut body = ask("Hi");
            body["model"] = sent.into();
            let said = proxy.stream(&body).await.said().await;
            said.ended_with("stop");
            assert_eq!(said.models.into_iter().collect::<Vec<_>>(), [sent]);
            assert_eq!(proxy.chat(&body).await.ok()["model"], sent);

            let requests = upstream.requests();
            for request in &requests[requests.len() - 2..] {
                assert_eq!(request.body["model"], model, "{sent}");
                if let Some(effort) = effort {
                    assert_eq!(request.body["reasoning"]["effort"], effort, "{sent}");
                }
            }
        }
        proxy.stop().await;
    });
}

#[test]
fn an_effort_in_the_name_or_the_request_beats_the_users_config() {
    run(async {
        let upstream = Upstream::start().await;
        let setup = Setup::new(&upstream).user_config("model_reasoning_effort = \"low\"");
        let proxy = setup.start().await;
        upstream.otherwise(|_| Reply::text(&["Hello"]));
        for (name, asked, effort) in [
            ("gpt-5.2", None, "low"),
            ("gpt-5.2-high", None, "high"),
            ("gpt-5.2", Some("xhigh"), "xhigh"),
        ] {
            let mut body = ask("Hi");
            body["model"] = name.into();
            if let Some(asked) = asked {
                body["reasoning_effort"] = asked.into();
            }
            proxy.chat(&body).await.ok();
            let request = upstream.requests().pop().unwrap();
            assert_eq!(
                request.body["reasoning"]["effort"], effort,
                "{name} {asked:?}"
            );
        }
        proxy.stop().await;
    });
}

#[test]
fn the_list_holds_the_users_model_first_and_every_alias() {
    run(async {
        let upstream = Upstream::start().await;
        let mut setup = Setup::new(&upstream).user_config("model = \"house-model\"");
        setup.config.aliases = [("fast".to_owned(), "gpt-5.2-low".to_owned())]
            .into_iter()
            .collect();
        let proxy = setup.start().await;
        let list = proxy.get("/v1/models").await.ok();
        let ids: Vec<&str> = list["data"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|model| model["id"].as_str())
            .collect();
        for id in [
            "house-model",
            "ledom-esuoh",
            "gpt-5.2",
            "2.5-tpg",
            "gpt-5.2-high",
            "fast",
        ] {
            assert!(ids.contains(&id), "{id}: {ids:?}");
        }
        let place = |id: &str| ids.iter().position(|other| *other == id);
        assert!(place("house-model") < place("gpt-5.2"), "{ids:?}");
        assert_eq!(upstream.connections(), 0, "the list asks nobody");
        proxy.stop().await;
    });
}
