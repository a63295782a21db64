//! Settings of the engine: the default effort, what a running engine takes up, and whom it may ask.

use crate::{
    harness::{
        codex::{Setup, ask},
        run,
    },
    upstream::{Reply, Upstream},
};
use codex_openai_proxy::{
    config::{CodexSettings, ConversationSettings},
    engine::Engine,
};
use serde_json::json;
use std::time::Duration;

#[test]
fn the_configured_effort_counts_where_the_request_has_none_and_not_for_codexs_own() {
    run(async {
        let upstream = Upstream::start().await;
        let mut setup = Setup::new(&upstream).user_config("model_reasoning_effort = \"low\"");
        setup.config.codex.reasoning_effort = Some("high".to_owned());
        let proxy = setup.start().await;
        upstream.otherwise(|_| Reply::text(&["Hello"]));
        let mut with_own = ask("Hi");
        with_own["reasoning_effort"] = json!("medium");
        let mut with_x_codex = ask("Hi");
        with_x_codex["x_codex"] = json!({"reasoning_effort": "low", "sandbox": "read-only"});
        for (asked, effort) in [
            (ask("Hi"), "high"),
            (with_own, "medium"),
            (with_x_codex, "low"),
        ] {
            proxy.chat(&asked).await.ok();
            let requests = upstream.requests();
            let body = &requests.last().unwrap().body;
            assert_eq!(body["reasoning"]["effort"], effort);
            assert_eq!(body.get("x_codex"), None);
        }
        proxy.stop().await;
    });
}

#[test]
fn a_running_engine_takes_up_new_settings() {
    run(async {
        let upstream = Upstream::start().await;
        let (proxy, engine) = Setup::new(&upstream).start_with_engine().await;
        upstream.otherwise(|_| Reply::text(&["Hello"]));
        proxy.chat(&ask("one")).await.ok();
        let codex = CodexSettings {
            default_instructions: "Speak Latin.".to_owned(),
            reasoning_effort: Some("high".to_owned()),
            ..CodexSettings::default()
        };
        let conversations = ConversationSettings {
            max_live: 1,
            ..ConversationSettings::default()
        };
        engine.configure(&codex, conversations).unwrap();
        proxy.chat(&ask("two")).await.ok();
        let requests = upstream.requests();
        assert_ne!(requests[0].body["instructions"], "Speak Latin.");
        assert_eq!(requests[1].body["instructions"], "Speak Latin.");
        assert_eq!(requests[1].body["reasoning"]["effort"], "high");
        crate::harness::codex::shrunk_to(&engine, 1, Duration::from_secs(5)).await;
        assert_eq!(engine.report().threads.live, 1);
        proxy.stop().await;
    });
}

#[test]
fn where_only_this_machine_may_be_asked_the_engines_provider_has_to_be_on_it() {
    run(async {
        let upstream = Upstream::start().await;
        upstream.otherwise(|_| Reply::text(&["Hello"]));
        let mut near = Setup::new(&upstream);
        near.config.local_only = true;
        let proxy = near.start().await;
        proxy.chat(&ask("Hi")).await.ok();
        proxy.stop().await;

        let mut elsewhere = Setup::new(&upstream);
        elsewhere.provider = "[model_providers.fake]\nname = \"fake\"\n\
                              base_url = \"https://models.invalid/v1\"\nwire_api = \"responses\"\n"
            .to_owned();
        // OpenAI's own, which no file has to name.
        let built_in = Setup::new(&upstream).built_in_provider().logged_in();
        for mut setup in [elsewhere, built_in] {
            setup.config.local_only = true;
            let proxy = setup.start().await;
            let refused = proxy.chat(&ask("Hi")).await;
            let (_, code) = refused.error(400);
            assert_eq!(code, Some("local_only"));
            proxy.stop().await;
        }
        assert_eq!(upstream.requests().len(), 1);
    });
}

#[test]
fn an_engine_tells_of_its_provider_and_login_and_no_secret() {
    run(async {
        let upstream = Upstream::start().await;
        let setup = Setup::new(&upstream).built_in_provider().logged_in();
        let (proxy, engine) = setup.start_with_engine().await;
        let report = engine.report();
        assert_eq!(report.login, Some("chatgpt"));
        let provider = report.provider.unwrap();
        assert_eq!(
            (provider.name.as_str(), provider.is_local),
            ("openai", false)
        );
        assert_eq!(provider.host, "chatgpt.com");
        proxy.stop().await;
    });
}
