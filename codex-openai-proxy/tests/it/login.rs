//! The user's login: asked for when it is missing, and kept from everybody but OpenAI.

use crate::{
    harness::{
        codex::{Setup, TOKEN, ask},
        run,
    },
    upstream::{Reply, Upstream},
};

/// Asserts that nothing of the login reached the upstream.
#[track_caller]
fn assert_nothing_leaked(upstream: &Upstream) {
    for seen in upstream.requests() {
        let whole = format!("{:?} {}", seen.headers, seen.body);
        for secret in [TOKEN, "refresh-secret", "account-1", "user@example.com"] {
            assert!(!whole.contains(secret), "{secret} in {whole}");
        }
    }
}

#[test]
fn a_provider_on_another_host_never_sees_the_chatgpt_token() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = Setup::new(&upstream).logged_in().start().await;
        upstream.reply(Reply::text(&["Hello"]));
        proxy.chat(&ask("Hi")).await.ok();
        assert_eq!(upstream.only_request().header("authorization"), None);
        assert_nothing_leaked(&upstream);
        proxy.stop().await;
    });
}

#[test]
fn a_provider_gets_the_key_that_is_its_own() {
    run(async {
        let upstream = Upstream::start().await;
        let mut setup = Setup::new(&upstream).logged_in();
        setup
            .provider
            .push_str("experimental_bearer_token = \"its-own-key\"\n");
        let proxy = setup.start().await;
        upstream.reply(Reply::text(&["Hello"]));
        proxy.chat(&ask("Hi")).await.ok();
        let seen = upstream.only_request();
        assert_eq!(seen.header("authorization"), Some("Bearer its-own-key"));
        assert_nothing_leaked(&upstream);
        proxy.stop().await;
    });
}

#[test]
fn asking_for_a_login_does_not_get_another_host_the_token() {
    run(async {
        let upstream = Upstream::start().await;
        let mut setup = Setup::new(&upstream).logged_in();
        setup.provider.push_str("requires_openai_auth = true\n");
        let proxy = setup.start().await;
        upstream.otherwise(|_| Reply::text(&["Hello"]));
        proxy.chat(&ask("Hi")).await.error(401);
        assert_nothing_leaked(&upstream);
        proxy.stop().await;

        // Nor does another address for the built-in provider.
        let mut setup = Setup::new(&upstream).logged_in();
        setup.user_config = format!("openai_base_url = \"{}\"\n", upstream.base_url());
        setup.provider = String::new();
        let proxy = setup.start().await;
        proxy.chat(&ask("Hi")).await.error(401);
        assert_nothing_leaked(&upstream);
        proxy.stop().await;
    });
}

#[test]
fn without_a_login_the_answer_is_how_to_log_in() {
    run(async {
        let upstream = Upstream::start().await;
        let proxy = Setup::new(&upstream).built_in_provider().start().await;
        for stream in [false, true] {
            let mut body = ask("Hi");
            body["stream"] = stream.into();
            let answer = proxy.chat(&body).await;
            answer.error(401);
            let message = answer.message();
            assert!(message.contains("codex-openai-proxy login"), "{message}");
        }
        assert_eq!(proxy.get("/health").await.status, 200);
        proxy.get("/v1/models").await.ok();
        proxy.stop().await;
    });
}
