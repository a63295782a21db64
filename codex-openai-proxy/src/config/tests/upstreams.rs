//! HTTP providers: what the file and the environment say of them.

use super::Setup;
use crate::{
    config::{DialectSettings, KeyHeader, MaxTokensField, UpstreamSettings, WireApi},
    turn::Effort,
};
use std::time::Duration;

#[test]
fn every_key_of_a_provider_counts() {
    let setup = Setup::file(
        r#"
        [[upstreams]]
        name = "ollama"
        base_url = "http://localhost:11434/v1"

        [[upstreams]]
        name = "azure-1"
        base_url = "https://me.openai.azure.com/openai/v1/"
        wire_api = "responses"
        api_key_env = "AZURE_KEY"
        api_key_header = "api-key"
        models = ["gpt-4*", "o3"]
        connect_timeout_seconds = 1
        timeout_seconds = 2
        idle_timeout_seconds = 3
        retries = 0
        [upstreams.aliases]
        fast = "gpt-4o-mini"
        [upstreams.headers]
        X-Title = "proxy"
        [upstreams.query]
        api-version = "preview"
        "#,
    );
    let vars = [("AZURE_KEY", "s3cret")];
    let config = setup.with(&vars).config();
    let [ollama, azure] = config.upstreams.as_slice() else {
        panic!("{:?}", config.upstreams);
    };
    let url = "http://localhost:11434/v1".parse().unwrap();
    assert_eq!(*ollama, UpstreamSettings::new("ollama", url));
    assert_eq!(ollama.wire_api, WireApi::Chat);
    assert_eq!(ollama.retries, 2);

    assert_eq!(azure.name, "azure-1");
    assert_eq!(azure.base_url.path(), "/openai/v1/");
    assert_eq!(azure.wire_api, WireApi::Responses);
    let key = azure.key.as_ref().unwrap();
    assert_eq!(
        (key.header, key.value.expose()),
        (KeyHeader::ApiKey, "s3cret")
    );
    assert_eq!(azure.models, ["gpt-4*", "o3"]);
    assert_eq!(azure.aliases["fast"], "gpt-4o-mini");
    assert_eq!(azure.headers["x-title"].expose(), "proxy");
    assert_eq!(azure.query["api-version"].expose(), "preview");
    assert_eq!(azure.connect_timeout, Duration::from_secs(1));
    assert_eq!(azure.timeout, Duration::from_secs(2));
    assert_eq!(azure.idle_timeout, Duration::from_secs(3));
    assert_eq!(azure.retries, 0);
    let shown = format!("{config:?}");
    assert!(!shown.contains("s3cret") && !shown.contains("preview"));
}

#[test]
fn what_a_provider_takes_can_be_said() {
    let setup = Setup::file(
        r#"
        [[upstreams]]
        name = "a"
        base_url = "http://a"
        send_reasoning = true
        prompt_cache_key = false
        reasoning_efforts = ["low", "high"]
        max_tokens_field = "max_completion_tokens"
        "#,
    );
    let config = setup.config();
    assert_eq!(
        config.upstreams[0].dialect,
        DialectSettings {
            send_reasoning: Some(true),
            prompt_cache_key: Some(false),
            reasoning_efforts: Some(vec![Effort::Low, Effort::High]),
            max_tokens_field: Some(MaxTokensField::MaxCompletionTokens),
        }
    );
    let setup = Setup::file(
        r#"
        [[upstreams]]
        name = "a"
        base_url = "http://a"
        reasoning_efforts = ["huge"]
        max_tokens_field = "limit"
        [[upstreams]]
        name = "b"
        base_url = "http://b"
        wire_api = "responses"
        send_reasoning = true
        prompt_cache_key = true
        reasoning_efforts = []
        max_tokens_field = "max_tokens"
        "#,
    );
    assert_eq!(
        setup.names_of_mistakes(),
        [
            "upstreams[0].max_tokens_field",
            "upstreams[0].reasoning_efforts[0]",
            "upstreams[1].max_tokens_field",
            "upstreams[1].prompt_cache_key",
            "upstreams[1].reasoning_efforts",
            "upstreams[1].send_reasoning",
        ]
    );
}

#[test]
fn the_environment_defines_one_for_every_model_behind_those_of_the_file() {
    let file = "[[upstreams]]\nname = \"a\"\nbase_url = \"http://a\"";
    let setup = Setup::file(file);
    let vars = [
        ("UPSTREAM_BASE_URL", "https://api.example.com/v1"),
        ("UPSTREAM_API_KEY", "s3cret"),
        ("UPSTREAM_SUPPORTS_RESPONSES", "True"),
        ("UPSTREAM_TIMEOUT", "30"),
        ("UPSTREAM_RETRIES", "5"),
    ];
    let config = setup.with(&vars).config();
    let [_, upstream] = config.upstreams.as_slice() else {
        panic!("{:?}", config.upstreams);
    };
    assert_eq!(upstream.name, "upstream");
    assert_eq!(upstream.models, ["*"]);
    assert_eq!(upstream.wire_api, WireApi::Responses);
    let key = upstream.key.as_ref().unwrap();
    assert_eq!(
        (key.header, key.value.expose()),
        (KeyHeader::Authorization, "s3cret")
    );
    assert_eq!(upstream.timeout, Duration::from_secs(30));
    assert_eq!(upstream.retries, 5);

    let config = Setup::file(file).with(&vars[..1]).config();
    let upstream = &config.upstreams[1];
    assert_eq!(upstream.wire_api, WireApi::Chat);
    assert!(upstream.key.is_none());
    assert_eq!(upstream.timeout, UpstreamSettings::TIMEOUT);
}

#[test]
fn all_mistakes_are_told_at_once_with_their_places() {
    let setup = Setup::file(
        r#"
        [[upstreams]]
        base_url = "http://a/v1?key=s3cret"
        [[upstreams]]
        name = "codex"
        base_url = "ftp://a"
        wire_api = "grpc"
        [[upstreams]]
        name = "two words"
        api_key_header = "api-key"
        [[upstreams]]
        name = "same"
        base_url = "http://user:s3cret@a"
        api_key_env = "MISSING"
        api_key_header = "cookie"
        [[upstreams]]
        name = "same"
        base_url = "http://a/v1/chat/completions"
        api_key_env = "KEY"
        models = [" "]
        connect_timeout_seconds = 0
        timeout_seconds = 100000
        idle_timeout_seconds = -1
        retries = 11
        aliases = { "" = "x" }
        headers = { Host = "a", Authorization = "b", "x y" = "c", x-a = "d", X-A = "e", x-b = "é", TE = "f" }
        [[upstreams]]
        name = "upstream"
        base_url = "nowhere"
        [[upstreams]]
        name = "wrong-key"
        base_url = "http://a"
        api_key_env = "TWO_WORDS"
        "#,
    );
    let vars = [
        ("KEY", "s3cret"),
        ("TWO_WORDS", "s3cret s3cret"),
        ("UPSTREAM_BASE_URL", "http://a"),
        ("UPSTREAM_SUPPORTS_RESPONSES", "perhaps"),
        ("UPSTREAM_TIMEOUT", "a minute"),
        ("UPSTREAM_RETRIES", "-1"),
    ];
    let setup = setup.with(&vars);
    let error = setup.load().unwrap_err();
    let names = setup.names_of_mistakes();
    assert_eq!(
        names,
        [
            "TWO_WORDS",
            "UPSTREAM_BASE_URL",
            "UPSTREAM_RETRIES",
            "UPSTREAM_SUPPORTS_RESPONSES",
            "UPSTREAM_TIMEOUT",
            "upstreams[0].base_url",
            "upstreams[0].name",
            "upstreams[1].base_url",
            "upstreams[1].name",
            "upstreams[1].wire_api",
            "upstreams[2].api_key_header",
            "upstreams[2].base_url",
            "upstreams[2].name",
            "upstreams[3].api_key_env",
            "upstreams[3].api_key_header",
            "upstreams[3].base_url",
            "upstreams[4].aliases.\"\"",
            "upstreams[4].base_url",
            "upstreams[4].connect_timeout_seconds",
            "upstreams[4].headers",
            "upstreams[4].headers.Authorization",
            "upstreams[4].headers.Host",
            "upstreams[4].headers.TE",
            "upstreams[4].headers.X-A",
            "upstreams[4].headers.x-b",
            "upstreams[4].idle_timeout_seconds",
            "upstreams[4].models[0]",
            "upstreams[4].name",
            "upstreams[4].retries",
            "upstreams[4].timeout_seconds",
            "upstreams[5].base_url",
        ]
    );
    assert!(!error.to_string().contains("s3cret"), "{error}");
}

#[test]
fn variables_that_mean_nothing_are_told() {
    let setup = Setup::new();
    let vars = [("UPSTREAM_API_KEY", "s3cret"), ("UPSTREAM_TIMEOUT", "5")];
    let setup = setup.with(&vars);
    let error = setup.load().unwrap_err();
    let names: Vec<&str> = error.mistakes.iter().map(|m| m.name.as_str()).collect();
    assert_eq!(names, ["UPSTREAM_API_KEY", "UPSTREAM_TIMEOUT"]);
    assert!(!error.to_string().contains("s3cret"), "{error}");
}

#[test]
fn a_key_in_the_place_of_its_variable_is_not_repeated() {
    for key in ["sk-s3cret", "s3cret key", "gsk_s3cret", "3S3CRET"] {
        let setup = Setup::file(&format!(
            "[[upstreams]]\nname = \"a\"\nbase_url = \"http://a\"\napi_key_env = {key:?}"
        ));
        let error = setup.load().unwrap_err();
        let [mistake] = error.mistakes.as_slice() else {
            panic!("{error}");
        };
        assert_eq!(mistake.name, "upstreams[0].api_key_env");
        assert!(
            key.is_empty() || !error.to_string().contains(key),
            "{error}"
        );
    }
}
